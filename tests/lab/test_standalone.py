"""The article with its separate ZooKeeper: Kafka 1.0.0 from an empty host and back, A1 to A15, A17 and A18."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest
from support.machine import Machine, until
from support.schemas import validated

from kprov.lab.archives import default_directory
from kprov.smoke.console import MESSAGES

pytestmark = pytest.mark.lab

HOME = "/usr/local/single_kafka"


@pytest.fixture(scope="module")
def before(machine: Machine) -> dict[str, str]:
    """The host's file tree before anything was done to it."""
    return machine.tree()


def by_hand(machine: Machine, command: str, stdin: str = "") -> str:
    """Type a command in the Kafka home, as the article does."""
    return machine.ssh(f"cd {HOME} && {command}", stdin=stdin)


def settled(machine: Machine) -> dict[str, str]:
    """The file tree without what running services write."""
    written = (
        "/home/temp/kafka_logs",
        "/var/lib/zookeeper",
        f"{HOME}/logs",
        f"{HOME}/tmp/",
        "/usr/local/zookeeper/logs",
        "/tmp/hsperf",
    )
    return {path: value for path, value in machine.tree().items() if not path.startswith(written)}


def test_plan_changes_nothing(machine: Machine, before: dict[str, str]) -> None:
    """The plan names every change, and the host is as it was."""
    result = machine.kprov("plan", "--archives", str(default_directory()), "--java", "temurin-11", "--json")
    ids = [change["id"] for change in result.json["plan"]["changes"]]
    assert f"file:{HOME}/config/server.properties" in ids
    assert ids[-2:] == ["service:zookeeper.service", "service:kafka.service"]
    assert machine.tree() == before


def test_nothing_happens_without_a_yes(machine: Machine, before: dict[str, str]) -> None:
    """Without a terminal and without --yes a question is a refusal."""
    result = machine.kprov("install", "--archives", str(default_directory()), "--java", "temurin-11", check=7)
    assert "--yes" in result.err
    assert machine.tree() == before


def test_install(machine: Machine, before: dict[str, str]) -> None:
    """A1, A2, A4 to A9: one command, and clients are served from the host and from here.

    It takes at most 25 lines, and what the last of them say is true: each path is there, and each command works.
    """
    result = machine.install()
    # On a busy machine there are more lines about what takes long.
    lines = [line for line in (result.err + result.out).splitlines() if not line.startswith("... ")]
    assert len(lines) <= 25, "\n".join(lines)
    assert "smoke test passed: clients can produce and consume at " in result.out
    assert lines[-1].startswith("next: kprov status")
    told = dict(line.split(maxsplit=1) for line in lines[-7:-1])
    assert list(told) == ["settings", "data", "logs", "produce", "consume", "remove"]
    for name in ("settings", "data", "logs"):
        machine.ssh(f"ls -d {told[name].replace(',', ' ')}")
    machine.ssh(told["produce"], stdin="a message\n")
    assert machine.ssh(f"{told['consume']} --max-messages 1 2>/dev/null") == "a message\n"
    by_hand(machine, f"bin/kafka-topics.sh --zookeeper {machine.address}:2181 --delete --topic hello")


def test_status(machine: Machine) -> None:
    """A9: versions, units, ports, processes and since when."""
    status = machine.kprov("status", "--json").json["status"]
    assert (status["kafka"], status["zookeeper"], status["java"]) == ("1.0.0", "3.5.3-beta", "11.0.13")
    assert status["serving"] is True
    for unit in status["units"]:
        assert unit["active"] == "active"
        assert unit["enabled"] is True
        assert machine.ssh(f"systemctl show -p MainPID {unit['unit']}") == f"MainPID={unit['pid']}\n"
        assert unit["since"]
    assert [unit["listening"] for unit in status["units"]] == [[2181], [9092]]


