"""A host as a dictionary: what a probe would see of it, and what a plan's changes make of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from kprov.desired.host import Desired
from kprov.plan import Plan, install_plan, uninstall_plan
from kprov.receipt import Receipt
from kprov.resources.base import ABSENT, Action, Change, Made, Seen

SPEC = {"kafka": {"version": "1.0.0"}}


def show(*, active: bool = True, enabled: bool = True, pid: int = 100, reload: bool = False) -> Seen:
    """What probe_unit answers."""
    return {
        "status": "present",
        "show": f"LoadState=loaded\nActiveState={'active' if active else 'inactive'}\nMainPID={pid if active else 0}\n"
        f"UnitFileState={'enabled' if enabled else 'disabled'}\nNeedDaemonReload={'yes' if reload else 'no'}",
    }


def as_made(made: Made) -> Seen:
    """What the probe sees of a resource that is as the receipt says."""
    seen = {"status": "present", "owner": made["owner"], "group": made["group"], "mode": made["mode"].lstrip("0")}
    match made.kind:
        case "file":
            return seen | {"type": "regular file", "sha256": made["sha256"], "content": ""}
        case "directory" | "release":
            return seen | {"type": "directory", "entries": "1"}
        case "data":
            return seen | {"type": "directory", "entries": "0", "holds": made["holds"], "broker": "", "kib": "8"}
        case "link":
            return seen | {"type": "symbolic link", "target": made["target"]}
        case "links":
            return seen | {"links": "right"}
        case "service":
            return show()
        case _:
            return seen


@dataclass
class ModelHost:
    """seen: what is there, by id; others: paths of other people's things. receipt: what kprov wrote down."""

    seen: dict[str, Seen] = field(default_factory=dict)
    receipt: Receipt = field(default_factory=Receipt)
    others: set[str] = field(default_factory=set)

    def plan(self, desired: Desired) -> Plan:
        """The plan of an install."""
        releases = {"kafka": "1.0.0"}
        return install_plan(
            "box",
            desired=desired.resources,
            services=desired.services,
            seen=self.seen,
            receipt=self.receipt,
            spec=SPEC,
            releases=releases,
        )

    def install(self, desired: Desired) -> Plan:
        """Plan an install and carry it out."""
        plan = self.plan(desired)
        if plan.obstacles:
            raise AssertionError(plan.obstacles)
        self.carry_out(plan)
        return plan

    def uninstall(self, *, purge: bool = False, force: bool = False) -> Plan:
        """Plan an uninstall and carry it out."""
        plan = uninstall_plan("box", self.seen, self.receipt, purge=purge, force=force)
        if plan.obstacles:
            raise AssertionError(plan.obstacles)
        self.carry_out(plan)
        return plan

    def carry_out(self, plan: Plan) -> None:
        """All of the plan's changes, and its receipt."""
        for change in plan.changes:
            self.change(change)
        self.receipt = plan.after

    def change(self, change: Change) -> None:
        """One change, as the calls of the library would do it."""
        for call in change.calls:
            self._call(change, call)

    def _call(self, change: Change, call: tuple[str, ...]) -> None:
        unit = UNIT_STATES.get(call[0])
        if unit is not None:
            self.seen[change.id] = _unit_after(self.seen.get(change.id, ABSENT), call[0])
        elif call[0] == "remove_empty":
            if not self._inside(call[1]):
                self.seen[change.id] = ABSENT
        elif change.action is Action.REMOVE:
            self.seen[change.id] = ABSENT
        elif change.made is not None and change.id.startswith("service:") and call[0] != "reload_units":
            raise AssertionError(f"{call} of a service")
        elif change.made is not None and call[0] != "reload_units":
            self.seen[change.id] = as_made(change.made)

    def _inside(self, path: str) -> list[str]:
        paths = {
            id_.partition(":")[2].removesuffix("/*") for id_, seen in self.seen.items() if seen["status"] == "present"
        }
        return [other for other in paths | self.others if other.startswith(f"{path}/")]

    def present(self, *, but: Iterable[str] = ()) -> set[str]:
        """Ids of what is there; a unit without its file is not."""
        left = {id_ for id_, seen in self.seen.items() if seen["status"] == "present"} - set(but)
        return {id_ for id_ in left if not id_.startswith("service:") or "ActiveState=active" in self.seen[id_]["show"]}


UNIT_STATES = {
    "start_unit": (True, None),
    "try_start_unit": (True, None),
    "restart_unit": (True, None),
    "stop_unit": (False, None),
    "enable_unit": (None, True),
    "disable_unit": (None, False),
}


def _unit_after(seen: Seen, call: str) -> Seen:
    active, enabled = UNIT_STATES[call]
    text = seen.get("show", "")
    return show(
        active="ActiveState=active" in text if active is None else active,
        enabled="UnitFileState=enabled" in text if enabled is None else enabled,
    )
