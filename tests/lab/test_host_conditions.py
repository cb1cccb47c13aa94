"""Hosts as they really are: what check says of them, SELinux's labels, and addresses that mean different things."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from support.machine import Machine, done

from kprov.lab.archives import default_directory

pytestmark = pytest.mark.lab

HOME = "/usr/local/single_kafka"


@pytest.fixture(scope="module")
def before(machine: Machine) -> dict[str, str]:
    """The host's file tree before anything was done to it."""
    return machine.tree()


def check(machine: Machine, *words: str, code: int = 0) -> dict[str, list[dict[str, str]]]:
    """What kprov check says, by the name of the check."""
    archives = ("--archives", str(default_directory()), "--java", "temurin-11")
    document = machine.kprov("check", *archives, "--json", *words, check=code).json
    found: dict[str, list[dict[str, str]]] = {}
    for result in document["check"]["results"]:
        found.setdefault(result["check"], []).append(result)
    assert document["check"]["passed"] is (code == 0)
    return found


def statuses(results: dict[str, list[dict[str, str]]], name: str) -> set[str]:
    return {result["status"] for result in results[name]}


# ---------------------------------------------------------------- check


def test_check_of_a_fresh_host(machine: Machine, before: dict[str, str]) -> None:
    """Nothing fails, every check has spoken, and nothing is changed."""
    results = check(machine)
    assert {name for name in results if "fail" in statuses(results, name)} == set()
    assert statuses(results, "advertised-address") == statuses(results, "host-name") == {"pass"}
    assert statuses(results, "clock") == {"pass"}
    assert results["in-the-way"][0]["status"] == "pass"
    assert machine.tree() == before
    text = machine.kprov("check", "--archives", str(default_directory()), "--java", "temurin-11").out
    assert "  pass    systemd: systemd " in text
    assert "-> choose a later release if you can" in text


