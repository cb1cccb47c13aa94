"""Data directories on file systems of their own: not mounted, mounted elsewhere, empty, dead, and of root.

One host. Its "disks" are tmpfs that stay mounted below /mnt; what is mounted and unmounted is a bind mount of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from support.machine import Machine, boot, until

from kprov.smoke.console import MESSAGES

pytestmark = pytest.mark.lab

HOME = "/usr/local/single_kafka"
RECEIPT = "/var/lib/kprov/receipt.json"
ZOOKEEPER = "/var/lib/zookeeper"
NOT_MOUNTED = "/data (tmpfs, disk1) is not mounted, and /data/kafka on it holds Kafka's data"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A host with two disks, Kafka's messages on the first, and a topic of the user's."""
    with boot(150, tmp_path_factory.mktemp("data")) as machine:
        machine.ssh("mkdir -p /mnt/disk1 /mnt/disk2 /data /data2")
        machine.ssh("for n in 1 2; do mount -t tmpfs -o size=600m,mode=755 disk$n /mnt/disk$n; done")
        mount(machine, "/mnt/disk1", "/data")
        machine.install("--set", "log.dirs=/data/kafka", "--no-smoke-test")
        machine.kprov("smoke-test", "--topic", "own", "--keep")
        yield machine


def mount(machine: Machine, source: str, target: str) -> None:
    machine.ssh(f"mkdir -p {target} && mount --bind {source} {target}")


def entry(machine: Machine, path: str) -> dict[str, Any]:
    """The receipt's entry of a data directory."""
    (found,) = (made for made in receipt(machine)["made"] if (made["kind"], made.get("path")) == ("data", path))
    return dict(found)


def receipt(machine: Machine) -> Any:
    return json.loads(machine.ssh(f"cat {RECEIPT}"))


def forget(machine: Machine) -> None:
    """The receipt as a kprov wrote it that remembered nothing of data."""
    known = {"filled", "accepted", "lies", "cluster"}
    document = receipt(machine)
    for made in document["made"]:
        if made["kind"] == "data":
            for key in known & made.keys():
                del made[key]
    machine.ssh(f"cat >{RECEIPT}", stdin=json.dumps(document, indent=1) + "\n")


def messages(machine: Machine) -> tuple[str, ...]:
    """What the user's topic holds."""
    consume = f"bin/kafka-console-consumer.sh --bootstrap-server {machine.address}:9092 --topic own --from-beginning"
    return tuple(
        machine.ssh(f"cd {HOME} && {consume} --max-messages 5 --timeout-ms 15000", check=False).split()[: len(MESSAGES)]
    )


def drift(machine: Machine) -> dict[str, str]:
    return {item["id"]: item["what"] for item in machine.kprov("status", "--json").json["status"]["drift"]}


def test_the_receipt_remembers_where_the_data_are(machine: Machine) -> None:
    kafka = entry(machine, "/data/kafka")
    assert kafka["filled"] is True
    assert (kafka["lies"]["mount"], kafka["lies"]["inside"]) == ("/data", "/kafka")
    assert (kafka["lies"]["fstype"], kafka["lies"]["device"]) == ("tmpfs", "disk1")
    assert entry(machine, f"{ZOOKEEPER}/data")["filled"] is True
    assert drift(machine) == {}


def test_an_earlier_receipt_learns_it(machine: Machine) -> None:
    """An install with nothing to do writes down what it sees, and restarts nothing."""
    before, pids = entry(machine, "/data/kafka"), machine.pids()
    forget(machine)
    assert machine.kprov("install", "--yes", "--no-smoke-test", "--json").json["plan"]["changes"] == []
    assert entry(machine, "/data/kafka") == before
    assert machine.pids() == pids


def test_no_command_starts_on_an_unmounted_directory(machine: Machine) -> None:
    """Each ends with 3 and names the mount; nothing is made, nothing is stopped or started; status says it, too."""
    machine.kprov("stop")
    machine.ssh("umount /data")
    for command in (
        ("start",),
        ("restart",),
        ("plan",),
        ("install", "--yes"),
        ("install", "--yes", "--adopt"),
        ("upgrade", "--yes", "--set", "num.partitions=3"),
    ):
        refused = machine.kprov(*command, check=3)
        assert NOT_MOUNTED in refused.err, command
        assert "-> mount /data and run this again; or begin with an empty directory with --accept-data" in refused.err
    assert machine.ssh("ls -A /data; systemctl is-active kafka zookeeper || true") == "inactive\ninactive\n"
    assert drift(machine)["data:/data/kafka"] == NOT_MOUNTED


