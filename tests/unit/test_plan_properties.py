"""What holds for any plan: a second run has nothing to do, and uninstall undoes everything, whatever happened between.

Hypothesis draws what is asked, what others have put in the way, what somebody changed since, and where a run is killed.
"""

from __future__ import annotations

from typing import Any

from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from support.model_host import ModelHost
from support.plan_cases import BARE, STATES, fresh
from support.specimens import asked, wanted

from kprov.drift import drift
from kprov.kinds.base import Action, Answer, Entry
from kprov.kinds.data import DataEntry
from kprov.kinds.directory import DirectoryEntry
from kprov.plan import Plan
from kprov.roles.desired import Desired

# Reproducible: a failure in CI is the failure here.
QUICK = settings(max_examples=200, derandomize=True)

# ------------------------------------------------------------------ any history

WISHES = st.fixed_dictionaries(
    {
        "kafka": st.sampled_from(["1.0.0", "2.8.2", "3.9.2"]),
        "zookeeper": st.sampled_from(["3.4.14", "3.5.3-beta", "3.8.6"]),
        "mode": st.sampled_from(["standalone", "bundled"]),
        "java_home": st.sampled_from([None, "/usr/lib/jvm/java-11"]),
        "properties": st.sampled_from([{}, {"num.partitions": "3"}, {"log.dirs": "/var/lib/kafka/a,/var/lib/kafka/b"}]),
    }
)
OPTIONS = st.fixed_dictionaries({"firewalld": st.booleans(), "content": st.sampled_from(["", "rebuilt"])})


HISTORIES = st.lists(st.tuples(WISHES, OPTIONS), min_size=1, max_size=3)


def lived_through(wishes: list[tuple[dict[str, Any], dict[str, Any]]], data: st.DataObject) -> ModelHost:
    """A host after one install a wish, some interrupted, some followed by an uninstall; each must converge."""
    host = fresh()
    for wish, options in wishes:
        state = wanted(asked(**wish), **options)
        if host.receipt.made and data.draw(st.booleans(), label="interrupted"):
            plan = host.plan(state)
            if not _replaces(plan):  # see test_a_release_that_was_going_to_be_replaced_...
                host.interrupt(plan, data.draw(st.integers(0, len(plan.changes)), label="after"))
        plan = host.install(state)
        assert not [change for change in plan.changes if "edited" in change.reason]
        assert {item.id for item in state.resources} <= host.present()
        assert host.plan(state).empty
        removed = {change.id for change in plan.changes if change.action is Action.REMOVE}
        assert {change.id for change in plan.changes} <= host.receipt.made.keys() | removed
        if data.draw(st.booleans(), label="uninstalled"):
            host.uninstall()
    return host


@QUICK
@given(HISTORIES, st.data())
def test_any_history_converges(wishes: list[tuple[dict[str, Any], dict[str, Any]]], data: st.DataObject) -> None:
    lived_through(wishes, data)


@settings(QUICK, phases=[Phase.generate])
@given(HISTORIES, st.data())
def test_any_history_can_be_uninstalled(
    wishes: list[tuple[dict[str, Any], dict[str, Any]]], data: st.DataObject
) -> None:
    host = lived_through(wishes, data)
    host.uninstall(purge=True)
    assert host.present() == BARE
    assert host.receipt.made == {}


def _replaces(plan: Plan) -> bool:
    return any(change.action is Action.REPLACE for change in plan.changes)


# ------------------------------------------------------------------ anything in the way

# What may exist where kprov puts something, by kind: only what --adopt accepts.
FOREIGN = {
    "file": ("file", "directory", "link /elsewhere", "device"),
    "directory": ("directory", "empty", "file", "link /elsewhere"),
    "link": ("file", "directory", "link /elsewhere"),
    "links": ("right",),
    "release": ("directory", "file"),
    "user": ("somebody's",),
}


