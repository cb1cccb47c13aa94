"""What the library finds out about paths and accounts: links, closed directories, unwritable paths."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support.local_host import SHELLS, LocalHost

from kprov.host.answers import Record

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture(params=SHELLS, ids=lambda shell: shell[0])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> LocalHost:
    (tmp_path / "host").mkdir()
    return LocalHost(tmp_path / "host", shell=request.param)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with a name that a shell must quote."""
    folder = (tmp_path / "it's a place").resolve()
    folder.mkdir()
    return folder


def way(host: LocalHost, path: Path | str, *users: str) -> Record:
    return host.one("probe_way", "way:x", str(path), *users)


# ---------------------------------------------------------------- links


def test_a_path_without_links_resolves_to_itself(host: LocalHost, place: Path) -> None:
    for path in (place, place / "not there", place / "not/there/either", Path("/")):
        record = way(host, path)
        assert record["real"] == str(path)
        assert (record["dangling"], record["blocked"], record["closed"]) == ("", "", "")


def test_links_are_followed_in_every_part_of_a_path(host: LocalHost, place: Path) -> None:
    (place / "disk/deep").mkdir(parents=True)
    (place / "absolute").symlink_to(place / "disk")
    (place / "relative").symlink_to("disk/deep/../deep")
    (place / "chain").symlink_to("absolute")
    (place / "disk/up").symlink_to("..")
    for path, real in (
        ("absolute/kafka/logs", "disk/kafka/logs"),
        ("relative/kafka", "disk/deep/kafka"),
        ("chain/deep/kafka", "disk/deep/kafka"),
        ("disk/up/chain", "disk"),
        ("chain", "disk"),
    ):
        assert way(host, place / path)["real"] == os.path.realpath(place / path) == str(place / real), path


def test_a_broken_link_is_named_with_its_target(host: LocalHost, place: Path) -> None:
    (place / "data").symlink_to("/nowhere/to be found")
    (place / "chain").symlink_to("data")
    (place / "loop").symlink_to("loop")
    record = way(host, place / "data/kafka/logs")
    assert (record["dangling"], record["target"]) == (str(place / "data"), "/nowhere/to be found")
    assert way(host, place / "chain")["dangling"] == str(place / "chain")
    assert way(host, place / "loop/kafka")["dangling"] == str(place / "loop")


def test_a_file_in_place_of_a_directory_is_named(host: LocalHost, place: Path) -> None:
    (place / "file").write_text("")
    (place / "link").symlink_to("file")
    assert way(host, place / "file/kafka")["blocked"] == str(place / "file")
    assert way(host, place / "link/kafka")["blocked"] == str(place / "file")
    assert way(host, place / "file")["blocked"] == ""


# ---------------------------------------------------------------- closed directories


def test_closed_directories_are_unknown_if_the_kernel_cannot_be_asked(host: LocalHost, place: Path) -> None:
    host.stand_in("chroot", "exit 125")
    assert way(host, place / "kafka", "kafka")["judged"] == "no"
    assert way(host, place / "kafka")["judged"] == "yes", "no user goes there"
    assert way(host, place / "kafka", "kafka")["closed"] == ""


