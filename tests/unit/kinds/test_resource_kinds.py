"""Each kind of resource: how it is asked about, what it records, and how uninstall asks about the record."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest
from support.local_host import LIBRARY
from support.model_host import as_made
from support.specimens import asked, wanted

from kprov.kinds import KINDS, entry_of
from kprov.kinds.base import ABSENT, Change, Obstacle, fingerprint
from kprov.kinds.file import File
from kprov.kinds.links import Links
from kprov.kinds.path import PathSeen, attributes_differ
from kprov.kinds.service import Running, Service, UnitState, limit
from kprov.kinds.user import User, UserEntry

EVERY = [
    item
    for mode in ("standalone", "bundled")
    for item in (*wanted(asked(mode=mode), firewalld=True).resources, *wanted(asked(mode=mode)).services)
]
OF_EACH_KIND = list({item.entry().kind: item for item in EVERY}.values())


def test_these_are_all_the_kinds() -> None:
    kinds = {item.entry().kind for item in OF_EACH_KIND}
    assert kinds == KINDS.keys() - {"copy", "original"}, "these two are made by changes of the others"


@pytest.mark.parametrize("item", EVERY, ids=lambda item: item.id)
def test_uninstall_asks_the_same_question_as_install(item: File) -> None:
    """The content of a file apart: uninstall shows no diff."""
    asked_first, asked_later = item.query(), item.entry().query()
    assert asked_later == tuple(word for word in asked_first if word != "content")
    assert asked_first[1] == item.id == item.entry().id
    assert item.id.startswith(f"{item.entry().kind}:")


@pytest.mark.parametrize("item", EVERY, ids=lambda item: item.id)
def test_every_call_is_a_function_of_the_library(item: File) -> None:
    calls = [item.query(), item.entry().query()]
    if not isinstance(item, Service):
        verdict = item.compare(ABSENT, None)
        assert verdict is not None
        assert not isinstance(verdict, Obstacle)
        calls += verdict.calls
    removed = item.entry().removal(as_made(item.entry()), purge=True, force=False)
    assert removed.change is not None
    calls += removed.change.calls
    for call in calls:
        assert f"\n{call[0]}() {{" in LIBRARY


@pytest.mark.parametrize("item", OF_EACH_KIND, ids=lambda item: item.entry().kind)
def test_what_is_gone_needs_no_removal(item: File) -> None:
    removed = item.entry().removal(ABSENT, purge=True, force=False)
    assert (removed.change, removed.obstacle, removed.kept) == (None, None, "")


@pytest.mark.parametrize("item", [item for item in OF_EACH_KIND if item.entry().kind != "firewall"])
def test_what_cannot_be_read_is_not_removed(item: File) -> None:
    removed = item.entry().removal({"status": "unknown", "why": "I/O error"}, purge=True, force=True)
    assert removed.change is None
    assert removed.obstacle is not None
    assert "I/O error" in removed.obstacle.what


def test_a_kind_of_a_later_kprov_is_not_passed_over() -> None:
    with pytest.raises(KeyError, match="sysctl"):
        entry_of({"kind": "sysctl", "name": "vm.swappiness"})


def test_a_field_of_a_later_kprov_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="groups"):
        entry_of({"kind": "user", "name": "kafka", "groups": []})


@pytest.mark.parametrize("item", EVERY, ids=lambda item: item.id)
def test_an_entry_reads_what_it_writes(item: File) -> None:
    for entry in (item.entry(), replace(item.entry(), pending=True, previous=("a", "b"), foreign=True, kept=True)):
        assert entry_of(json.loads(json.dumps(entry.to_json()))) == entry


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"owner": "root", "group": "kafka", "mode": "640"}, ""),
        ({"owner": "root", "group": "kafka", "mode": "0640"}, ""),
        ({"owner": "root", "group": "kafka", "mode": "4640"}, "mode 4640 instead of 0640"),
        ({"owner": "me", "group": "kafka", "mode": "640"}, "owner me:kafka instead of root:kafka"),
        (
            {"owner": "me", "group": "us", "mode": "0"},
            "owner me:us instead of root:kafka, mode 0000 instead of 0640",
        ),
    ],
)
def test_attributes(seen: dict[str, str], words: str) -> None:
    assert attributes_differ(PathSeen.of(seen), "root", "kafka", "0640") == words


def test_a_difference_reads_as_diff_writes_it() -> None:
    file = File("/etc/plain", b"a\nnew\nc\n")
    change = file.compare({**as_made(file.entry()), "sha256": "0" * 64, "content": "a\nold\nc\n"}, file.entry())
    assert change is not None
    assert not isinstance(change, Obstacle)
    assert change.diff.splitlines() == [
        "--- /etc/plain",
        "+++ /etc/plain",
        "@@ -1,3 +1,3 @@",
        " a",
        "-old",
        "+new",
        " c",
    ]


def test_a_secret_file_is_never_fetched_back_and_never_shown() -> None:
    """Its content is compared by its hash alone."""
    file = File("/etc/key", b"token\n", secret=True)
    assert "content" not in file.query()
    change = file.compare({**as_made(file.entry()), "sha256": "0" * 64}, file.entry())
    assert change is not None
    assert not isinstance(change, Obstacle)
    assert change.diff == ""
    assert file.compare(as_made(file.entry()), file.entry()) is None


def test_a_file_need_not_be_text() -> None:
    file = File("/etc/keystore", b"\xff\x00\xfe")
    change = file.compare({**as_made(file.entry()), "sha256": "0" * 64}, file.entry())
    assert change is not None
    assert not isinstance(change, Obstacle)
    assert change.content == b"\xff\x00\xfe"


def test_links_whose_source_changes_are_made_anew_even_if_they_look_right() -> None:
    old, new = Links("/home/bin", "/old/bin"), Links("/home/bin", "/new/bin")
    change = new.compare({"status": "present", "links": "right"}, old.entry())
    assert change is not None
    assert old.compare({"status": "present", "links": "right"}, old.entry()) is None


def test_links_that_a_run_was_going_to_change_disturb_nobody_if_they_stay() -> None:
    """Some of the other release's may be there: they go, but the service has not been started with them."""
    old, new = Links("/home/bin", "/old/bin"), Links("/home/bin", "/new/bin")
    intended = new.entry().intended(old.entry(), gated=False, takes_over=False)
    change = old.compare({"status": "present", "links": "right"}, intended)
    assert isinstance(change, Change)
    assert (change.quiet, change.disruptive) == (True, False)
    assert change.calls == (("put_links", "/home/bin", "/old/bin", "*", "/new/bin", "/old/bin"),)
    forward = new.compare({"status": "present", "links": "stale"}, intended)
    assert isinstance(forward, Change)
    assert forward.disruptive


