"""Plans: pure, from what is wanted, what was seen and what the receipt says to changes in order."""

from kprov.plan.install import install_plan
from kprov.plan.plan import Plan, differs
from kprov.plan.services import helpers
from kprov.plan.uninstall import uninstall_plan

__all__ = ["Plan", "differs", "helpers", "install_plan", "uninstall_plan"]