def test_an_earlier_receipt_does_not_start_without_the_directory_either(machine: Machine) -> None:
    kept = machine.ssh(f"cat {RECEIPT}")
    forget(machine)
    for command in (("start",), ("install", "--yes")):
        assert "/data/kafka is missing, and it held Kafka's data" in machine.kprov(*command, check=3).err
    machine.ssh(f"cat >{RECEIPT}", stdin=kept)
    assert machine.ssh("ls -A /data") == ""


def test_the_same_directory_under_another_mount_point_is_no_alarm(machine: Machine) -> None:
    """The disk's directory itself is mounted; the receipt follows."""
    mount(machine, "/mnt/disk1/kafka", "/data/kafka")
    machine.kprov("start")
    assert messages(machine) == MESSAGES
    assert entry(machine, "/data/kafka")["lies"]["mount"] == "/data/kafka"


@pytest.mark.parametrize("owner", ["root", "kafka"])
def test_an_empty_mount_point_is_not_taken_for_the_data(machine: Machine, owner: str) -> None:
    """The directory below the mount is there: start alone would have served it."""
    machine.kprov("stop")
    machine.ssh("umount /data/kafka", check=False)
    machine.ssh(f"chown {owner}: /data/kafka && chmod 750 /data/kafka")
    for command in (("start",), ("install", "--yes")):
        refused = machine.kprov(*command, check=3)
        assert "/data/kafka (tmpfs, disk1) is not mounted, and /data/kafka on it holds Kafka's data" in refused.err
    assert machine.ssh("ls -A /data/kafka") == ""


def test_a_wrong_path_is_not_accepted(machine: Machine) -> None:
    for command in (("start",), ("install", "--yes")):
        refused = machine.kprov(*command, "--accept-data", "/data/other", check=2)
        assert "--accept-data: /data/other is not a data directory of this host" in refused.err
        assert "-> these are: " in refused.err


def test_beginning_anew_takes_an_explicit_word(machine: Machine) -> None:
    """It is recorded; and the old data do not come back unasked either."""
    machine.kprov("start", "--accept-data", "/data/kafka/")
    now = entry(machine, "/data/kafka")
    assert (now["lies"]["mount"], now["filled"]) == ("/", True)
    assert now["accepted"].startswith("/data/kafka (tmpfs, disk1) is not mounted")
    assert messages(machine) == ()
    machine.kprov("stop")
    mount(machine, "/mnt/disk1/kafka", "/data/kafka")
    refused = machine.kprov("start", check=3)
    assert "/data/kafka is on another file system than its data: on /data/kafka (tmpfs, disk1)" in refused.err
    assert "use what is there now with --accept-data /data/kafka" in refused.err
    machine.install("--accept-data", "/data/kafka", "--no-smoke-test")
    assert messages(machine) == MESSAGES
    assert machine.kprov("install", "--yes", "--no-smoke-test", "--json").json["plan"]["changes"] == []


def test_an_empty_zookeeper_beside_messages_is_not_started(machine: Machine) -> None:
    """Whether the receipt remembers its data or not."""
    machine.kprov("stop")
    machine.ssh(f"for d in data logs; do mkdir -p /root/kept/$d && mv {ZOOKEEPER}/$d/* /root/kept/$d; done")
    for command in (("start",), ("restart",), ("install", "--yes")):
        assert f"{ZOOKEEPER}/data is empty, and it held ZooKeeper's data" in machine.kprov(*command, check=3).err
    kept = machine.ssh(f"cat {RECEIPT}")
    forget(machine)
    for command in (("start",), ("install", "--yes")):
        refused = machine.kprov(*command, check=3)
        assert f"{ZOOKEEPER}/data, {ZOOKEEPER}/logs holds no ZooKeeper data" in refused.err
        assert "while /data/kafka holds Kafka's messages" in refused.err
    machine.ssh(f"cat >{RECEIPT}", stdin=kept)
    machine.ssh(f"for d in data logs; do mv /root/kept/$d/* {ZOOKEEPER}/$d; done")
    machine.kprov("start")
    assert messages(machine) == MESSAGES


def test_empty_log_dirs_beside_a_zookeeper_with_topics_are_not_started(machine: Machine) -> None:
    """Also where the receipt does not remember that there were messages."""
    machine.kprov("stop")
    forget(machine)
    machine.ssh("umount /data/kafka")
    machine.ssh("find /data/kafka -mindepth 1 -delete")
    for command in (("start",), ("install", "--yes")):
        refused = machine.kprov(*command, check=3)
        assert (
            f"/data/kafka holds no messages, while ZooKeeper in {ZOOKEEPER}/data, {ZOOKEEPER}/logs has" in refused.err
        )
    mount(machine, "/mnt/disk1/kafka", "/data/kafka")
    machine.kprov("start")
    assert messages(machine) == MESSAGES