# What is otherwise on the host, and how it is made again as it was; the check, its status, a part of the evidence.
PLANTED: dict[str, tuple[str, str, str, str, str]] = {
    "a Kafka that runs": (
        "systemd-run -q --unit=other sh -c 'sleep 1000; : kafka.Kafka'",
        "systemctl stop other",
        "other-kafka",
        "warn",
        "another Kafka is on the host: process ",
    ),
    "a ZooKeeper's unit": (
        "printf '[Service]\\nExecStart=/bin/true\\n' >/etc/systemd/system/confluent-zookeeper.service",
        "rm /etc/systemd/system/confluent-zookeeper.service",
        "other-zookeeper",
        "warn",
        "unit confluent-zookeeper.service",
    ),
    "a Kafka by hand": ("mkdir /opt/kafka_2.11", "rmdir /opt/kafka_2.11", "other-kafka", "warn", "/opt/kafka_2.11"),
    "a name that does not resolve": (
        "cp /etc/hosts /root/hosts; echo 127.0.0.1 localhost >/etc/hosts",
        "cat /root/hosts >/etc/hosts; rm /root/hosts",
        "host-name",
        "warn",
        "kafka-1 does not resolve on the host",
    ),
    "no getent": (
        "mv /usr/bin/getent /usr/bin/getent.away",
        "mv /usr/bin/getent.away /usr/bin/getent",
        "host-name",
        "unknown",
        "has no getent to resolve kafka-1",
    ),
    "messages in memory": (
        "mkdir -p /home/temp && mount -t tmpfs tmpfs /home/temp",
        "umount /home/temp && rmdir /home/temp",
        "file-system",
        "warn",
        "/home/temp (for the messages) is a tmpfs",
    ),
    "programs forbidden": (
        "mount -t tmpfs -o noexec tmpfs /usr/local",
        "umount /usr/local",
        "file-system",
        "fail",
        "/usr/local (for unpacking the releases) is mounted noexec",
    ),
    "no room for the archives": (
        "mkdir /var/lib/kprov && mount -t tmpfs -o size=1m tmpfs /var/lib/kprov",
        "umount /var/lib/kprov && rmdir /var/lib/kprov",
        "disk-space",
        "fail",
        "/var/lib/kprov has 1 MiB free, and the uploaded archives",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_check_sees(machine: Machine, name: str) -> None:
    do, undo, check_name, status, evidence = PLANTED[name]
    with done(machine, do, undo):
        results = check(machine, code=3 if status == "fail" else 0)
    (result,) = [result for result in results[check_name] if evidence in result["evidence"]]
    assert result["status"] == status, result
    assert result["fix"]


def test_what_is_ignored_does_not_stop(machine: Machine) -> None:
    """By its name: check reports it, plan continues; the error for a wrong name lists the right ones."""
    assert statuses(check(machine, "--heap", "9999g", code=3), "memory") == {"fail"}
    assert statuses(check(machine, "--heap", "9999g", "--ignore", "memory"), "memory") == {"fail"}
    archives = ("--archives", str(default_directory()), "--java", "temurin-11")
    plan = machine.kprov("plan", *archives, "--heap", "9999g", "--ignore", "memory")
    assert "1 check failed and was ignored (memory)" in plan.err
    wrong = machine.kprov("check", *archives, "--ignore", "memmory", check=2)
    assert "there is no check memmory" in wrong.err
    assert "disk-space" in wrong.err


# ---------------------------------------------------------------- SELinux

# What restorecon of EL7 (policycoreutils 2.5) prints and does, for labels that are lines of /run/wrong-labels: paths as
# they really are. It fails while there is a /run/restorecon-fails.
RESTORECON = r"""
[ ! -e /run/restorecon-fails ] || { echo "restorecon set context $*: failed:'Operation not permitted'" >&2; exit 255; }
[ -e /run/wrong-labels ] || exit 0
only=; below='$'
for word; do case $word in -n) only=yes ;; -R) below='\(/.*\)*$' ;; esac; done
for path; do
    case $path in /*) ;; *) continue ;; esac
    real=$(cd -P -- "$(dirname "$path")" && pwd -P)/$(basename "$path")
    if [ -n "$only" ]; then
        grep "^$real$below" /run/wrong-labels |
            sed 's/.*/restorecon reset & context system_u:object_r:tmp_t:s0->system_u:object_r:usr_t:s0/'
    else
        sed -i "\,^$real$below,d" /run/wrong-labels
    fi
done
exit 0
"""

# There is no SELinux in this kernel: these write down how they are called, and answer as CentOS 7 does.
STAND_INS = {
    "getenforce": "echo Enforcing",
    "selinuxenabled": "[ ! -e /run/selinux-off ]",
    "selinuxexeccon": "echo system_u:system_r:unconfined_service_t:s0",
    "restorecon": RESTORECON,
    "semanage": "",
}


@contextmanager
def selinux(machine: Machine) -> Iterator[Callable[[], list[str]]]:
    """A host that takes itself for one with SELinux; yields what was called so far, and forgets it."""
    paths = {machine.root / "usr/sbin" / name: body for name, body in STAND_INS.items()}
    for path, body in paths.items():
        path.write_text(f'#!/bin/sh\necho "{path.name} $*" >>/run/selinux-calls\n{body}\n')
        path.chmod(0o755)

    def calls() -> list[str]:
        lines = machine.ssh("cat /run/selinux-calls 2>/dev/null; rm -f /run/selinux-calls").splitlines()
        return [line for line in lines if line.startswith(("restorecon", "semanage"))]

    try:
        yield calls
    finally:
        for path in paths:
            path.unlink()
        for name in ("selinux-calls", "wrong-labels", "restorecon-fails"):
            (machine.root / "run" / name).unlink(missing_ok=True)


def test_every_path_is_labelled_where_selinux_is_on_and_none_where_it_is_off(machine: Machine) -> None:
    """And the ports are left as they are: the policy lets a service of its own domain bind them."""
    getconf = machine.root / "usr/sbin/getconf"
    with selinux(machine) as calls:
        getconf.write_text("#!/bin/sh\necho 32\n")
        getconf.chmod(0o755)
        refused = machine.install("--no-smoke-test", check=3)
        assert "the host is x86_64, 32 bit" in refused.err
        installed = machine.install("--no-smoke-test", "--ignore", "architecture", "--json").json
        getconf.unlink()
        labelled = {word for call in calls() for word in call.split()[1:] if word.startswith("/")}
        receipt = json.loads(machine.ssh("cat /var/lib/kprov/receipt.json"))
        paths = {made["path"] for made in receipt["made"] if "path" in made}
        assert len(paths) > 25
        assert paths <= labelled, paths - labelled
        assert any("SELinux is enforcing" in note for note in installed["plan"]["notes"])
        assert receipt["ignored"] == ["architecture"]
        # Off: the same tools are there, and only the question is asked.
        machine.ssh("touch /run/selinux-off")
        calls()
        machine.install("--set", "num.partitions=2", "--no-smoke-test")
        assert calls() == []
        machine.ssh("rm /run/selinux-off")
        results = check(machine)
        (result,) = results["selinux"]
        assert result["status"] == "unknown", "the kernel that knows what Java may do is not there"
        assert "whether SELinux allows Java executable memory is unknown" in result["evidence"]
        for name in ("ports", "other-kafka", "other-zookeeper", "disk-space"):
            assert statuses(results, name) == {"pass"}, "what kprov made is no stranger to it"


def test_a_wrong_label_is_drift_and_repaired_without_a_restart(machine: Machine) -> None:
    """Of every kind of path; on the host that the test before has installed."""
    wrong = (
        f"{HOME}/config/server.properties",
        f"{HOME}/config",
        f"{HOME}/libs",
        f"{HOME}/bin/kafka-topics.sh",
        "/usr/local/kafka_2.12-1.0.0/bin/kafka-topics.sh",
        "/home/temp/kafka_logs",
        "/etc/systemd/system/kafka.service",
    )
    foreign = ("/usr/local", "/usr/local/kafka_2.12-1.0.0.mine", f"{HOME}/config/mine.properties")
    with selinux(machine):
        assert machine.kprov("status", "--json").json["status"]["drift"] == []
        pids = machine.pids()
        machine.ssh("cat >/run/wrong-labels", stdin="\n".join((*wrong, *foreign)) + "\n")
        drift = machine.kprov("status", "--json").json["status"]["drift"]
        assert len(drift) == len(wrong)
        assert all("has label tmp_t instead of usr_t" in item["what"] for item in drift), drift
        failed = {
            test["name"]
            for test in machine.kprov("verify", "--no-clients", "--json", check=6).json["verify"]["tests"]
            if test["status"] == "failed"
        }
        folder = {HOME + "/bin/kafka-topics.sh": HOME + "/bin", wrong[4]: "/usr/local/kafka_2.12-1.0.0"}
        assert failed == {f"test_selinux_label[{folder.get(path, path)}]" for path in wrong}
        changes = machine.install("--no-smoke-test", "--json").json["plan"]["changes"]
        assert {change["action"] for change in changes} == {"update"}
        assert len(changes) == len(wrong)
        assert machine.ssh("cat /run/wrong-labels").split() == list(foreign), "what is not kprov's was left alone"
        assert machine.pids() == pids
        assert machine.kprov("plan", "--json").json["plan"]["changes"] == []


def test_labels_that_cannot_be_given_or_compared(machine: Machine) -> None:
    """A restorecon that fails fails the step, and one that is not there leaves the labels unknown."""
    with selinux(machine):
        machine.ssh(f"chmod 0666 {HOME}/config/server.properties; touch /run/restorecon-fails")
        (unread,) = [
            item for item in machine.kprov("status", "--json").json["status"]["drift"] if item["id"] == "labels"
        ]
        assert "Operation not permitted" in unread["what"]
        failed = machine.install("--no-smoke-test", check=5)
        assert "Operation not permitted" in failed.err
        machine.ssh("rm /run/restorecon-fails; mv /usr/sbin/restorecon /usr/sbin/restorecon.away")
        try:
            planned = machine.kprov("plan", "--json").json["plan"]
            assert any("labels were not compared: restorecon is not installed" in note for note in planned["notes"])
            # 6: the run that failed did not finish.
            verified = machine.kprov("verify", "--no-clients", "--json", check=6).json["verify"]["tests"]
            skipped = [test for test in verified if test["name"].startswith("test_selinux_label")]
            assert {test["status"] for test in skipped} == {"skipped"}
        finally:
            machine.ssh("mv /usr/sbin/restorecon.away /usr/sbin/restorecon")
        machine.install("--no-smoke-test")


# ---------------------------------------------------------------- addresses


@contextmanager
def relayed(listen: str, target: str, ports: tuple[int, ...]) -> Iterator[None]:
    """An address of the operator's that leads to the host, as a NAT does; who comes from the host is turned away."""
    servers = []

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def carry(client: socket.socket, port: int) -> None:
        with client, socket.create_connection((target, port)) as onward:
            back = threading.Thread(target=pump, args=(onward, client), daemon=True)
            back.start()
            pump(client, onward)
            back.join()

    def serve(server: socket.socket, port: int) -> None:
        with suppress(OSError):
            while True:
                client, (peer, *_) = server.accept()
                if peer == target:
                    client.close()
                else:
                    threading.Thread(target=carry, args=(client, port), daemon=True).start()

    try:
        for port in ports:
            servers.append(socket.create_server((listen, port)))
            threading.Thread(target=serve, args=(servers[-1], port), daemon=True).start()
        yield
    finally:
        for server in servers:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()


class Desk:
    """An operator's machine with an ssh_config, a kprov.yaml and an /etc/hosts of its own."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine, self.folder = machine, folder
        self.hosts = folder / "hosts"
        self.hosts.write_text("127.0.0.1 localhost\n")

    def kprov(self, command: str, address: str, *words: str) -> Any:
        """Run kprov for the host at that address, as a file says it; its JSON."""
        state = self.machine.lab.ssh_config.parent
        config, spec = self.folder / "ssh_config", self.folder / "kprov.yaml"
        config.write_text(
            f"Host *\n  User root\n  IdentityFile {state / 'id_ed25519'}\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {self.folder / 'known_hosts'}\n"
        )
        spec.write_text(f"java: {{release: temurin-11}}\nhosts: [{{address: '{address}'}}]\n")
        line = [sys.executable, "-m", "kprov", command, "--config", str(spec), "--ssh-config", str(config), "--json"]
        line += ["--accept-new-host-key", "--archives", str(default_directory()), *words]
        script = f'mount --bind {self.hosts} /etc/hosts && exec "$@"'
        ran = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script, "sh", *line], capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return json.loads(ran.stdout)

    def installed(self, address: str) -> list[str]:
        """Install, see that clients are served from both sides and that nothing is left to do; the plan's notes."""
        result = self.kprov("install", address, "--yes")
        assert result["smoke_test"]["passed"] is True
        assert [step["passed"] for step in result["smoke_test"]["steps"]] == [True] * len(result["smoke_test"]["steps"])
        again = self.kprov("plan", address)["plan"]
        assert again["changes"] == []
        notes: list[str] = result["plan"]["notes"]
        return notes

    def properties(self) -> list[str]:
        return self.machine.ssh(f"cat {HOME}/config/server.properties").splitlines()


@pytest.fixture
def desk(machine: Machine, tmp_path: Path) -> Desk:
    return Desk(machine, tmp_path)


def test_several_addresses(machine: Machine, desk: Desk) -> None:
    """The one that was dialled is told to clients, and the plan names the others."""
    other = machine.address.rpartition(".")[0] + ".240"
    with done(machine, f"ip address add {other}/24 dev eth0", f"ip address del {other}/24 dev eth0"):
        notes = desk.kprov("plan", other)["plan"]["notes"]
        assert any(f"clients are told {other}:9092" in note and machine.address in note for note in notes)
        notes = desk.kprov("plan", other, "--advertised", machine.address)["plan"]["notes"]
        assert any(f"clients are told {machine.address}:9092" in note for note in notes)


def test_a_name_that_leads_to_loopback_on_the_host_itself(machine: Machine, desk: Desk) -> None:
    """As Debian and many an image write it into /etc/hosts."""
    desk.hosts.write_text(f"127.0.0.1 localhost\n{machine.address} broker.test\n")
    with done(machine, "echo 127.0.1.1 broker.test >>/etc/hosts", "sed -i '/broker.test/d' /etc/hosts"):
        notes = desk.installed("broker.test")
    assert any("broker.test:9092" in note and "it leads to 127.0.1.1" in note for note in notes)
    assert "advertised.listeners=PLAINTEXT://broker.test:9092" in desk.properties()


def test_behind_nat(machine: Machine, desk: Desk) -> None:
    """The address that is dialled is not on the host, and the host cannot come back to itself through it."""
    public = machine.address.rpartition(".")[0] + ".250"
    bridge = bridge_of(machine)
    with on_bridge(bridge, f"{public}/32"), relayed(public, machine.address, (22, 9092)):
        notes = desk.installed(public)
    assert any(f"clients are told {public}:9092" in note and "none of the host's own" in note for note in notes)
    assert any(f"for itself the host uses {machine.address}" in note for note in notes)
    properties = desk.properties()
    assert f"advertised.listeners=PLAINTEXT://{public}:9092,INTERNAL://{machine.address}:9093" in properties
    assert f"zookeeper.connect={machine.address}:2181" in properties


def test_ipv6_only(machine: Machine, desk: Desk) -> None:
    """No IPv4 address but loopback's."""
    four, six = machine.address, "fd80::141"
    bridge = bridge_of(machine)
    machine.kprov("stop")  # a broker whose ZooKeeper's address is taken away would wait for it
    with on_bridge(bridge, "fd80::1/64"):
        machine.ssh(f"ip address add {six}/64 dev eth0 nodad")
        namespace = machine.lab.hosts()[0].namespace
        try:
            subprocess.run(["ip", "-netns", namespace, "address", "del", f"{four}/24", "dev", "eth0"], check=True)
            notes = desk.installed(six)
        finally:
            subprocess.run(["ip", "-netns", namespace, "address", "add", f"{four}/24", "dev", "eth0"], check=True)
            machine.kprov("stop")
            subprocess.run(["ip", "-netns", namespace, "address", "del", f"{six}/64", "dev", "eth0"], check=True)
    assert any(f"clients are told [{six}]:9092" in note for note in notes)
    assert f"zookeeper.connect=[{six}]:2181" in desk.properties()


def test_nothing_is_left(machine: Machine, before: dict[str, str]) -> None:
    """Whatever the host was called."""
    assert machine.kprov("uninstall", "--purge", "--yes", "--json").json["uninstall"]["leftovers"] == []
    after = machine.tree()
    assert {path: value for path, value in after.items() if before.get(path) != value} == {}


def bridge_of(machine: Machine) -> str:
    """The interface through which the operator reaches the lab."""
    route = subprocess.run(["ip", "-json", "route", "get", machine.address], capture_output=True, text=True, check=True)
    return str(json.loads(route.stdout)[0]["dev"])


def on_bridge(bridge: str, address: str) -> AbstractContextManager[None]:
    """One more address of the operator's."""

    @contextmanager
    def added() -> Iterator[None]:
        at_once = ["nodad"] if ":" in address else []
        subprocess.run(["ip", "address", "add", address, "dev", bridge, *at_once], check=True)
        try:
            yield
        finally:
            subprocess.run(["ip", "address", "del", address, "dev", bridge], check=True)

    return added()
