"""The archives that `kprov lab archives` made: what is in each, and that they run.

They are looked for where the command puts them by itself. What runs here runs in namespaces of its own:
it neither meets another broker nor lets its stop scripts find one.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tarfile
import zipfile
from functools import cache
from pathlib import Path

import pytest

from kprov.lab.archives import default_directory, recipes
from kprov.lab.archives.jars import LAYOUTS, texts
from kprov.lab.archives.recipe import JarsRecipe, JavaRecipe

pytestmark = pytest.mark.lab

JARS = [name for name, recipe in recipes().items() if isinstance(recipe, JarsRecipe)]
KAFKA = [name for name in JARS if name.startswith("kafka")]
ZOOKEEPER = [name for name in JARS if name.startswith("zookeeper")]
RUNTIMES = [name for name, recipe in recipes().items() if isinstance(recipe, JavaRecipe)]

# What upstream's archive has and Maven does not bring by itself: for the admin server and the command line.
OF_ZOOKEEPER = {
    "zookeeper-3.4.14": {"log4j", "slf4j-log4j12", "jline", "netty"},
    "zookeeper-3.5.3-beta": {"log4j", "slf4j-log4j12", "jline", "netty", "jetty-server", "jackson-mapper-asl"},
    "zookeeper-3.5.10": {"reload4j", "slf4j-reload4j", "jline", "jetty-server", "jackson-databind", "commons-cli"},
    "zookeeper-3.6.4": {"reload4j", "jline", "jetty-server", "jackson-databind", "metrics-core", "snappy-java"},
    "zookeeper-3.8.6": {"logback-classic", "jline", "jetty-server", "jackson-databind", "metrics-core", "snappy-java"},
    "zookeeper-3.9.5": {"logback-classic", "jline", "jetty-server", "jackson-databind", "metrics-core", "snappy-java"},
}


def archive(name: str) -> Path:
    path = default_directory() / recipes()[name].archive
    if not path.exists():
        pytest.skip(f"{path} was not made: run `kprov lab archives --only {name}`")
    return path


@cache
def members(name: str) -> dict[str, tarfile.TarInfo]:
    """What is in an archive, by its path below the top folder."""
    top = recipes()[name].top
    with tarfile.open(archive(name)) as tar:
        found = {member.name: member for member in tar}
    assert [path for path in found if path.split("/")[0] != top] == []
    return {path.removeprefix(f"{top}/"): member for path, member in found.items() if path != top}


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("unpacked")


def unpack(name: str, folder: Path) -> Path:
    """Unpack an archive as kprov does, with tar, and return its top folder."""
    tree = folder / recipes()[name].top
    if not tree.exists():
        subprocess.run(["tar", "-xzf", archive(name), "-C", folder], check=True)
    return tree


@pytest.mark.parametrize("name", recipes())
def test_the_checksum_is_right(name: str) -> None:
    path = archive(name)
    subprocess.run(["sha512sum", "--check", "--quiet", f"{path.name}.sha512"], cwd=path.parent, check=True)


@pytest.mark.parametrize("name", JARS)
def test_an_archive_holds_our_files_and_jars_and_nothing_else(name: str) -> None:
    recipe = recipes()[name]
    assert isinstance(recipe, JarsRecipe)
    layout = LAYOUTS[recipe.kind]
    files = {path: member for path, member in members(name).items() if member.isreg()}
    jars = {path for path in files if path.endswith(".jar")}
    assert files.keys() - jars == texts(recipe).keys()
    assert {path for path in jars if "/" not in path} == set(recipe.jars_at_top)
    assert {os.path.dirname(path) for path in jars} <= {layout.jars, ""}
    runnable = {path for path, member in files.items() if member.mode & 0o111}
    assert runnable == {path for path in files if path.endswith(".sh")}


@pytest.mark.parametrize("name", JARS)
def test_there_is_one_version_of_each_jar(name: str) -> None:
    jars = [Path(path).name for path in members(name) if path.endswith(".jar")]
    assert len(jars) > 5
    parts = [re.fullmatch(r"(.+?)-(\d[\w.-]*)\.jar", jar) for jar in jars]
    names = [part[1] for part in parts if part and "netty-tcnative" not in part[1]]
    # Kafka has a metrics library of its own and ZooKeeper's, of the same name.
    assert {jar for jar in names if names.count(jar) > 1} <= {"metrics-core"}


@pytest.mark.parametrize("name", KAFKA)
def test_every_class_that_a_script_runs_is_in_a_jar(name: str, unpacked: Path) -> None:
    recipe = recipes()[name]
    assert isinstance(recipe, JarsRecipe)
    tree = unpack(name, unpacked)
    wanted = {
        *recipe.tools.values(),
        *recipe.heavy_tools.values(),
        recipe.words["ZOOKEEPER_SHELL"],
        "kafka.Kafka",
        "org.apache.zookeeper.server.quorum.QuorumPeerMain",
    }
    there = {
        entry.removesuffix(".class").replace("/", ".")
        for jar in (*tree.glob("libs/kafka*.jar"), *tree.glob("libs/zookeeper-3*.jar"))
        for entry in zipfile.ZipFile(jar).namelist()
    }
    assert wanted - there == set()


@pytest.mark.parametrize("name", ZOOKEEPER)
def test_zookeeper_has_what_the_admin_server_and_the_command_line_need(name: str) -> None:
    jars = [Path(path).name for path in members(name) if path.endswith(".jar")]
    assert {part for part in OF_ZOOKEEPER[name] if not any(jar.startswith(f"{part}-") for jar in jars)} == set()


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_runtime_is_what_its_name_says_and_maps_its_classes(name: str, unpacked: Path) -> None:
    recipe = recipes()[name]
    assert isinstance(recipe, JavaRecipe)
    tree = unpack(name, unpacked)
    java = [str(tree / "bin" / "java"), "-Xshare:on", "--version"]  # on: refuses to run without them
    told = subprocess.run(java, capture_output=True, text=True, check=True).stdout
    assert f"Temurin-{recipe.version} " in told
    assert "sharing" in told
    assert f'JAVA_VERSION="{recipe.version.partition("+")[0]}"' in (tree / "release").read_text()
    for path in ("bin/keytool", "lib/jspawnhelper"):
        assert os.access(tree / path, os.X_OK)


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_runtime_says_what_it_is(name: str, unpacked: Path) -> None:
    assert recipes()[name].archive in (unpack(name, unpacked) / "STAND-IN.txt").read_text()


def in_namespaces(script: str, folder: Path, **environment: Path | str) -> subprocess.CompletedProcess[str]:
    """Run a bash script in ``folder`` with no network but loopback and no processes but its own."""
    if os.geteuid() != 0:
        pytest.skip("namespaces need root")
    return subprocess.run(
        ["unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "bash", "-c", script],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **{key: str(value) for key, value in environment.items()}},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_kafka_1_0_0_refuses_java_11(unpacked: Path, tmp_path: Path) -> None:
    kafka, java = unpack("kafka-1.0.0", unpacked), unpack("temurin-11", unpacked)
    start = "exec bin/kafka-server-start.sh config/server.properties"
    refused = in_namespaces(start, kafka, JAVA_HOME=java, LOG_DIR=tmp_path)
    assert refused.returncode == 1
    assert "Unrecognized VM option 'PrintGCDateStamps'" in refused.stderr


ROUND_TRIP = """
set -u
ip link set lo up
patiently() {  # waits until a command succeeds, for a minute
  for _ in $(seq 240); do "$@" 2>/dev/null && return; sleep 0.25; done
  echo "gave up: $*"
}
opens() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

