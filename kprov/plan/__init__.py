"""Plans: compare the desired state, the probe's answers and the receipt, and list the changes in order. Pure."""

from kprov.plan.install import install_plan
from kprov.plan.plan import Plan, differs
from kprov.plan.repair import Repair, repair
from kprov.plan.services import helpers, prepared
from kprov.plan.uninstall import uninstall_plan

__all__ = ["Plan", "Repair", "differs", "helpers", "install_plan", "prepared", "repair", "uninstall_plan"]