def test_services_run_as_their_own_users(machine: Machine) -> None:
    """Nothing runs as root, and only data and logs belong to the services."""
    for unit, pid in machine.pids().items():
        assert machine.ssh(f"stat -c %U /proc/{pid}").strip() == unit.removesuffix(".service")
    owned = machine.ssh(
        "find /usr/local /etc /home/temp /var/lib/zookeeper /var/lib/kprov ! -user root -prune -print"
    ).split()
    assert sorted(owned) == [
        "/home/temp/kafka_logs",
        "/usr/local/single_kafka/logs",
        "/usr/local/single_kafka/tmp",
        "/usr/local/zookeeper/logs",
        "/usr/local/zookeeper/tmp",
        "/var/lib/zookeeper/data",
        "/var/lib/zookeeper/logs",
    ]
    assert machine.ssh("find /usr/local /etc/systemd/system -type f -perm -o+w").split() == []


def test_second_install_has_nothing_to_do(machine: Machine) -> None:
    """Nothing is changed and nothing restarted."""
    pids, tree = machine.pids(), settled(machine)
    result = machine.install("--json")
    assert result.json["plan"]["changes"] == []
    assert machine.pids() == pids
    assert settled(machine) == tree


def test_a_changed_property_restarts_kafka_alone(machine: Machine) -> None:
    """Only what reads the file is restarted, once."""
    pids = machine.pids()
    result = machine.install("--set", "num.partitions=2", "--no-smoke-test", "--json")
    changes = [(change["action"], change["id"]) for change in result.json["plan"]["changes"]]
    assert changes == [("update", f"file:{HOME}/config/server.properties"), ("restart", "service:kafka.service")]
    now = machine.pids()
    assert now["zookeeper.service"] == pids["zookeeper.service"]
    assert now["kafka.service"] != pids["kafka.service"]
    machine.install("--no-smoke-test")


def test_the_smoke_test_never_touches_a_topic_of_the_user(machine: Machine) -> None:
    """--topic msg --keep leaves the article's topic behind; the next run refuses to write to it."""
    kept = machine.kprov("smoke-test", "--topic", "msg", "--keep", "--json").json["smoke_test"]
    assert kept["passed"] is True
    again = machine.kprov("smoke-test", "--topic", "msg", check=2)
    assert "msg" in again.err
    assert "-> choose another name" in again.err
    topics = by_hand(machine, f"bin/kafka-topics.sh --list --zookeeper {machine.address}:2181").split()
    assert "msg" in topics
    assert [topic for topic in topics if topic.startswith("kprov")] == []


def test_the_commands_of_the_article_work_in_the_home(machine: Machine) -> None:
    """A10 to A14 typed by hand as root in a login shell."""
    topics = f"bin/kafka-topics.sh --zookeeper {machine.address}:2181"
    created = by_hand(machine, f"{topics} --create --replication-factor 1 --partitions 1 --topic huazai")
    assert 'Created topic "huazai"' in created
    produce = f"bin/kafka-console-producer.sh --broker-list {machine.address}:9092 --topic huazai"
    by_hand(machine, f"printf 'a\\nb\\nc\\nd\\ne\\n' | {produce}")
    consume = f"bin/kafka-console-consumer.sh --bootstrap-server {machine.address}:9092 --topic huazai"
    got = by_hand(machine, f"{consume} --from-beginning --max-messages 5 --timeout-ms 20000")
    assert got.split() == ["a", "b", "c", "d", "e"]
    by_hand(machine, f"{topics} --delete --topic huazai")
    until(lambda: "huazai" not in by_hand(machine, f"{topics} --list").split())


def test_zookeepers_own_script_works_in_its_home(machine: Machine) -> None:
    """A8: zkServer.sh status finds the configuration by its place."""
    assert "Mode: standalone" in machine.ssh("cd /usr/local/zookeeper && bin/zkServer.sh status")


