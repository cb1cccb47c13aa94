"""A model of a host: what a probe would see, and how the changes of a plan affect it."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, field, replace

from kprov.kinds.base import ABSENT, Action, Answer, Call, Change, Entry, PathEntry
from kprov.kinds.data import DataEntry
from kprov.kinds.directory import DirectoryEntry
from kprov.kinds.file import FileEntry
from kprov.kinds.link import LinkEntry
from kprov.kinds.links import LinksEntry
from kprov.kinds.path import BEFORE
from kprov.kinds.release import ReleaseEntry
from kprov.kinds.service import ServiceEntry
from kprov.kinds.user import UserEntry
from kprov.node.receipt_store import intent_of
from kprov.plan import Plan, install_plan, uninstall_plan
from kprov.receipt import Receipt
from kprov.roles.desired import Desired

SPEC = {"kafka": {"version": "1.0.0"}}


def show(*, active: bool = True, enabled: bool = True, pid: int = 100, reload: bool = False) -> Answer:
    """What probe_unit answers."""
    return {
        "status": "present",
        "show": f"LoadState=loaded\nActiveState={'active' if active else 'inactive'}\nMainPID={pid if active else 0}\n"
        f"UnitFileState={'enabled' if enabled else 'disabled'}\nNeedDaemonReload={'yes' if reload else 'no'}",
    }


def as_made(made: Entry) -> Answer:
    """What the probe sees of a resource that matches the receipt."""
    seen = {"status": "present"}
    match made:
        case FileEntry():
            return _owned(made) | {"type": "regular file", "sha256": made.sha256, "content": ""}
        case DirectoryEntry():
            return _owned(made) | {"type": "directory", "entries": "1"}
        case DataEntry():
            data = {"type": "directory", "entries": "0", "holds": made.holds.value, "broker": "", "kib": "8"}
            return _owned(made) | data
        case ReleaseEntry():
            return seen | {"type": "directory", "entries": "1"}
        case LinkEntry():
            return seen | {"type": "symbolic link", "target": made.target}
        case LinksEntry():
            return seen | {"links": "right", "source": made.source}
        case UserEntry():
            return seen | {"group": f"{made.name}:x:990:"}
        case ServiceEntry():
            return show()
        case _:
            return seen


def _owned(made: FileEntry | DirectoryEntry | DataEntry) -> dict[str, str]:
    return {"status": "present", "owner": made.owner, "group": made.group, "mode": made.mode.lstrip("0")}


@dataclass
class ModelHost:
    """A host that is described by what a probe would see.

    seen: the existing resources by id. others: paths that kprov did not create. receipt: kprov's receipt. origins: the
    original places of files that were set aside, by the id of the backup. used: whether services write data when they
    start.
    """

    seen: dict[str, Answer] = field(default_factory=dict)
    used: bool = False
    receipt: Receipt = field(default_factory=Receipt)
    others: set[str] = field(default_factory=set)
    origins: dict[str, str] = field(default_factory=dict)

    def plan(self, desired: Desired, *, adopt: bool = False, accepted: Set[str] = frozenset()) -> Plan:
        """Plan an install."""
        releases = {"kafka": "1.0.0"}
        return install_plan(
            "box",
            desired=desired.resources,
            services=desired.services,
            seen={**self.seen, **{item.id: self._asked(item.query()) for item in desired.resources}},
            receipt=self.receipt,
            spec=SPEC,
            releases=releases,
            adopt=adopt,
            accepted=accepted,
        )

    def install(self, desired: Desired, *, adopt: bool = False, accepted: Set[str] = frozenset()) -> Plan:
        """Plan an install and apply it."""
        plan = self.plan(desired, adopt=adopt, accepted=accepted)
        if plan.obstacles:
            raise AssertionError(plan.obstacles)
        self.apply(plan)
        return plan

    def plan_uninstall(self, *, purge: bool = False, force: bool = False) -> Plan:
        """Plan an uninstall."""
        return uninstall_plan("box", self.seen, self.receipt, purge=purge, force=force)

    def _asked(self, query: Call) -> Answer:
        """The answer to one query; for links it depends on their expected targets."""
        seen = self.seen.get(query[1], ABSENT)
        if query[0] == "probe_links" and seen.get("links") == "right" and seen.get("source", query[3]) != query[3]:
            return {**seen, "links": "stale"}
        return seen

    def uninstall(self, *, purge: bool = False, force: bool = False) -> Plan:
        """Plan an uninstall and apply it."""
        plan = self.plan_uninstall(purge=purge, force=force)
        if plan.obstacles:
            raise AssertionError(plan.obstacles)
        self.apply(plan)
        return plan

    def interrupt(self, plan: Plan, after: int) -> None:
        """Apply a plan and be killed after so many changes; the receipt holds the intent.

        The last started service was not ready yet; earlier ones were, and the receipt records it.
        """
        for change in plan.changes[:after]:
            self.change(change)
        intent = intent_of(plan)
        done = plan.changes[: max(0, after - 1)]
        ready = {change.id: change.entry for change in done if change.gate and change.entry}
        self.receipt = replace(intent, made={**intent.made, **ready})

    def apply(self, plan: Plan) -> None:
        """All of the plan's changes, and its receipt."""
        for change in plan.changes:
            self.change(change)
        self.receipt = plan.after

    def change(self, change: Change) -> None:
        """Apply one change as the calls of the library would."""
        for call in change.calls:
            self._call(change, call)

    def _call(self, change: Change, call: tuple[str, ...]) -> None:
        name, here = call[0], self.seen.get(change.id, ABSENT)
        if name in UNIT_STATES:
            self.seen[change.id] = _unit_after(here, name)
            if self.used and UNIT_STATES[name][0]:
                self._write_data(change.id.removeprefix("service:").removesuffix(".service"))
        elif name in {"reload_units", "keep_user", "give_back"}:
            pass
        elif name in {"label", "label_tree", "label_links"}:
            self.seen[change.id] = {key: value for key, value in here.items() if key != "label"}
        elif change.id.startswith("service:"):
            raise AssertionError(f"{call} of a service")
        elif name == "back_up":
            self.seen[f"copy:{call[2]}"] = here
        elif name == "set_aside":
            self._set_aside(change, *call[1:])
        elif name == "put_back":
            self.seen[self.origins.pop(change.id)] = self.seen[change.id]
            self.seen[change.id] = ABSENT
        else:
            self._change_in_place(change, call)

    def _change_in_place(self, change: Change, call: tuple[str, ...]) -> None:
        here = self.seen.get(change.id, ABSENT)
        if call[0] == "remove_empty":
            if not self._inside(call[1]):
                self.seen[change.id] = _gone(here)
        elif change.action is Action.RESTORE:
            owner, group, *mode = call[2:]
            given = {"uid": owner, "gid": group, "owner": owner, "group": group}
            self.seen[change.id] = {**here, **given, **({"mode": mode[0].lstrip("0")} if mode else {})}
        elif change.action is Action.REMOVE:
            self.seen[change.id] = _gone(here)
        elif change.entry is not None:
            stays = {key: here[key] for key in ("backup", *_CONTENT) if key in here}
            self.seen[change.id] = {**as_made(change.entry), **stays}

    def use(self) -> None:
        """Let the services write data, now and whenever they start."""
        self.used = True
        for holds in ("kafka", "zookeeper"):
            self._write_data(holds)

    def _write_data(self, holds: str) -> None:
        for id_, seen in self.seen.items():
            if id_.startswith("data:") and seen.get("holds") == holds:
                files = {"snapshot": "yes", "log": "yes"} if holds == "zookeeper" else {}
                self.seen[id_] = {**seen, "entries": "3", "kib": "2048", **files}

    def _set_aside(self, change: Change, path: str, backup: str) -> None:
        """Move what is at PATH to its backup, which may be restored, or is the user's copy."""
        kept = next((copy.id for copy in change.copies if isinstance(copy, PathEntry) and copy.path == backup), "")
        here = self.seen[change.id]
        if change.id.startswith("links:") and change.id != f"links:{path}/*":
            self.seen[kept] = {**FILE, "mtime": "0"}  # one file among the links
            return
        self.seen[kept] = {key: value for key, value in here.items() if key != "backup"}
        self.origins[kept] = change.id
        self.seen[change.id] = {**ABSENT, "backup": "yes"} if backup.endswith(BEFORE) else ABSENT

    def _inside(self, path: str) -> list[str]:
        paths = {
            id_.partition(":")[2].removesuffix("/*") for id_, seen in self.seen.items() if seen["status"] == "present"
        }
        return [other for other in paths | self.others if other.startswith(f"{path}/")]

    def present(self, *, but: Iterable[str] = ()) -> set[str]:
        """The ids of what exists; a unit without its file does not."""
        left = {id_ for id_, seen in self.seen.items() if seen["status"] == "present"} - set(but)
        return {id_ for id_ in left if not id_.startswith("service:") or "ActiveState=active" in self.seen[id_]["show"]}


FILE: Answer = {"status": "present", "type": "regular file", "owner": "root", "group": "root", "mode": "644"}
# What a directory holds is not changed by what is done to the directory.
_CONTENT = ("entries", "holds", "broker", "kib", "snapshot", "log", "knows_topics")


def _gone(seen: Answer) -> Answer:
    return {**ABSENT, "backup": "yes"} if seen.get("backup") == "yes" else ABSENT


UNIT_STATES = {
    "start_unit": (True, None),
    "try_start_unit": (True, None),
    "with_option": (True, None),
    "restart_unit": (True, None),
    "stop_unit": (False, None),
    "enable_unit": (None, True),
    "disable_unit": (None, False),
}


def _unit_after(seen: Answer, call: str) -> Answer:
    active, enabled = UNIT_STATES[call]
    text = seen.get("show", "")
    return show(
        active="ActiveState=active" in text if active is None else active,
        enabled="UnitFileState=enabled" in text if enabled is None else enabled,
    )