def test_links_beside_other_things_need_no_folder_of_their_own() -> None:
    jars = Links("/home", "/release", "*.jar", own_folder=False)
    change = jars.compare({"status": "present", "links": "stale"}, None)
    assert change is not None
    assert not isinstance(change, Obstacle)
    assert change.calls == (("put_links", "/home", "/release", "*.jar"),)


def test_a_fingerprint_tells_every_difference_and_no_order() -> None:
    one, two = File("/a", b"x"), File("/b", b"y")
    assert fingerprint([one, two]) == fingerprint([two, one])
    others = [[one], [], [one, File("/b", b"z")], [one, File("/b", b"y", mode="0600")], [one, File("/c", b"y")]]
    assert len({fingerprint(items) for items in [[one, two], *others]}) == 6


@pytest.mark.parametrize(
    ("shown", "active", "pid", "enabled", "reload"),
    [
        ("ActiveState=active\nMainPID=7\nUnitFileState=enabled\nNeedDaemonReload=no", True, 7, True, False),
        ("ActiveState=reloading\nMainPID=7\nUnitFileState=enabled-runtime", True, 7, True, False),
        ("ActiveState=failed\nMainPID=0\nUnitFileState=disabled", False, 0, False, False),
        ("ActiveState=activating\nMainPID=0\nUnitFileState=\nNeedDaemonReload=yes", False, 0, False, True),
        ("ActiveState=active\nMainPID=\nUnitFileState=static", True, 0, False, False),
        ("", False, 0, False, False),
    ],
)
def test_a_unit_s_state(shown: str, active: bool, pid: int, enabled: bool, reload: bool) -> None:
    state = UnitState.of({"status": "present", "show": shown})
    assert (state.active, state.pid, state.enabled, state.needs_reload) == (active, pid, enabled, reload)


def test_a_unit_that_is_not_there() -> None:
    state = UnitState.of(ABSENT)
    assert (state.active, state.pid, state.enabled) == (False, 0, False)