@pytest.fixture
def asking(host: LocalHost) -> LocalHost:
    """The folder of the host's programs is closed to other users, so these are run from where they really are."""
    real = {name: shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") for name in ("chroot", "test")}
    host.stand_in(
        "chroot", f'user=$1 groups=$2; shift 4; exec {real["chroot"]} "$user" "$groups" / {real["test"]} "$@"'
    )
    return host


@needs_root
def test_every_closed_directory_is_named_with_its_mode_and_owner(asking: LocalHost, place: Path) -> None:
    """The user does not exist yet, so only the permissions for others count."""
    upper, lower, target = place / "upper", place / "upper/of a friend/lower", place / "elsewhere/target"
    lower.mkdir(parents=True)
    target.mkdir(parents=True)
    upper.chmod(0o700)
    lower.chmod(0o750)
    target.parent.chmod(0o711)
    (lower / "link").symlink_to(target)
    closed = way(asking, lower / "link/kafka", "no-such-user", "nor-this")["closed"].splitlines()
    assert [line for line in closed if str(place) in line] == [
        f"no-such-user 700 root:root {upper}",
        f"nor-this 700 root:root {upper}",
        f"no-such-user 750 root:root {lower}",
        f"nor-this 750 root:root {lower}",
    ]


@needs_root
def test_a_user_who_exists_is_judged_by_owner_group_and_others(asking: LocalHost, place: Path) -> None:
    for name, owner, mode in (("own", 1, 0o700), ("others", 0, 0o700), ("group's", 0, 0o710)):
        (place / name).mkdir()
        os.chown(place / name, owner, 1)
        (place / name).chmod(mode)
        found = [line for line in way(asking, place / name / "x", "daemon")["closed"].splitlines() if name in line]
        assert bool(found) is (name == "others"), found


@needs_root
def test_a_program_must_be_one_that_the_user_can_run(asking: LocalHost, place: Path) -> None:
    java = place / "java"
    java.write_text("")
    java.chmod(0o700)
    assert f"daemon 700 root:root {java}" in way(asking, java, "daemon")["closed"].splitlines()
    java.chmod(0o755)
    assert str(java) not in way(asking, java, "daemon")["closed"]


# ---------------------------------------------------------------- what cannot be written


def lsattr(host: LocalHost, **flags: Path) -> None:
    """A stand-in that knows of these files: i immutable, a append-only."""
    cases = " ".join(f'"{path}") echo "----{flag}--------e-- $path" ;;' for flag, path in flags.items())
    host.stand_in(
        "lsattr", f'shift 2; for path; do case $path in {cases} *) echo "-------------e-- $path" ;; esac; done'
    )


def test_writable_paths_are_not_listed(host: LocalHost, place: Path) -> None:
    (place / "file").write_text("")
    paths = [str(path) for path in (place, place / "file", place / "new/one")]
    assert host.one("probe_writable", "x", *paths)["found"] == ""
    assert not (place / "new").exists(), "it only looks"


def test_writable_paths_are_looked_at_in_one_process(host: LocalHost, place: Path) -> None:
    (place / "file").write_text("")
    lsattr(host)
    host.one("probe_writable", "x", str(place), str(place / "file"), str(place / "new/one"), "/nowhere")
    (call,) = [line for line in host.log if line.startswith("lsattr")]
    assert call == f"lsattr -d -- {place} {place}/file {place} {place} /"


def test_files_and_the_directories_above_them_that_are_immutable(host: LocalHost, place: Path) -> None:
    file, folder, log = place / "file", place / "folder", place / "log"
    file.write_text("")
    log.write_text("")
    (folder / "inside").mkdir(parents=True)
    lsattr(host, i=file, a=log)
    asked = [str(path) for path in (file, log, folder / "inside", folder / "new")]
    found = host.one("probe_writable", "x", *asked)["found"]
    assert found.splitlines() == [f"immutable\t{file}\t{file}", f"append-only\t{log}\t{log}"]
    lsattr(host, i=folder)
    found = host.one("probe_writable", "x", *asked, str(folder / "deep/new"))["found"]
    assert found.splitlines() == [
        f"immutable\t{folder}\t{folder / 'new'}",
        f"immutable\t{folder}\t{folder / 'deep/new'}",
    ], "a directory that exists is looked at itself, what is to be created counts where it goes"


def test_a_read_only_file_system_is_distinguished_from_other_refusals(host: LocalHost) -> None:
    if os.geteuid() == 0 and not os.access("/sys", os.W_OK):
        assert host.one("probe_writable", "x", "/sys")["found"] == "read-only\t/sys\t/sys\n"
    assert host.one("probe_writable", "x", "/proc/version")["found"] in {"", "refused\t/proc/version\t/proc/version\n"}


# ---------------------------------------------------------------- inodes


DF = "Filesystem     Inodes IUsed IFree IUse% Mounted on\\n"


@pytest.mark.parametrize(
    ("line", "inodes"),
    [
        ("/dev/sda1 6553600 300000 6253600 5% /", "6253600"),
        ("/dev/sda1 65536 65536 0 100% /a mount", "0"),
        ("/dev/sda1 0 0 0 - /", ""),
        ("/dev/sda1 - - - - /", ""),
    ],
)
def test_free_inodes(host: LocalHost, line: str, inodes: str) -> None:
    """A file system that allocates inodes on demand (btrfs) reports no number, which is not 0."""
    real = shutil.which("df")
    host.stand_in("df", f'[ "$1" != -Pi ] || {{ printf %b "{DF}{line}\\n"; exit; }}\nexec {real} "$@"')
    assert host.one("probe_disk", "x", "/")["inodes"] == inodes


def test_a_step_without_space_names_the_file_systems_without_inodes(host: LocalHost) -> None:
    lines = "/dev/sda1 100 100 0 100% /full of files\\n/dev/sda2 100 50 50 50% /var\\ntmpfs 0 0 0 - /run\\n"
    host.stand_in("df", f'printf %b "{DF}{lines}"')
    host.before = 'refuse() { echo "cp: $1" >&2; return 1; }'
    for said, more in (("No space left on device", ["no inodes left on /full of files"]), ("Is a directory", [])):
        reply = host.exchange([("step", "1", "refuse", said)])
        (failed,) = [record for record in reply.records if record.kind == "failed"]
        assert failed["status"] == "1"
        assert failed["output"].splitlines() == [f"cp: {said}", *more]


# ---------------------------------------------------------------- accounts


def accounts(host: LocalHost, *lines: str) -> None:
    """A getent that knows of these users and groups: ``group kafka:x:990:``."""
    known = " ".join(f'"{line.split(":")[0]}") echo "{line.partition(" ")[2]}" ;;' for line in lines)
    host.stand_in("getent", f'case "$1 $2" in {known} *) exit 2 ;; esac')


@pytest.mark.parametrize(
    ("there", "status", "entry", "group"),
    [
        ((), "absent", "", ""),
        (("group kafka:x:990:ada",), "absent", "", "kafka:x:990:ada"),
        (("passwd kafka:x:990:100::/:/bin/sh",), "present", "kafka:x:990:100::/:/bin/sh", ""),
        (("passwd kafka:x:1:2::/:/bin/sh", "group kafka:x:3:"), "present", "kafka:x:1:2::/:/bin/sh", "kafka:x:3:"),
    ],
)
def test_a_user_and_the_group_of_that_name(
    host: LocalHost, there: tuple[str, ...], status: str, entry: str, group: str
) -> None:
    """getent also finds those of NIS and LDAP."""
    accounts(host, *there)
    record = host.one("probe_user", "x", "kafka")
    assert (record["status"], record["entry"], record["group"]) == (status, entry, group)


def called(host: LocalHost) -> list[str]:
    return [line for line in host.log if not line.startswith("getent")]


def step(host: LocalHost, *call: str) -> None:
    reply = host.exchange([("step", "1", *call)])
    assert [record.kind for record in reply.records] == ["begin", "end"], reply


def test_a_user_joins_the_group_that_exists(host: LocalHost) -> None:
    accounts(host)
    step(host, "add_user", "kafka")
    accounts(host, "group kafka:x:990:")
    step(host, "add_user", "kafka")
    first, second = called(host)
    assert "--user-group" in first
    assert "--gid=kafka" in second
    assert "--user-group" not in second


def test_a_group_that_existed_before_is_kept(host: LocalHost) -> None:
    """userdel also removes the user's own group, which is created again with its gid."""
    gone = host.folder / "gone"
    host.stand_in("userdel", f": >{gone}")
    host.stand_in(
        "getent",
        f'case "$1 $2" in "passwd kafka") [ ! -e {gone} ] ;; "group kafka") [ ! -e {gone} ] ;; *) exit 2 ;; esac',
    )
    step(host, "remove_user", "kafka", "990")
    assert called(host) == ["userdel -- kafka", "groupadd --gid 990 -- kafka"]


@pytest.mark.parametrize(("others", "option"), [((), "--gid=990 "), (("group 990:x:990:",), "")])
def test_a_group_removed_with_its_user_is_recreated_with_its_gid(
    host: LocalHost, others: tuple[str, ...], option: str
) -> None:
    """The files of the service belong to that number; where another group has it, a new one is taken."""
    accounts(host, "passwd kafka:x:989:990::/:/bin/false", *others)
    step(host, "add_group", "kafka")
    assert called(host) == [f"groupadd --system {option}-- kafka"]


def test_a_missing_group_is_created_and_removed_once(host: LocalHost) -> None:
    accounts(host)
    step(host, "add_group", "kafka")
    step(host, "remove_group", "kafka")
    accounts(host, "group kafka:x:990:")
    step(host, "add_group", "kafka")
    step(host, "remove_group", "kafka")
    assert called(host) == ["groupadd --system -- kafka", "groupdel -- kafka"]
