"""The remote library in dash and in bash, with a PATH of exactly the commands that it declares."""

from __future__ import annotations

import base64
import grp
import hashlib
import io
import json
import os
import pwd
import re
import resource
import shlex
import shutil
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.local_host import LIBRARY, SHELLS, LocalHost, needs

from kprov.host.facts import looking_ahead, seen_of
from kprov.kinds.base import Answer

OWNER = pwd.getpwuid(os.geteuid()).pw_name
GROUP = grp.getgrgid(os.getegid()).gr_name
ODD = "tab\there, 'quotes' \"double\", back\\slash, $HOME `x`, line\nbreak, 日本語 %s %%"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="root gives files away")


@pytest.fixture(params=SHELLS, ids=lambda shell: shell[0])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> LocalHost:
    (tmp_path / "host").mkdir()
    return LocalHost(tmp_path / "host", shell=request.param)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The directory for resources; its name needs quoting in a shell."""
    folder = tmp_path / "it's a place"
    folder.mkdir()
    return folder


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def stage(host: LocalHost, *contents: bytes) -> None:
    folder = host.state / "stage"
    folder.mkdir(exist_ok=True)
    for content in contents:
        (folder / sha256(content)).write_bytes(content)


def step(host: LocalHost, *call: str) -> None:
    """Run a step that must succeed."""
    reply = host.exchange([("step", "1", *call)])
    assert [record.kind for record in reply.records] == ["begin", "end"], reply


def fails(host: LocalHost, *call: str) -> str:
    """Run a step that must fail, and return its output."""
    reply = host.exchange([("step", "1", *call), ("say", "after")])
    assert [record.kind for record in reply.records] == ["begin", "failed"], "nothing runs after a failed step"
    return reply.records[-1]["output"]


# ------------------------------------------------------------------ the text itself


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shellcheck_finds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "library.sh"
    path.write_text(LIBRARY)
    done = subprocess.run(["shellcheck", "-s", "sh", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_probes_change_nothing() -> None:
    """Judged by their text, neither probes nor the functions that they call write."""
    bodies = dict(re.findall(r"^([a-z_]+)\(\) (\{[^\n]*\}$|\{.*?^\})", LIBRARY, re.MULTILINE | re.DOTALL))
    writing = re.compile(
        r"(?:^|[;&|({])\s*(?:rm|mv|cp|mkdir|ln|chmod|chown|tar|useradd|userdel|rmdir)\b|(?<!2)>(?!&|/dev/null)\s*\"?\$|>>"
        r"|systemctl (start|stop|restart|enable|disable|daemon)|--(add|remove)-port",
        re.MULTILINE,
    )
    assert writing.search(bodies["put_file"]), "the pattern finds what writes"
    todo = [name for name in bodies if name.startswith("probe_")]
    assert len(todo) > 12
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        seen.add(name)
        # a comparison in a test is no redirection
        body = re.sub(r"#.*|\[ [^\]]*\]", "", bodies[name])
        # a question to SELinux's policy is written to the kernel and changes nothing
        body = body.replace('7<>"$selinux_fs/$1"', "")
        assert not writing.search(body), name
        todo += [other for other in bodies if other not in seen and re.search(rf"\b{other}\b", body)]


def test_a_host_with_the_declared_commands_lacks_nothing(host: LocalHost) -> None:
    facts = host.one("probe_facts")
    assert facts["missing"] == ""
    assert facts["system"] == "Linux"
    assert facts["bits"] == "", "getconf is not declared, and its absence is borne"
    assert facts.number("memory_kib") > 1000
    assert facts["boot"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_missing_commands_are_reported(host: LocalHost) -> None:
    for name in ("tar", "gzip"):
        (host.bin / name).unlink()
    assert host.one("probe_facts")["missing"] == "gzip tar"
    assert set(needs()) >= {"tar", "gzip"}


@pytest.mark.parametrize("name", sorted(set(needs()) - {"gzip"}))  # which tar calls
def test_every_declared_command_is_called(name: str) -> None:
    """A host is not refused for lack of a command that is never called."""
    body = re.sub(r"^kprov_needs='[^']*'$|#.*", "", LIBRARY, flags=re.MULTILINE)
    assert re.search(
        rf"(?:^|[;&|({{!`]|\b(?:then|do|else|if|while)\b)\s*(?:timeout .*|as_entering )?\b{name}\b", body, re.MULTILINE
    )


def test_no_undeclared_command_can_be_called(host: LocalHost) -> None:
    """The PATH that the library sets holds only the declared commands here."""
    host.before = 'path() { say path "path=$PATH"; }'
    assert host.one("path")["path"] == str(host.bin)
    assert sorted(path.name for path in host.bin.iterdir()) == sorted(needs())


def test_bash_keeps_the_rules_of_centos_7(host: LocalHost) -> None:
    host.before = 'rules() { say rules "posix=${POSIXLY_CORRECT-}${SHELLOPTS-}" "compat=${BASH_COMPAT-}"; }'
    rules = host.one("rules")
    assert rules["compat"] == "4.2"
    assert host.shell[0] != "bash" or "posix" in rules["posix"]


# ------------------------------------------------------------------ answers and steps


@pytest.mark.parametrize("value", [ODD, "", " ", "-n", "\\n", "ends in a line break", "€", "@kprov\tsay\tx=1"])
def test_a_value_that_is_encoded_survives(host: LocalHost, value: str) -> None:
    host.before = 'echo_back() { say back "value?=$1"; }'
    assert host.one("echo_back", value)["value"] == value


def test_a_value_of_every_byte_is_not_lost(host: LocalHost, place: Path) -> None:
    data = bytes(range(256)) * 100
    (place / "bytes").write_bytes(data)
    seen = host.one("probe_path", "x", str(place / "bytes"), "content")
    assert seen["content"] == data.decode("utf-8", "replace")
    assert seen["sha256"] == sha256(data)


def test_a_step_reports_its_beginning_and_its_output(host: LocalHost) -> None:
    host.before = "talk() { echo out; echo err >&2; }"
    begin, end = host.exchange([("step", "7", "talk")]).records
    assert (begin.kind, begin["number"]) == ("begin", "7")
    assert (end.kind, end["number"], end["output"]) == ("end", "7", "out\nerr")


def test_a_failed_step_ends_the_exchange_with_its_status(host: LocalHost) -> None:
    host.before = "bad() { echo why; return 42; }"
    reply = host.exchange([("step", "1", "true"), ("step", "2", "bad"), ("step", "3", "true")])
    assert [(record.kind, record["number"]) for record in reply.records] == [
        ("begin", "1"),
        ("end", "1"),
        ("begin", "2"),
        ("failed", "2"),
    ]
    assert (reply.records[-1]["status"], reply.records[-1]["output"]) == ("42", "why")


def test_a_step_that_exits_fails_and_does_not_end_the_library(host: LocalHost) -> None:
    host.before = "leave() { echo gone; exit 3; }"
    assert fails(host, "leave") == "gone"


def test_a_step_cannot_read_the_payload(host: LocalHost) -> None:
    host.before = 'greedy() { cat; }; rest() { say rest "text64=$(encode)"; }'
    reply = host.exchange([("step", "1", "greedy"), ("rest",)], [b"payload"])
    assert reply.records[1]["output"] == ""
    assert reply.records[2]["text"] == "payload"


# ------------------------------------------------------------------ paths


def test_a_file(host: LocalHost, place: Path) -> None:
    path = place / "-a file"
    path.write_bytes(b"text\n")
    path.chmod(0o640)
    seen = host.one("probe_path", "file:x", str(path))
    assert dict(seen.fields) == {
        "id": "file:x",
        "status": "present",
        "type": "regular file",
        "mode": "640",
        "owner": OWNER,
        "group": GROUP,
        "uid": str(os.geteuid()),
        "gid": str(os.getegid()),
        "size": "5",
        "mtime": str(int(path.stat().st_mtime)),
        "sha256": sha256(b"text\n"),
    }
    assert host.one("probe_path", "file:x", str(path), "content")["content"] == "text\n"


def test_a_backup_of_the_original_is_reported(host: LocalHost, place: Path) -> None:
    """The plan uses it to distinguish an original file from kprov's own."""
    path, folder = place / "file", place / "bin"
    path.touch()
    folder.mkdir()
    assert host.one("probe_path", "x", str(path))["backup"] == ""
    (place / "file.before-kprov").symlink_to("/nowhere")
    (place / "bin.before-kprov").mkdir()
    assert host.one("probe_path", "x", str(path))["backup"] == "yes"
    assert host.one("probe_links", "x", str(folder), str(place), "*")["backup"] == "yes"