def said(seen: Answer, words: str) -> Answer:
    """A state in words, see support.plan_cases."""
    word, _, rest = words.partition(" ")
    return STATES[word](seen, rest)


@st.composite
def foreign(draw: st.DrawFn, state: Desired) -> dict[str, Answer]:
    """What is there of other people's, by the id of what kprov would make there."""
    places = [
        item
        for item in state.resources
        # Links among other things in a folder are looked at one by one: what else is there is in nobody's way.
        if item.id not in BARE and item.entry().kind in FOREIGN and getattr(item, "own_folder", True)
    ]
    chosen = draw(st.lists(st.sampled_from(places), max_size=4, unique_by=lambda item: item.id))
    found = {item.id: said({}, draw(st.sampled_from(FOREIGN[item.entry().kind]))) for item in chosen}
    for item in state.resources:
        made = item.entry()
        if isinstance(made, DataEntry) and draw(st.booleans()):
            found[item.id] = said({}, f"holds {made.holds} {getattr(item, 'broker', '')}".strip())
    return _possible(found, state)


def _possible(found: dict[str, Answer], state: Desired) -> dict[str, Answer]:
    """With the directories that these things lie in, and without what cannot lie where no directory is."""
    places = {item.id: item.entry() for item in state.resources}
    whole = dict(found)
    for id_ in found:
        path = places[id_].identity().get("path", "")
        above = [made.id for made in places.values() if _is_above(made, path)]
        if any(found.get(other, {}).get("type", "directory") != "directory" for other in above):
            del whole[id_]
            continue
        for other in above:
            if other not in BARE:
                whole.setdefault(other, said({}, "directory"))
    return whole


def _is_above(made: Entry, path: str) -> bool:
    return isinstance(made, DirectoryEntry) and path.startswith(made.path + "/")


def same(before: Answer, after: Answer) -> bool:
    """Whether something is as it was: names of owners aside, since it is given back by number."""
    told = ("status", "type", "uid", "gid", "mode", "sha256", "target", "holds", "broker", "entry")
    return all(before.get(key) == after.get(key) for key in told)


@QUICK
@given(WISHES, OPTIONS, st.data())
def test_what_is_taken_over_is_given_back(wish: dict[str, Any], options: dict[str, Any], data: st.DataObject) -> None:
    """Without --adopt nothing is touched; with it, killed anywhere or not, all goes well, and uninstall undoes it."""
    state = wanted(asked(**wish), **options)
    there = data.draw(foreign(state), label="there")
    host = fresh()
    host.seen.update(there)
    refused = {obstacle.id for obstacle in host.plan(state).obstacles}
    shared = {item.id for item in state.resources if getattr(item, "shared", False)}
    assert refused >= there.keys() - shared
    plan = host.plan(state, adopt=True)
    assume(not plan.obstacles)  # a file where a directory of everybody's is
    if data.draw(st.booleans(), label="interrupted"):
        host.interrupt(plan, data.draw(st.integers(0, len(plan.changes)), label="after"))
    host.install(state, adopt=True)
    again = host.plan(state)
    assert (again.changes, again.obstacles) == ((), ())
    host.uninstall(purge=True)
    assert host.present() == BARE | there.keys()
    assert [id_ for id_, seen in there.items() if not same(seen, host.seen[id_])] == []
    assert host.receipt.made == {}


# ------------------------------------------------------------------ anything changed since

# What somebody may have done to what kprov made, by its kind.
CHANGED = {
    "file": ("absent", "edited", "mode 666", "owner ada:ada", "directory", "link /elsewhere"),
    "directory": ("absent", "mode 777", "owner ada:ada", "file", "link /elsewhere"),
    "data": ("filled", "filled, mode 777", "owner ada:ada", "absent"),
    "link": ("absent", "link /elsewhere", "directory", "file"),
    "links": ("absent", "stale"),
    "release": ("absent", "file"),
    "user": ("absent",),
    "service": ("stopped", "failed", "activating", "disabled", "changed-on-disk", "stopped, disabled"),
    "firewall": ("absent",),
}


