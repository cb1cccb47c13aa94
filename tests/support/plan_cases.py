"""Plans as data: what is asked, how the host is and what its receipt says, in; changes, obstacles and notes, out.

A case is a mapping in one of tests/unit/plan_cases/*.yaml:

name      what is tried, in words
spec      what is asked now, as in kprov.yaml; what it leaves out is as in BASE
before    what was installed before, likewise; absent: the same, none: a host on which kprov has never been
host      how the host differs from that: a resource and its state in words, see STATES
killed    the last run was killed after so many of its changes
do        install (the default), adopt, accept (every data directory as it is), uninstall, purge, force or purge by
          force (an uninstall)
firewalld whether it runs
changes   action, resource and a part of the reason of each change, in order
besides   instead of changes: those that are neither a creation nor a start, as a first install has many
like      instead of changes: fresh (everything that is wanted is created, and the services start; what a killed run had
          done already is left out) or uninstalled (everything in the receipt is removed; without purge the data change
          hands, and the directories above them stay)
except    with like: what differs for single resources: an action, the resource and a part of the reason, as for
          changes, or none and the resource
counts    instead of changes: how many of each action there are; only for what neither of these describes
obstacles resource and a part of what is said of each; such a plan is not applied, so nothing else counts
notes, kept         a part of each
lost                a part of each thing that an uninstall loses for good; not looked at where it is left out

A resource is ``kind:end of its path or name``: ``file:server.properties``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from kprov.kinds.base import ABSENT, Answer, path_of
from kprov.kinds.data import DataEntry
from kprov.plan import Plan
from kprov.receipt import State
from kprov.roles.desired import Desired
from kprov.spec.model import Cluster
from support.model_host import ModelHost, show
from support.specimens import ADDRESS, wanted

FOLDER = Path(__file__).parents[1] / "unit" / "plan_cases"
BASE: Mapping[str, Any] = {"java": {"release": "temurin-11"}, "hosts": [{"address": ADDRESS}]}
KEYS = {"name", "spec", "before", "host", "killed", "do", "firewalld"}
RESULTS = {"changes", "besides", "like", "except", "counts", "obstacles", "notes", "kept", "lost"}

# Directories of the system.
BARE = {f"directory:{path}" for path in ("/usr", "/usr/local", "/var", "/var/lib", "/home")}
ROOTS: Answer = {"status": "present", "owner": "root", "group": "root", "mode": "755", "uid": "0", "gid": "0"}
SOMEBODYS: Answer = {"status": "present", "owner": "ada", "group": "ada", "mode": "755", "uid": "1000", "gid": "1000"}
EDITED = {"sha256": "e" * 64, "content": "# edited\n", "mtime": "1764000000"}


def fresh() -> ModelHost:
    """A host on which nothing is installed."""
    return ModelHost({id_: {**ROOTS, "type": "directory", "entries": "9"} for id_ in BARE})


def _transactions(holds: str) -> Answer:
    """What the probe tells of ZooKeeper's data beside that."""
    return {"snapshot": "yes", "log": "yes"} if holds == "zookeeper" else {}


def _kept(seen: Answer) -> Answer:
    """What is there, without what only one type has."""
    return {key: value for key, value in seen.items() if key in {*SOMEBODYS, "backup"}} or SOMEBODYS


def _unit(state: str) -> Callable[[Answer, str], Answer]:
    def change(seen: Answer, _: str) -> Answer:
        lines = dict(line.partition("=")[::2] for line in (seen.get("show") or show()["show"]).splitlines())
        key, value = state.split("=")
        lines[key] = value
        if key == "ActiveState":
            lines["MainPID"] = "0" if value in {"inactive", "failed"} else "100"
        return {"status": "present", "show": "\n".join("=".join(item) for item in lines.items())}

    return change