@pytest.mark.parametrize(
    ("paths", "others"),
    [
        ("", ()),
        ("/etc/systemd/system/kafka.service.d/kprov-hardening.conf", ()),
        ("/run/systemd/system/kafka.service.d/kprov-once.conf", ()),
        ("/usr/lib/systemd/system/service.d/10-timeout-abort.conf /lib/systemd/system/service.d/x.conf", ()),
        (
            "/usr/lib/systemd/system/kafka.service.d/a.conf /etc/systemd/system/kafka.service.d/kprov-hardening.conf"
            " /etc/systemd/system/kafka.service.d/my own.conf /etc/systemd/system.control/kafka.service.d/50-x.conf",
            (
                "/usr/lib/systemd/system/kafka.service.d/a.conf",
                "/etc/systemd/system/kafka.service.d/my own.conf",
                "/etc/systemd/system.control/kafka.service.d/50-x.conf",
            ),
        ),
        # Newer versions quote what has a space.
        (
            '/etc/systemd/system/kafka.service.d/kprov-hardening.conf "/etc/systemd/system/kafka.service.d/my a.conf"',
            ("/etc/systemd/system/kafka.service.d/my a.conf",),
        ),
        (
            '"/etc/systemd/system/kafka.service.d/my own.conf" /run/x.conf',
            ("/etc/systemd/system/kafka.service.d/my own.conf", "/run/x.conf"),
        ),
        ("/opt/kprov-hardening.conf", ("/opt/kprov-hardening.conf",)),
    ],
)
def test_the_drop_ins_of_others(paths: str, others: tuple[str, ...]) -> None:
    assert UnitState.of({"status": "present", "show": f"DropInPaths={paths}\nMainPID=1"}).drop_ins == others


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4096", 4096),
        ("infinity", sys.maxsize),
        ("unlimited", sys.maxsize),
        ("18446744073709551615", sys.maxsize),
        ("", None),
        ("-1", None),
    ],
)
def test_a_limit(text: str, number: int | None) -> None:
    assert limit(text) == number
    assert UnitState.of({"status": "present", "show": f"LimitNOFILE={text}"}).open_files == number


@pytest.mark.parametrize(
    ("answer", "restarts"),
    [
        ({"restarts": "0"}, 0),
        ({"restarts": "7", "messages": "s"}, 7),
        ({"restarts": "", "messages": ""}, None),
        ({}, None),
        ({"messages": "s"}, 0),
        ({"messages": "srs"}, 1),
        ({"messages": "srsrsr"}, 3),
        ({"messages": "srsrss"}, 0),  # somebody started it again
        ({"messages": "srsssrs"}, 1),
        ({"messages": "rsrs"}, 2),  # the journal begins in the middle
        ({"messages": "srrr"}, 3),  # it does not even come to be started
    ],
)
def test_how_often_a_unit_was_started_again(answer: dict[str, str], restarts: int | None) -> None:
    assert Running.of({"status": "present", **answer}).restarts == restarts


def test_what_a_main_process_may_open() -> None:
    assert Running.of({"open_files": "4096"}).open_files == 4096
    assert Running.of({"open_files": ""}).open_files is None


@pytest.mark.parametrize(
    "before", [UserEntry("kafka"), UserEntry("kafka", adopted=True, group_made=True), UserEntry("kafka", joined="990")]
)
def test_a_group_that_is_created_again_leaves_the_entry_of_the_user_as_it_was(before: UserEntry) -> None:
    """Apart from that the change is no longer pending."""
    was = replace(before, pending=True)
    change = User("kafka").compare({"status": "present", "entry": "kafka:x:989:990::/:/bin/false", "group": ""}, was)
    assert isinstance(change, Change)
    assert change.calls == (("add_group", "kafka"),)
    assert change.entry == before


@pytest.mark.parametrize(
    ("made", "calls"),
    [
        (UserEntry("kafka"), (("remove_user", "kafka"),)),
        (UserEntry("kafka", joined="990"), (("remove_user", "kafka", "990"),)),
        (UserEntry("kafka", adopted=True), None),
        (UserEntry("kafka", adopted=True, group_made=True), (("remove_group", "kafka"),)),
    ],
)
def test_uninstall_removes_what_kprov_created_of_a_user_and_its_group(
    made: UserEntry, calls: tuple[tuple[str, ...], ...] | None
) -> None:
    seen = {"status": "present", "entry": "kafka:x:989:990::/:/bin/false", "group": "kafka:x:990:"}
    change = made.removal(seen, purge=True, force=False).change
    assert (change.calls if change else None) == calls
