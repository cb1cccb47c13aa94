"""A lab and its archives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kprov.commands import HostArguments
from kprov.lab.archives import Built
from kprov.lab.lab import LabStatus
from kprov.ui.views.view import View


def view(status: LabStatus, _: HostArguments) -> View:
    """How to reach each host, and how to install on the first."""
    return View(_document(status), tuple(_lines(status)))


def archives_view(built: Built, _: HostArguments) -> View:
    """Their directory, so that a script can use it."""
    return View({}, (str(built.directory),))


def _lines(status: LabStatus) -> Iterator[str]:
    if not status.hosts:
        yield f"the lab {status.name!r} is not up"
        return
    for host in status.hosts:
        state = f"runs, PID 1 is {host.leader} here" if host.leader else "does not run"
        yield f"{host.name}  {host.address}  {state}"
        yield f"    ssh -F {status.ssh_config} {host.name}          (vagrant, with sudo; or root@{host.name})"
    first, *others = (str(host.address) for host in status.hosts)
    # Three hosts make a cluster without a file; of others, one is enough to begin with.
    cluster = tuple(others) if len(others) == 2 else ()
    every = HostArguments(first, options=("--ssh-config", str(status.ssh_config)), others=cluster)
    yield every.completed("\nnext: kprov install HOST")


def _document(status: LabStatus) -> dict[str, Any]:
    """Version 1: fields are added to it, never changed."""
    return {
        "version": 1,
        "kind": "lab",
        "name": status.name,
        "subnet": str(status.subnet),
        "firewalld": status.firewalld,
        "state_dir": str(status.state_dir),
        "ssh_config": str(status.ssh_config),
        "hosts": [
            {
                "name": host.name,
                "address": str(host.address),
                "root": str(host.root),
                "namespace": host.namespace,
                "leader": host.leader,
            }
            for host in status.hosts
        ],
    }
