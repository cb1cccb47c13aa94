"""Plans: what is there, what is wanted, and the changes between.

What one state leads to is in tests/unit/plan_cases, what holds for any in test_plan_properties.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from support.model_host import ModelHost, show
from support.specimens import asked, wanted

from kprov.kinds.base import ABSENT, Action, Answer, Change
from kprov.kinds.directory import Directory
from kprov.kinds.path import CopyEntry
from kprov.kinds.port import PortEntry
from kprov.kinds.service import ServiceEntry
from kprov.plan import Plan, uninstall_plan
from kprov.receipt import Receipt
from kprov.roles.desired import Desired

KAFKA, ZOOKEEPER = "service:kafka.service", "service:zookeeper.service"
HOME = "/usr/local/single_kafka"
PROPERTIES = f"file:{HOME}/config/server.properties"
UNIT = "file:/etc/systemd/system/kafka.service"
# Directories of the system: kprov only looks at them.
BARE = {f"directory:{path}" for path in ("/usr", "/usr/local", "/var", "/var/lib", "/home")}
DIRECTORY: Answer = {
    "status": "present",
    "type": "directory",
    "owner": "root",
    "group": "root",
    "mode": "755",
    "entries": "9",
}


def fresh() -> ModelHost:
    return ModelHost(dict.fromkeys(BARE, DIRECTORY))


def installed(**options: Any) -> tuple[ModelHost, Desired]:
    host, state = fresh(), wanted(asked(), **options)
    host.install(state)
    return host, state


def ids(plan: Plan) -> list[str]:
    return [change.id for change in plan.changes]


def acts(plan: Plan) -> list[tuple[str, str]]:
    return [(str(change.action), change.id) for change in plan.changes]


def calls(plan: Plan) -> list[str]:
    return [call[0] for change in plan.changes for call in change.calls]


# ------------------------------------------------------------------ from nothing


@pytest.mark.parametrize("mode", ["standalone", "bundled"])
def test_on_an_empty_host_everything_is_made_in_order(mode: str) -> None:
    state = wanted(asked(mode=mode))
    plan = fresh().plan(state)
    assert plan.obstacles == ()
    expected = [item.id for item in state.resources if item.id not in BARE]
    assert ids(plan) == [*expected, ZOOKEEPER, KAFKA]
    assert [str(change.action) for change in plan.changes] == ["create"] * len(expected) + ["start", "start"]
    assert [change.gate for change in plan.changes if change.gate] == ["zookeeper.service", "kafka.service"]


def test_a_new_service_is_enabled_and_started() -> None:
    plan = fresh().plan(wanted(asked()))
    assert plan.changes[-1].calls == (("enable_unit", "kafka.service"), ("start_unit", "kafka.service"))


def test_systemd_reads_the_units_once_and_before_they_are_used() -> None:
    found = calls(fresh().plan(wanted(asked())))
    assert found.count("reload_units") == 1
    assert found.index("reload_units") < found.index("enable_unit")


@pytest.mark.parametrize("mode", ["standalone", "bundled"])
def test_everything_is_made_after_what_it_needs(mode: str) -> None:
    """Folders before what is in them, users before what they own, releases before the links into them."""
    state = wanted(asked(mode=mode))
    place = {item.id: number for number, item in enumerate(state.resources)}
    for number, item in enumerate(state.resources):
        fields = item.entry().identity()
        for owner in {fields.get("owner", ""), fields.get("group", "")} - {"", "root"}:
            assert place[f"user:{owner}"] < number, item.id
        folder = fields.get("path", "").rpartition("/")[0]
        if f"directory:{folder}" in place:
            assert place[f"directory:{folder}"] < number, item.id
        target = fields.get("source") or fields.get("target")
        if target:
            (release,) = [id_ for id_ in place if id_.startswith("release:") and target.startswith(id_[8:])]
            assert place[release] < number, item.id


@pytest.mark.parametrize("mode", ["standalone", "bundled"])
def test_a_second_run_has_nothing_to_do(mode: str) -> None:
    host, state = fresh(), wanted(asked(mode=mode), firewalld=True)
    host.install(state)
    plan = host.plan(state)
    assert (acts(plan), plan.obstacles) == ([], ())
    assert plan.empty


def test_what_others_made_is_not_written_down() -> None:
    host, _ = installed()
    assert "directory:/usr/local" not in host.receipt.made
    assert "directory:/usr/local/java" in host.receipt.made
    assert host.receipt.spec == {"kafka": {"version": "1.0.0"}}
    assert host.receipt.releases == {"kafka": "1.0.0"}
    assert host.receipt.state == "unproven"


# ------------------------------------------------------------------ one thing differs

Difference = Callable[[ModelHost], None]


def gone(id_: str) -> Difference:
    return lambda host: host.seen.update({id_: ABSENT})


def differs(id_: str, **fields: str) -> Difference:
    return lambda host: host.seen.update({id_: {**host.seen[id_], **fields}})


STOP_K, START_K, RESTART_K = ("stop", KAFKA), ("start", KAFKA), ("restart", KAFKA)
KAFKA_RELEASE = "release:/usr/local/kafka_2.12-1.0.0"
ZOOKEEPER_RELEASE = "release:/usr/local/zookeeper-3.5.3-beta"
JAVA_RELEASE = "release:/usr/local/java/jdk-11.0.29-jre"
PROFILE = "file:/etc/profile.d/kprov.sh"
ZOO_CFG = "file:/usr/local/zookeeper/conf/zoo.cfg"
LOG_DIR = "data:/home/temp/kafka_logs"


def test_each_start_waits_for_the_service_and_a_stop_does_not() -> None:
    host, state = installed()
    gone(JAVA_RELEASE)(host)
    plan = host.plan(state)
    assert [(str(change.action), change.gate) for change in plan.changes] == [
        ("create", ""),
        ("stop", ""),
        ("stop", ""),
        ("start", "zookeeper.service"),
        ("start", "kafka.service"),
    ]


def test_an_edited_file_is_backed_up_before_it_is_replaced() -> None:
    host, state = installed()
    host.seen[PROPERTIES] = {
        **host.seen[PROPERTIES],
        "sha256": "e" * 64,
        "content": "broker.id=5\n",
        "mtime": "1764000000",
    }
    (change, _) = host.plan(state).changes
    path = PROPERTIES.removeprefix("file:")
    assert [call[:2] for call in change.calls] == [("back_up", path), ("put_file", change.calls[1][1])]
    assert change.calls[0][2] == f"{path}.edited-20251124T160000Z-eeeeeeee"
    assert f"{path}.edited-20251124T160000Z-eeeeeeee" in change.reason
    assert "-broker.id=5" in change.diff
    assert change.content is not None
    assert b"broker.id=0" in change.content


def test_a_changed_wish_needs_no_backup() -> None:
    host, _ = installed()
    plan = host.plan(wanted(asked(properties={"num.partitions": "3"})))
    assert acts(plan) == [("update", PROPERTIES), RESTART_K]
    assert [call[0] for call in plan.changes[0].calls] == ["put_file"]


def test_a_changed_mode_leaves_the_content_alone() -> None:
    host, state = installed()
    differs(PROPERTIES, mode="644")(host)
    (change,) = host.plan(state).changes
    assert change.calls == (("set_mode", PROPERTIES.removeprefix("file:"), "root", "kafka", "0640"),)
    assert change.reason == "mode 0644 instead of 0640"


def test_systemd_reads_a_changed_unit_before_the_restart() -> None:
    host, state = installed()
    differs(UNIT, sha256="e" * 64)(host)
    assert calls(host.plan(state)) == ["back_up", "put_file", "reload_units", "give_back", "restart_unit"]


def test_a_service_that_read_something_else_when_it_was_started_is_restarted() -> None:
    """A run was killed after a file was written and before the restart; the file is right by now."""
    host, state = installed()
    made = dict(host.receipt.made)
    made[KAFKA] = ServiceEntry("kafka.service", "another")
    host.receipt = replace(host.receipt, made=made)
    plan = host.plan(state)
    assert acts(plan) == [RESTART_K]
    assert plan.after.made[KAFKA] == state.services[1].entry()


# ------------------------------------------------------------------ in the way


MINE = {"owner": "somebody", "group": "users", "mode": "755"}


def put(id_: str, **fields: str) -> Difference:
    return lambda host: host.seen.update({id_: {"status": "present", **fields}})


@pytest.mark.parametrize("id_", [item.id for item in wanted(asked(), firewalld=True).resources])
@pytest.mark.parametrize("after_install", [False, True])
def test_what_cannot_be_read_is_neither_there_nor_not_there(id_: str, after_install: bool) -> None:
    state = wanted(asked(), firewalld=True)
    host = fresh()
    if after_install:
        host.install(state)
    host.seen[id_] = {"status": "unknown", "why": "Input/output error"}
    (obstacle,) = host.plan(state).obstacles
    assert obstacle.id == id_
    assert "Input/output error" in obstacle.what


def test_systemd_reads_a_unit_again_that_it_has_not_read_since_it_changed() -> None:
    host, state = installed()
    host.seen[KAFKA] = {
        "status": "present",
        "show": host.seen[KAFKA]["show"].replace("NeedDaemonReload=no", "") + "\nNeedDaemonReload=yes",
    }
    (change,) = host.plan(state).changes
    assert [call[0] for call in change.calls] == ["give_back", "reload_units", "restart_unit"]


def test_a_service_of_a_package_stops_the_plan() -> None:
    """Debian's zookeeperd and vendors' RPMs bring units of these names, not below /etc/systemd/system."""
    host = fresh()
    running = show()["show"] + "\nFragmentPath=/usr/lib/systemd/system/zookeeper.service"
    host.seen[ZOOKEEPER] = {"status": "present", "show": running}
    assert [obstacle.id for obstacle in host.plan(wanted(asked())).obstacles] == [ZOOKEEPER]


def test_messages_of_another_broker_are_not_taken() -> None:
    host, state = installed()
    differs(LOG_DIR, holds="kafka", broker="5")(host)
    (obstacle,) = host.plan(state).obstacles
    assert "broker.id 5" in obstacle.what
    assert "5" in obstacle.hint


def test_an_empty_directory_may_be_filled_with_data() -> None:
    host = fresh()
    put(LOG_DIR, type="directory", entries="0", **MINE)(host)
    plan = host.plan(wanted(asked()))
    assert plan.obstacles == ()
    (change,) = [change for change in plan.changes if change.id == LOG_DIR]
    assert change.action is Action.UPDATE
    assert "owner somebody:users" in change.reason


@pytest.mark.parametrize("kind", ["directory", "symbolic link"])
def test_a_directory_that_others_made_is_used_as_it_is(kind: str) -> None:
    host = fresh()
    put("directory:/home/temp", type=kind, **MINE)(host)
    plan = host.plan(wanted(asked()))
    assert plan.obstacles == ()
    assert "directory:/home/temp" not in ids(plan)
    assert "directory:/home/temp" not in plan.after.made


def test_every_directory_above_the_data_is_made() -> None:
    state = wanted(asked(properties={"log.dirs": "/data/kafka"}))
    assert "directory:/data" in ids(fresh().plan(state))


# ------------------------------------------------------------------ firewall

PORT = "firewall:9092/tcp"


def test_a_port_is_opened_where_firewalld_runs_and_only_there() -> None:
    assert PORT not in ids(fresh().plan(wanted(asked())))
    plan = fresh().plan(wanted(asked(), firewalld=True))
    (change,) = [change for change in plan.changes if change.id == PORT]
    assert change.calls == (("open_port", "9092/tcp", "public", "permanentnow"),)
    assert PORT in plan.after.made


def test_a_port_that_was_open_before_stays_its_owner_s() -> None:
    host = fresh()
    put(PORT)(host)
    plan = host.install(wanted(asked(), firewalld=True))
    assert PORT not in ids(plan)
    assert PORT not in host.receipt.made
    host.uninstall(purge=True)
    assert host.seen[PORT]["status"] == "present"


def test_a_port_that_kprov_opened_is_closed_by_uninstall() -> None:
    host, _ = installed(firewalld=True)
    plan = host.uninstall()
    assert ("close_port", "9092/tcp", "public", "permanentnow") in [
        call for change in plan.changes for call in change.calls
    ]


@pytest.mark.parametrize(
    ("seen", "how"), [({"now": "yes", "permanent": "no"}, "permanent"), ({"now": "no", "permanent": "yes"}, "now")]
)
def test_of_a_port_that_was_half_open_only_the_other_half_is_opened_and_closed(seen: dict[str, str], how: str) -> None:
    host = fresh()
    host.seen[PORT] = {"status": "present", **seen}
    plan = host.install(wanted(asked(), firewalld=True))
    assert ("open_port", "9092/tcp", "public", how) in [call for change in plan.changes for call in change.calls]
    assert not host.install(wanted(asked(), firewalld=True)).changes
    plan = host.uninstall()
    assert ("close_port", "9092/tcp", "public", how) in [call for change in plan.changes for call in change.calls]


def test_a_port_follows_the_host_into_another_zone() -> None:
    host, _ = installed(firewalld=True)
    host.seen[PORT] = {"status": "absent"}
    plan = host.install(wanted(asked(), firewalld=True, zone="dmz"))
    assert [call for change in plan.changes for call in change.calls] == [
        ("close_port", "9092/tcp", "public", "permanentnow"),
        ("open_port", "9092/tcp", "dmz", "permanentnow"),
    ]
    assert host.receipt.made[PORT] == PortEntry("9092/tcp", "dmz")


def test_a_port_that_an_earlier_kprov_opened_in_the_default_zone_is_closed_there() -> None:
    host, _ = installed(firewalld=True)
    host.receipt = replace(host.receipt, made={**host.receipt.made, PORT: PortEntry("9092/tcp", "")})
    assert not host.install(wanted(asked(), firewalld=True)).changes
    plan = host.uninstall()
    assert ("close_port", "9092/tcp", "", "permanentnow") in [call for change in plan.changes for call in change.calls]


def test_drop_ins_that_others_wrote_are_kept_with_their_folder() -> None:
    """And the next uninstall keeps them as well; without them the folder goes."""
    folder = "directory:/etc/systemd/system/kafka.service.d"
    host, _ = installed(systemd=252)
    host.seen[folder] = {**host.seen[folder], "entries": "2"}
    plan = host.uninstall()
    assert [text for text in plan.kept if "drop-ins that kprov did not write" in text]
    assert folder not in ids(plan)
    assert host.receipt.made[folder].kept
    host.seen[folder] = {**host.seen[folder], "entries": "1"}
    assert folder not in ids(host.uninstall())
    host.seen[folder] = {**host.seen[folder], "entries": "0"}
    assert folder in ids(host.uninstall())


# ------------------------------------------------------------------ another wish


def test_another_archive_of_the_same_release_stops_kafka_before_it_is_replaced() -> None:
    host, _ = installed()
    plan = host.plan(wanted(asked(), content="rebuilt"))
    assert acts(plan) == [STOP_K, ("replace", KAFKA_RELEASE), START_K]
    assert plan.changes[1].upload is not None


def test_another_version_lies_beside_the_first_and_the_links_are_switched() -> None:
    host, _ = installed()
    plan = host.plan(wanted(asked(kafka="1.1.1")))
    found = acts(plan)
    new = "release:/usr/local/kafka_2.12-1.1.1"
    assert found[:2] == [("create", new), STOP_K], "unpacked while the old one still runs"
    assert found[-1] == START_K
    assert ("update", f"links:{HOME}/bin/*") in found
    assert not [id_ for action, id_ in found if action == "remove"]
    assert {KAFKA_RELEASE, new} <= plan.after.made.keys()


def test_what_nobody_asks_for_any_more_goes_but_data_and_releases_stay() -> None:
    host, _ = installed()
    state = wanted(asked(mode="bundled"))
    plan = host.install(state)
    removed = [id_ for action, id_ in acts(plan) if action == "remove"]
    assert f"file:{HOME}/config/zookeeper.properties" not in removed
    assert {ZOO_CFG, "link:/usr/local/zookeeper/lib", "directory:/usr/local/zookeeper"} <= set(removed)
    for id_ in (ZOOKEEPER_RELEASE, "data:/var/lib/zookeeper/data", "directory:/var/lib/zookeeper"):
        assert id_ not in removed
        assert id_ in host.receipt.made
    folder = removed.index("directory:/usr/local/zookeeper")
    inside = [id_ for id_ in removed if "/usr/local/zookeeper/" in id_]
    assert all(removed.index(id_) < folder for id_ in inside)
    assert host.plan(state).empty


def test_the_way_there_and_back_leaves_nothing_behind() -> None:
    host, state = installed()
    host.install(wanted(asked(mode="bundled")))
    host.install(state)
    assert host.plan(state).empty
    host.uninstall(purge=True)
    assert host.present() == BARE
    assert host.receipt.made == {}


def test_an_orphan_that_was_edited_stops_the_plan() -> None:
    host, _ = installed()
    differs(ZOO_CFG, sha256="e" * 64)(host)
    assert [item.id for item in host.plan(wanted(asked(mode="bundled"))).obstacles] == [ZOO_CFG]


def test_zookeeper_is_not_moved_to_an_empty_directory_in_silence() -> None:
    host, _ = installed()
    differs("data:/var/lib/zookeeper/data", entries="2")(host)
    (obstacle,) = host.plan(wanted(asked(mode="bundled"))).obstacles
    assert obstacle.what == "/var/lib/zookeeper/data contains ZooKeeper's data, which the new settings no longer use"
    assert "uninstall first" in obstacle.hint


def test_messages_are_not_left_behind_in_silence() -> None:
    host, _ = installed()
    differs(LOG_DIR, entries="3")(host)
    differs("data:/var/lib/zookeeper/data", entries="2", snapshot="yes")(host)
    more = host.plan(wanted(asked(properties={"log.dirs": "/home/temp/kafka_logs,/data/more"})))
    assert more.obstacles == ()
    (obstacle,) = host.plan(wanted(asked(properties={"log.dirs": "/data/more"}))).obstacles
    assert obstacle.id == LOG_DIR


@pytest.mark.parametrize("active", [True, False])
def test_an_empty_directory_may_be_filled_by_a_service_that_has_just_started(active: bool) -> None:
    """The plan fits the host meanwhile. While no service runs, data come from somebody else."""
    host, _ = installed()
    for id_ in (KAFKA, ZOOKEEPER):
        host.seen[id_] = show(active=active)
    plan = host.plan(wanted(asked(properties={"num.partitions": "3"})))
    expected = {call[1] for call, _ in plan.expects}
    assert (LOG_DIR in expected) is not active
    differs(LOG_DIR, entries="3")(host)
    assert LOG_DIR in {call[1] for call, _ in host.plan(wanted(asked(properties={"num.partitions": "3"}))).expects}


# ------------------------------------------------------------------ interrupted


FIRST = len(fresh().plan(wanted(asked())).changes)


@pytest.mark.parametrize("after", range(FIRST + 1))
def test_an_interrupted_install_is_completed(after: int) -> None:
    host, state = fresh(), wanted(asked())
    host.interrupt(host.plan(state), after)
    plan = host.plan(state)
    assert plan.obstacles == ()
    assert not [change for change in plan.changes if "edited" in change.reason]
    host.apply(plan)
    assert host.plan(state).empty
    assert host.receipt.state == "unproven"
    assert not [made.id for made in host.receipt.made.values() if made.pending]
    # what was done before is not done again
    assert len([change for change in plan.changes if change.action is Action.CREATE]) == max(0, FIRST - 2 - after)


@pytest.mark.parametrize("after", range(FIRST + 1))
def test_an_interrupted_install_can_be_uninstalled(after: int) -> None:
    host, state = fresh(), wanted(asked())
    host.interrupt(host.plan(state), after)
    host.uninstall(purge=True)
    assert host.present() == BARE


CHANGED = wanted(asked(kafka="1.1.1", properties={"num.partitions": "3"}))
SECOND = len(installed()[0].plan(CHANGED).changes)


@pytest.mark.parametrize("after", range(SECOND + 1))
def test_an_interrupted_change_is_completed(after: int) -> None:
    host, _ = installed()
    host.interrupt(host.plan(CHANGED), after)
    plan = host.plan(CHANGED)
    assert plan.obstacles == ()
    assert not [change for change in plan.changes if "edited" in change.reason]
    assert plan.changes[-1].id == KAFKA, "it has not been started with what it reads now"
    host.apply(plan)
    assert host.plan(CHANGED).empty


@pytest.mark.parametrize("after", range(SECOND + 1))
def test_an_interrupted_change_can_be_unmade(after: int) -> None:
    host, state = installed()
    host.interrupt(host.plan(CHANGED), after)
    plan = host.install(state)
    assert not [change for change in plan.changes if "edited" in change.reason]
    assert host.plan(state).empty


def test_an_interrupted_change_can_be_uninstalled() -> None:
    host, _ = installed()
    host.interrupt(host.plan(CHANGED), 0)
    assert uninstall_plan("box", host.seen, host.receipt, purge=True, force=False).obstacles == ()


def test_a_release_that_was_going_to_be_replaced_is_still_to_be_replaced() -> None:
    host, _ = installed()
    state = wanted(asked(), content="rebuilt")
    host.interrupt(host.plan(state), 1)  # kafka is stopped, and that is all
    assert ("replace", KAFKA_RELEASE) in acts(host.plan(state))


def test_a_file_that_two_interrupted_runs_had_not_come_to_was_not_edited() -> None:
    host, _ = installed()
    for partitions in ("2", "3"):
        host.interrupt(host.plan(wanted(asked(properties={"num.partitions": partitions}))), 0)
    plan = host.plan(wanted(asked(properties={"num.partitions": "4"})))
    assert not [change for change in plan.changes if "edited" in change.reason]


def test_a_run_that_was_killed_before_its_last_word_is_ended_by_the_next() -> None:
    host, _ = installed()
    gone(PROFILE)(host)
    host.interrupt(host.plan(wanted(asked())), 1)
    assert host.receipt.state == "applying"
    assert not host.plan(wanted(asked())).empty


def test_kept_data_change_hands_also_after_an_interruption() -> None:
    host, state = installed()
    host.uninstall()
    plan = host.plan(state)
    assert ("adopt", LOG_DIR) in acts(plan)
    host.interrupt(plan, 0)
    assert ("adopt", LOG_DIR) in acts(host.plan(state))


# ------------------------------------------------------------------ uninstall


def test_uninstall_stops_kafka_then_zookeeper_and_goes_backwards() -> None:
    host, state = installed()
    plan = uninstall_plan("box", host.seen, host.receipt, purge=True, force=False)
    assert ids(plan)[:2] == [KAFKA, ZOOKEEPER]
    assert plan.changes[0].calls == (("stop_unit", "kafka.service"), ("disable_unit", "kafka.service"))
    made = [item.id for item in state.resources if item.id in host.receipt.made]
    assert ids(plan)[2:] == made[::-1]
    assert {str(change.action) for change in plan.changes} == {"remove"}


def test_systemd_forgets_the_units_that_are_removed() -> None:
    host, _ = installed()
    plan = uninstall_plan("box", host.seen, host.receipt, purge=False, force=False)
    units = [change for change in plan.changes if change.id.startswith("file:/etc/systemd/")]
    assert len(units) == 2
    assert [change.calls[-1] == ("reload_units",) for change in units] == [False, True]


@pytest.mark.parametrize("removed", [("zookeeper", "kafka"), ("kafka",)])
def test_systemd_forgets_a_unit_whose_file_a_killed_uninstall_had_removed(removed: tuple[str, ...]) -> None:
    """Also if the file of the other unit is still there, after which systemd is reloaded anyway."""
    host, _ = installed()
    gone = {f"file:/etc/systemd/system/{name}.service": {"status": "absent"} for name in removed}
    gone[KAFKA] = {"status": "present", "show": "LoadState=loaded\nActiveState=inactive\nNeedDaemonReload=yes"}
    plan = uninstall_plan("box", {**host.seen, **gone}, host.receipt, purge=False, force=False)
    assert plan.changes[0].calls == (("reload_units",),)
    assert all(change.calls for change in plan.changes)


@pytest.mark.parametrize("mode", ["standalone", "bundled"])
def test_uninstall_keeps_the_data_and_what_they_lie_in(mode: str) -> None:
    host, state = fresh(), wanted(asked(mode=mode))
    host.install(state)
    plan = host.uninstall()
    data = {item.id for item in state.resources if item.id.startswith("data:")}
    assert len(data) == 3
    assert data <= host.present()
    above = {id_ for id_ in host.present() if id_.startswith("directory:")}
    for id_ in above - BARE:
        assert [path for path in data if path[5:].startswith(f"{id_[10:]}/")], f"{id_} holds no data"
    assert host.present() == data | above | BARE
    assert len(plan.kept) == 3
    assert "8 KiB of kafka data" in " ".join(plan.kept)
    assert {made.id for made in host.receipt.made.values()} == host.present() - BARE
    assert host.receipt.spec is None


@pytest.mark.parametrize("mode", ["standalone", "bundled"])
def test_purge_leaves_nothing(mode: str) -> None:
    host = fresh()
    host.install(wanted(asked(mode=mode)))
    plan = host.uninstall(purge=True)
    assert host.present() == BARE
    assert plan.kept == ()
    assert plan.after.made == {}


def edited_once() -> tuple[ModelHost, str]:
    """A host on which an edited file was replaced by an install; the path of its copy."""
    host, state = installed()
    differs(PROPERTIES, sha256="e" * 64, content="# mine\n", mtime="1764000000")(host)
    plan = host.install(state)
    ((copy,),) = [change.copies for change in plan.changes if change.copies]
    assert isinstance(copy, CopyEntry)
    return host, copy.path


def test_purge_alone_keeps_the_copies_of_what_was_edited() -> None:
    """Help promises their removal with --force only; the folder that they are in stays with them."""
    host, path = edited_once()
    plan = host.uninstall(purge=True)
    assert plan.kept == (f"{path} (a copy of {HOME}/config/server.properties as it was edited)",)
    assert not [text for text in plan.lost if "edited" in text]
    assert f"copy:{path}" in host.present()
    assert {f"directory:{HOME}", f"directory:{HOME}/config"} <= host.present()
    assert not [id_ for id_ in host.present() if id_.startswith(("data:", "release:", "user:", "file:"))]
    assert host.receipt.spec is None
    assert f"copy:{path}" in host.receipt.made


def test_purge_by_force_takes_the_copies_along_and_counts_them() -> None:
    host, path = edited_once()
    plan = host.plan_uninstall(purge=True, force=True)
    assert "1 copy of edited files" in plan.lost
    assert f"copy:{path}" in ids(plan)
    host.apply(plan)
    assert host.present() == BARE
    assert host.receipt.made == {}


def test_kept_copies_can_be_purged_later() -> None:
    host, path = edited_once()
    host.uninstall(purge=True)
    again = host.plan_uninstall(purge=True)
    assert (again.changes, len(again.kept)) == ((), 1)
    plan = host.uninstall(purge=True, force=True)
    assert plan.lost == ("1 copy of edited files",)
    assert f"copy:{path}" not in host.present()
    assert host.present() == BARE


def test_kept_data_are_taken_up_again_with_their_owner() -> None:
    host, state = installed()
    host.uninstall()
    plan = host.install(state)
    adopted = [change for change in plan.changes if change.action is Action.ADOPT]
    assert [change.id for change in adopted] == [item.id for item in state.resources if item.id.startswith("data:")]
    assert all(call[0] in {"make_directory", "own_tree"} for change in adopted for call in change.calls)
    assert [call for change in adopted for call in change.calls if call[:2] == ("own_tree", "/home/temp/kafka_logs")]
    assert host.plan(state).empty


def test_kept_data_can_be_purged_later() -> None:
    host, _ = installed()
    host.uninstall()
    host.uninstall(purge=True)
    assert host.present() == BARE
    assert host.receipt.made == {}


def test_a_second_uninstall_has_nothing_to_do() -> None:
    host, _ = installed()
    host.uninstall()
    plan = uninstall_plan("box", host.seen, host.receipt, purge=False, force=False)
    assert plan.empty
    assert len(plan.kept) == 3


def test_what_is_gone_already_need_not_be_removed() -> None:
    host, _ = installed()
    for id_ in (PROPERTIES, "user:kafka", KAFKA_RELEASE, KAFKA):
        gone(id_)(host)
    plan = host.uninstall(purge=True)
    assert not {PROPERTIES, "user:kafka", KAFKA_RELEASE, KAFKA} & set(ids(plan))
    assert host.receipt.made == {}


CHANGED_SINCE: Mapping[str, tuple[Difference, str]] = {
    "a file": (differs(PROPERTIES, sha256="e" * 64), PROPERTIES),
    "a link": (differs(f"link:{HOME}/libs", target="/elsewhere"), f"link:{HOME}/libs"),
}


@pytest.mark.parametrize(("difference", "id_"), CHANGED_SINCE.values(), ids=CHANGED_SINCE.keys())
def test_what_was_changed_since_stops_uninstall_unless_forced(difference: Difference, id_: str) -> None:
    host, _ = installed()
    difference(host)
    plan = uninstall_plan("box", host.seen, host.receipt, purge=True, force=False)
    assert [(item.id, "--force" in item.hint) for item in plan.obstacles] == [(id_, True)]
    forced = uninstall_plan("box", host.seen, host.receipt, purge=True, force=True)
    assert forced.obstacles == ()
    assert id_ in ids(forced)


def test_what_cannot_be_read_is_not_removed() -> None:
    host, _ = installed()
    host.seen[PROPERTIES] = {"status": "unknown", "why": "Input/output error"}
    plan = uninstall_plan("box", host.seen, host.receipt, purge=True, force=True)
    assert [item.id for item in plan.obstacles] == [PROPERTIES]
    assert PROPERTIES not in ids(plan)


def test_a_stranger_s_file_keeps_its_directory() -> None:
    host, _ = installed()
    host.others.add(f"{HOME}/config/notes.txt")
    host.uninstall(purge=True)
    assert f"directory:{HOME}/config" in host.present()


def test_logs_go_with_their_directory() -> None:
    host, _ = installed()
    plan = host.uninstall()
    (change,) = [change for change in plan.changes if change.id == f"directory:{HOME}/logs"]
    assert change.calls == (("remove_tree", f"{HOME}/logs"),)


def test_a_service_that_is_failing_is_stopped_all_the_same() -> None:
    host, _ = installed()
    text = show()["show"].replace("ActiveState=active", "ActiveState=activating")
    host.seen[KAFKA] = {"status": "present", "show": text}
    plan = uninstall_plan("box", host.seen, host.receipt, purge=False, force=False)
    assert plan.changes[0].calls[0] == ("stop_unit", "kafka.service")


def test_a_stopped_and_disabled_service_needs_nothing() -> None:
    host, _ = installed()
    host.seen[KAFKA] = show(active=False, enabled=False)
    assert KAFKA not in ids(uninstall_plan("box", host.seen, host.receipt, purge=False, force=False))


def test_a_port_of_a_firewall_that_does_not_run_is_left() -> None:
    host, _ = installed(firewalld=True)
    host.seen[PORT] = {"status": "unknown", "why": "firewalld is not running"}
    plan = uninstall_plan("box", host.seen, host.receipt, purge=True, force=False)
    assert plan.obstacles == ()
    assert PORT not in ids(plan)
    assert "firewalld is not running" in plan.kept[0]


def test_a_directory_goes_after_the_older_data_in_it() -> None:
    host, _ = installed()
    host.install(wanted(asked(properties={"log.dirs": "/home/temp/other"})))
    host.uninstall(purge=True)
    assert host.present() == BARE


def test_a_plan_knows_the_receipt_before_and_after() -> None:
    host = fresh()
    plan = host.plan(wanted(asked()))
    assert plan.before == Receipt()
    assert list(plan.after.made) == ids(plan)


def test_a_change_of_a_shared_directory_that_kprov_made_is_its_own() -> None:
    resource = Directory("/home/temp", shared=True)
    verdict = resource.compare({**DIRECTORY, "mode": "700"}, resource.entry())
    assert isinstance(verdict, Change)
    assert resource.compare({**DIRECTORY, "mode": "700"}, None) is None