def test_setting_aside_and_putting_back_never_overwrite_anything(host: LocalHost, place: Path) -> None:
    path, backup = place / "file", place / "file.before-kprov"
    path.write_text("theirs")
    step(host, "set_aside", str(path), str(backup))
    assert (path.exists(), backup.read_text()) == (False, "theirs")
    path.write_text("kprov's")
    assert "already exists" in fails(host, "set_aside", str(path), str(backup))
    assert "was not restored" in fails(host, "put_back", str(backup), str(path))
    path.unlink()
    step(host, "put_back", str(backup), str(path))
    assert (path.read_text(), backup.exists()) == ("theirs", False)


def test_an_empty_file_is_a_file(host: LocalHost, place: Path) -> None:
    (place / "empty").touch()
    seen = host.one("probe_path", "x", str(place / "empty"), "content")
    assert (seen["type"], seen["content"], seen["sha256"]) == ("regular empty file", "", sha256(b""))


def test_a_directory_reports_its_number_of_entries(host: LocalHost, place: Path) -> None:
    (place / ".hidden").touch()
    (place / "shown").touch()
    seen = host.one("probe_path", "x", str(place))
    assert (seen["type"], seen["entries"], seen["mode"]) == ("directory", "2", "755")


def test_a_link_is_reported_as_a_link(host: LocalHost, place: Path) -> None:
    (place / "dangling").symlink_to("/nowhere/at all")
    seen = host.one("probe_path", "x", str(place / "dangling"))
    assert (seen["status"], seen["type"], seen["target"]) == ("present", "symbolic link", "/nowhere/at all")


def test_a_missing_path_is_absent(host: LocalHost, place: Path) -> None:
    (place / "file").touch()
    for path in (place / "none", place / "none" / "below", place / "file" / "below"):
        assert dict(host.one("probe_path", "x", str(path)).fields) == {"id": "x", "status": "absent"}


@pytest.fixture
def many(place: Path) -> list[tuple[str, ...]]:
    """Questions about paths of every kind, with names of every kind."""
    names = ["plain", "with space", "it's", 'a "quote"', "[a]*?", "back\\slash", "-dash", "é", "$HOME", "a  b"]
    for name in names:
        (place / name).write_text(f"content of {name}")
        (place / f"link to {name}").symlink_to(place / name)
        (place / f"{name}.d").mkdir()
        (place / f"{name}.d" / "entry").touch()
    (place / "back\\slash.before-kprov").touch()
    (place / "nowhere").symlink_to("/nowhere/at all")
    os.mkfifo(place / "fifo")
    paths = [*sorted(place.iterdir()), place / "missing", place / "plain" / "below a file", place]
    return [("probe_path", f"path:{path}", str(path), *content) for path in paths for content in ((), ("content",))]


def test_looking_ahead_changes_no_answer(host: LocalHost, many: list[tuple[str, ...]]) -> None:
    alone, together = host.exchange(many), host.exchange(looking_ahead(many))
    assert together.records == alone.records
    assert {record["status"] for record in alone.records} == {"present", "absent"}
    assert len(alone.records) == len(many)


def test_paths_are_looked_at_in_one_process_each(host: LocalHost, many: list[tuple[str, ...]]) -> None:
    """Except for those that are missing, and for sums that are written with an escaped name."""
    for name in ("stat", "sha256sum"):
        host.stand_in(name, f'exec {shutil.which(name)} "$@"')
    host.exchange(looking_ahead(many))
    programs = [line.split()[0] for line in host.log]
    escaped = missing = 4  # the file with a backslash and its link's target are asked twice, and so are two paths
    assert programs.count("stat") == 1 + missing
    assert programs.count("sha256sum") <= 1 + escaped


UNITS = """\
Id=zookeeper.service
LoadState=loaded
MainPID=0
NRestarts=1

MainPID=7
Id=kafka.service
LoadState=loaded
NRestarts=22
"""


def test_units_are_looked_at_in_one_process(host: LocalHost) -> None:
    """In whatever order systemd has them; one that it does not know is asked about alone."""
    host.stand_in("systemctl", f"[ $# = 4 ] && echo Id=other || echo {shlex.quote(UNITS)}")
    names = ("kafka.service", "zookeeper.service", "kafka.service")
    calls = [("probe_unit", name, name) for name in names] + [("probe_running", f"running:{names[0]}", names[0])]
    seen = seen_of(host.exchange(looking_ahead(calls)))
    assert seen["kafka.service"]["show"] == "MainPID=7\nId=kafka.service\nLoadState=loaded\nNRestarts=22"
    assert seen["zookeeper.service"]["show"].startswith("Id=zookeeper.service\n")
    assert seen["running:kafka.service"]["restarts"] == "22"
    assert len([line for line in host.log if line.startswith("systemctl ")]) == 1
    calls = [("probe_unit", name, name) for name in ("kafka.service", "alias.service")]
    assert seen_of(host.exchange(looking_ahead(calls)))["alias.service"]["show"] == "Id=other"


def test_file_systems_are_looked_at_in_one_process_each(host: LocalHost, place: Path) -> None:
    """The answers are those of one question for each."""
    host.stand_in("df", f'exec {shutil.which("df")} "$@"')
    (place / "there").mkdir()
    paths = (place, place / "there", place / "missing", place / "there" / "a" / "b", Path("/proc"), Path("/"))
    calls = [("probe_disk", f"disk:{path}", str(path)) for path in paths]
    alone = [host.one(*call) for call in calls]
    before = len(host.log)
    together = host.exchange(looking_ahead(calls)).records
    volatile = ("kib", "inodes")
    assert [{**record.fields, **dict.fromkeys(volatile)} for record in together] == [
        {**record.fields, **dict.fromkeys(volatile)} for record in alone
    ]
    assert all(record["kib"] and record["mount"] and record["type"] and record["options"] for record in together)
    assert len(host.log) - before == 2


def test_groups_of_calls_run_at_the_same_time_and_answer_in_their_order(host: LocalHost, place: Path) -> None:
    """Each waits for what another one makes; none reads what the others say."""
    host.before = """
        make() { touch "$1" && meet "$2" "$3"; }
        meet() { until [ -e "$1" ]; do sleep 0.01; done; cat; say met "who=$2"; }
    """
    (host.bin / "touch").symlink_to(shutil.which("touch") or "")
    one, two = str(place / "one"), str(place / "two")
    reply = host.exchange([("make", one, two, "1")], beside=[[("make", two, one, "2"), ("say", "met", "who=3")]])
    assert [record["who"] for record in reply.records] == ["1", "2", "3"]
    three = [[("say", "met", f"who={number}")] for number in range(9)]
    reply = host.exchange(three[0], beside=three[1:])
    assert [record["who"] for record in reply.records] == [str(number) for number in range(9)]


def test_one_path_needs_no_look_ahead() -> None:
    call = ("probe_path", "file:/a", "/a")
    assert looking_ahead([call]) == [call]
    assert looking_ahead([call, ("probe_unit", "a", "a"), ("probe_data", "data:/b", "/b")])[0] == (
        "look_ahead",
        "/a",
        "/b",
    )