def test_one_disk_of_two_that_is_gone_does_not_stop_the_broker(machine: Machine) -> None:
    """systemd starts it as after a reboot; status names the directory, and install does not make it again."""
    mount(machine, "/mnt/disk2", "/data2")
    machine.install("--set", "log.dirs=/data/kafka,/data2/kafka", "--no-smoke-test")
    assert machine.kprov("status", "--json").json["status"]["offline"] == []
    machine.kprov("stop")
    machine.ssh("umount /data2")
    machine.ssh("systemctl start zookeeper kafka")
    until(lambda: "9092" in machine.ssh("ss -Hltn 'sport = :9092'"))
    assert messages(machine) == MESSAGES
    shown = machine.kprov("status", "--json").json["status"]
    assert shown["offline"] == ["/data2/kafka"]
    assert "offline    /data2/kafka: the broker does not use it" in machine.kprov("status").out
    told = "/data2 (tmpfs, disk2) is not mounted, and /data2/kafka on it holds Kafka's data"
    assert {item["id"]: item["what"] for item in shown["drift"]}["data:/data2/kafka"] == told
    for command in (("restart",), ("install", "--yes"), ("plan",)):
        assert told in machine.kprov(*command, check=3).err
    assert machine.ssh("ls -A /data2") == ""
    machine.kprov("restart", "--accept-data", "/data2/kafka")
    assert messages(machine) == MESSAGES
    assert machine.ssh("ls -A /data2") == ""
    mount(machine, "/mnt/disk2", "/data2")
    machine.kprov("restart")
    assert machine.kprov("status", "--json").json["status"]["offline"] == []
    assert drift(machine) == {}


def test_start_restart_and_install_repair_the_same(machine: Machine) -> None:
    """Files of root's in the data, a link and a directory that are gone, modes, units that are disabled or failed."""
    harm = (
        "systemctl stop kafka zookeeper; systemctl disable kafka zookeeper;"
        f"chown -R root: /data/kafka {ZOOKEEPER}/data {HOME}/logs; chmod 700 {HOME}/config; rm {HOME}/libs;"
        f"rm {HOME}/bin/kafka-topics.sh; chown root: {HOME}/config/server.properties;"
        f"chmod 600 {HOME}/config/server.properties; rm -rf /usr/local/zookeeper/logs"
    )
    for command in (("start",), ("install", "--yes", "--no-smoke-test"), ("restart",)):
        machine.ssh(harm)
        assert len(drift(machine)) > 7
        machine.kprov(*command)
        assert drift(machine) == {}, command
        assert machine.ssh("find /data/kafka ! -user kafka") == ""
    assert messages(machine) == MESSAGES


def test_what_start_cannot_repair_is_reported(machine: Machine) -> None:
    """A file has no content in the receipt: a missing one is named with the command that puts it back."""
    machine.kprov("stop")
    machine.ssh(f"rm {HOME}/kk_zk_stop.sh; echo '# mine' >>{HOME}/config/server.properties")
    told = machine.kprov("start").err
    assert f"file {HOME}/kk_zk_stop.sh is missing; restore it: kprov install {machine.address}" in told
    assert f"{HOME}/config/server.properties was edited and is used as it is; replace it: kprov install" in told
    assert machine.ssh(f"tail -n 1 {HOME}/config/server.properties") == "# mine\n"
    machine.kprov("install", "--yes", "--no-smoke-test")


def test_the_top_of_a_file_system_is_named(machine: Machine) -> None:
    machine.ssh("mkdir -p /data2/top/lost+found")
    refused = machine.kprov("plan", "--set", "log.dirs=/data/kafka,/data2/kafka,/data2/top", check=3)
    assert "/data2/top is the top of a file system" in refused.err
    assert "set log.dirs to a directory below it, such as /data2/top/data" in refused.err


def test_uninstall_does_not_forget_data_that_are_not_mounted(machine: Machine) -> None:
    """They stay in the receipt, and the next install asks for the mount."""
    machine.kprov("stop")
    machine.ssh("umount /data2")
    assert "/data2 (tmpfs, disk2) is not mounted" in machine.kprov("uninstall", "--purge", "--yes", check=3).err
    result = machine.kprov("uninstall", "--yes", "--json").json["uninstall"]
    assert any(text.startswith("/data2/kafka (") for text in result["kept"])
    again = ("install", "--java", "temurin-11", "--set", "log.dirs=/data/kafka,/data2/kafka", "--no-smoke-test")
    refused = machine.install(*again[1:], check=3)
    assert "/data2 (tmpfs, disk2) is not mounted" in refused.err
    mount(machine, "/mnt/disk2", "/data2")
    machine.install(*again[1:])
    assert messages(machine) == MESSAGES