def test_what_an_ordinary_user_types(machine: Machine) -> None:
    """The tools of both homes work for everybody; what only root or the service may do says so."""

    def typed(command: str, home: str = HOME) -> str:
        return machine.ssh(f"cd {home}; {{ {command}; }} 2>&1; echo status=$?", user="vagrant")

    topics = f"bin/kafka-topics.sh --zookeeper {machine.address}:2181"
    assert "msg" in typed(f"{topics} --list").split()
    producer = f"bin/kafka-console-producer.sh --broker-list {machine.address}:9092 --topic mine"
    assert 'Created topic "mine"' in typed(f"{topics} --create --replication-factor 1 --partitions 1 --topic mine")
    typed(f"echo hello | {producer}")
    consumer = f"bin/kafka-console-consumer.sh --bootstrap-server {machine.address}:9092 --topic mine"
    assert "hello" in typed(f"{consumer} --from-beginning --max-messages 1 --timeout-ms 20000").split()
    typed(f"{topics} --delete --topic mine")
    assert "[0]" in typed("bin/zookeeper-shell.sh localhost:2181 ls /brokers/ids")
    # ZooKeeper's scripts need no login shell: sudo, and a shell that has read no profile.
    for command in ("bin/zkServer.sh status", "env -i PATH=/usr/bin:/bin bin/zkServer.sh status"):
        assert "Mode: standalone" in typed(command, "/usr/local/zookeeper")
    shell = typed("echo 'ls /brokers/ids' | bin/zkCli.sh", "/usr/local/zookeeper")
    assert "[0]" in shell
    assert "log4j:ERROR" not in shell
    assert "config/server.properties (Permission denied)" in typed("bin/kafka-server-start.sh config/server.properties")
    assert "Operation not permitted" in typed("bin/kafka-server-stop.sh")
    assert "only root can start the services: sudo ./kk_zk_start.sh" in typed("./kk_zk_start.sh")
    stopping = typed("bin/zkServer.sh stop", "/usr/local/zookeeper")
    assert "only root can stop zookeeper.service: sudo bin/zkServer.sh stop" in stopping
    assert machine.kprov("status", "--json").json["status"]["serving"] is True


def test_root_s_commands_leave_the_server_s_log_alone(machine: Machine) -> None:
    """What root's tools log goes to the terminal, not into a file of the service."""
    before = machine.ssh("cat /usr/local/zookeeper/logs/zookeeper.log")
    machine.ssh("cd /usr/local/zookeeper && bin/zkServer.sh status && echo 'ls /' | bin/zkCli.sh")
    new = machine.ssh("cat /usr/local/zookeeper/logs/zookeeper.log").removeprefix(before)
    assert "org.apache.zookeeper.ClientCnxn" not in new
    assert machine.ssh("find /usr/local/zookeeper/logs ! -user zookeeper") == ""


def test_stop_and_start(machine: Machine) -> None:
    """A15: Kafka ends before ZooKeeper is told to, and starts after it; a second stop has nothing to do."""
    machine.kprov("stop")
    kafka, zookeeper = (
        machine.ssh(f"systemctl show -p ActiveEnterTimestampMonotonic -p InactiveEnterTimestampMonotonic {unit}")
        for unit in ("kafka", "zookeeper")
    )
    stopped = [int(re.search(r"InactiveEnterTimestampMonotonic=(\d+)", text)[1]) for text in (kafka, zookeeper)]
    assert stopped[0] <= stopped[1]
    assert machine.ssh("ls /home/temp/kafka_logs/.kafka_cleanshutdown")
    for unit in machine.kprov("status", "--json").json["status"]["units"]:
        assert (unit["active"], unit["pid"], unit["listening"]) == ("inactive", 0, [])
    assert machine.kprov("stop", "--json").json["done"] == []
    stopped = machine.kprov("smoke-test", check=6)
    assert "zookeeper.service is inactive" in stopped.err
    pasted = pasted_from(stopped.err, "start it: ")
    done = subprocess.run([*pasted, "--json"], capture_output=True, text=True, check=True)
    assert validated(done.stdout)["done"] == ["start service zookeeper.service", "start service kafka.service"]
    read = subprocess.run(pasted_from(stopped.err, "read its log: "), capture_output=True, text=True, check=True)
    assert "zookeeper.service" in read.stdout
    assert machine.kprov("status", "--json").json["status"]["serving"] is True


def pasted_from(text: str, label: str) -> list[str]:
    """The command that a message names after this label, as a shell reads it; this checkout's kprov runs it."""
    found = re.search(rf"{re.escape(label)}(kprov [^;\n]*)", text)
    assert found, text
    words = shlex.split(found[1])
    assert "--ssh-config" in words
    return [sys.executable, "-m", *words]