def test_an_unreadable_path_is_unknown_and_not_absent(host: LocalHost, place: Path) -> None:
    loop = place / "loop"
    loop.symlink_to(loop)
    below = host.one("probe_path", "x", str(loop / "below"))
    assert below["status"] == "unknown"
    assert "Too many levels of symbolic links" in below["why"]


@needs_root
def test_a_path_that_the_user_may_not_read_is_unknown() -> None:
    """It runs as nobody, as root may read everything."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "file").touch()  # in a directory of root's, 0700
        script = f"{LIBRARY}\nprobe_path x {folder}/file\n"
        done = subprocess.run(["sh"], input=script.encode(), capture_output=True, check=True, user="nobody", cwd="/")
    assert b"status=unknown" in done.stdout


@pytest.mark.parametrize(
    ("files", "holds", "broker"),
    [
        ({"meta.properties": "#\nversion=0\nbroker.id=7\n"}, "kafka", "7"),
        ({"meta.properties": "version=0\n"}, "kafka", ""),
        ({"version-2/snapshot.0": ""}, "zookeeper", ""),
        ({"letter": ""}, "other", ""),
        ({}, "other", ""),
    ],
)
def test_what_data_a_directory_holds(
    host: LocalHost, place: Path, files: dict[str, str], holds: str, broker: str
) -> None:
    for name, text in files.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(text)
    seen = data_of(host, place)
    assert (seen["status"], seen["entries"]) == ("present", str(len(files)))
    assert (seen["holds"], seen["broker"]) == (holds, broker)
    assert int(seen["kib"]) > 0


def data_of(host: LocalHost, path: Path) -> Answer:
    """Everything that the probe reports about a data directory."""
    return seen_of(host.exchange([("probe_data", "x", str(path))]))["x"]


def test_topics_are_counted_by_their_first_partition(host: LocalHost, place: Path) -> None:
    """Internal topics, and partitions that are being moved or deleted, do not count."""
    names = ["a-0", "a-1", "a-10", "a-1-0", "b_c.d-0", "__consumer_offsets-0", "__transaction_state-3"]
    names += ["gone-0.4ca5a0b87d3b4b8f-delete", "moved-0.4ca5a0b8-future", "no-partition", "meta.properties"]
    for name in names:
        (place / name).mkdir()
    data = data_of(host, place)
    assert (data["topics"], data["partitions"]) == ("3", "5")


def test_no_data_directory(host: LocalHost, place: Path) -> None:
    seen = data_of(host, place / "none")
    assert seen["status"] == "absent"
    assert "holds" not in seen
    assert seen["mount"], "where it would lie is told all the same"


def test_lost_and_found_is_not_counted_as_data(host: LocalHost, place: Path) -> None:
    (place / "lost+found").mkdir()
    seen = data_of(host, place)
    assert (seen["lost_found"], seen["entries"], seen["holds"]) == ("yes", "0", "other")
    (place / "lost+found2").mkdir()
    assert data_of(host, place)["entries"] == "1"


def test_a_directory_that_cannot_be_listed_is_unknown(host: LocalHost, place: Path) -> None:
    """A failed disk may still answer for its top directory from memory."""
    host.stand_in("ls", 'echo "ls: reading directory: Input/output error" >&2; exit 2')
    for probe in ("probe_data", "probe_path"):
        seen = seen_of(host.exchange([(probe, "x", str(place))]))["x"]
        assert (seen["status"], "Input/output error" in seen["why"]) == ("unknown", True)


def test_the_cluster_of_messages(host: LocalHost, place: Path) -> None:
    (place / "meta.properties").write_text("version=0\nbroker.id=2\ncluster.id=mlbBv0PTQ6q_Os3v6yy0lQ\n")
    assert data_of(host, place)["cluster"] == "mlbBv0PTQ6q_Os3v6yy0lQ"


@pytest.mark.parametrize(
    ("files", "topics"),
    [
        ({}, "no"),
        ({"log.1": b"\0\0/brokers/topics\0\0"}, "no"),
        ({"log.1": b"\0" * 70000 + b"\0\0\0\x15/brokers/topics/msg\0"}, "yes"),
        ({"log.1": b"\0", "snapshot.0": b"\xff/brokers/topics/__consumer_offsets"}, "yes"),
    ],
)
def test_whether_zookeeper_knows_topics(host: LocalHost, place: Path, files: dict[str, bytes], topics: str) -> None:
    (place / "version-2").mkdir()
    for name, content in files.items():
        (place / "version-2" / name).write_bytes(content)
    assert data_of(host, place)["knows_topics"] == topics


def test_a_search_for_topics_that_takes_too_long_is_unknown(host: LocalHost, place: Path) -> None:
    (place / "version-2").mkdir()
    host.stand_in("timeout", "exit 124")
    assert data_of(host, place)["knows_topics"] == "unknown"


MOUNTS = r"""22 1 8:1 / / rw,relatime shared:1 - xfs /dev/sda1 rw
30 22 0:5 / /proc rw - proc proc rw
40 22 8:17 / @DATA rw,noatime shared:9 master:2 - ext4 /dev/sdb1 rw
41 22 253:0 / @DATA\040disk rw - xfs /dev/mapper/vg-k rw
42 40 8:17 /inner/kafka @DATA/bind rw - ext4 /dev/sdb1 rw
43 22 0:44 / @DATA/over rw - autofs systemd-1 rw
44 22 0:45 / @DATA/over rw - nfs4 nas:/export rw
45 22 253:1 / @DATA\134odd rw - xfs /dev/mapper/vg\040odd rw
"""


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("data/kafka", ("data", "/kafka", "ext4", "/dev/sdb1")),
        ("data", ("data", "", "ext4", "/dev/sdb1")),
        ("data/bind/a", ("data/bind", "/inner/kafka/a", "ext4", "/dev/sdb1")),
        ("data/over/kafka", ("data/over", "/kafka", "nfs4", "nas:/export")),
        ("data disk/k", ("data disk", "/k", "xfs", "/dev/mapper/vg-k")),
        ("data\\odd/k", ("data\\odd", "/k", "xfs", "/dev/mapper/vg odd")),
        ("link/kafka", ("data", "/kafka", "ext4", "/dev/sdb1")),
    ],
)
def test_the_file_system_of_data(host: LocalHost, tmp_path: Path, path: str, where: tuple[str, ...]) -> None:
    """It is the longest mount point above the path, the last of several; links are followed; the path may not exist."""
    host.before += f"mount_table={mounts(tmp_path)}\n"
    (tmp_path / "link").symlink_to(tmp_path / "data")
    seen = data_of(host, tmp_path / path)
    mount, *rest = where
    assert [seen["mount"], seen["inside"], seen["fstype"], seen["device"]] == [str(tmp_path / mount), *rest]


def test_a_path_beside_a_mount_point_is_not_on_it(host: LocalHost, tmp_path: Path) -> None:
    host.before += f"mount_table={mounts(tmp_path)}\n"
    seen = data_of(host, tmp_path / "database")
    assert (seen["mount"], seen["inside"], seen["device"]) == ("/", str(tmp_path / "database"), "/dev/sda1")


def mounts(tmp_path: Path) -> str:
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS.replace("@DATA", str(tmp_path / "data")))
    return str(table)


def test_the_uuid_of_a_file_system(host: LocalHost, tmp_path: Path) -> None:
    """Found by the device's numbers, or by its name if the file system uses other numbers, as btrfs does."""
    disks = tmp_path / "by-uuid"
    disks.mkdir()
    (tmp_path / "sdb1").touch()
    (disks / "1111").symlink_to("/dev/null")
    (disks / "2222").symlink_to(tmp_path / "sdb1")
    (disks / "3333").symlink_to(tmp_path / "gone")
    table = tmp_path / "mountinfo"
    host.before += f"mount_table={table}\ndisks_by_uuid={disks}\n"
    for device, source, uuid in (
        ("1:3", "/dev/whatever", "1111"),
        ("0:99", str(tmp_path / "sdb1"), "2222"),
        ("0:98", "nas:/x", ""),
    ):
        table.write_text(f"22 1 {device} / / rw - btrfs {source} rw\n")
        assert data_of(host, tmp_path / "data")["uuid"] == uuid


