"""server.properties, zoo.cfg, zookeeper.properties and the logging: every value, and as the programs read them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import javaproperties
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.version import Version
from support.specimens import KAFKA, ZOOKEEPER, asked, combinations, content, wanted

from kprov.kinds.base import Change
from kprov.roles.broker import server_properties
from kprov.roles.templates import PropertyLines, escape, render
from kprov.spec.broker import broker_config
from kprov.spec.model import Cluster

COMBINATIONS = dict(combinations())
ARTICLE = {
    "broker.id": "0",
    "num.network.threads": "3",
    "num.io.threads": "8",
    "socket.send.buffer.bytes": "102400",
    "socket.receive.buffer.bytes": "102400",
    "socket.request.max.bytes": "104857600",
    "log.dirs": "/home/temp/kafka_logs",
    "num.partitions": "1",
    "num.recovery.threads.per.data.dir": "1",
    "log.retention.hours": "168",
    "log.segment.bytes": "1073741824",
    "log.retention.check.interval.ms": "300000",
    "zookeeper.connect": "192.168.78.141:2181",
    "zookeeper.connection.timeout.ms": "6000",
    "group.initial.rebalance.delay.ms": "0",
}
HEADINGS = (
    "Basic service settings",
    "Network",
    "Log basics",
    "Log retention",
    "ZooKeeper",
    "Group coordinator",
)


def keys(text: str) -> list[str]:
    return [line.partition("=")[0] for line in text.splitlines() if line and not line.startswith("#")]


def uncommented(text: str) -> list[str]:
    """Keys in a paragraph that says nothing about them."""
    found = []
    for paragraph in text.split("\n\n"):
        lines = paragraph.splitlines()
        if not any(line.startswith("# ") for line in lines):
            found += keys(paragraph)
    return found


@pytest.fixture(params=KAFKA)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    return asked(kafka=request.param)


def test_every_value_of_the_article_is_in_server_properties(cluster: Cluster) -> None:
    values = javaproperties.loads(server_properties(broker_config(cluster, cluster.hosts[0])).decode())
    assert ARTICLE.items() <= values.items()
    assert values["listeners"] == "PLAINTEXT://:9092"
    assert values["advertised.listeners"] == "PLAINTEXT://192.168.78.141:9092"
    # not one of its own: with one broker, three replicas are never to be had
    assert values["offsets.topic.replication.factor"] == "1"
    assert values["transaction.state.log.replication.factor"] == "1"
    assert values["transaction.state.log.min.isr"] == "1"


def test_server_properties_reads_back_to_exactly_what_was_asked(cluster: Cluster) -> None:
    own = {"compression.type": "lz4", "log.dirs": "/data/a,/data/b", "auto.create.topics.enable": "false"}
    changed = cluster.model_copy(update={"kafka": cluster.kafka.model_copy(update={"properties": own})})
    for each in (cluster, changed):
        host = each.hosts[0]
        text = server_properties(broker_config(each, host)).decode()
        assert javaproperties.loads(text) == broker_config(each, host).properties
        assert len(keys(text)) == len(set(keys(text)))


def test_each_key_has_a_comment_and_the_article_s_headings_are_there(cluster: Cluster) -> None:
    text = server_properties(broker_config(cluster, cluster.hosts[0])).decode()
    assert uncommented(text) == []
    headings = re.findall(r"^#{29} (.+) #{29}$", text, re.MULTILINE)
    assert [heading for heading in headings if heading in HEADINGS] == list(HEADINGS)


def test_what_the_article_does_not_name_stands_under_a_heading_of_its_own() -> None:
    cluster = asked(properties={"compression.type": "lz4"})
    text = server_properties(broker_config(cluster, cluster.hosts[0])).decode()
    assert "\n\n############################# Other settings #############################\n" in text
    assert text.endswith("compression.type=lz4\n")
    assert "Other settings" not in server_properties(broker_config(asked(), cluster.hosts[0])).decode()


# What a property may be: no line break or NUL, which the specification refuses.
VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\0"))


@given(VALUES)
@example(" leading and trailing ")
@example("\tleading tab")
@example("#comment")
@example("!comment")
@example("=:= :=")
@example("back\\slash\\")
@example("\\u0041")
@example("日本語 \U0001f600 é")
@example("\f\x0b\x7f\x85\u2028")
@example("")
def test_any_value_of_a_property_survives_the_file(value: str) -> None:
    cluster = asked(properties={"super.users": value})
    text = server_properties(broker_config(cluster, cluster.hosts[0])).decode()
    assert text.isascii()  # java.util.Properties reads Latin 1
    assert javaproperties.loads(text) == broker_config(cluster, cluster.hosts[0]).properties
    assert javaproperties.loads(f"key={escape(value)}") == {"key": value}


@given(VALUES)
def test_an_escaped_value_is_one_line(value: str) -> None:
    assert escape(value).splitlines() in ([], [escape(value)])


def test_a_key_that_a_template_forgets_or_repeats_is_noticed() -> None:
    lines = PropertyLines({"a": "1", "b": "2"})
    assert lines.line("a") == "a=1"
    with pytest.raises(KeyError):
        lines.line("a")
    assert lines.rest() == [("b", "b=2")]
    assert lines.rest() == []


def test_a_template_that_misses_a_value_is_an_error() -> None:
    with pytest.raises(Exception, match="java_home"):
        render("profile.sh", environment=[])


# ------------------------------------------------------------------ ZooKeeper


def settings(text: str) -> dict[str, str]:
    """The file as zkServer.sh and kafka's scripts grep it: no space round the equals sign."""
    for line in text.splitlines():
        assert not line or line.startswith("#") or re.fullmatch(r"[0-9A-Za-z.]+=\S+", line), line
    assert len(keys(text)) == len(set(keys(text)))
    assert uncommented(text) == []
    return dict(javaproperties.loads(text))


