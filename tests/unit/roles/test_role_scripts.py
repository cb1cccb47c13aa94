"""The scripts that are rendered: sound shell, and they do what the article wants in an order that works."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from support.specimens import NO_GC_LOG, archive, asked, combinations, content, wanted

from kprov.kinds.file import File
from kprov.releases.product import Product
from kprov.roles.inputs import Inputs
from kprov.roles.java import java

SCRIPTS = ("kk_zk_start.sh", "kk_zk_stop.sh", "profile.d/kprov.sh", "conf/java.env")
SHELLS = [shell for shell in (["dash"], ["bash", "--posix"]) if shutil.which(shell[0])]


def distinct(name: str) -> list[str]:
    """Every text that the combinations give this script."""
    texts = [
        content(wanted(cluster, environment=NO_GC_LOG), name)
        for _, cluster in combinations()
        if cluster.zookeeper.mode == "standalone" or not name.startswith("conf/")
    ]
    return list(dict.fromkeys(texts))


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_pass_shellcheck(name: str, tmp_path: Path) -> None:
    for number, text in enumerate(distinct(name)):
        path = tmp_path / f"{number}.sh"
        path.write_text(text)
        done = subprocess.run(["shellcheck", "-s", "sh", str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_scripts_are_plain_shell(name: str, shell: list[str]) -> None:
    for text in distinct(name):
        subprocess.run([*shell, "-n"], input=text, text=True, check=True)


class Stage:
    """A script with stand-ins for what it calls: each call is written down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "calls"
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.uid = 0
        self.environment: dict[str, str] = {}
        self.stub("sleep", "")
        for name in ("grep", "cat", "env"):
            (self.bin / name).symlink_to(shutil.which(name) or name)

    def stub(self, name: str, body: str) -> None:
        path = self.bin / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>{self.log}\n{body}\n')
        path.chmod(0o755)

    def run(self, text: str) -> subprocess.CompletedProcess[str]:
        (self.bin / "id").write_text(f"#!/bin/sh\necho {self.uid}\n")
        (self.bin / "id").chmod(0o755)
        return subprocess.run(
            ["/bin/sh"],
            input=text,
            env={"PATH": str(self.bin), **self.environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self, program: str) -> list[str]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line.removeprefix(f"{program} ") for line in lines if line.startswith(f"{program} ")]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.fixture
def port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def start_script(folder: Path, port: int) -> str:
    """The start script with a Java that is a stand-in below ``folder``."""
    home = folder / "java"
    text = content(wanted(asked(java_home="/usr/lib/jvm/x", more={"kafka": {"port": port}})), "kk_zk_start.sh")
    return text.replace("/usr/lib/jvm/x", str(home))


def answering(stage: Stage, answer: str) -> None:
    java = stage.folder / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f'#!/bin/sh\necho "java $*" >>{stage.log}\nenv >>{stage.log}\necho "{answer}"\n')
    java.chmod(0o755)


def test_stopping_stops_kafka_first(stage: Stage) -> None:
    stage.stub("systemctl", "")
    done = stage.run(content(wanted(asked()), "kk_zk_stop.sh"))
    assert done.returncode == 0, done.stderr
    assert stage.calls("systemctl") == ["stop kafka.service", "stop zookeeper.service"]


def test_zookeeper_is_left_alone_while_kafka_will_not_stop(stage: Stage) -> None:
    stage.stub("systemctl", "exit 1")
    assert stage.run(content(wanted(asked()), "kk_zk_stop.sh")).returncode == 1
    assert stage.calls("systemctl") == ["stop kafka.service"]


@pytest.mark.parametrize("name", ["kk_zk_start.sh", "kk_zk_stop.sh"])
def test_only_root_may(stage: Stage, name: str) -> None:
    stage.stub("systemctl", "")
    stage.uid = 1000
    done = stage.run(content(wanted(asked()), name))
    assert done.returncode == 1
    assert "sudo" in done.stderr
    assert stage.calls("systemctl") == []


def test_starting_waits_for_zookeeper_and_then_for_kafka_s_port(stage: Stage, port: int) -> None:
    stage.stub("systemctl", "")
    answering(stage, "Mode: standalone")
    with socket.create_server(("127.0.0.1", port)):
        done = stage.run(start_script(stage.folder, port))
    assert done.returncode == 0, done.stderr
    asked_for = [call for call in stage.calls("systemctl") if call.startswith("start")]
    assert asked_for == ["start zookeeper.service", "start kafka.service"]
    assert stage.calls("java")[0].endswith("FourLetterWordMain localhost 2181 srvr")
    assert f"Kafka listens on port {port}" in done.stdout