def test_log_dirs_that_a_broker_has_open(host: LocalHost, place: Path, tmp_path: Path) -> None:
    """The broker keeps the lock file of each directory open while it uses it."""
    link = tmp_path / "link"
    link.symlink_to(place)
    (place / "used").mkdir()
    (place / "used" / ".lock").touch()
    with (place / "used" / ".lock").open():
        directories = (str(link / "used"), str(place / "use"), str(place / "failed"))
        answer = host.one("probe_log_dirs", "x", str(os.getpid()), *directories)
    assert answer["offline"].splitlines() == list(directories[1:])
    assert host.one("probe_log_dirs", "x", "999999999", str(place))["status"] == "unknown"


@needs_root
def test_data_is_removed_from_a_mount_point_which_stays(host: LocalHost, tmp_path: Path) -> None:
    """A mount point and its lost+found are kept; an ordinary directory is removed."""
    host.before += f"mount_table={mounts(tmp_path)}\n"
    for name in ("data/msg-0", "data/lost+found", "data/.hidden dir", "plain/dir/msg-0"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").touch()
    step(host, "remove_data", str(tmp_path / "data"))
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["lost+found"]
    assert ((tmp_path / "data").owner(), (tmp_path / "data").stat().st_mode & 0o777) == ("root", 0o755)
    step(host, "remove_data", str(tmp_path / "plain" / "dir"))
    assert not (tmp_path / "plain" / "dir").exists()


@needs_root
def test_files_of_a_service_are_given_back_to_its_user(host: LocalHost, place: Path) -> None:
    """A tree that cannot be changed prevents neither the other trees nor the start."""
    for name in ("a", "b"):
        (place / name).mkdir()
        (place / name / "file").touch()
    step(host, "give_back", "daemon", "daemon", str(place / "a"), str(place / "none"), str(place / "b"))
    assert {path.owner() for path in place.rglob("*")} == {"daemon"}
    host.stand_in("chown", "echo 'chown: Read-only file system' >&2; exit 1")
    step(host, "give_back", "root", "root", str(place / "a"))


# ------------------------------------------------------------------ links


@pytest.fixture
def source(place: Path) -> Path:
    folder = place / "release" / "bin"
    folder.mkdir(parents=True)
    for name in ("start.sh", "stop.sh", "with space.sh"):
        (folder / name).touch()
    (folder / "windows").mkdir()
    return folder


def test_links_are_made_and_are_right(host: LocalHost, place: Path, source: Path) -> None:
    folder = place / "bin"
    query = ("probe_links", "x", str(folder), str(source), "*")
    assert host.one(*query)["status"] == "absent"
    step(host, "put_links", str(folder), str(source), "*")
    assert {path.name: path.readlink() for path in folder.iterdir()} == {path.name: path for path in source.iterdir()}
    assert host.one(*query)["links"] == "right"


def test_links_that_are_right_are_read_in_one_process(host: LocalHost, place: Path, source: Path) -> None:
    folder = place / "bin"
    step(host, "put_links", str(folder), str(source), "*")
    host.stand_in("readlink", f'exec {shutil.which("readlink")} "$@"')
    assert host.one("probe_links", "x", str(folder), str(source), "*")["links"] == "right"
    assert [line.split()[0] for line in host.log] == ["readlink"]
    assert len(list(source.iterdir())) > 1


def test_links_that_are_no_longer_right(host: LocalHost, place: Path, source: Path) -> None:
    folder = place / "bin"
    query = ("probe_links", "x", str(folder), str(source), "*")
    step(host, "put_links", str(folder), str(source), "*")
    (folder / "start.sh").unlink()
    assert host.one(*query)["links"] == "stale", "one is missing"
    step(host, "put_links", str(folder), str(source), "*")
    (folder / "gone.sh").symlink_to(source / "gone.sh")
    assert host.one(*query)["links"] == "stale", "one leads nowhere"
    step(host, "put_links", str(folder), str(source), "*")
    assert not (folder / "gone.sh").is_symlink()
    (folder / "own.sh").touch()
    (folder / "own link").symlink_to("/nowhere")
    assert host.one(*query)["links"] == "right", "what somebody put beside them is theirs"
    (folder / "start.sh").unlink()
    (folder / "start.sh").touch()
    os.utime(folder / "start.sh", (5, 5))
    seen = host.one(*query)
    assert (seen["links"], seen["replaced"]) == ("stale", "start.sh 5\n"), "a file is where a link was"
    assert "start.sh" in fails(host, "put_links", str(folder), str(source), "*"), "it is not written over"
    shutil.rmtree(source)
    assert host.one(*query)["links"] == "stale", "the release is gone"


def test_new_links_replace_those_of_another_release(host: LocalHost, place: Path, source: Path) -> None:
    folder, other = place / "bin", place / "other"
    other.mkdir()
    (other / "start.sh").touch()
    step(host, "put_links", str(folder), str(source), "*")
    (folder / "own").symlink_to("/somewhere")
    step(host, "put_links", str(folder), str(other), "*", str(source))
    assert (folder / "own").is_symlink(), "it is somebody else's"
    (folder / "own").unlink()
    assert {path.name: path.readlink() for path in folder.iterdir()} == {"start.sh": other / "start.sh"}


def test_links_of_a_pattern_leave_the_others_alone(host: LocalHost, place: Path, source: Path) -> None:
    (source / "a.jar").touch()
    (place / "conf").mkdir()
    (place / "lib").symlink_to(source)
    step(host, "put_links", str(place), str(source), "*.jar")
    assert (place / "a.jar").readlink() == source / "a.jar"
    assert host.one("probe_links", "x", str(place), str(source), "*.jar")["links"] == "right"
    step(host, "remove_links", str(place), "*.jar", "keep", str(source))
    assert not (place / "a.jar").is_symlink()
    assert (place / "lib").is_symlink()


def test_links_are_removed_with_their_folder_unless_others_have_files_in_it(
    host: LocalHost, place: Path, source: Path
) -> None:
    folder = place / "bin"
    step(host, "put_links", str(folder), str(source), "*")
    step(host, "remove_links", str(folder), "*", "own", str(source))
    assert not folder.exists()
    step(host, "remove_links", str(folder), "*", "own", str(source))
    step(host, "put_links", str(folder), str(source), "*")
    (folder / "mine").touch()
    step(host, "remove_links", str(folder), "*", "own", str(source))
    assert [path.name for path in folder.iterdir()] == ["mine"], "uninstall tells of it as left over"
    assert source.joinpath("start.sh").exists(), "what the links led to stays"


def test_links_into_a_missing_release_fail(host: LocalHost, place: Path) -> None:
    assert "does not exist" in fails(host, "put_links", str(place / "bin"), str(place / "none"), "*")


def test_a_link_is_replaced_in_one_step(host: LocalHost, place: Path) -> None:
    path = place / "libs"
    for target in ("/releases/one", "/releases/two"):
        step(host, "put_link", str(path), target)
        assert os.readlink(path) == target
    assert os.listdir(place) == ["libs"]


def test_a_link_to_a_directory_is_replaced_and_not_filled(host: LocalHost, place: Path, source: Path) -> None:
    (place / "libs").symlink_to(source)
    step(host, "put_link", str(place / "libs"), "/releases/two")
    assert os.readlink(place / "libs") == "/releases/two"
    assert sorted(os.listdir(source)) == ["start.sh", "stop.sh", "windows", "with space.sh"]


# ------------------------------------------------------------------ ports


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


@pytest.mark.parametrize("first", ["", "0", "own", "1"])
def test_who_listens_on_a_port(host: LocalHost, listener: socket.socket, first: str) -> None:
    port = str(listener.getsockname()[1])
    pid = str(os.getpid()) if first == "own" else first
    seen = host.one("probe_port", f"port:{port}", port, *([pid] if pid else []))
    assert (seen["status"], seen["pid"]) == ("present", str(os.getpid()))
    assert seen["address"] == "0100007F"
    assert "pytest" in seen["program"] or "python" in seen["program"]


def test_a_listener_on_ipv6_counts(host: LocalHost) -> None:
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with server:
        assert host.one("probe_port", "x", str(server.getsockname()[1]))["pid"] == str(os.getpid())


def test_a_connection_is_not_a_listener(host: LocalHost, listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()) as client:
        assert host.one("probe_port", "x", str(client.getsockname()[1]))["status"] == "absent"


def test_a_free_port(host: LocalHost, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    assert host.one("probe_port", "x", str(port))["status"] == "absent"


# ------------------------------------------------------------------ other probes


def test_free_space_is_that_of_the_nearest_existing_directory(host: LocalHost, place: Path) -> None:
    seen = host.one("probe_disk", "x", str(place / "not" / "yet"))
    assert seen["place"] == str(place)
    assert seen.number("kib") > 0


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        ("LoadState=loaded\nActiveState=active\nMainPID=12", "present"),
        ("LoadState=not-found\nActiveState=inactive", "absent"),
    ],
)
def test_a_unit(host: LocalHost, shown: str, status: str) -> None:
    host.stand_in("systemctl", f"printf '%s\\n' '{shown}'")
    seen = host.one("probe_unit", "x", "kafka.service")
    assert (seen["status"], seen["show"]) == (status, shown)
    assert host.log[0].endswith(" kafka.service")