# The state of a resource in words: the first names what happened, the rest is its argument.
STATES: Mapping[str, Callable[[Answer, str], Answer]] = {
    "absent": lambda seen, _: {**ABSENT, **({"backup": "yes"} if seen.get("backup") == "yes" else {})},
    "unknown": lambda _, why: {"status": "unknown", "why": why or "Input/output error"},
    "edited": lambda seen, _: {**seen, **EDITED},
    "mode": lambda seen, mode: {**seen, "mode": mode},
    "owner": lambda seen, who: {**seen, "owner": who.partition(":")[0], "group": who.partition(":")[2]},
    "file": lambda seen, _: {**_kept(seen), **EDITED, "type": "regular file"},
    "directory": lambda seen, _: {**_kept(seen), "type": "directory", "entries": "3", "mtime": "1764000000"},
    "empty": lambda seen, _: {**_kept(seen), "type": "directory", "entries": "0", "holds": "other", "broker": ""},
    "link": lambda seen, to: {**_kept(seen), "type": "symbolic link", "target": to, "mtime": "1764000000"},
    "device": lambda seen, _: {**_kept(seen), "type": "character special file"},
    "holds": lambda seen, what: {
        **SOMEBODYS,
        "type": "directory",
        "entries": "3",
        "kib": "2048",
        "broker": "",
        **dict(zip(("holds", "broker"), what.split(), strict=False)),
        **_transactions(what),
    },
    "filled": lambda seen, _: {
        **seen,
        "entries": "3",
        "kib": "2048",
        "topics": "3",
        "partitions": "12",
        **_transactions(seen.get("holds", "")),
    },
    "unmeasured": lambda seen, _: {**seen, "entries": "3", "kib": ""},
    "stale": lambda seen, _: {**seen, "links": "stale", "replaced": ""},
    "right": lambda seen, _: {**SOMEBODYS, "links": "right", "replaced": "", "backup": "no"},
    "replaced": lambda seen, name: {**SOMEBODYS, **seen, "links": "stale", "replaced": f"{name} 1764000000\n"},
    "somebody's": lambda seen, _: {**SOMEBODYS, "entry": "kafka:x:1000:1000::/:/bin/sh"},
    "group": lambda seen, gid: {**seen, "group": f"kafka:x:{gid or 990}:"},
    "no-group": lambda seen, _: {**seen, "group": ""},
    "superuser": lambda seen, _: {**SOMEBODYS, "entry": "kafka:x:0:0::/:/bin/sh"},
    "open": lambda seen, _: {"status": "present"},
    "labelled": lambda seen, type_: {**seen, "label": f"label {type_} instead of usr_t"},
    "backup": lambda seen, _: {**seen, "backup": "yes"},
    "stopped": _unit("ActiveState=inactive"),
    "failed": _unit("ActiveState=failed"),
    "activating": _unit("ActiveState=activating"),
    "disabled": _unit("UnitFileState=disabled"),
    "changed-on-disk": _unit("NeedDaemonReload=yes"),
    "packaged": _unit("FragmentPath=/usr/lib/systemd/system/kafka.service"),
}


@dataclass(frozen=True)
class Case:
    """One case, with the data as they are written."""

    file: str
    data: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.file}: {self.data['name']}"


def cases() -> list[Case]:
    """All of them. A key that is not known is an error, and a case without an expectation."""
    found = [
        Case(path.stem, data) for path in sorted(FOLDER.glob("*.yaml")) for data in YAML(typ="safe").load(path) or []
    ]
    for case in found:
        if case.data.keys() - KEYS - RESULTS or not case.data.keys() & RESULTS:
            raise ValueError(f"{case}: {sorted(case.data)}")
    return found


def _state(spec: Mapping[str, Any], case: Case) -> Desired:
    return wanted(Cluster.model_validate({**BASE, **spec}), firewalld=bool(case.data.get("firewalld")))


def carried(case: Case) -> tuple[ModelHost, Desired, Plan]:
    """The host as the case has it, what is asked of it, and the plan."""
    data = case.data
    state = _state(data.get("spec", {}), case)
    host = fresh()
    before = data.get("before", data.get("spec", {}))
    if before != "none":
        host.install(_state(before, case))
        host.receipt = replace(host.receipt, state=State.DONE)
    if "killed" in data:
        host.interrupt(host.plan(state), data["killed"])
    for name, words in (data.get("host") or {}).items():
        id_ = resolve(
            name, [*(item.id for item in (*state.resources, *state.services)), *host.seen, *host.receipt.made]
        )
        for text in str(words).split(", "):
            word, _, rest = text.partition(" ")
            host.seen[id_] = STATES[word](host.seen.get(id_, {}), rest)
    return host, state, planned(host, state, data.get("do", "install"))


def planned(host: ModelHost, state: Desired, what: str) -> Plan:
    """The plan of a command."""
    if what in {"install", "adopt", "accept"}:
        data = {entry.path for entry in host.receipt.made.values() if isinstance(entry, DataEntry)}
        return host.plan(state, adopt=what == "adopt", accepted=data if what == "accept" else frozenset())
    return host.plan_uninstall(purge=what.startswith("purge"), force=what.endswith("force"))