def change(host: ModelHost, data: st.DataObject) -> dict[str, str]:
    """Somebody is at work on the host: what they did, in words."""
    entries = [made for made in host.receipt.made.values() if made.kind in CHANGED]
    chosen = data.draw(st.lists(st.sampled_from(entries), max_size=5, unique_by=lambda made: made.id), label="changed")
    done = {}
    for made in chosen:
        done[made.id] = data.draw(st.sampled_from(CHANGED[made.kind]), label=made.id)
        for words in done[made.id].split(", "):
            host.seen[made.id] = said(host.seen[made.id], words)
    return done


def lost(host: ModelHost, done: dict[str, str]) -> list[str]:
    """What somebody wrote and is nowhere any more."""
    written = [id_ for id_, words in done.items() if words in {"edited", "directory", "file", "link /elsewhere"}]
    copies = [id_ for id_, seen in host.seen.items() if id_.startswith("copy:") and seen["status"] == "present"]
    links = {id_ for id_ in written if done[id_] == "link /elsewhere" and id_.startswith("link:")}  # nothing is in one
    paths = {id_: id_.partition(":")[2] for id_ in written if id_ not in links}
    return [id_ for id_, path in paths.items() if not any(copy.startswith(f"copy:{path}.edited-") for copy in copies)]


@QUICK
@given(WISHES, OPTIONS, st.data())
def test_drift_is_repaired_and_nothing_that_was_written_is_lost(
    wish: dict[str, Any], options: dict[str, Any], data: st.DataObject
) -> None:
    """Also when the run that repairs it is killed anywhere."""
    state = wanted(asked(**wish), **options)
    host = fresh()
    host.install(state)
    host.use()
    assert drift(host.receipt, host.seen) == ()
    done = change(host, data)
    quiet = {id_ for id_, words in done.items() if words == "filled"}
    # A service that does not run is no drift, and the plan starts it all the same.
    down = {id_ for id_, words in done.items() if words in {"stopped", "failed", "activating"}}
    assert {item.id for item in drift(host.receipt, host.seen)} == done.keys() - quiet - down
    gone = {id_ for id_, words in done.items() if id_.startswith("data:") and words == "absent"}
    assert {item.id for item in host.plan(state).obstacles} == gone
    accepted = {id_.removeprefix("data:") for id_ in host.receipt.made if id_.startswith("data:")} if gone else set()
    plan = host.plan(state, accepted=accepted)
    assert plan.obstacles == ()
    assert {item.id for item in plan.changes} >= done.keys() - quiet
    if data.draw(st.booleans(), label="interrupted"):
        host.interrupt(plan, data.draw(st.integers(0, len(plan.changes)), label="after"))
    host.install(state, accepted=accepted)
    again = host.plan(state)
    assert (again.changes, again.obstacles) == ((), ())
    assert drift(host.receipt, host.seen) == ()
    assert lost(host, done) == []


@QUICK
@given(WISHES, OPTIONS, st.data())
def test_uninstall_after_anything_leaves_what_it_says(
    wish: dict[str, Any], options: dict[str, Any], data: st.DataObject
) -> None:
    """By force nothing stops it; what stays is what the plan says, and what somebody wrote is among it."""
    state = wanted(asked(**wish), **options)
    host = fresh()
    host.install(state)
    done = change(host, data)
    plan = host.uninstall(force=True)
    stays = {id_.partition(":")[2] for id_ in host.present() if not id_.startswith("directory:")}
    assert all(any(path in text for text in plan.kept) for path in stays), (stays, plan.kept)
    assert not [id_ for id_ in host.present() if id_.startswith(("service:", "user:", "release:", "firewall:"))]
    edited = {id_: words for id_, words in done.items() if id_.startswith(("file:", "link:"))}
    assert lost(host, edited) == []
    again = host.plan_uninstall(force=True)
    assert (again.changes, again.obstacles) == ((), ())