def expected(data: str, logs: str, *, admin: bool) -> dict[str, str]:
    values = {
        "dataDir": data,
        "dataLogDir": logs,
        "clientPort": "2181",
        "tickTime": "2000",
        "maxClientCnxns": "60",
        "autopurge.purgeInterval": "24",
        "autopurge.snapRetainCount": "3",
        "4lw.commands.whitelist": "srvr",
    }
    return values | ({"admin.enableServer": "false"} if admin else {})


@pytest.mark.parametrize("version", [*ZOOKEEPER, "3.5.0-alpha", "3.4.10", "3.6.3"])
def test_zoo_cfg(version: str) -> None:
    values = settings(content(wanted(asked(zookeeper=version)), "/conf/zoo.cfg"))
    admin = Version(version) >= Version("3.5.0a0")
    assert values == expected("/var/lib/zookeeper/data", "/var/lib/zookeeper/logs", admin=admin)


@pytest.mark.parametrize("kafka", KAFKA)
def test_zookeeper_properties(kafka: str) -> None:
    values = settings(content(wanted(asked(kafka=kafka, mode="bundled")), "/config/zookeeper.properties"))
    base = "/usr/local/single_kafka/zk_dir"
    # 1.x brings ZooKeeper 3.4, which knows no AdminServer
    assert values == expected(f"{base}/zk_data", f"{base}/zk_logs", admin=not kafka.startswith("1."))


def test_zookeeper_s_places_and_port_can_be_chosen() -> None:
    more = {"zookeeper": {"data_dir": "/data/zk", "data_log_dir": "/wal/zk", "client_port": 2182}}
    for mode, path in (("standalone", "/conf/zoo.cfg"), ("bundled", "/config/zookeeper.properties")):
        state = wanted(asked(mode=mode, more=more))
        values = settings(content(state, path))
        assert (values["dataDir"], values["dataLogDir"], values["clientPort"]) == ("/data/zk", "/wal/zk", "2182")
        assert "zookeeper.connect=192.168.78.141:2182\n" in content(state, "server.properties")


# ------------------------------------------------------------------ logging


def log4j(text: str) -> dict[str, dict[str, str]]:
    """The appenders by name, each with its settings; fails at a logger without an appender that exists."""
    values = dict(javaproperties.loads(text))
    assert len(keys(text)) == len(set(keys(text)))
    names = {key.split(".")[2] for key in values if key.startswith("log4j.appender.")}
    for key, value in values.items():
        if key == "log4j.rootLogger" or key.startswith("log4j.logger."):
            level, *targets = [part.strip() for part in value.split(",")]
            assert level in {"INFO", "WARN"}, key
            assert set(targets) <= names
    return {
        name: {
            key.split(".", 3)[3] if key.count(".") > 2 else "class": value
            for key, value in values.items()
            if key.startswith(f"log4j.appender.{name}.") or key == f"log4j.appender.{name}"
        }
        for name in names
    }


@pytest.mark.parametrize("mode", ["standalone", "bundled"])
def test_every_log_file_rotates_and_is_bounded(mode: str) -> None:
    state = wanted(asked(mode=mode))
    zookeeper = "/conf/server-log4j.properties" if mode == "standalone" else "/config/zookeeper-log4j.properties"
    for path in ("/config/log4j.properties", zookeeper):
        for appender in log4j(content(state, path)).values():
            if appender["class"] == "org.apache.log4j.ConsoleAppender":
                assert appender["Threshold"] == "WARN"  # the journal is not flooded
                continue
            assert appender["class"] == "org.apache.log4j.RollingFileAppender"
            assert re.fullmatch(r"[0-9]+MB", appender["MaxFileSize"])
            assert int(appender["MaxBackupIndex"]) > 0