def test_a_unit_that_systemd_does_not_report_is_unknown(host: LocalHost) -> None:
    host.stand_in("systemctl", "echo 'Failed to connect to bus' >&2; exit 1")
    seen = host.one("probe_unit", "x", "kafka.service")
    assert (seen["status"], seen["why"]) == ("unknown", "Failed to connect to bus")


def test_what_systemd_counts_and_what_the_process_may_open(host: LocalHost) -> None:
    """This process stands for the service's."""
    host.stand_in("systemctl", f"echo MainPID={os.getpid()}; echo NRestarts=7")
    seen = host.one("probe_running", "x", "kafka.service")
    assert (seen["restarts"], seen["messages"]) == ("7", "")
    assert int(seen["open_files"]) == resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def test_restarts_are_read_from_the_journal_where_systemd_does_not_count_them(host: LocalHost) -> None:
    """systemd 219 does not know NRestarts, so its messages are counted, in their wording of 219."""
    host.stand_in("systemctl", "echo MainPID=0")
    lines = [
        "Started Apache Kafka 1.0.0, broker 0.",
        "Starting Apache Kafka 1.0.0, broker 0...",
        "kafka.service: main process exited, code=exited, status=1/FAILURE",
        "Unit kafka.service entered failed state.",
        "kafka.service holdoff time over, scheduling restart.",
        "Started Apache Kafka 1.0.0, broker 0.",
    ]
    host.stand_in("journalctl", f"printf '%s\n' {shlex.join(lines)}")
    seen = host.one("probe_running", "x", "kafka.service")
    assert (seen["restarts"], seen["messages"], seen["open_files"]) == ("", "srs", "")
    assert "journalctl -q -b -n 20000 --no-pager -o cat _PID=1 UNIT=kafka.service" in host.log


def test_restarts_are_empty_if_neither_systemd_nor_the_journal_reports_them(host: LocalHost) -> None:
    """The journal is empty, or cannot be read."""
    host.stand_in("systemctl", "exit 1")
    host.stand_in("journalctl", "echo 'No journal files were found.' >&2; exit 1")
    seen = host.one("probe_running", "x", "kafka.service")
    assert (seen["restarts"], seen["messages"], seen["open_files"]) == ("", "", "")


def test_a_user(host: LocalHost) -> None:
    assert host.one("probe_user", "x", "root")["entry"].startswith("root:")
    assert host.one("probe_user", "x", "no-such-user")["status"] == "absent"


def test_the_version_of_a_java(host: LocalHost, place: Path) -> None:
    assert host.one("probe_java", "x", str(place))["status"] == "absent"
    java = place / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.29\"' >&2\n")
    java.chmod(0o755)
    assert host.one("probe_java", "x", str(place))["version"] == 'openjdk version "11.0.29"'
    java.write_text("#!/bin/sh\necho broken >&2; exit 127\n")
    assert host.one("probe_java", "x", str(place))["version"] == "status 127: broken"


def test_a_log_is_the_output_of_the_last_process_from_files_and_journal(host: LocalHost, place: Path) -> None:
    host.stand_in("journalctl", "printf '%s\\n' first 'from the' journal")
    host.stand_in("systemctl", "echo 'ExecMainStartTimestamp=Mon 2026-11-23 22:02:28 UTC'")
    (place / "server.log").write_text("".join(f"line {number}\n" for number in range(9)))
    (place / "earlier.log").write_text("of another process\n")
    os.utime(place / "earlier.log", (1, 1))
    os.utime(place / "server.log", (2_000_000_000, 2_000_000_000))
    files = [str(place / name) for name in ("server.log", "earlier.log", "none")]
    seen = host.one("probe_log", "x", "kafka.service", "2", *files)
    assert seen["text"] == f"\n--- {place / 'server.log'}\nline 7\nline 8\nfrom the\njournal"


@pytest.mark.parametrize("code", [0, 1, 143])
def test_a_tool_of_kafka_s(host: LocalHost, place: Path, code: int) -> None:
    tool = place / "bin" / "tool.sh"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\npwd; echo "$JAVA_HOME|$1"; cat; printf "no end" >&2; exit {code}\n')
    tool.chmod(0o755)
    answer = host.one("tool", "t", "10", "/java", str(place), "one\ntwo\n", "bin/tool.sh", ODD)
    assert answer["output"] == f"{place}\n/java|{ODD}\none\ntwo\n"
    assert answer["errors"] == "no end"
    assert answer["code"] == str(code)
    assert os.listdir(host.state) == []


def test_a_tool_that_does_not_end_is_ended(host: LocalHost, place: Path) -> None:
    (place / "slow.sh").write_text("#!/bin/sh\necho begun\nexec /bin/sleep 60\n")
    (place / "slow.sh").chmod(0o755)
    answer = host.one("tool", "t", "1", "/java", str(place), "", "./slow.sh")
    assert (answer["code"], answer["output"]) == ("124", "begun\n")


def test_a_tool_gets_a_temporary_directory_that_is_removed(host: LocalHost, place: Path) -> None:
    """It is private and allows execution; one left by a killed run is removed with the home."""
    (place / "bin").mkdir()
    tool = place / "bin" / "tool.sh"
    tool.write_text('#!/bin/sh\necho "$KAFKA_OPTS"; folder=${KAFKA_OPTS##*tmpdir=}; /usr/bin/stat -c %a "$folder"\n')
    tool.chmod(0o755)
    answer = host.one("tool", "t", "10", "/java", str(place), "", "bin/tool.sh")
    options, mode = answer["output"].splitlines()
    assert options.startswith(f"-XX:-UsePerfData -Djava.io.tmpdir={place}/.kprov-tool.")
    assert mode == "700"
    assert 0 <= int(answer["took_ms"]) < 5000
    assert os.listdir(place) == ["bin"]
    assert os.listdir(host.state) == []
    (place / "home" / ".kprov-tool.17" / "x").mkdir(parents=True)
    step(host, "remove_empty", str(place / "home"))
    assert not (place / "home").exists()