def test_zk_server_drives_the_service(machine: Machine) -> None:
    """A8 and A15 as typed in the article: no second server beside the service, and none that is not found."""
    machine.ssh("systemctl stop kafka")
    assert "zookeeper.service is inactive" in machine.ssh("cd /usr/local/zookeeper && bin/zkServer.sh stop")
    assert "zookeeper.service is active" in machine.ssh("cd /usr/local/zookeeper && bin/zkServer.sh start")
    assert machine.ssh("pgrep -fc QuorumPeerMain") == "1\n"
    written = "/var/lib/zookeeper/data /var/lib/zookeeper/logs /usr/local/zookeeper/logs"
    assert machine.ssh(f"find {written} ! -user zookeeper") == ""
    until(lambda: "Mode: " in machine.ssh("cd /usr/local/zookeeper; bin/zkServer.sh status", check=False))
    # Of a server that hangs the script says "probably not running"; systemd knows better.
    machine.ssh("systemctl kill -s STOP zookeeper")
    said = machine.ssh("cd /usr/local/zookeeper; bin/zkServer.sh status 2>&1", user="vagrant", check=False)
    machine.ssh("systemctl kill -s CONT zookeeper")
    assert "zookeeper.service is running, but does not answer" in said
    machine.kprov("start")


def test_a_broker_started_by_hand(machine: Machine) -> None:
    """A9 as typed in the article, by root; afterwards kprov start gives the files back to the service."""
    machine.kprov("stop")
    machine.ssh("systemctl start zookeeper")
    by_hand(machine, "{ bin/kafka-server-start.sh config/server.properties >/tmp/by-hand 2>&1 </dev/null & }")
    until(lambda: "9092" in machine.ssh("ss -Hltn 'sport = :9092'"))
    topics = by_hand(machine, f"bin/kafka-topics.sh --list --zookeeper {machine.address}:2181").split()
    assert "msg" in topics
    refused = machine.kprov("start", check=6)
    assert "9092" in refused.err or "already" in refused.err
    machine.ssh("systemctl stop kafka")
    by_hand(machine, "bin/kafka-server-stop.sh")
    # It lets go of its port before it lets go of its messages.
    until(lambda: machine.ssh("pgrep -f 'kafka[.]Kafka'", check=False) == "")
    machine.ssh("rm -f /tmp/by-hand; rm -rf /tmp/hsperfdata_root")
    machine.kprov("start")


def test_the_scripts_of_the_article(machine: Machine) -> None:
    """A17 and A18 by hand: they wait, keep the order, and running them twice changes nothing."""
    assert by_hand(machine, "./kk_zk_stop.sh") == "Kafka is stopped\nZooKeeper is stopped\n"
    assert by_hand(machine, "./kk_zk_stop.sh") == "Kafka is stopped\nZooKeeper is stopped\n"
    by_hand(machine, "./kk_zk_start.sh")
    pids = machine.pids()
    assert by_hand(machine, "./kk_zk_start.sh").splitlines() == [
        "ZooKeeper answers on port 2181",
        "Kafka listens on port 9092",
    ]
    assert machine.pids() == pids
    refused = machine.ssh(f"{HOME}/kk_zk_stop.sh 2>&1; echo $?", user="vagrant")
    assert "only root" in refused
    assert machine.pids() == pids


def test_a_reboot_brings_the_services_and_the_messages_back(machine: Machine) -> None:
    """The services are enabled, in order, and the messages are on disk."""
    machine.reboot()
    until(lambda: machine.kprov("status", "--json").json["status"]["serving"])
    consume = f"bin/kafka-console-consumer.sh --bootstrap-server {machine.address}:9092 --topic msg"
    got = by_hand(machine, f"{consume} --from-beginning --max-messages 5 --timeout-ms 20000").split()
    assert tuple(got) == MESSAGES