def test_the_broker_s_log_files() -> None:
    appenders = log4j(content(wanted(asked()), "/single_kafka/config/log4j.properties"))
    files = {appender["File"] for appender in appenders.values() if "File" in appender}
    names = ("server", "state-change", "controller", "log-cleaner", "kafka-authorizer", "kafka-request")
    assert files == {f"${{kafka.logs.dir}}/{name}.log" for name in names}


def test_tools_log_to_standard_error_alone() -> None:
    for path in ("/config/tools-log4j.properties", "/zookeeper/conf/log4j.properties"):
        appenders = log4j(content(wanted(asked()), path))
        assert {appender["Target"] for appender in appenders.values()} == {"System.err"}
    root = ET.fromstring(content(wanted(asked(zookeeper="3.8.6")), "/conf/logback.xml"))  # noqa: S314 (it is ours)
    assert [appender.findtext("target") for appender in root.iter("appender")] == ["System.err"]


def test_zookeeper_s_own_scripts_find_java_in_any_shell() -> None:
    """zkEnv.sh reads java.env; sudo and a shell that is no login shell do not read the profile."""
    text = content(wanted(asked(java_home="/usr/lib/jvm/java-11")), "/zookeeper/conf/java.env")
    assert 'export JAVA_HOME="/usr/lib/jvm/java-11"' in text.splitlines()


@pytest.mark.parametrize("version", ["3.8.0", "3.8.6", "3.9.5"])
def test_zookeeper_logs_through_logback_from_3_8_on(version: str) -> None:
    state = wanted(asked(zookeeper=version))
    assert not [file for file in state.files() if file.path.endswith("log4j.properties") and "/zookeeper/" in file.path]
    root = ET.fromstring(content(state, "/conf/server-logback.xml"))  # noqa: S314 (it is ours)
    rolling = root.find("./appender[@name='FILE']")
    assert rolling is not None
    assert rolling.findtext("file") == "/usr/local/zookeeper/logs/zookeeper.log"
    assert rolling.findtext("./rollingPolicy/maxIndex") == "9"
    assert rolling.findtext("./triggeringPolicy/maxFileSize") == "50MB"
    assert {item.get("ref") for item in root.iter("appender-ref")} == {
        item.get("name") for item in root.iter("appender")
    }


# ------------------------------------------------------------------ all files


@pytest.mark.parametrize("cluster", COMBINATIONS.values(), ids=COMBINATIONS.keys())
def test_no_file_keeps_a_mark_of_its_template(cluster: Cluster) -> None:
    state = wanted(cluster)
    for file in state.files():
        text = file.content.decode()
        assert not re.search(r"\{\{|\}\}|\{%|%\}|\bNone\b|<kprov|StrEnum|Mode\.", text), file.path
        assert text.endswith("\n")
        assert "\n\n\n" not in text
        assert not [line for line in text.splitlines() if line != line.rstrip()], file.path
        assert "Written by kprov" in text or file.path.endswith(("log4j.properties", "logback.xml"))


@pytest.mark.parametrize("cluster", COMBINATIONS.values(), ids=COMBINATIONS.keys())
def test_files_that_may_hold_secrets_are_not_for_everybody(cluster: Cluster) -> None:
    """zoo.cfg holds none, and zkServer.sh status reads the port there for whoever types it."""
    for file in wanted(cluster).files():
        private = file.path.endswith(("kafka.env", "zookeeper.env", "server.properties"))
        script = "/kk_zk_" in file.path
        assert file.mode == ("0640" if private else "0755" if script else "0644"), file.path
        assert file.owner == "root"


@pytest.mark.parametrize("seen", ["ssl.key.password=old-one\n", ""])
def test_a_diff_shows_no_secret(seen: str) -> None:
    state = wanted(asked(properties={"ssl.key.password": "hunter2"}))
    (file,) = (file for file in state.files() if file.path.endswith("server.properties"))
    there = (
        {"status": "present", "type": "regular file", "sha256": "x", "content": seen} if seen else {"status": "absent"}
    )
    change = file.compare(there, file.entry())
    assert isinstance(change, Change)
    assert "+ssl.key.password=***" in change.diff
    assert "hunter2" not in change.diff
    assert "old-one" not in change.diff
