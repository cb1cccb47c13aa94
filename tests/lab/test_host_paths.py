"""File systems and accounts as a host has them before an install: links, closed directories, late mounts, groups."""

from __future__ import annotations

import json

import pytest
from support.machine import Machine, done, until

from kprov.diagnosis import known_remedy
from kprov.errors import ExitCode

pytestmark = pytest.mark.lab

ZOOKEEPER_LINK = "ln -s /home/zookeeper /var/lib/zookeeper"


@pytest.fixture(scope="module")
def before(machine: Machine) -> dict[str, str]:
    """The host's file tree before anything was done to it."""
    return machine.tree()


JAVA = (
    "mkdir -p /opt/jdk/bin; printf '#!/bin/sh\\necho version \\\\\"11.0.2\\\\\" >&2\\n' >/opt/jdk/bin/java; "
    "chmod 755 /opt/jdk/bin/java"
)
LINKED_JAVA = f"{JAVA}; mv /opt/jdk/bin /home/jdk-bin; chmod 700 /home/jdk-bin; ln -s /home/jdk-bin /opt/jdk/bin"
READ_ONLY = "mount --bind {0} {0}; mount -o remount,ro,bind {0}"

# What is done on the host and undone; what install is asked for; what it says; how to fix it.
REFUSED: dict[str, tuple[str, str, tuple[str, ...], str, str]] = {
    "a closed directory above the messages": (
        "mkdir -m 700 /srv/data",
        "rmdir /srv/data",
        ("--set", "log.dirs=/srv/data/kafka"),
        "kafka cannot enter /srv/data (mode 0700, root:root), which contains /srv/data/kafka",
        "chmod o+x /srv/data",
    ),
    "/home/temp is somebody's home": (
        "useradd --home-dir /home/temp --create-home temp; chmod 700 /home/temp",
        "userdel -r temp",
        (),
        "kafka cannot enter /home/temp (mode 0700, temp:temp)",
        "choose another directory",
    ),
    "a closed directory above ZooKeeper's data": (
        "mkdir -m 750 /var/lib/zookeeper",
        "rmdir /var/lib/zookeeper",
        (),
        "zookeeper cannot enter /var/lib/zookeeper (mode 0750, root:root)",
        "chmod o+x /var/lib/zookeeper",
    ),
    "a closed home of Java": (
        f"{JAVA}; chmod 700 /opt/jdk",
        "rm -r /opt/jdk",
        ("--java-home", "/opt/jdk"),
        "kafka and zookeeper cannot enter /opt/jdk (mode 0700, root:root), which contains /opt/jdk/bin/java",
        "chmod o+x /opt/jdk",
    ),
    "a link on Java's way into a closed directory": (
        LINKED_JAVA,
        "rm -r /opt/jdk /home/jdk-bin",
        ("--java-home", "/opt/jdk"),
        "kafka and zookeeper cannot enter /home/jdk-bin (mode 0700, root:root)",
        "chmod o+x /home/jdk-bin",
    ),
    "/home leads nowhere": (
        "mv /home /home.away; ln -s /mnt/big /home",
        "rm /home; mv /home.away /home",
        (),
        "/home is a symbolic link to /mnt/big, which does not exist; this blocks /home/temp/kafka_logs",
        "create /mnt/big",
    ),
    "/usr/local/java leads nowhere": (
        "ln -s /opt/java /usr/local/java",
        "rm /usr/local/java",
        (),
        "/usr/local/java is a symbolic link to /opt/java, which does not exist",
        "remove the link",
    ),
    "/usr/local leads nowhere": (
        "mv /usr/local /usr/local.away; ln -s /big/local /usr/local",
        "rm /usr/local; mv /usr/local.away /usr/local",
        (),
        "/usr/local is a symbolic link to /big/local, which does not exist",
        "create /big/local",
    ),
    "ZooKeeper's directory leads nowhere": (
        ZOOKEEPER_LINK,
        "rm /var/lib/zookeeper",
        (),
        "/var/lib/zookeeper is a symbolic link to /home/zookeeper, which does not exist",
        "create /home/zookeeper",
    ),
    "the data directory itself is a link": (
        "mkdir -p /srv/disk/kafka /data; ln -s /srv/disk/kafka /data/kafka",
        "rm -r /srv/disk /data",
        ("--set", "log.dirs=/data/kafka"),
        "data directory /data/kafka is a symbolic link to /srv/disk/kafka",
        "name the directory itself: /srv/disk/kafka",
    ),
    "two data directories are one": (
        "mkdir /srv/disk; ln -s /srv/disk /srv/one; ln -s /srv/disk /srv/two",
        "rm -r /srv/disk /srv/one /srv/two",
        ("--set", "log.dirs=/srv/one/kafka,/srv/two/kafka"),
        "/srv/one/kafka leads to /srv/disk/kafka and /srv/two/kafka to /srv/disk/kafka, which overlap",
        "do not overlap",
    ),
    "a link to a name that units cannot carry": (
        "mkdir '/srv/my disk'; ln -s '/srv/my disk' /data",
        "rm -r '/srv/my disk' /data",
        ("--set", "log.dirs=/data/kafka"),
        "/data/kafka leads to /srv/my disk/kafka",
        "change the link",
    ),
    **{
        f"{path} is immutable": (
            f"chattr +i {path}",
            f"chattr -i {path}",
            (),
            f"{path} is immutable (chattr +i), and the plan writes there: {what}",
            f"chattr -i {path}",
        )
        for path, what in (
            ("/etc/passwd", "user kafka, user zookeeper"),
            ("/etc/group", "user kafka"),
            ("/etc/shadow", "user kafka"),
            ("/etc/gshadow", "user kafka"),
            ("/etc/systemd/system", ""),
            ("/etc/profile.d", "file /etc/profile.d/kprov.sh"),
            ("/usr/local", ""),
            ("/var/lib", ""),
        )
    },
    "a file of kprov's name is append-only": (
        "chattr +a /etc/passwd",
        "chattr -a /etc/passwd",
        (),
        "/etc/passwd is append-only (chattr +a)",
        "chattr -a /etc/passwd",
    ),
    **{
        f"{path} is read-only": (
            READ_ONLY.format(path),
            f"umount {path}",
            (),
            f"{path} is on a file" if "profile" in path else f"{path} (for the units) is mounted read-only",
            "mount it for writing" if "profile" in path else "remount it read-write",
        )
        for path in ("/etc/systemd/system", "/etc/profile.d", "/etc")
    },
    "no inodes where releases go": (
        "mount -t tmpfs -o size=2g,nr_inodes=1 few /usr/local",
        "umount /usr/local",
        (),
        "but no inodes: unpacking the releases",
        "freeing space does not help",
    ),
    "no room for the units": (
        "mount -t tmpfs -o size=64k few /etc/systemd/system",
        "umount /etc/systemd/system",
        (),
        "/etc/systemd/system has 0 MiB free, and the units (1 MiB) needs 1 MiB",
        "free space on /etc/systemd/system",
    ),
    "a group without the user": (
        "groupadd kafka",
        "groupdel kafka",
        (),
        "group kafka exists and was not created by kprov",
        "--adopt",
    ),
    "a user in another primary group": (
        "useradd --gid users --no-user-group kafka",
        "userdel kafka",
        (),
        "user kafka exists and was not created by kprov",
        "--adopt",
    ),
    "a user who is root": (
        "useradd --non-unique --uid 0 kafka",
        "sed -i /^kafka:/d /etc/passwd /etc/shadow /etc/group /etc/gshadow",
        (),
        "user kafka has uid 0: the service would run as root",
        "another uid",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_stops_an_install_is_found_before_anything_is_pushed(
    machine: Machine, before: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    do, undo, words, what, hint = REFUSED[name]
    monkeypatch.setattr(machine, "user", "root")  # whose home is not in /home
    with done(machine, do, undo):
        refused = machine.install(*words, check=ExitCode.PREFLIGHT)
        assert machine.ssh("ls -d /var/lib/kprov /etc/systemd/system/kafka.service 2>/dev/null || true") == ""
    assert what in refused.err, refused.err
    assert hint in refused.err, refused.err
    assert "by hand as root" not in refused.err


def test_a_step_without_inodes_does_not_ask_for_room(machine: Machine) -> None:
    with done(machine, "mount -t tmpfs -o size=2g,nr_inodes=60 few /usr/local", "umount /usr/local"):
        failed = machine.install("--ignore", "disk-space", check=ExitCode.STEP)
        machine.kprov("uninstall", "--purge", "--yes")
    assert "No space left on device" in failed.err
    assert "no inodes left on /usr/local" in failed.err
    assert "the file system has space but no inodes" in failed.err
    assert "free some space" not in failed.err


SLOW_DISK = """
cat >/etc/systemd/system/slow-disk.service <<'E'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sleep 5
E
cat >/etc/systemd/system/home-data.mount <<'E'
[Unit]
Requires=slow-disk.service
After=slow-disk.service
[Mount]
What=/srv/disk
Where=/home/data
Type=none
Options=bind,_netdev
E
"""
# Without _netdev the mount would have to come before local-fs.target, which comes before every service, such as the
# slow disk: systemd would leave out one unit of this cycle, and sometimes that was the broker.


def unit_entered(machine: Machine, unit: str) -> int:
    """When the unit became active, in microseconds since boot."""
    told = machine.ssh(f"systemctl show -p ActiveEnterTimestampMonotonic {unit}")
    return int(told.strip().partition("=")[2] or 0)


@pytest.fixture(scope="module")
def linked(machine: Machine, before: dict[str, str]) -> Machine:
    """An installed host whose /home has the space: links lead there, and one disk is mounted by nothing but its users.

    A group kafka exists, with a member, and a user zookeeper whose primary group is another.
    """
    machine.ssh(SLOW_DISK)
    machine.ssh(f"mkdir -p /srv/disk /home/data /home/zookeeper; ln -s /home/data /data; {ZOOKEEPER_LINK}")
    machine.ssh("systemctl daemon-reload; systemctl start home-data.mount")
    machine.ssh("groupadd --gid 4242 kafka; gpasswd --add daemon kafka")
    machine.ssh("useradd --gid users --no-user-group zookeeper")
    machine.install("--adopt", "--set", "log.dirs=/data/kafka")
    return machine


def test_services_behind_links_into_home(linked: Machine) -> None:
    """The smoke test passed; the units name where the links lead, and nothing is left to do."""
    kafka = linked.ssh("systemctl show -p RequiresMountsFor,ProtectHome,ReadWritePaths kafka.service")
    assert "/home/data/kafka" in kafka
    assert "ProtectHome=read-only" in kafka
    assert "/home/zookeeper/data" in linked.ssh("systemctl show -p ReadWritePaths zookeeper.service")
    assert linked.ssh("ls -A /srv/disk/kafka").split()
    assert linked.ssh("stat -c %U:%G /home/data/kafka /home/zookeeper/data").split() == [
        "kafka:kafka",
        "zookeeper:zookeeper",
    ]
    again = linked.kprov("plan", "--json").json["plan"]
    assert again["changes"] == []
    checked = linked.kprov("check", "--json").json["check"]["results"]
    (paths,) = [item for item in checked if item["check"] == "paths"]
    assert "/data/kafka leads to /home/data/kafka" in paths["evidence"]


def test_the_broker_waits_for_a_late_mount(linked: Machine) -> None:
    """Nothing mounts the disk at boot but the unit's own requirement, and its device is slow."""
    linked.reboot()
    until(lambda: linked.ssh("systemctl is-active kafka.service", check=False).strip() == "active")
    assert linked.ssh("findmnt -n -o TARGET /home/data").strip() == "/home/data"
    mounted, started = (unit_entered(linked, unit) for unit in ("home-data.mount", "kafka.service"))
    assert 0 < mounted <= started
    assert mounted >= 5_000_000, "the mount was late"
    assert list((linked.root / "home/data").iterdir()) == [], "nothing was written below the mount point"
    linked.kprov("start")  # waits until the broker is ready
    linked.kprov("smoke-test")


def test_a_mount_that_fails_keeps_the_broker_from_the_root_disk(linked: Machine) -> None:
    linked.kprov("stop")
    linked.ssh("systemctl stop home-data.mount slow-disk.service")
    unit = "/etc/systemd/system/slow-disk.service"
    with done(
        linked,
        f"sed -i s:/bin/sleep:/bin/false: {unit}; systemctl daemon-reload",
        f"sed -i s:/bin/false:/bin/sleep: {unit}; systemctl daemon-reload; systemctl reset-failed",
    ):
        said = linked.ssh("systemctl start kafka.service 2>&1", check=False)
        assert "a mount that the unit requires failed" in known_remedy(said), said
        assert linked.ssh("systemctl is-active kafka.service", check=False).strip() == "inactive"
    assert list((linked.root / "home/data").iterdir()) == []
    linked.ssh("systemctl start home-data.mount")
    linked.kprov("start")


def test_a_directory_closed_later_is_not_blamed_on_a_run_as_root(linked: Machine) -> None:
    with done(linked, "chmod 700 /srv/disk", "chmod 755 /srv/disk"):
        failed = linked.kprov("restart", check=None)
        assert failed.code in {ExitCode.STEP, ExitCode.NOT_READY, ExitCode.PREFLIGHT}, failed.err
        assert "may not enter it" in failed.err or "has no access to" in failed.err, failed.err
        checked = linked.kprov("check", check=ExitCode.PREFLIGHT)
        assert "kafka cannot enter /home/data (mode 0700, root:root)" in checked.out
    linked.kprov("start")


def test_what_was_there_before_is_there_afterwards(linked: Machine, before: dict[str, str]) -> None:
    """Also the group of a user that kprov created; the group that it created for another's user goes."""
    assert linked.kprov("uninstall", "--purge", "--yes", "--json").json["uninstall"]["leftovers"] == []
    assert linked.ssh("getent group kafka").strip() == "kafka:x:4242:daemon"
    assert linked.ssh("getent passwd kafka || getent group zookeeper || echo gone").strip() == "gone"
    assert linked.ssh("id -gn zookeeper").strip() == "users"
    linked.ssh("systemctl stop home-data.mount slow-disk.service; rm /etc/systemd/system/home-data.mount")
    linked.ssh("rm /etc/systemd/system/slow-disk.service; systemctl daemon-reload; rm /data /var/lib/zookeeper")
    linked.ssh("rmdir /srv/disk /home/data /home/zookeeper; userdel zookeeper; groupdel kafka")
    after = linked.tree()
    different = {path: value for path, value in after.items() if before.get(path) != value}
    assert {path for path in different if not path.startswith(("/etc/group", "/etc/gshadow", "/etc/passwd"))} == set()


@pytest.mark.parametrize("member", ["", "daemon"])
def test_an_empty_group_outlives_the_user(machine: Machine, member: str) -> None:
    """userdel removes the group of a user's name where it has no member; it is created again."""
    add = f"usermod --append --groups kafka {member}" if member else "true"
    with done(machine, f"groupadd --gid 4243 kafka; {add}", "groupdel kafka"):
        machine.install("--adopt", "--no-smoke-test")
        assert json.loads(machine.ssh("cat /var/lib/kprov/receipt.json"))
        machine.kprov("uninstall", "--purge", "--yes")
        assert machine.ssh("getent group kafka").strip() == f"kafka:x:4243:{member}"
        assert machine.ssh("getent passwd kafka || echo gone").strip() == "gone"
