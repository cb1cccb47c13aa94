"""Preflight: what a host must be before anything is changed on it. Pure: facts in, problems out."""

from kprov.checks.host import check_host
from kprov.checks.ports import check_ports
from kprov.checks.space import check_memory, check_space

__all__ = ["check_host", "check_memory", "check_ports", "check_space"]
