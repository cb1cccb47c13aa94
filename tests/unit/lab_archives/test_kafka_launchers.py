"""Kafka's scripts, run with a java that records how it was called."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from kprov.lab.archives.jars import texts
from kprov.lab.archives.recipe import JarsRecipe, recipes

JAVA = """#!/bin/sh
if [ "$1" = -version ]; then echo '{version}' >&2; exit 0; fi
printf '%s\\n' "$@"
exit 7
"""
JAVA_8 = 'openjdk version "1.8.0_402"'
JAVA_11 = 'openjdk version "11.0.13" 2021-10-19'


@dataclass(frozen=True)
class Home:
    """A Kafka home, as kprov makes it: bin/ is a folder of links into a release."""

    path: Path

    def run(self, *command: str, check: int = 7, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a script of bin/ in the home; 7 is how the java of this test ends."""
        result = subprocess.run(
            [f"bin/{command[0]}", *command[1:]],
            cwd=self.path,
            env={"PATH": os.environ["PATH"], "JAVA_HOME": str(self.path / "java"), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == check, result.stderr
        return result

    @property
    def base(self) -> str:
        """What the scripts call the home: bash's exec makes a relative path absolute, and so $0 of what it starts."""
        return f"{self.path}/bin/.."

    @property
    def class_path(self) -> str:
        return f"{self.base}/libs/a.jar:{self.base}/libs/b.jar"

    def words(self, *command: str, **environment: str) -> list[str]:
        """The words that java was called with."""
        return self.run(*command, check=7, **environment).stdout.splitlines()


@pytest.fixture
def home(tmp_path: Path) -> Callable[..., Home]:
    def make(name: str, java: str = JAVA_11) -> Home:
        recipe = recipes()[name]
        assert isinstance(recipe, JarsRecipe)
        release, home = tmp_path / recipe.top, tmp_path / "home"
        for path, text in texts(recipe).items():
            file = release / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o755)
        (release / "libs").mkdir()
        for jar in ("a.jar", "b.jar"):
            (release / "libs" / jar).touch()
        (home / "bin").mkdir(parents=True)
        for script in (release / "bin").iterdir():
            (home / "bin" / script.name).symlink_to(script)
        (home / "libs").symlink_to(release / "libs")
        program = home / "java" / "bin" / "java"
        program.parent.mkdir(parents=True)
        program.write_text(JAVA.format(version=java))
        program.chmod(0o755)
        return Home(home)

    return make


def test_a_tool_gets_the_defaults_and_makes_no_folder(home: Callable[..., Home]) -> None:
    kafka = home("kafka-1.0.0")
    words = kafka.words("kafka-topics.sh", "--list", "--zookeeper", "a b:2181")
    assert words[0] == "-Xmx256M"
    assert words[1:8] == [
        "-server",
        "-XX:+UseG1GC",
        "-XX:MaxGCPauseMillis=20",
        "-XX:InitiatingHeapOccupancyPercent=35",
        "-XX:+ExplicitGCInvokesConcurrent",
        "-Djava.awt.headless=true",
        "-XX:TieredStopAtLevel=1",
    ]
    assert f"-Dlog4j.configuration=file:{kafka.base}/config/tools-log4j.properties" in words
    assert f"-Dkafka.logs.dir={kafka.base}/logs" in words
    assert words[-6:] == [
        "-cp",
        kafka.class_path,
        "kafka.admin.TopicCommand",
        "--list",
        "--zookeeper",
        "a b:2181",
    ]
    assert not (kafka.path / "logs").exists()


def test_the_class_path_is_extended(home: Callable[..., Home]) -> None:
    kafka = home("kafka-1.0.0")
    words = kafka.words("kafka-topics.sh", CLASSPATH="/x")
    assert words[words.index("-cp") + 1] == f"/x:{kafka.class_path}"


@pytest.mark.parametrize(
    ("script", "heap"),
    [
        ("kafka-topics.sh", ["-Xmx256M"]),
        ("kafka-console-producer.sh", ["-Xmx512M"]),
        ("kafka-console-consumer.sh", ["-Xmx512M"]),
        ("kafka-producer-perf-test.sh", ["-Xmx512M"]),
        ("kafka-consumer-perf-test.sh", ["-Xmx512M"]),
        ("kafka-server-start.sh", ["-Xmx1G", "-Xms1G"]),
        ("zookeeper-server-start.sh", ["-Xmx512M", "-Xms512M"]),
    ],
)
def test_each_script_has_its_heap_and_the_environment_wins(
    home: Callable[..., Home], script: str, heap: list[str]
) -> None:
    kafka = home("kafka-1.1.1")
    assert [word for word in kafka.words(script, "x") if word.startswith("-Xm")] == heap
    assert [word for word in kafka.words(script, "x", KAFKA_HEAP_OPTS="-Xmx9M") if word.startswith("-Xm")] == ["-Xmx9M"]


@pytest.mark.parametrize(
    ("script", "java_class", "gc_log"),
    [
        ("kafka-server-start.sh", "kafka.Kafka", "kafkaServer-gc.log"),
        (
            "zookeeper-server-start.sh",
            "org.apache.zookeeper.server.quorum.QuorumPeerMain",
            "zookeeper-gc.log",
        ),
    ],
)
def test_a_server_logs_into_the_home_and_keeps_its_exit_code(
    home: Callable[..., Home], script: str, java_class: str, gc_log: str
) -> None:
    kafka = home("kafka-2.8.2")
    words = kafka.words(script, "config/x.properties", "--override", "a=b")
    assert words[-4:] == [java_class, "config/x.properties", "--override", "a=b"]
    assert "-Dlog4j.configuration=file:bin/../config/log4j.properties" in words
    assert f"-Xlog:gc*:file={kafka.base}/logs/{gc_log}:time,tags:filecount=10,filesize=100M" in words
    assert (kafka.path / "logs").is_dir()


def test_the_environment_is_passed_on(home: Callable[..., Home], tmp_path: Path) -> None:
    kafka = home("kafka-3.5.2")
    words = kafka.words(
        "kafka-server-start.sh",
        "s",
        LOG_DIR=str(tmp_path / "elsewhere"),
        KAFKA_LOG4J_OPTS="-Dlog4j.configuration=file:/l",
        KAFKA_JVM_PERFORMANCE_OPTS="-server",
        KAFKA_GC_LOG_OPTS="-Dgc=1",
        KAFKA_JMX_OPTS="-Djmx=1",
        KAFKA_OPTS="-Da=1 -Db=2",
        JMX_PORT="9999",
    )
    assert words == [
        *("-Xmx1G", "-Xms1G", "-server", "-Dgc=1", "-Djmx=1"),
        "-Dcom.sun.management.jmxremote.port=9999",
        "-Dcom.sun.management.jmxremote.rmi.port=9999",
        f"-Dkafka.logs.dir={tmp_path}/elsewhere",
        "-Dlog4j.configuration=file:/l",
        *("-cp", kafka.class_path, "-Da=1", "-Db=2", "kafka.Kafka", "s"),
    ]
    assert (tmp_path / "elsewhere").is_dir()


def test_debugging_can_be_asked_for(home: Callable[..., Home]) -> None:
    words = home("kafka-1.1.1").words("kafka-topics.sh", KAFKA_DEBUG="y", JAVA_DEBUG_PORT="7")
    assert "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=7" in words


@pytest.mark.parametrize(
    ("name", "java", "options_of"),
    [
        ("kafka-1.0.0", JAVA_8, 8),
        ("kafka-1.0.0", 'java version "9.0.4"', 9),
        ("kafka-1.0.0", JAVA_11, 8),  # the trap: this JVM refuses them
        ("kafka-1.1.1", JAVA_8, 8),
        ("kafka-1.1.1", JAVA_11, 9),
        ("kafka-3.9.2", JAVA_11, 9),
    ],
)
def test_the_options_for_the_gc_log_go_by_what_java_says(
    home: Callable[..., Home], name: str, java: str, options_of: int
) -> None:
    words = home(name, java).words("kafka-server-start.sh", "s")
    assert ("-XX:+PrintGCDateStamps" in words) == (options_of == 8)
    assert any(word.startswith("-Xlog:gc*") for word in words) == (options_of == 9)


@pytest.mark.parametrize(
    "way_out", [{"KAFKA_GC_LOG_OPTS": " "}, {"EXTRA_ARGS": "-name kafkaServer"}, {"EXTRA_ARGS": ""}]
)
def test_both_ways_around_the_trap_work(home: Callable[..., Home], way_out: dict[str, str]) -> None:
    words = home("kafka-1.0.0").words("kafka-server-start.sh", "s", **way_out)
    assert not [word for word in words if "PrintGC" in word or "Xlog" in word]


def test_a_daemon_runs_on_and_writes_to_its_file(home: Callable[..., Home]) -> None:
    kafka = home("kafka-1.1.1")
    kafka.run("kafka-server-start.sh", "-daemon", "config/server.properties", check=0)
    out = kafka.path / "logs" / "kafkaServer.out"
    deadline = time.monotonic() + 10
    while not out.exists() or "kafka.Kafka" not in out.read_text():
        assert time.monotonic() < deadline, "the daemon never wrote to its file"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("script", "usage"),
    [
        ("kafka-run-class.sh", "[-daemon] [-name servicename] [-loggc] classname [opts]"),
        ("kafka-server-start.sh", "[-daemon] server.properties [--override property=value]*"),
        ("zookeeper-server-start.sh", "[-daemon] zookeeper.properties"),
        ("zookeeper-shell.sh", "zookeeper_host:port[/path] [args...]"),
    ],
)
def test_a_script_without_arguments_ends_with_1(home: Callable[..., Home], script: str, usage: str) -> None:
    assert home("kafka-1.0.0").run(script, check=1).stdout == f"USAGE: bin/{script} {usage}\n"