# What people put into /etc/environment, and what would be misread for the name of a variable of ours.
DIRTY = {
    "KAFKA_HEAP_OPTS": "-Xmx1t",
    "KAFKA_OPTS": "-javaagent:/nowhere.jar",
    "KAFKA_LOG4J_OPTS": "-Dlog4j.configuration=file:/nowhere",
    "JMX_PORT": "9999",
    "CLASSPATH": "/nowhere/*",
    "JAVA_TOOL_OPTIONS": "-Xmx1t",
    "_JAVA_OPTIONS": "-Xmx1t",
    "JAVA_HOME": "/nowhere",
    "LOG_DIR": "/nowhere",
    "GREP_OPTIONS": "--color=always",
    "POSIXLY_CORRECT": "1",
    "TAR_OPTIONS": "--nowhere",
    "LC_MESSAGES": "zh_CN.UTF-8",
    "LINES_OF_TWO": "first\nPATH=/nowhere\nkprov_dir=/nowhere",
    "NOT_TEXT": "\udcff\udcfe",
    "BASH_ENV": "/nowhere",
    "ENV": "/nowhere",
    "SHELLOPTS": "xtrace",
    "PPID": "1",
    "UID": "7",
    "name": "odd",
}
CLEAN = {"PATH", "LC_ALL", "LANG", "HOME", "USER", "LOGNAME", "TZ", "SSH_CONNECTION"}
OF_THE_SHELL = {"PWD", "OLDPWD", "SHLVL", "_", "BASH_COMPAT", "SHELLOPTS", "PPID", "UID"}


@pytest.mark.parametrize(
    "call",
    [("run_command", "/usr/bin/env"), ("tool", "t", "9", "/java", "PLACE", "", "/usr/bin/env")],
    ids=["run_command", "tool"],
)
def test_commands_get_a_clean_environment(host: LocalHost, place: Path, call: tuple[str, ...]) -> None:
    """Variables of the host's environment for Kafka, Java and coreutils have no effect."""
    host.environment = DIRTY
    answer = host.one(*(str(place) if word == "PLACE" else word for word in call))
    assert answer["code"] == "0"
    lines = [line.partition("=") for line in answer["output"].splitlines()]
    found = {name: value for name, _, value in lines}
    own = {"JAVA_HOME", "KAFKA_OPTS", "KAFKA_JMX_OPTS"} if call[0] == "tool" else set()
    assert set(found) <= CLEAN | OF_THE_SHELL | own
    assert "nowhere" not in answer["output"]
    assert "-Xmx1t" not in answer["output"]


# ------------------------------------------------------------------ changes


def test_a_file_is_put(host: LocalHost, place: Path) -> None:
    content = ODD.encode()
    stage(host, content)
    path = place / "server.properties"
    path.write_text("old")
    step(host, "put_file", sha256(content), str(path), OWNER, GROUP, "0640")
    assert path.read_bytes() == content
    assert path.stat().st_mode & 0o7777 == 0o640
    assert os.listdir(place) == ["server.properties"]


@needs_root
def test_a_file_is_given_to_its_owner(host: LocalHost, place: Path) -> None:
    stage(host, b"text")
    group = grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name
    step(host, "put_file", sha256(b"text"), str(place / "file"), "nobody", group, "0640")
    assert (place / "file").owner() == "nobody"
    assert (place / "file").group() == group


def test_a_corrupted_file_is_refused(host: LocalHost, place: Path) -> None:
    stage(host, b"text")
    (host.state / "stage" / sha256(b"text")).write_bytes(b"other")
    (place / "file").write_text("old")
    said = fails(host, "put_file", sha256(b"text"), str(place / "file"), OWNER, GROUP, "0644")
    assert "corrupted on the way" in said
    assert (place / "file").read_text() == "old"
    fails(host, "put_file", sha256(b"never staged"), str(place / "file"), OWNER, GROUP, "0644")


def test_a_file_does_not_go_into_a_directory_of_its_name(host: LocalHost, place: Path) -> None:
    stage(host, b"text")
    (place / "file").mkdir()
    fails(host, "put_file", sha256(b"text"), str(place / "file"), OWNER, GROUP, "0644")
    assert os.listdir(place / "file") == []


def test_a_file_that_replaces_a_link_does_not_write_through_it(host: LocalHost, place: Path) -> None:
    stage(host, b"text")
    (place / "theirs").write_text("theirs")
    (place / "file").symlink_to(place / "theirs")
    step(host, "put_file", sha256(b"text"), str(place / "file"), OWNER, GROUP, "0644")
    assert (place / "theirs").read_text() == "theirs"
    assert not (place / "file").is_symlink()


def test_a_backup_keeps_mode_and_content(host: LocalHost, place: Path) -> None:
    (place / "file").write_text("edited")
    (place / "file").chmod(0o600)
    step(host, "back_up", str(place / "file"), str(place / "file.edited"))
    assert (place / "file.edited").read_text() == "edited"
    assert (place / "file.edited").stat().st_mode & 0o777 == 0o600


def test_a_directory_is_made_or_repaired(host: LocalHost, place: Path) -> None:
    path = place / "logs"
    for mode in (0o750, 0o755):
        step(host, "make_directory", str(path), OWNER, GROUP, f"{mode:04o}")
        assert path.stat().st_mode & 0o7777 == mode
    fails(host, "make_directory", str(place / "no" / "parent"), OWNER, GROUP, "0755")


def test_a_directory_is_removed_only_if_it_is_empty(host: LocalHost, place: Path) -> None:
    path = place / "home"
    path.mkdir()
    (path / "theirs").touch()
    step(host, "remove_empty", str(path))
    assert (path / "theirs").exists()
    (path / "theirs").unlink()
    for _ in range(2):
        step(host, "remove_empty", str(path))
        assert not path.exists()


@pytest.mark.parametrize("path", ["/", "/usr", "", "usr/x"])
def test_no_directory_of_the_system_is_removed(host: LocalHost, path: str) -> None:
    host.stand_in("rm", "exit 0")
    assert "kprov does not remove it" in fails(host, "remove_tree", path)
    assert host.log == []


def test_removing_a_tree_keeps_the_targets_of_its_links(host: LocalHost, place: Path, source: Path) -> None:
    tree = place / "tree"
    (tree / "deep").mkdir(parents=True)
    (tree / "deep" / "out").symlink_to(source)
    step(host, "remove_tree", str(tree))
    assert not tree.exists()
    assert (source / "start.sh").exists()


def test_stopping_a_unit_that_will_not_stop_fails(host: LocalHost) -> None:
    host.stand_in("systemctl", '[ "$1" != stop ] || { echo "Job for $2 failed" >&2; exit 1; }')
    assert "Job for kafka.service failed" in fails(host, "stop_unit", "kafka.service")


def test_a_stopped_unit_is_not_left_failed(host: LocalHost) -> None:
    host.stand_in("systemctl", '[ "$1" != reset-failed ]')
    step(host, "stop_unit", "kafka.service")
    assert host.log == ["systemctl stop kafka.service", "systemctl reset-failed kafka.service"]


@pytest.mark.parametrize("verb", ["start", "restart"])
def test_a_unit_that_hit_its_start_limit_is_started(host: LocalHost, verb: str) -> None:
    host.stand_in("systemctl", '[ "$1" != reset-failed ]')
    step(host, f"{verb}_unit", "kafka.service")
    asked = ["systemctl is-active kafka.service"] if verb == "start" else []
    assert host.log == [*asked, "systemctl reset-failed kafka.service", f"systemctl {verb} kafka.service"]


def test_a_unit_that_waits_for_an_automatic_restart_is_started_at_once(host: LocalHost) -> None:
    host.stand_in("systemctl", '[ "$1" != is-active ] || { echo activating; exit 3; }')
    step(host, "start_unit", "kafka.service")
    assert [line.split()[1] for line in host.log] == ["is-active", "stop", "reset-failed", "start"]


def test_a_service_s_user_cannot_log_in(host: LocalHost) -> None:
    step(host, "add_user", "kafka")
    (call,) = host.log
    assert re.search(r"--system .*--no-create-home .*--shell (/usr)?/sbin/nologin .*-- kafka$", call)


def test_removing_a_missing_user_succeeds(host: LocalHost) -> None:
    step(host, "remove_user", "no-such-user")
    assert host.log == []
    step(host, "remove_user", "root")
    assert host.log == ["userdel -- root"], "a stand-in"


# ------------------------------------------------------------------ asking a service