def test_options_of_java_in_the_environment_are_not_for_the_question(stage: Stage, port: int) -> None:
    """_JAVA_OPTIONS and its like would keep the small Java from starting, or print what is no answer."""
    stage.stub("systemctl", "")
    answering(stage, "Mode: standalone")
    stage.environment = {"_JAVA_OPTIONS": "-Xmx1t", "JAVA_TOOL_OPTIONS": "-Xmx1t", "CLASSPATH": "/nowhere"}
    with socket.create_server(("127.0.0.1", port)):
        done = stage.run(start_script(stage.folder, port))
    assert done.returncode == 0, done.stderr
    assert [name for name in stage.environment if name in stage.log.read_text()] == []


def test_a_port_that_nobody_listens_on_is_not_taken_for_kafka(stage: Stage, port: int) -> None:
    stage.stub("systemctl", "")
    answering(stage, "Mode: standalone")
    done = stage.run(start_script(stage.folder, port))
    assert done.returncode == 1
    assert "kafka.service did not become ready" in done.stderr


def test_kafka_is_not_started_while_zookeeper_says_nothing(stage: Stage, port: int) -> None:
    stage.stub("systemctl", 'case "$*" in "-q is-active zookeeper.service") exit 3 ;; esac')
    answering(stage, "Error contacting service")
    done = stage.run(start_script(stage.folder, port))
    assert done.returncode == 1
    assert "zookeeper.service did not become ready" in done.stderr
    assert "start kafka.service" not in stage.calls("systemctl")


def zk_server(stage: Stage, *words: str) -> subprocess.CompletedProcess[str]:
    """A script that reads java.env as zkEnv.sh does, prints a line when it continues, and fails for status."""
    folder = stage.folder / "zookeeper"
    folder.mkdir()
    (folder / "java.env").write_text(content(wanted(asked()), "conf/java.env"))
    script = folder / "zkServer.sh"
    script.write_text('. "${0%/*}/java.env"\necho "continues with $JAVA_HOME"\n[ "$1" != status ] || exit 1\n')
    stage.run("")  # makes id
    bash = shutil.which("bash") or "/bin/bash"
    environment = {"PATH": str(stage.bin)}
    return subprocess.run([bash, str(script), *words], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
def test_zk_server_drives_the_service(stage: Stage, verb: str) -> None:
    """A second server would be reported as started, and the first not be found to be stopped."""
    stage.stub("systemctl", '[ "$1" != is-active ] || echo active')
    done = zk_server(stage, verb)
    assert (done.returncode, done.stdout) == (0, "zookeeper.service is active\n")
    assert stage.calls("systemctl")[0] == f"{verb} zookeeper.service"


def test_zk_server_says_that_only_root_can(stage: Stage) -> None:
    stage.stub("systemctl", "")
    stage.uid = 1000
    done = zk_server(stage, "stop")
    assert done.returncode == 1
    assert "only root can stop zookeeper.service: sudo " in done.stderr
    assert stage.calls("systemctl") == []


@pytest.mark.parametrize("words", [("start-foreground",), ("start", "other.cfg"), ("print-cmd",), ()])
def test_what_is_not_about_the_service_continues(stage: Stage, words: tuple[str, ...]) -> None:
    stage.stub("systemctl", "")
    done = zk_server(stage, *words)
    assert done.stdout == "continues with /usr/local/java/jdk-11.0.29-jre\n"
    assert stage.calls("systemctl") == []


@pytest.mark.parametrize("state", [0, 3])
def test_a_status_without_an_answer_says_whether_the_service_runs(stage: Stage, state: int) -> None:
    stage.stub("systemctl", f"exit {state}")
    done = zk_server(stage, "status")
    assert done.returncode == 1
    assert ("zookeeper.service is running, but does not answer" in done.stderr) is (state == 0)


def profile(java_home: str, inputs: Inputs) -> str:
    (found,) = [item.content for item in java(java_home, inputs) if isinstance(item, File)]
    return found.decode()


def shown(text: str, names: list[str]) -> list[str]:
    """What a login shell that reads the profile has in these variables."""
    words = " ".join(f'"${name}"' for name in names)
    done = subprocess.run(
        ["/bin/sh", "-c", f"{text}\nprintf '%s\\n' {words}"],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_a_login_shell_has_java_first_in_its_path() -> None:
    cluster = asked()
    text = content(wanted(cluster, environment=NO_GC_LOG), "/etc/profile.d/kprov.sh")
    home = "/usr/local/java/jdk-11.0.29-jre"
    found = shown(text, ["JAVA_HOME", "PATH", "KAFKA_GC_LOG_OPTS"])
    assert found == [home, f"{home}/bin:{os.defpath}", "-Dkprov.gc.log=off"]


def test_a_java_whose_folder_has_a_space_does_not_break_every_login() -> None:
    odd = archive(Product.JAVA, "11.0.29", top="my jdk 11")
    text = profile(f"/usr/local/java/{odd.top}", Inputs(archive(Product.KAFKA, "1.0.0"), None, odd))
    assert shown(text, ["JAVA_HOME"]) == ["/usr/local/java/my jdk 11"]