@pytest.mark.parametrize(
    ("name", "java_class"),
    [
        ("kafka-1.0.0", "org.apache.zookeeper.ZooKeeperMain"),
        ("kafka-2.8.2", "org.apache.zookeeper.ZooKeeperMainWithTlsSupportForKafka"),
    ],
)
def test_the_zookeeper_shell_is_told_the_server(home: Callable[..., Home], name: str, java_class: str) -> None:
    assert home(name).words("zookeeper-shell.sh", "h:2181", "ls", "/")[-5:] == [
        java_class,
        "-server",
        "h:2181",
        "ls",
        "/",
    ]


@pytest.mark.parametrize(
    ("server", "process", "other"),
    [
        ("kafka", "11 ? Sl 0:01 java -cp x kafka.Kafka s", "12 ? S 0:00 vi kafka.Kafka"),
        ("zookeeper", "11 ? Sl 0:01 java x.QuorumPeerMain z", "12 ? Sl 0:00 java kafka.Kafka s"),
    ],
)
def test_a_stop_script_signals_what_the_process_list_shows(
    home: Callable[..., Home], tmp_path: Path, server: str, process: str, other: str
) -> None:
    kafka, script = home("kafka-1.1.1"), f"{server}-server-stop.sh"
    programs = tmp_path / "programs"
    programs.mkdir()
    ps = programs / "ps"
    # kill is a builtin of bash; a function that the script inherits goes before it.
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "BASH_FUNC_kill%%": '() { echo "kill $*"; }'}

    ps.write_text(f"#!/bin/sh\ncat <<'END'\n{other}\n{process}\nEND\n")
    ps.chmod(0o755)
    assert kafka.run(script, check=0, **environment).stdout == "kill -s TERM 11\n"
    assert kafka.run(script, check=0, **environment, SIGNAL="INT").stdout == "kill -s INT 11\n"

    ps.write_text(f"#!/bin/sh\ncat <<'END'\n{other}\nEND\n")
    assert kafka.run(script, check=1, **environment).stdout == f"No {server} server to stop\n"