@pytest.fixture
def service() -> Iterator[Callable[[bytes, bool], int]]:
    """A function that starts a service, which answers one question and keeps the connection open or not; its port."""
    with ExitStack() as stack:

        def start(answer: bytes, keeps: bool) -> int:
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            server.settimeout(10)

            def serve() -> None:
                with server.accept()[0] as connection:
                    assert connection.recv(100) == b"\0question\xff"
                    connection.sendall(answer)
                    if keeps:
                        connection.settimeout(10)
                        connection.recv(1)

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            stack.callback(thread.join, 10)
            return int(server.getsockname()[1])

        yield start


@pytest.mark.parametrize(
    ("answer", "ends"), [(b"\0\0\1\4" + bytes(range(256)) + b"\0\n\0\n", "frame"), (b"Mode: x\n\0\xff", "stream")]
)
def test_a_service_is_asked_by_bash(
    host: LocalHost, service: Callable[[bytes, bool], int], answer: bytes, ends: str
) -> None:
    """Every byte of the question and of the answer arrives; nobody waits for a service to close the connection."""
    (host.bin / "bash").symlink_to(shutil.which("bash") or "")
    question = base64.b64encode(b"\0question\xff").decode()
    began = time.monotonic()
    port = service(answer, ends == "frame")
    seen = host.one("ask_service", "a", "127.0.0.1", str(port), "5", ends, question)
    assert base64.b64decode(seen["answer"]) == answer
    assert time.monotonic() - began < 4


def test_a_service_that_does_not_answer_and_a_host_without_bash(host: LocalHost) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        call = ("ask_service", "a", "127.0.0.1", str(server.getsockname()[1]), "1", "frame", "eA==")
        assert (host.one(*call)["status"], host.one(*call)["why"]) == ("unknown", "bash is not installed")
        (host.bin / "bash").symlink_to(shutil.which("bash") or "")
        assert (host.one(*call)["status"], host.one(*call)["answer"]) == ("present", "")


# ------------------------------------------------------------------ tools that still run


def test_the_end_of_a_tool_is_waited_for(host: LocalHost) -> None:
    """If it has the word among its arguments, but not longer than it may take."""
    word = f"topic-{os.getpid()}"
    for seconds, ended in ((20, True), (1, False)):
        with subprocess.Popen(["sh", "-c", "sleep 3; :", "tool", word]) as tool:
            threading.Thread(target=tool.wait).start()  # an ended process is gone only once its parent knows
            step(host, "await_end", "topic-of-nobody", "20")
            assert tool.poll() is None
            step(host, "await_end", word, str(seconds))
            assert (tool.poll() is not None) is ended


def test_a_tool_leaves_nothing_behind_if_nobody_reads_its_answer(host: LocalHost, place: Path) -> None:
    tool = place / "slow.sh"
    tool.write_text("#!/bin/sh\necho done\n")
    tool.chmod(0o755)
    host.before = "say() { exit 1; }"
    host.exchange([("tool", "t", "10", "/java", str(place), "", "./slow.sh")])
    assert os.listdir(place) == ["slow.sh"]
    assert os.listdir(host.state) == []


# ------------------------------------------------------------------ releases


def release(files: dict[str, bytes], top: str = "kafka_2.12-1.0.0", mode: str = "w:gz") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as tar:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(f"{top}/{name}")
            info.size, info.mode, info.uid, info.gid = len(content), 0o777 if name.startswith("bin/") else 0o600, 12, 34
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def unpack(host: LocalHost, path: Path, data: bytes, top: str = "kafka_2.12-1.0.0") -> tuple[str, ...]:
    uploads = host.state / "uploads"
    uploads.mkdir(exist_ok=True)
    (uploads / "kafka.tar.gz").write_bytes(data)
    return ("unpack_release", "kafka.tar.gz", sha256(data), top, str(path))


@needs_root
@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_a_release_is_unpacked_for_root_and_readable_for_all(host: LocalHost, place: Path, mode: str) -> None:
    """Also a plain tar that is named .tar.gz, as ZooKeeper 3.5.3-beta was published."""
    path = place / "release"
    step(host, *unpack(host, path, release({"bin/start.sh": b"start", "libs/a.jar": b"jar"}, mode=mode)))
    assert (path / "bin/start.sh").read_bytes() == b"start"
    assert {(item.stat().st_uid, item.stat().st_gid) for item in path.rglob("*")} == {(0, 0)}
    assert (path / "bin/start.sh").stat().st_mode & 0o777 == 0o755
    assert (path / "libs/a.jar").stat().st_mode & 0o777 == 0o644
    assert os.listdir(place) == ["release"]
    assert os.listdir(host.state / "uploads") == [], "the archive is not kept twice"


@needs_root
def test_a_release_is_complete_or_absent(host: LocalHost, place: Path) -> None:
    path = place / "release"
    whole = release({"libs/a.jar": os.urandom(50000), "libs/b.jar": os.urandom(50000)})
    fails(host, *unpack(host, path, whole[:-20000]))
    assert not path.exists()
    step(host, *unpack(host, path, whole))
    assert len((path / "libs/b.jar").read_bytes()) == 50000
    assert os.listdir(place) == ["release"]


@needs_root
def test_an_old_release_is_kept_until_the_new_one_is_complete(host: LocalHost, place: Path) -> None:
    path = place / "release"
    step(host, *unpack(host, path, release({"old": b"old"})))
    fails(host, *unpack(host, path, release({"new": os.urandom(50000)})[:-9000]))
    assert os.listdir(path) == ["old"]
    step(host, *unpack(host, path, release({"new": b"new"})))
    assert os.listdir(path) == ["new"]
    assert os.listdir(place) == ["release"]


def test_a_release_with_another_checksum_is_not_unpacked(host: LocalHost, place: Path) -> None:
    call = unpack(host, place / "release", release({"a": b"a"}))
    (host.state / "uploads/kafka.tar.gz").write_bytes(b"other")
    assert "does not have the SHA-256" in fails(host, *call)
    assert os.listdir(place) == []


@needs_root
def test_leftovers_of_a_killed_run_do_not_prevent_unpacking(host: LocalHost, place: Path) -> None:
    """The run was killed after the new release was in place and before the old one was removed."""
    path = place / "release"
    step(host, *unpack(host, path, release({"one": b"1"})))
    (place / "release.kprov-old").mkdir()
    (place / "release.kprov-old" / "zero").touch()
    step(host, *unpack(host, path, release({"two": b"2"})))
    assert os.listdir(path) == ["two"]
    assert os.listdir(place) == ["release"]


# ------------------------------------------------------------------ uploads


def part(host: LocalHost) -> Path:
    return host.state / "uploads" / "kafka.tgz.part"


def receive(data: bytes, size: int | None = None) -> tuple[str, ...]:
    return ("receive_upload", "kafka.tgz", sha256(data), str(len(data) if size is None else size))


def test_an_archive_is_received(host: LocalHost) -> None:
    data = os.urandom(100000)
    assert host.one(*receive(data), payload=data)["ok"] == "yes"
    assert (host.state / "uploads/kafka.tgz").read_bytes() == data
    assert host.one("probe_upload", "u", "kafka.tgz", sha256(data))["whole"] == "yes"


def test_bytes_after_an_archive_are_not_part_of_it(host: LocalHost) -> None:
    host.before = 'rest() { say rest "text64=$(encode)"; }'
    upload, rest = host.exchange([receive(b"archive"), ("rest",)], [b"archive", b"more"]).records
    assert upload["ok"] == "yes"
    assert rest["text"] == "more"


def test_a_partial_upload_is_resumed(host: LocalHost) -> None:
    data = os.urandom(1000)
    part(host).parent.mkdir()
    part(host).write_bytes(data[:300])
    seen = host.one("probe_upload", "u", "kafka.tgz", sha256(data))
    assert (seen["whole"], seen["size"]) == ("no", "300")
    assert host.one(*receive(data, 700), payload=data[300:])["ok"] == "yes"
    assert (host.state / "uploads/kafka.tgz").read_bytes() == data