def test_uninstall_keeps_the_data_and_install_takes_them_up_again(machine: Machine) -> None:
    """The messages outlive an uninstall; what stays is said."""
    result = machine.kprov("uninstall", "--yes", "--json")
    uninstalled = result.json["uninstall"]
    assert uninstalled["leftovers"] == []
    assert [text.split()[0] for text in uninstalled["kept"]] == [
        "/home/temp/kafka_logs",
        "/var/lib/zookeeper/logs",
        "/var/lib/zookeeper/data",
    ]
    # The number of the removed user may be given to somebody else.
    assert (
        machine.ssh("stat -c '%U %a' /home/temp/kafka_logs /var/lib/zookeeper/data").split("\n")[:2] == ["root 700"] * 2
    )
    gone = machine.ssh(
        "ls -d /usr/local/single_kafka /usr/local/zookeeper* /usr/local/java 2>&1; getent passwd kafka", check=False
    )
    assert "cannot access" in gone
    assert machine.kprov("status", check=3).err.count("kprov has installed nothing on this host any more") == 1
    machine.install("--no-smoke-test")
    consume = f"bin/kafka-console-consumer.sh --bootstrap-server {machine.address}:9092 --topic msg"
    got = by_hand(machine, f"{consume} --from-beginning --max-messages 5 --timeout-ms 20000").split()
    assert tuple(got) == MESSAGES


def test_uninstall_refuses_what_was_edited(machine: Machine) -> None:
    """An edited file stops it, and nothing is removed."""
    machine.ssh(f"echo '# mine' >> {HOME}/config/server.properties")
    refused = machine.kprov("uninstall", "--yes", check=3)
    assert f"{HOME}/config/server.properties was edited" in refused.err
    assert "--force" in refused.err
    assert machine.kprov("status", "--json").json["status"]["serving"] is True


def test_install_keeps_an_edited_file_as_a_copy(machine: Machine) -> None:
    """What somebody wrote into a file of kprov's is not lost."""
    plan = machine.install("--no-smoke-test", "--json").json["plan"]
    (change,) = (change for change in plan["changes"] if change["action"] == "update")
    copy = re.search(r"kept as (\S+)", change["reason"])
    assert copy
    assert machine.ssh(f"tail -n 1 {copy[1]}") == "# mine\n"


def test_what_was_not_proven_is_proven_by_the_next_install(machine: Machine) -> None:
    """The last install left its smoke test out: this one changes nothing and makes up for it."""
    proven = machine.install("--json").json
    assert proven["plan"]["changes"] == []
    assert proven["smoke_test"]["passed"] is True
    assert "smoke_test" not in machine.install("--json").json


def test_uninstall_keeps_what_the_user_wrote(machine: Machine) -> None:
    """The copy of the edited file is kept like the data and is no leftover; the next install finds both."""
    uninstalled = machine.kprov("uninstall", "--yes", "--json").json["uninstall"]
    assert uninstalled["leftovers"] == []
    (copy,) = (text.split()[0] for text in uninstalled["kept"] if "as it was edited" in text)
    assert machine.ssh(f"tail -n 1 {copy}") == "# mine\n"
    machine.install("--no-smoke-test")


def test_purge_alone_keeps_the_copy(machine: Machine) -> None:
    """The messages are gone, and what the user wrote is not; help promises the copies to --force only."""
    uninstalled = machine.kprov("uninstall", "--purge", "--yes", "--json").json
    assert [text for text in uninstalled["plan"]["lost"] if "messages" in text]
    assert uninstalled["uninstall"]["leftovers"] == []
    (copy,) = (text.split()[0] for text in uninstalled["uninstall"]["kept"])
    assert machine.ssh(f"tail -n 1 {copy}") == "# mine\n"
    assert machine.ssh("ls -d /home/temp/kafka_logs /var/lib/zookeeper /usr/local/java 2>/dev/null", check=False) == ""


def test_purge_by_force_leaves_nothing(machine: Machine, before: dict[str, str]) -> None:
    """The host's file tree is what it was before the first install."""
    result = machine.kprov("uninstall", "--purge", "--force", "--yes", "--json")
    assert result.json["plan"]["lost"] == ["1 copy of edited files"]
    assert result.json["uninstall"] == {
        "host": machine.address,
        "changes": result.json["uninstall"]["changes"],
        "kept": [],
        "leftovers": [],
    }
    after = machine.tree()
    assert {path: value for path, value in after.items() if before.get(path) != value} == {}
    assert {path: value for path, value in before.items() if after.get(path) != value} == {}
