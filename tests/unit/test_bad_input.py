"""What a user can get wrong, on the real command line: the value, the place and the remedy are named, nothing is done.

Each row runs before a connection is opened. What needs a host to be found out is in tests/lab/test_bad_hosts.py.
"""

from __future__ import annotations

import gzip
import io
import json
import socket
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kprov.cli.main import main
from kprov.errors import ExitCode
from kprov.host.connection import Connection

HOST = "kafka-1"
YAML_HOST = f"hosts: [{{address: {HOST}}}]\n"


def tar(path: Path, *members: str | tuple[str, str], content: bytes = b"#!/bin/sh\n", compress: bool = True) -> Path:
    """A tar of these files; a pair is a symbolic link and its target."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for member in members:
            info = tarfile.TarInfo(member if isinstance(member, str) else member[0])
            if isinstance(member, str):
                info.size = len(content)
            else:
                info.type, info.linkname = tarfile.SYMTYPE, member[1]
            archive.addfile(info, io.BytesIO(content) if isinstance(member, str) else None)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(buffer.getvalue()) if compress else buffer.getvalue())
    return path


def kafka(path: Path, version: str = "1.0.0", *more: str | tuple[str, str]) -> Path:
    top = f"kafka_2.12-{version}"
    return tar(path, f"{top}/bin/kafka-server-start.sh", f"{top}/libs/{top}.jar", *more)


def zookeeper(path: Path, version: str = "3.5.3-beta") -> Path:
    return tar(path, f"zookeeper-{version}/bin/zkServer.sh", f"zookeeper-{version}/zookeeper-{version}.jar")


def java(path: Path, version: str) -> Path:
    content = f'JAVA_VERSION="{version}"\nOS_ARCH="x86_64"\n'.encode()
    return tar(path, f"jdk-{version}-jre/bin/java", f"jdk-{version}-jre/release", content=content)


@dataclass
class Desk:
    """The operator's machine: a home, a working directory and a folder of archives."""

    home: Path
    work: Path
    archives: Path

    def tree(self) -> dict[str, bytes]:
        """Every file and folder with its content, the cache left out."""
        folders = (self.home, self.work)
        paths = [path for folder in folders for path in folder.rglob("*")]
        return {str(path): path.read_bytes() if path.is_file() else b"" for path in paths}

    def release(self, *, kafka_version: str = "1.0.0", java_version: str = "11.0.13") -> None:
        """Put whole archives there."""
        major = java_version.split(".", maxsplit=1)[0]
        kafka(self.archives / f"kafka_2.12-{kafka_version}.tgz", kafka_version)
        zookeeper(self.archives / "zookeeper-3.5.3-beta.tar.gz")
        java(self.archives / f"OpenJDK{major}U-jre_x64_linux_hotspot_{java_version}_8.tar.gz", java_version)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(tmp_path / "home", tmp_path / "work", tmp_path / "work/archives")
    desk.home.mkdir()
    desk.archives.mkdir(parents=True)
    monkeypatch.chdir(desk.work)
    monkeypatch.setenv("HOME", str(desk.home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return desk


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No connection may be opened, to a host or to a server with archives."""
    opened: list[object] = []

    def refuse(*arguments: object, **options: object) -> None:
        opened.append(arguments)
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(Connection, "__enter__", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    yield
    assert opened == []


def write(name: str, text: str) -> Callable[[Desk], list[str]]:
    """A kprov.yaml that is given with --config."""

    def prepare(desk: Desk) -> list[str]:
        (desk.work / name).write_text(text, encoding="utf-8")
        return ["--config", name]

    return prepare


def whole(make: Prepare) -> Prepare:
    """The same with a kprov.yaml, which replaces the settings of the host, so all of it can be checked."""

    def prepare(desk: Desk) -> list[str]:
        return [*make(desk), *write("whole.yaml", YAML_HOST)(desk)]

    return prepare


def archive(option: str, make: Callable[[Path], object]) -> Callable[[Desk], list[str]]:
    """An archive made by ``make``, given with the option."""

    def prepare(desk: Desk) -> list[str]:
        make(desk.work / "given.tgz")
        return [HOST, option, "given.tgz"]

    return prepare


def released(**versions: str) -> Callable[[Desk], list[str]]:
    """Whole archives of these versions."""

    def prepare(desk: Desk) -> list[str]:
        desk.release(**versions)
        return [HOST, "--archives", "archives"]

    return prepare


def truncated(path: Path) -> None:
    whole = kafka(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def wrong_sum(path: Path) -> None:
    kafka(path)
    Path(f"{path}.sha512").write_text(f"{'0' * 128}  given.tgz\n")


def web_page(path: Path) -> None:
    path.write_text("<!DOCTYPE html><title>Sign in to the proxy</title>")


Prepare = Callable[[Desk], list[str]]


def just(*words: str) -> Prepare:
    return lambda desk: list(words)


@dataclass(frozen=True)
class Row:
    """A mistake: how it is made, and the value, the place and the fix that the message must contain."""

    make: Prepare
    words: tuple[str, ...]
    where: str
    value: str
    remedy: str


def row(make: Prepare, *words: str, where: str, value: str, remedy: str) -> Row:
    return Row(make, words, where, value, remedy)


ROWS = {
    # names
    "host with a space": row(just("kafka 1"), where="HOST", value="'kafka 1'", remedy="[user@]name[:port]"),
    "host with a newline": row(just("kafka\n1"), where="HOST", value=r"'kafka\n1'", remedy="[user@]name[:port]"),
    "host without a name": row(just(""), where="HOST", value="''", remedy="[user@]name[:port]"),
    "host that is an option": row(
        just("--", "-oProxyCommand=x"), where="HOST", value="'-oProxyCommand=x'", remedy="[user@]name[:port]"
    ),
    "host with a port out of range": row(just("kafka-1:99999"), where="HOST", value="'99999'", remedy="1 to 65535"),
    "user with a space": row(just("an na@kafka-1"), where="HOST", value="'an na'", remedy="[user@]name[:port]"),
    "address with a newline in the file": row(
        write("kprov.yaml", 'hosts: [{address: "kafka\\n1"}]'),
        where="hosts[0].address",
        value=r"'kafka\n1'",
        remedy="[user@]name[:port]",
    ),
    "advertised with a space": row(
        just(HOST, "--advertised", "a b"), where="--advertised", value="'a b'", remedy="without a port"
    ),
    # archives
    "archive missing": row(
        just(HOST, "--kafka-archive", "no/kafka.tgz"),
        where="no/kafka.tgz",
        value="there is no such file",
        remedy="check the path",
    ),
    "archives folder missing": row(
        just(HOST, "--archives", "nowhere"),
        where="--archives nowhere",
        value="there is no such directory",
        remedy="kprov fetch --to",
    ),
    "archives folder is a file": row(
        archive("--archives", kafka), where="--archives given.tgz", value="not a directory", remedy="kprov fetch --to"
    ),
    "archive is a directory": row(
        archive("--kafka-archive", Path.mkdir), where="given.tgz", value="it is a directory", remedy="--archives"
    ),
    "archive empty": row(
        archive("--kafka-archive", Path.touch), where="given.tgz", value="it is empty", remedy="download the file again"
    ),
    "archive truncated": row(
        archive("--kafka-archive", truncated),
        where="given.tgz",
        value="it is truncated or damaged",
        remedy="download the file again",
    ),
    "archive not a tar": row(
        archive("--kafka-archive", web_page),
        where="given.tgz",
        value="it is not a tar archive",
        remedy="download the file again",
    ),
    "archive with a wrong sum beside it": row(
        archive("--kafka-archive", wrong_sum),
        where="given.tgz",
        value="the sha512 checksum of given.tgz does not match",
        remedy="download it again",
    ),
    "archive with another version inside": row(
        whole(archive("--kafka-archive", lambda path: kafka(path, "1.1.1"))),
        where="given.tgz",
        value="Kafka 1.1.1 instead of 1.0.0",
        remedy="choose version 1.1.1",
    ),
    "archive of another product": row(
        archive("--kafka-archive", zookeeper),
        where="given.tgz",
        value="it does not contain Kafka",
        remedy="use kafka_SCALA-VERSION.tgz",
    ),
    "archive with path traversal inside": row(
        archive("--kafka-archive", lambda path: kafka(path, "1.0.0", "kafka_2.12-1.0.0/../../etc/cron.d/x")),
        where="given.tgz",
        value="not safe to unpack",
        remedy="do not use this file",
    ),
    "archive with an absolute path inside": row(
        archive("--kafka-archive", lambda path: kafka(path, "1.0.0", "/etc/cron.d/x")),
        where="given.tgz",
        value="not safe to unpack",
        remedy="do not use this file",
    ),
    "archive with a link that leads out": row(
        archive("--kafka-archive", lambda path: kafka(path, "1.0.0", ("kafka_2.12-1.0.0/x", "../../etc"))),
        where="given.tgz",
        value="not safe to unpack",
        remedy="do not use this file",
    ),
    "archive with the source": row(
        archive("--kafka-archive", lambda path: tar(path, "kafka-1.0.0-src/build.gradle")),
        where="given.tgz",
        value="it does not contain Kafka",
        remedy="use kafka_SCALA-VERSION.tgz",
    ),
    "archive's address is none": row(
        just(HOST, "--kafka-archive", "ftp://mirror/kafka.tgz"),
        where="",
        value="'ftp://mirror/kafka.tgz'",
        remedy="http(s)://",
    ),
    # properties
    "property unknown": row(
        just(HOST, "--set", "num.partitons=3"),
        where="--set num.partitons",
        value="Kafka has no key num.partitons",
        remedy="did you mean num.partitions?",
    ),
    "property of another type": row(
        just(HOST, "--set", "num.partitions=three"), where="--set num.partitions", value="'three'", remedy="digits"
    ),
    "property that is no boolean": row(
        just(HOST, "--set", "auto.create.topics.enable=yes"),
        where="--set auto.create.topics.enable",
        value="'yes'",
        remedy="write true or false",
    ),
    "property out of range": row(
        just(HOST, "--set", "num.partitions=0"),
        where="--set num.partitions",
        value="0 is out of range",
        remedy="1 or more",
    ),
    "property that is no choice": row(
        just(HOST, "--set", "log.cleanup.policy=compct"),
        where="--set log.cleanup.policy",
        value="'compct'",
        remedy="did you mean compact?",
    ),
    "property that Kafka 3 dropped": row(
        just(HOST, "--kafka-version", "3.5.2", "--set", "port=9092"),
        where="--set port",
        value="Kafka 3.5.2 has no key port; it was removed in 3.0",
        remedy="set listeners instead",
    ),
    "property that Kafka 3.4 dropped, too": row(
        just(HOST, "--kafka-version", "3.4.1", "--set", "host.name=kafka-1"),
        where="--set host.name",
        value="Kafka 3.4.1 has no key host.name; it was removed in 3.0",
        remedy="set listeners instead",
    ),
    "property with a newline": row(
        just(HOST, "--set", "super.users=User:a\nbroker.id=7"),
        where="--set super.users",
        value="line break",
        remedy="one line",
    ),
    "property in the file": row(
        write("kprov.yaml", f"kafka: {{properties: {{num.partitions: many}}}}\n{YAML_HOST}"),
        where="kafka.properties.num.partitions",
        value="'many'",
        remedy="digits",
    ),
    "properties that contradict each other": row(
        whole(just(HOST, "--set", "replica.lag.time.max.ms=400")),
        where="--set replica.lag.time.max.ms",
        value="replica.lag.time.max.ms=400 is less than replica.fetch.wait.max.ms=500",
        remedy="raise it",
    ),
    "more replicas than brokers": row(
        whole(just(HOST, "--set", "default.replication.factor=3")),
        where="--set default.replication.factor",
        value="default.replication.factor=3",
        remedy="lower it",
    ),
    # ports
    "port out of range": row(just(HOST, "--port", "99999"), where="--port", value="99999", remedy="1 to 65535"),
    "port zero": row(just(HOST, "--port", "0"), where="--port", value="0 is out of range", remedy="1 to 65535"),
    "port that is no number": row(just(HOST, "--port", "kafka"), where="--port", value="'kafka'", remedy="1 to 65535"),
    "port property out of range": row(
        just(HOST, "--set", "port=99999"), where="--set port", value="99999", remedy="1 to 65535"
    ),
    "listener's port out of range": row(
        just(HOST, "--set", "listeners=PLAINTEXT://:99999"),
        where="--set listeners",
        value="99999",
        remedy="1 to 65535",
    ),
    "port of root": row(just(HOST, "--port", "80"), where="--port", value="port 80", remedy="1024 to 65535"),
    "port used by ZooKeeper": row(
        whole(just(HOST, "--port", "2181")),
        where="--port",
        value="port 2181 is already used by zookeeper.client_port",
        remedy="choose another",
    ),
    "port used by two listeners": row(
        just(HOST, "--set", "listeners=PLAINTEXT://:9092,SSL://:9092"),
        where="--set listeners",
        value="the port 9092",
        remedy="give each listener its own port",
    ),
    "port used by sshd": row(
        whole(just(HOST, "--port", "22")), where="--port", value="port 22", remedy="choose another"
    ),
    "client port out of range": row(
        write("kprov.yaml", f"zookeeper: {{client_port: 65536}}\n{YAML_HOST}"),
        where="zookeeper.client_port",
        value="65536",
        remedy="1 to 65535",
    ),
    # broker ids
    "broker id negative": row(just(HOST, "--broker-id", "-1"), where="--broker-id", value="-1", remedy="0 to 1000"),
    "broker id above the reserved": row(
        whole(just(HOST, "--broker-id", "1001")), where="--broker-id", value="1001", remedy="0 to 1000"
    ),
    "broker id that is no number": row(
        just(HOST, "--broker-id", "one"), where="--broker-id", value="'one'", remedy="0 to 1000"
    ),
    "broker id as a property": row(
        just(HOST, "--set", "broker.id=3"), where="--set broker.id", value="broker.id=3", remedy="--broker-id 3"
    ),
    "broker id twice": row(
        write("kprov.yaml", "hosts: [{address: a, broker: {id: 0}}, {address: b, roles: [broker], broker: {id: 0}}]"),
        where="hosts[1].broker.id",
        value="0 is already used by hosts[0]",
        remedy="its own",
    ),
    "an even ensemble": row(
        write("kprov.yaml", "hosts: [{address: a}, {address: b}]"),
        where="hosts",
        value="2 ZooKeeper servers survive no more failures than 1",
        remedy="one, three or five hosts",
    ),
    "host without a role": row(
        write("kprov.yaml", "hosts: [{address: a, roles: []}]"),
        where="hosts[0].roles",
        value="without a role",
        remedy="give it a role",
    ),
    "roles that are no list": row(
        write("kprov.yaml", "hosts: [{address: a, roles: broker}]"),
        where="hosts[0].roles",
        value="'broker' is not a list",
        remedy="[broker]",
    ),
    "rack without a name": row(
        write("kprov.yaml", "hosts: [{address: a, broker: {rack: ''}}]"),
        where="hosts[0].broker.rack",
        value="''",
        remedy="write a word",
    ),
    "role that is none": row(
        write("kprov.yaml", "hosts: [{address: a, roles: [controller]}]"),
        where="hosts[0].roles[0]",
        value="controller",
        remedy="zookeeper",
    ),
    # versions
    "version that is none": row(
        just(HOST, "--kafka-version", "newest"), where="--kafka-version", value="'newest'", remedy="all three numbers"
    ),
    "version that is a number in the file": row(
        write("kprov.yaml", f"kafka: {{version: 2.8}}\n{YAML_HOST}"),
        where="kafka.version",
        value="2.8 is not a version",
        remedy="all three numbers",
    ),
    "Kafka without ZooKeeper": row(
        just(HOST, "--kafka-version", "4.0.0"), where="--kafka-version", value="Kafka 4.0.0", remedy="1.0.0 to 3.9.x"
    ),
    "Kafka that does not run on that Java": row(
        whole(released(java_version="21.0.1")),
        "--java",
        "temurin-21",
        where="kafka.version, zookeeper.version, java.release",
        value="Kafka 1.0.0 on Java 21 does not work",
        remedy="choose Java 8",
    ),
    "Kafka's client that does not run on that Java": row(
        whole(released(kafka_version="2.0.0", java_version="17.0.9")),
        "--java",
        "temurin-17",
        "--kafka-version",
        "2.0.0",
        where="kafka.version, zookeeper.version, java.release",
        value="Kafka 2.0.0 on Java 17 does not work",
        remedy="choose Java 8",
    ),
    "Java by number": row(just(HOST, "--java", "11"), where="--java", value="'11'", remedy="temurin-11"),
    "Java given twice": row(
        just(HOST, "--java", "temurin-11", "--java-home", "/usr/lib/jvm/java-11"),
        where="--java and --java-home",
        value="home=/usr/lib/jvm/java-11 and release=temurin-11 cannot be set together",
        remedy="keep one",
    ),
    # directories
    "relative directory": row(
        just(HOST, "--set", "log.dirs=kafka_logs"), where="--set log.dirs", value="'kafka_logs'", remedy="absolute"
    ),
    "relative home": row(
        write("kprov.yaml", f"kafka: {{home: opt/kafka}}\n{YAML_HOST}"),
        where="kafka.home",
        value="'opt/kafka'",
        remedy="/opt/kafka",
    ),
    "relative Java home": row(
        just(HOST, "--java-home", "jvm/java-8"), where="--java-home", value="'jvm/java-8'", remedy="/jvm/java-8"
    ),
    "overlapping directories": row(
        just(HOST, "--set", "log.dirs=/data/a,/data/a/b"),
        where="--set log.dirs",
        value="/data/a/b and /data/a overlap",
        remedy="do not overlap",
    ),
    "directory in Kafka's home": row(
        whole(just(HOST, "--set", "log.dirs=/usr/local/single_kafka/data")),
        where="--set log.dirs",
        value="/usr/local/single_kafka/data overlaps kafka.home",
        remedy="do not overlap",
    ),
    "directory of the system": row(
        just(HOST, "--set", "log.dirs=/var/lib"), where="--set log.dirs", value="'/var/lib'", remedy="below"
    ),
    "directory that is emptied": row(
        just(HOST, "--set", "log.dirs=/tmp/kafka-logs"),
        where="--set log.dirs",
        value="'/tmp/kafka-logs'",
        remedy="/srv",
    ),
    # kprov.yaml
    "key unknown": row(
        write("kprov.yaml", f"kafka: {{versoin: 1.0.0}}\n{YAML_HOST}"),
        where="kafka.versoin",
        value="'versoin'",
        remedy="did you mean version?",
    ),
    "key unknown deep down": row(
        write("kprov.yaml", f"hosts: [{{address: {HOST}, broker: {{idd: 1}}}}]"),
        where="hosts[0].broker.idd",
        value="'idd'",
        remedy="did you mean id?",
    ),
    "key in the wrong place": row(
        write("kprov.yaml", f"kafka: {{num.partitions: 3}}\n{YAML_HOST}"),
        where="kafka.num.partitions",
        value="'num.partitions'",
        remedy="kafka.properties.num.partitions",
    ),
    "YAML that does not parse": row(
        write("kprov.yaml", "kafka:\n  port: [9092\nhosts: []\n"),
        where="kprov.yaml:3:6",
        value="expected ',' or ']'",
        remedy="fix that line",
    ),
    "YAML with a tab": row(
        write("kprov.yaml", "kafka:\n\tport: 9092\n"), where="kprov.yaml:2:1", value="a tab", remedy="spaces"
    ),
    "YAML with a key twice": row(
        write("kprov.yaml", "kafka:\n  port: 1\n  port: 2\n"), where="kprov.yaml:3:3", value="'port'", remedy="keep one"
    ),
    "file missing": row(
        just("--config", "no.yaml"), where="no.yaml", value="No such file", remedy="give the path of a kprov.yaml"
    ),
    "file is a directory": row(
        just("--config", "archives"), where="archives", value="Is a directory", remedy="give the path of a kprov.yaml"
    ),
    "file names no host": row(
        write("kprov.yaml", "kafka: {port: 9093}\n"), where="kprov.yaml", value="no host is given", remedy="give HOST"
    ),
    # preflight
    "check unknown": row(
        just(HOST, "--ignore", "memmory"), where="--ignore", value="there is no check memmory", remedy="disk-space"
    ),
    "JMX on Kafka's port": row(
        whole(just(HOST, "--jmx-port", "9092")),
        where="--jmx-port",
        value="port 9092 is already used",
        remedy="another port",
    ),
    "JMX on no port": row(just(HOST, "--jmx-port", "on"), where="--jmx-port", value="'on'", remedy="1 to 65535"),
    # access
    "ssh_config missing": row(
        just(HOST, "--ssh-config", "no/config"), where="--ssh-config", value="no/config", remedy="an existing file"
    ),
    "identity missing": row(just(HOST, "-i", "no/key"), where="-i", value="no/key", remedy="an existing file"),
}


@pytest.fixture(params=ROWS, ids=lambda name: name.replace(" ", "-"))
def mistake(request: pytest.FixtureRequest) -> Row:
    return ROWS[request.param]


@pytest.mark.usefixtures("offline")
def test_a_mistake_is_explained_and_changes_nothing(
    mistake: Row, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*mistake.make(desk), *mistake.words]
    before = desk.tree()
    code = main(["install", "--yes", *words])
    out, err = capsys.readouterr()
    assert code == ExitCode.USAGE, err
    assert out == ""
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    first = errors[0].removeprefix("error: ")
    assert first.startswith(f"{mistake.where}: " if mistake.where else mistake.value)
    assert mistake.value in first
    remedies = [line for line in err.splitlines() if line.startswith("  -> ")]
    assert len(remedies) == len(errors)
    assert mistake.remedy in remedies[0]
    assert desk.tree() == before


@pytest.mark.usefixtures("offline")
def test_the_json_document_has_the_same_problem(mistake: Row, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*mistake.make(desk), *mistake.words]
    code = main(["install", "--json", *words])
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == code == ExitCode.USAGE
    problem = document["problems"][0]
    assert (problem["where"] or "") == mistake.where
    assert mistake.value in problem["what"]
    assert mistake.remedy in problem["hint"]


@pytest.mark.parametrize("command", ["plan", "render"])
@pytest.mark.parametrize("name", ["property unknown", "port out of range", "key unknown", "host with a space"])
@pytest.mark.usefixtures("offline")
def test_other_commands_report_the_same_problem(
    command: str, name: str, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ROWS[name].make(desk)
    before = desk.tree()
    said = []
    for each in ("install", command):
        assert main([each, *words]) == ExitCode.USAGE
        said.append(capsys.readouterr().err)
    assert said[0] == said[1]
    assert desk.tree() == before


@pytest.mark.parametrize(
    "command", ["install", "plan", "check", "render", "smoke-test", "status", "start", "stop", "uninstall"]
)
@pytest.mark.usefixtures("offline", "desk")
def test_a_command_without_a_host_asks_for_one(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert "HOST" in err
    assert "--config FILE" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "num.partitions"], ["--set num.partitions", "KEY=VALUE"]),
        (["--set", "=3"], ["--set", "name of a property"]),
        (["--prot", "9092"], ["--prot", "--port"]),
    ],
)
@pytest.mark.usefixtures("offline", "desk")
def test_a_malformed_option_is_explained(words: list[str], said: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install", HOST, *words]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert all(word in err for word in said)


@pytest.mark.parametrize("option", ["--port", "--broker-id"])
@pytest.mark.parametrize(
    "value",
    [
        "--5",
        "9" * 5000,
        "1 0",
    ],
    ids=["two dashes", "five thousand digits", "a blank"],
)
@pytest.mark.usefixtures("offline", "desk")
def test_an_invalid_number_is_a_usage_error(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install", HOST, f"{option}={value}"]) == ExitCode.USAGE
    assert f"error: {option}: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Host *\n  Port ssh\n", "ssh"),
        ("Host *\n  Port 99999\n", "99999"),
        ("Host *\n  ConnectTimeout soon\n", "soon"),
        ('Host "kafka\n', "kafka"),
    ],
)
@pytest.mark.usefixtures("offline")
def test_an_ssh_config_that_cannot_be_read_names_the_file(
    text: str, said: str, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    (desk.work / "config").write_text(text)
    assert main(["install", HOST, "--ssh-config", "config"]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert "config" in err
    assert said in err
    assert "  -> " in err


@pytest.mark.usefixtures("offline")
def test_install_takes_all_hosts_of_a_file_or_none(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    words = write("kprov.yaml", "hosts: [{address: a}, {address: b, roles: [broker]}]")(desk)
    assert main(["install", "a", *words]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert "the file lists 2 hosts, and only some of them are named" in err


@pytest.mark.usefixtures("offline")
def test_two_names_of_one_host_are_refused(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    (desk.work / "config").write_text("Host one two three\n  HostName 192.0.2.1\n")
    assert main(["install", "one", "two", "three", "--ssh-config", "config"]) == ExitCode.USAGE
    assert "one and two are the same host: 192.0.2.1" in capsys.readouterr().err


def test_all_mistakes_are_reported_in_one_run(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    words = write("kprov.yaml", f"kafka: {{versoin: 1.0.0, properties: {{num.partitons: 1}}}}\n{YAML_HOST}")(desk)
    assert main(["install", *words, "--port", "0", "--set", "log.dirs=x"]) == ExitCode.USAGE
    err = capsys.readouterr().err
    for where in ("kafka.versoin", "kafka.properties.num.partitons", "--port", "--set log.dirs"):
        assert f"error: {where}: " in err


@pytest.mark.parametrize("command", ["install", "status", "uninstall"])
def test_an_unknown_host_is_a_connection_error(command: str, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """RFC 2606: names that end in .invalid never exist."""
    desk.release(java_version="11.0.13")
    words = ["--archives", "archives", "--java", "temurin-11", "--yes"] if command == "install" else []
    assert main([command, "kafka-1.invalid", *words]) == ExitCode.CONNECT
    err = capsys.readouterr().err
    assert "error: kafka-1.invalid: the host name kafka-1.invalid cannot be resolved" in err
    assert "  -> check the spelling" in err


def test_an_alias_with_an_invalid_name_is_a_connection_error(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    (desk.work / "config").write_text(f"Host kafka-1\n  HostName {'a' * 64}.example.com\n")
    assert main(["status", HOST, "--ssh-config", "config"]) == ExitCode.CONNECT
    assert "cannot be resolved" in capsys.readouterr().err


def test_an_unreadable_known_hosts_file_is_not_a_crash(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    (desk.work / "known").write_bytes(b"\xff\xfe\n# no keys\n")
    (desk.work / "config").write_text(f"Host *\n  UserKnownHostsFile {desk.work / 'known'}\n")
    assert main(["status", "kafka-1.invalid", "--ssh-config", "config"]) == ExitCode.CONNECT
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize("topic", ["a/b", "..", "with space", "x" * 250, ""])
@pytest.mark.usefixtures("offline", "desk")
def test_an_invalid_topic_name_is_refused(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["smoke-test", "kafka-1", "--topic", topic]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert f"error: --topic: {topic!r} is not the name of a topic" in err


@pytest.mark.usefixtures("offline")
def test_a_public_key_is_refused_as_identity(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA me@here\n")
    assert main(["status", "kafka-1", "-i", str(tmp_path / "key.pub")]) == ExitCode.USAGE
    assert "without .pub" in capsys.readouterr().err


def test_a_misspelt_option_also_gives_a_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install", "kafka-1", "--bogus", "--json"]) == ExitCode.USAGE
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == ExitCode.USAGE
    assert "--bogus" in document["problems"][0]["what"]


@pytest.mark.usefixtures("offline", "desk")
def test_render_asks_for_the_version_because_it_reads_no_host(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["render", HOST, "--set", "log.cleaner.max.compaction.lag.ms=100000"]
    assert main(words) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert "Kafka 1.0.0 has no key" in err
    assert "render reads no host: give the version with --kafka-version" in err
    assert main([*words, "--kafka-version", "2.8.2", "--java", "temurin-11", "--to", "rendered"]) == ExitCode.DONE


@pytest.mark.usefixtures("offline")
def test_render_reads_the_version_of_a_given_java_archive(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    java(desk.work / "ours.tar.gz", "11.0.13")
    assert main(["render", HOST, "--java-archive", "ours.tar.gz", "--to", "rendered"]) == ExitCode.DONE
    profile = desk.work / "rendered/etc/profile.d/kprov.sh"
    assert "/usr/local/java/jdk-11.0.13-jre" in profile.read_text()
    assert "kprov.sh" in capsys.readouterr().out