def test_a_partial_upload_with_a_wrong_checksum_is_removed(host: LocalHost) -> None:
    data = os.urandom(1000)
    part(host).parent.mkdir()
    part(host).write_bytes(b"x" * 300)
    answer = host.one(*receive(data, 700), payload=data[300:])
    assert (answer["ok"], answer["size"]) == ("no", "1000")
    assert os.listdir(part(host).parent) == []


def test_bytes_received_before_the_connection_was_lost_are_kept(host: LocalHost) -> None:
    data = os.urandom(1000)
    host.exchange([receive(data)], [data[:400]])
    assert part(host).read_bytes() == data[:400]


def test_blocks_after_one_that_was_cut_off_are_not_kept(host: LocalHost) -> None:
    """The connection was lost while the first lane had more on its way than the second: the rest can still be sent."""
    data = os.urandom(4000)
    calls = (*receive(data), "", "", "2", "1000", "t")
    with ThreadPoolExecutor() as pool:
        filled = pool.submit(host.exchange, [("fill_lane", "1", "t")], [data[1000:1400]])
        (upload,) = host.exchange([calls], [data[:1000] + data[2000:3000]]).records
        filled.result()
    assert (upload["ok"], upload["output"]) == ("no", "the connection ended too early")
    assert part(host).read_bytes() == data[:1400]
    assert host.one(*receive(data, 2600), payload=data[1400:])["ok"] == "yes"


def test_an_upload_to_a_full_disk_reports_the_error(host: LocalHost) -> None:
    host.stand_in("head", 'echo "head: write error: No space left on device" >&2; exit 1')
    answer = host.one(*receive(b"x"), payload=b"x")
    assert answer["ok"] == "no"
    assert "No space left" in answer["output"]


# ------------------------------------------------------------------ unpacked while received


TOP = "kafka_2.12-1.0.0"


def stream(data: bytes, path: Path, size: int | None = None) -> tuple[str, ...]:
    return (*receive(data, size), TOP, str(path))


def placed(data: bytes, path: Path) -> tuple[str, ...]:
    return ("unpack_release", "kafka.tgz", sha256(data), TOP, str(path))


def count_tars(host: LocalHost) -> None:
    host.stand_in("tar", f'exec {shutil.which("tar")} "$@"')


@needs_root
@pytest.mark.parametrize("mode", ["w:gz", "w"])
@pytest.mark.parametrize("already", [0, 30000])
def test_an_archive_is_unpacked_while_it_is_received(host: LocalHost, place: Path, mode: str, already: int) -> None:
    """Also one that is resumed. Its directory is made as well, and nothing is in its place before the step."""
    count_tars(host)
    path = place / "new" / "release"
    data = release({"bin/start.sh": b"start", "libs/a.jar": os.urandom(100000)}, mode=mode)
    part(host).parent.mkdir()
    part(host).write_bytes(data[:already])
    assert host.one(*stream(data, path, len(data) - already), payload=data[already:])["ok"] == "yes"
    assert os.listdir(path.parent) == ["release.kprov-new"]
    step(host, *placed(data, path))
    assert sorted(os.listdir(path)) == ["bin", "libs"]
    assert (path / "bin/start.sh").stat().st_mode & 0o777 == 0o755
    assert os.listdir(path.parent) == ["release"]
    assert os.listdir(host.state / "uploads") == []
    assert len([line for line in host.log if line.startswith("tar ")]) == 1


@needs_root
def test_what_was_unpacked_from_an_archive_with_a_wrong_sum_is_removed(host: LocalHost, place: Path) -> None:
    data = release({"a": b"a"})
    answer = host.one(*stream(b"another", place / "release", len(data)), payload=data)
    assert (answer["ok"], answer["sum"]) == ("no", sha256(data))
    assert os.listdir(place) == os.listdir(host.state / "uploads") == []


@needs_root
def test_what_was_unpacked_before_the_connection_was_lost_is_removed(host: LocalHost, place: Path) -> None:
    data = release({"a": os.urandom(200000), "b": os.urandom(200000)})
    host.exchange([stream(data, place / "release")], [data[:300000]])
    assert os.listdir(place) == []
    assert part(host).read_bytes() == data[:300000]


@needs_root
@pytest.mark.parametrize("trouble", ["no room", "another boot", "removed"])
def test_a_release_is_unpacked_by_its_step_if_it_was_not_while_it_was_received(
    host: LocalHost, place: Path, trouble: str
) -> None:
    """There was no room, which the step would report; the host was booted since, and files may be incomplete."""
    data = release({"a": os.urandom(2_000_000)})
    path = place / "release"
    if trouble == "no room":
        host.stand_in("tar", "head -c 9 >/dev/null; exit 2")
    assert host.one(*stream(data, path), payload=data)["ok"] == "yes"
    if trouble == "another boot":
        (host.state / "uploads/kafka.tgz.unpacked").write_text("another boot\n")
        (place / "release.kprov-new" / TOP / "a").write_bytes(b"")
    elif trouble == "removed":
        shutil.rmtree(place / "release.kprov-new")
    count_tars(host)
    step(host, *placed(data, path))
    assert (path / "a").stat().st_size == 2_000_000
    assert os.listdir(place) == ["release"]
    assert os.listdir(host.state / "uploads") == []


def test_small_files_are_received(host: LocalHost) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        info = tarfile.TarInfo(sha256(b"text"))
        info.size = 4
        tar.addfile(info, io.BytesIO(b"text"))
    assert host.one("receive_stage", payload=stream.getvalue())["ok"] == "yes"
    assert (host.state / "stage" / sha256(b"text")).read_bytes() == b"text"
    assert (host.state / "stage").stat().st_mode & 0o777 == 0o700
    reply = host.exchange([("receive_stage",), ("say", "after")], [b"no tar at all" * 100])
    assert [(record.kind, record["ok"]) for record in reply.records] == [("staged", "no")]


# ------------------------------------------------------------------ receipt


def test_a_receipt_is_written_for_root_alone(host: LocalHost) -> None:
    assert host.one("probe_receipt", "receipt")["status"] == "absent"
    text = json.dumps({"format": 1}).encode()
    stage(host, text)
    step(host, "write_receipt", sha256(text))
    assert host.one("probe_receipt", "receipt")["content"] == text.decode()
    assert (host.state / "receipt.json").stat().st_mode & 0o777 == 0o600
    assert host.state.stat().st_mode & 0o777 == 0o700
    step(host, "drop_state")
    assert not host.state.exists()


def test_a_truncated_receipt_is_replaced_by_the_previous_one(host: LocalHost) -> None:
    """A truncated receipt never replaces the good copy."""
    texts = [json.dumps({"format": number}, indent=1).encode() + b"\n" for number in (1, 2, 3)]
    for text in texts[:2]:
        stage(host, text)
        step(host, "write_receipt", sha256(text))
    current = host.state / "receipt.json"
    assert json.loads(host.one("probe_receipt", "receipt")["content"])["format"] == 2
    current.write_bytes(current.read_bytes()[:-2])
    content, restored = host.exchange([("probe_receipt", "receipt")]).records
    assert json.loads(content["content"])["format"] == 1
    assert restored["restored"] == "yes"
    stage(host, texts[2])
    step(host, "write_receipt", sha256(texts[2]))
    assert json.loads(host.one("probe_receipt", "receipt")["content"])["format"] == 3
    assert json.loads((host.state / "receipt.json.before").read_text())["format"] == 1


def test_a_state_directory_that_is_a_link_is_not_used(host: LocalHost, place: Path) -> None:
    stage(host, b"{}")
    host.state.rename(place / "state")
    host.state.symlink_to(place / "state")
    assert "symbolic link" in fails(host, "write_receipt", sha256(b"{}"))
    assert os.listdir(place / "state") == ["stage"]
    assert host.exchange([("take_lock", host.session, "me", "install")]).records == ()
