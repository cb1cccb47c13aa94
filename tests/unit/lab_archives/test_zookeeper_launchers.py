"""ZooKeeper's scripts, run with a java that records how it was called."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kprov.lab.archives.jars import texts
from kprov.lab.archives.recipe import JarsRecipe, recipes

JAVA = """#!/bin/sh
for word; do
  case $word in
    *FourLetterWordMain) echo "Mode: standalone"; exit 0 ;;
    *VersionInfoMain) echo "a version"; exit 0 ;;
  esac
done
printf '%s\\n' "$@"
[ -z "$LASTING" ] || exec /bin/sleep 60
exit 7
"""
SLEEP = """#!/bin/sh
exec /bin/sleep 0.2
"""
ALL = ["zookeeper-3.4.14", "zookeeper-3.5.3-beta", "zookeeper-3.6.4", "zookeeper-3.8.6"]


@dataclass(frozen=True)
class Home:
    """A ZooKeeper home, as kprov makes it: bin/ is a folder of links into a release."""

    path: Path
    pids: list[int] = field(default_factory=list)

    @property
    def pid_file(self) -> Path:
        return self.path / "data" / "zookeeper_server.pid"

    def run(
        self, *command: str, check: int = 0, script: str = "zkServer.sh", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [self.path / "bin" / script, *command],
            cwd=self.path / "data",
            env={
                "PATH": f"{self.path}/programs:{os.environ['PATH']}",
                "HOSTNAME": "host",
                "USER": "zk",
                "JAVA_HOME": str(self.path / "java"),
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if self.pid_file.exists():
            self.pids.append(int(self.pid_file.read_text()))
        assert result.returncode == check, result.stderr
        return result

    def words(self, *command: str, **environment: str) -> list[str]:
        """The words that java was called with; 7 is how the java of this test ends."""
        return self.run(*command, check=7, **environment).stdout.splitlines()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Callable[[str], Home]]:
    homes: list[Home] = []

    def make(name: str) -> Home:
        recipe = recipes()[name]
        assert isinstance(recipe, JarsRecipe)
        release, path = tmp_path / recipe.top, tmp_path / "home"
        for file_name, text in texts(recipe).items():
            file = release / file_name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o755)
        for folder in ("bin", "conf", "data", "lib", "java/bin", "programs"):
            (path / folder).mkdir(parents=True)
        for script in (release / "bin").iterdir():
            (path / "bin" / script.name).symlink_to(script)
        for jar in (*recipe.jars_at_top, "lib/other.jar"):
            (path / jar).touch()
        (path / "conf" / "zoo.cfg").write_text(f"tickTime=2000\ndataDir={path}/data\nclientPort=2181\n")
        for program, text in (("java/bin/java", JAVA), ("programs/sleep", SLEEP)):
            (path / program).write_text(text)
            (path / program).chmod(0o755)
        homes.append(Home(path))
        return homes[-1]

    yield make
    for made in homes:
        for pid in made.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("name", ALL)
def test_the_server_in_the_foreground_is_java_itself(home: Callable[[str], Home], name: str) -> None:
    zookeeper = home(name)
    words = zookeeper.words("start-foreground")
    assert words[-4:] == [
        "-Dcom.sun.management.jmxremote",
        "-Dcom.sun.management.jmxremote.local.only=false",
        "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        f"{zookeeper.path}/bin/../conf/zoo.cfg",
    ]
    class_path = words[words.index("-cp") + 1].split(":")
    assert class_path[0] == f"{zookeeper.path}/bin/../conf"
    jars = {"other.jar"} | ({f"{name}.jar"} if name in {"zookeeper-3.4.14", "zookeeper-3.5.3-beta"} else set())
    assert {Path(path).name for path in class_path[1:]} == jars
    assert not zookeeper.pid_file.exists()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("zookeeper-3.4.14", {"-Dzookeeper.log.dir=.", "-Dzookeeper.root.logger=INFO,CONSOLE"}),
        (
            "zookeeper-3.5.3-beta",
            {
                "-Xmx1000m",
                "-Dzookeeper.log.file=zookeeper-zk-server-host.log",
                "-Dzookeeper.root.logger=INFO,CONSOLE",
                "-XX:+HeapDumpOnOutOfMemoryError",
                "-XX:OnOutOfMemoryError=kill -9 %p",
            },
        ),
        ("zookeeper-3.8.6", {"-Xmx1000m", "-Dzookeeper.log.file=zookeeper-zk-server-host.log"}),
    ],
)
def test_heap_and_logging_differ_by_release(home: Callable[[str], Home], name: str, expected: set[str]) -> None:
    zookeeper = home(name)
    words = set(zookeeper.words("start-foreground"))
    assert expected <= words
    assert any(word.startswith("-Xmx") for word in words) == (name != "zookeeper-3.4.14")
    assert any("root.logger" in word for word in words) == (name != "zookeeper-3.8.6")
    assert (f"-Dzookeeper.log.dir={zookeeper.path}/bin/../logs" in words) == (name != "zookeeper-3.4.14")


def test_the_environment_is_passed_on(home: Callable[[str], Home], tmp_path: Path) -> None:
    zookeeper = home("zookeeper-3.8.6")
    (zookeeper.path / "conf" / "zookeeper-env.sh").write_text('export JVMFLAGS="$JVMFLAGS -Denv=1"\n')
    (zookeeper.path / "conf" / "java.env").write_text("export SERVER_JVMFLAGS=-Djava.env=1\n")
    words = zookeeper.words(
        "start-foreground",
        ZK_SERVER_HEAP="77",
        JVMFLAGS="-Da=1 -Db=2",
        ZOO_LOG_DIR=str(tmp_path / "logs"),
        ZOO_LOG_FILE="mine.log",
        JMXDISABLE="true",
    )
    assert words[:2] == [f"-Dzookeeper.log.dir={tmp_path}/logs", "-Dzookeeper.log.file=mine.log"]
    assert words[-7:-1] == [
        "-Xmx77m",
        "-Djava.env=1",
        "-Da=1",
        "-Db=2",
        "-Denv=1",
        "org.apache.zookeeper.server.quorum.QuorumPeerMain",
    ]


def test_a_port_for_jmx(home: Callable[[str], Home]) -> None:
    words = home("zookeeper-3.5.3-beta").words("start-foreground", JMXPORT="9998", JMXLOCALONLY="true")
    assert {
        "-Dcom.sun.management.jmxremote.local.only=true",
        "-Dcom.sun.management.jmxremote.port=9998",
        "-Dcom.sun.management.jmxremote.authenticate=false",
        "-Dcom.sun.management.jmxremote.ssl=false",
    } <= set(words)


@pytest.mark.parametrize("how", ["name", "path", "option", "environment"])
def test_the_configuration_can_lie_elsewhere(home: Callable[[str], Home], tmp_path: Path, how: str) -> None:
    zookeeper = home("zookeeper-3.5.3-beta")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    text = f"dataDir={zookeeper.path}/data\nclientPort=1\n"
    (elsewhere / "my.cfg").write_text(text)
    (zookeeper.path / "conf" / "my.cfg").write_text(text)
    match how:
        case "name":
            words = zookeeper.words("start-foreground", "my.cfg")
            assert words[-1] == f"{zookeeper.path}/bin/../conf/my.cfg"
        case "path":
            assert zookeeper.words("start-foreground", f"{elsewhere}/my.cfg")[-1] == f"{elsewhere}/my.cfg"
        case "option":
            words = zookeeper.words("--config", str(elsewhere), "start-foreground", "my.cfg")
            assert words[-1] == f"{elsewhere}/my.cfg"
        case "environment":
            words = zookeeper.words("start-foreground", ZOOCFGDIR=str(elsewhere), ZOOCFG="my.cfg")
            assert words[-1] == f"{elsewhere}/my.cfg"


def test_a_path_in_the_environment_is_lost(home: Callable[[str], Home], tmp_path: Path) -> None:
    zookeeper = home("zookeeper-3.8.6")
    answer = zookeeper.run("print-cmd", ZOOCFG="/x/my.cfg", ZOOPIDFILE=f"{tmp_path}/pid")
    assert answer.stderr.endswith("Using config: \n")


@pytest.mark.parametrize("name", ALL)
def test_start_and_stop_keep_a_pid_file(home: Callable[[str], Home], name: str) -> None:
    zookeeper = home(name)
    is_3_4 = name == "zookeeper-3.4.14"
    assert zookeeper.run("start", LASTING="yes").stdout == "Starting zookeeper ... STARTED\n"
    pid = int(zookeeper.pid_file.read_text())
    console = zookeeper.path / ("data/zookeeper.out" if is_3_4 else "logs/zookeeper-zk-server-host.out")
    assert "org.apache.zookeeper.server.quorum.QuorumPeerMain" in console.read_text()

    again = zookeeper.run("start", check=0 if is_3_4 else 1)
    assert again.stdout == f"Starting zookeeper ... already running as process {pid}.\n"

    assert zookeeper.run("stop").stdout == "Stopping zookeeper ... STOPPED\n"
    assert not zookeeper.pid_file.exists()
    _wait_until_gone(pid)
    assert zookeeper.run("stop").stdout.startswith("Stopping zookeeper ... no zookeeper to stop")


def _wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while Path("/proc", str(pid)).exists():
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)


def test_a_server_that_ends_at_once_was_not_started(home: Callable[[str], Home]) -> None:
    zookeeper = home("zookeeper-3.8.6")
    # With the real sleep, which gives java the time to end.
    answer = zookeeper.run("start", check=1, PATH=os.environ["PATH"])
    assert answer.stdout == "Starting zookeeper ... FAILED TO START\n"


def test_restart_starts_with_the_same_configuration(home: Callable[[str], Home]) -> None:
    zookeeper = home("zookeeper-3.5.3-beta")
    answer = zookeeper.run("restart", LASTING="yes")
    assert answer.stderr.count(f"Using config: {zookeeper.path}/bin/../conf/zoo.cfg\n") == 3
    assert answer.stdout.endswith("Starting zookeeper ... STARTED\n")


def test_status_tells_the_mode(home: Callable[[str], Home]) -> None:
    assert home("zookeeper-3.5.3-beta").run("status").stdout == "Mode: standalone\n"


def test_status_fails_when_nothing_answers(home: Callable[[str], Home]) -> None:
    zookeeper = home("zookeeper-3.5.3-beta")
    (zookeeper.path / "java" / "bin" / "java").write_text("#!/bin/sh\nexit 1\n")
    answer = zookeeper.run("status", check=1)
    assert answer.stdout == "Error contacting service. It is probably not running.\n"


def test_status_finds_the_client_port_of_a_cluster(home: Callable[[str], Home]) -> None:
    zookeeper = home("zookeeper-3.5.3-beta")
    path = zookeeper.path
    (path / "conf" / "zoo.cfg").write_text(f"dataDir={path}/data\ndynamicConfigFile={path}/conf/dynamic\n")
    (path / "conf" / "dynamic").write_text(
        "server.1=a:2888:3888:participant;0.0.0.0:2191\nserver.2=b:2888:3888:participant;2192\n"
    )
    (path / "java" / "bin" / "java").write_text('#!/bin/sh\necho "Mode: $*"\n')
    for server, port in (("1", "2191"), ("2", "2192")):
        (path / "data" / "myid").write_text(f"{server}\n")
        assert zookeeper.run("status").stdout.endswith(f"FourLetterWordMain localhost {port} srvr\n")


@pytest.mark.parametrize("name", ALL)
def test_the_verbs_are_those_of_the_release(home: Callable[[str], Home], name: str) -> None:
    verbs = {
        "zookeeper-3.4.14": "start|start-foreground|stop|restart|status|upgrade|print-cmd",
        "zookeeper-3.5.3-beta": "start|start-foreground|stop|restart|status|print-cmd",
    }.get(name, "start|start-foreground|stop|version|restart|status|print-cmd")
    zookeeper = home(name)
    for wrong in ("", "version" if "version" not in verbs else "upgrade", "*"):
        assert f"{{{verbs}}}" in zookeeper.run(wrong).stderr
    if "version" in verbs:
        assert zookeeper.run("version").stdout == "a version\n"


def test_print_cmd_prints_what_start_would_run(home: Callable[[str], Home]) -> None:
    zookeeper = home("zookeeper-3.4.14")
    printed = zookeeper.run("print-cmd").stdout
    assert printed.startswith(f'"{zookeeper.path}/java/bin/java -Dzookeeper.log.dir=. ')
    assert printed.endswith('" > "./zookeeper.out" 2>&1 < /dev/null\n')


def test_java_is_found_in_path_and_named(home: Callable[[str], Home]) -> None:
    zookeeper = home("zookeeper-3.5.3-beta")
    path = f"{zookeeper.path}/java/bin:{os.environ['PATH']}"
    assert zookeeper.words("start-foreground", JAVA_HOME="", PATH=path)[0] == f"{zookeeper.path}/java/bin/java"


def test_the_command_line_and_the_clean_up(home: Callable[[str], Home]) -> None:
    zookeeper = home("zookeeper-3.8.6")
    words = zookeeper.words("-server", "h:1", script="zkCli.sh", ZK_CLIENT_HEAP="9")
    assert words[-4:] == ["-Xmx9m", "org.apache.zookeeper.ZooKeeperMain", "-server", "h:1"]
    data = f"{zookeeper.path}/data"
    words = zookeeper.words("-n", "3", script="zkCleanup.sh")
    assert words[-5:] == ["org.apache.zookeeper.server.PurgeTxnLog", data, data, "-n", "3"]