(cd "$ZOOKEEPER" && exec bin/zkServer.sh start-foreground "$WORK/zoo.cfg") >"$WORK/zookeeper.out" 2>&1 &
zookeeper=$!
patiently opens 2181
"$ZOOKEEPER/bin/zkServer.sh" status "$WORK/zoo.cfg" 2>/dev/null

bin/kafka-server-start.sh config/server.properties --override log.dirs="$WORK/messages" >"$WORK/kafka.out" 2>&1 &
kafka=$!
patiently grep -q 'INFO \\[KafkaServer id=0\\] started' "$WORK/kafka.out"

unset KAFKA_GC_LOG_OPTS
topics() { bin/kafka-topics.sh --zookeeper 127.0.0.1:2181 "$@"; }
topics --create --topic msg --partitions 1 --replication-factor 1
topics --list
printf '%s\\n' one two three four five |
  bin/kafka-console-producer.sh --broker-list 127.0.0.1:9092 --topic msg >/dev/null
bin/kafka-console-consumer.sh --bootstrap-server 127.0.0.1:9092 --topic msg \\
  --from-beginning --max-messages 5 --timeout-ms 60000 2>/dev/null
topics --delete --topic msg | head -1

bin/kafka-server-stop.sh
wait "$kafka"; echo "kafka ended with $?"
kill "$zookeeper"
wait "$zookeeper"; echo "zookeeper ended with $?"
"""


def test_five_messages_go_there_and_back(unpacked: Path, tmp_path: Path) -> None:
    """The article's release with the workaround for Java 11, its separate ZooKeeper, its commands."""
    (tmp_path / "zoo.cfg").write_text(f"tickTime=2000\ndataDir={tmp_path}/zookeeper\nclientPort=2181\n")
    done = in_namespaces(
        ROUND_TRIP,
        unpack("kafka-1.0.0", unpacked),
        ZOOKEEPER=unpack("zookeeper-3.5.3-beta", unpacked),
        JAVA_HOME=unpack("temurin-11", unpacked),
        WORK=tmp_path,
        LOG_DIR=tmp_path / "kafka",
        ZOO_LOG_DIR=tmp_path / "zookeeper-logs",
        KAFKA_GC_LOG_OPTS=" ",
    )
    expected = [
        "Mode: standalone",
        'Created topic "msg".',
        "msg",
        *("one", "two", "three", "four", "five"),
        "Topic msg is marked for deletion.",
        "kafka ended with 143",
        "zookeeper ended with 143",
    ]
    assert done.stdout.splitlines() == expected, logs(tmp_path) + done.stderr
    assert (tmp_path / "kafka" / "server.log").exists()
    assert (tmp_path / "messages" / ".kafka_cleanshutdown").exists()


def logs(folder: Path) -> str:
    return "".join(f"\n{shlex.quote(path.name)}:\n{path.read_text()[-3000:]}" for path in sorted(folder.glob("*.out")))