def resolve(name: str, ids: Iterable[str]) -> str:
    """The one id of ``kind:end``."""
    kind, _, end = name.partition(":")
    found = {id_ for id_ in ids if id_.startswith(f"{kind}:") and (id_ == name or id_.endswith(f"/{end}"))}
    exact = found & {name}
    if len(exact or found) != 1:
        raise ValueError(f"{name} is one of {sorted(found)}")
    return (exact or found).pop()


def _like(case: Case, state: Desired, plan: Plan) -> list[tuple[str, str]]:
    """The action and the resource of each change that ``like`` describes; made without the planner."""
    if case.data["like"] == "fresh":
        creations = [("create", item.id) for item in state.resources if item.id not in BARE]
        return [*creations, *(("start", item.id) for item in state.services)][case.data.get("killed", 0) :]
    if case.data["like"] != "uninstalled":
        raise ValueError(f"{case}: like: {case.data['like']}")
    made = plan.before.made
    if str(case.data["do"]).startswith("purge"):
        return [("remove", id_) for id_ in made]
    data = [entry.path for entry in made.values() if isinstance(entry, DataEntry)]
    return [
        ("update" if id_.startswith("data:") else "remove", id_)
        for id_ in made
        if not (id_.startswith("directory:") and any(path.startswith(f"{path_of(made[id_])}/") for path in data))
    ]


def _unlike(case: Case, state: Desired, plan: Plan, known: Iterable[str]) -> list[str]:
    """The changes that ``like`` and ``except`` do not describe, and those that they describe and are not there."""
    known = [*known, *(item.id for item in (*state.resources, *state.services))]
    given = [(item[0], resolve(item[1], known), *item[2:]) for item in case.data.get("except", [])]
    named = {id_ for _, id_, *_ in given}
    expected = sorted((action, id_) for action, id_ in _like(case, state, plan) if id_ not in named)
    found = sorted((str(change.action), change.id) for change in plan.changes if change.id not in named)
    wrong = [f"like: missing: {item}" for item in expected if item not in found]
    wrong += [f"like: not expected: {item}" for item in found if item not in expected]
    if len(found) != len(set(found)):
        wrong.append(f"like: twice: {found}")
    for id_ in sorted(named):
        parts = [(action, *reason) for action, other, *reason in given if other == id_ and action != "none"]
        changes = [(str(change.action), change.reason) for change in plan.changes if change.id == id_]
        right = len(parts) == len(changes) and all(
            part[0] == action and all(text in reason for text in part[1:])
            for part, (action, reason) in zip(parts, changes, strict=True)
        )
        if not right:
            wrong.append(f"except: {id_}: {changes}")
    return wrong


def difference(case: Case, state: Desired, plan: Plan) -> list[str]:
    """Where the plan is not what the case says; empty if it is."""
    data = case.data
    known = [*plan.before.made, *(item.id for item in plan.changes), *(item.id for item in plan.obstacles)]
    wrong: list[str] = []

    def compare(kind: str, expected: list[list[str]], found: list[tuple[str, ...]]) -> None:
        right = len(expected) == len(found) and all(
            all(part in got for part, got in zip(parts, texts, strict=True))
            for parts, texts in zip(expected, found, strict=True)
        )
        if not right:
            wrong.append("\n".join([f"{kind}:", *(f"  - {list(texts)}" for texts in found)]))

    obstacles = [[resolve(name, known), text] for name, text in data.get("obstacles", [])]
    compare("obstacles", obstacles, [(item.id, item.what) for item in plan.obstacles])
    if plan.obstacles:  # it will not be applied
        return wrong
    if "like" in data:
        wrong += _unlike(case, state, plan, known)
    if "counts" in data:
        actions = [str(change.action) for change in plan.changes]
        if (counts := {action: actions.count(action) for action in actions}) != data["counts"]:
            wrong.append(f"counts: {counts}")
    if "changes" in data or "besides" in data:
        key = "changes" if "changes" in data else "besides"
        expected = [[action, resolve(name, known), reason] for action, name, reason in data[key]]
        given = [(str(change.action), change.id, change.reason) for change in plan.changes]
        compare(key, expected, [item for item in given if key == "changes" or item[0] not in {"create", "start"}])
    for key, texts in (("notes", plan.notes), ("kept", plan.kept)):
        compare(key, [[text] for text in data.get(key, [])], [(text,) for text in texts])
    if "lost" in data:
        compare("lost", [[text] for text in data["lost"]], [(text,) for text in plan.lost])
    return wrong
