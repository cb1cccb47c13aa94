"""The units of every combination hold to what systemd 219 accepts and to what Kafka and ZooKeeper need of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.version import Version
from support.specimens import NO_GC_LOG, asked, combinations, content, wanted

from kprov.kinds.data import DataDirectory
from kprov.kinds.directory import Directory, Purpose
from kprov.roles.desired import Desired
from kprov.spec.model import Cluster

DIRECTIVES = set((Path(__file__).parent.parent / "data" / "systemd219-directives.txt").read_text().split())
COMBINATIONS = dict(combinations())
# Specifiers that systemd 219 expands, `%%` left out: none of ours is meant as one.
PERCENT = re.compile(r"%(?!%)")

Unit = dict[str, list[str]]


def parse(text: str) -> Unit:
    """``Section.Directive`` to its values; fails at any line that systemd 219 would not read as meant."""
    unit: Unit = {}
    section = ""
    assert text.endswith("\n")
    for line in text.splitlines():
        assert not line.endswith("\\"), f"a continued line: {line}"
        if not line or line.startswith(("#", ";")):
            continue
        if line.startswith("["):
            assert re.fullmatch(r"\[(Unit|Service|Install)\]", line), line
            section = line.strip("[]")
            continue
        key, separator, value = line.partition("=")
        assert separator, f"no directive: {line}"
        assert key == key.strip(), line
        assert not re.search(r"\s[#;]", value), f"a trailing comment is part of the value: {line}"
        unit.setdefault(f"{section}.{key}", []).append(value)
    return unit


def units(state: Desired) -> dict[str, Unit]:
    return {name: parse(content(state, f"/etc/systemd/system/{name}.service")) for name in ("kafka", "zookeeper")}


@pytest.fixture(params=COMBINATIONS.values(), ids=COMBINATIONS.keys())
def cluster(request: pytest.FixtureRequest) -> Cluster:
    found: Cluster = request.param
    return found


def test_every_directive_is_one_that_systemd_219_accepts(cluster: Cluster) -> None:
    for unit in units(wanted(cluster)).values():
        assert set(unit) <= DIRECTIVES


def test_every_directive_stands_once_but_lists(cluster: Cluster) -> None:
    for unit in units(wanted(cluster)).values():
        assert {key: values for key, values in unit.items() if len(values) > 1} == {}


def test_the_main_process_is_java_itself_and_is_stopped_by_a_signal(cluster: Cluster) -> None:
    for unit in units(wanted(cluster)).values():
        assert unit["Service.Type"] == ["simple"]
        assert not {"Service.ExecStop", "Service.ExecReload", "Service.PIDFile", "Service.GuessMainPID"} & set(unit)
        assert "-daemon" not in unit["Service.ExecStart"][0]
        assert "Service.KillSignal" not in unit
        # control-group, the default: nothing of the service outlives it
        assert "Service.KillMode" not in unit


def test_commands_and_paths_are_absolute_and_mean_what_they_say(cluster: Cluster) -> None:
    for unit in units(wanted(cluster)).values():
        words = unit["Service.ExecStart"][0].split()
        assert words[0].startswith("/")
        for name in ("WorkingDirectory", "EnvironmentFile"):
            assert unit[f"Service.{name}"][0].startswith("/")
        for values in unit.values():
            for value in values:
                assert not PERCENT.search(value), value
                assert "$" not in value


def test_the_start_commands(cluster: Cluster) -> None:
    found = units(wanted(cluster))
    home = "/usr/local/single_kafka"
    assert found["kafka"]["Service.ExecStart"] == [f"{home}/bin/kafka-server-start.sh {home}/config/server.properties"]
    expected = "/usr/local/zookeeper/bin/zkServer.sh start-foreground /usr/local/zookeeper/conf/zoo.cfg"
    if cluster.zookeeper.mode == "bundled":
        expected = f"{home}/bin/zookeeper-server-start.sh {home}/config/zookeeper.properties"
    assert found["zookeeper"]["Service.ExecStart"] == [expected]


def test_a_clean_stop_is_no_failure(cluster: Cluster) -> None:
    for unit in units(wanted(cluster)).values():
        assert unit["Service.SuccessExitStatus"] == ["143"]


def test_stopping_is_given_time_but_never_for_ever(cluster: Cluster) -> None:
    found = units(wanted(cluster))
    assert int(found["kafka"]["Service.TimeoutStopSec"][0]) > 90
    assert int(found["zookeeper"]["Service.TimeoutStopSec"][0]) > 0
    for unit in found.values():
        for key, values in unit.items():
            if key.startswith("Service.Timeout"):
                assert values[0].isdigit(), "infinity overflows in 219"


def test_limits_are_plain_integers(cluster: Cluster) -> None:
    found = units(wanted(cluster))
    assert int(found["kafka"]["Service.LimitNOFILE"][0]) >= 100000
    for unit in found.values():
        for key, values in unit.items():
            if key.startswith("Service.Limit"):
                assert values[0].isdigit()


def test_a_failing_service_is_restarted_and_the_rate_limit_stands_where_219_reads_it(cluster: Cluster) -> None:
    for unit in units(wanted(cluster)).values():
        assert unit["Service.Restart"] == ["on-failure"]
        assert unit["Service.StartLimitInterval"] == ["0"]
        assert not {key for key in unit if key.startswith("Unit.StartLimit")}


def test_kafka_starts_after_zookeeper_and_does_not_stop_with_it(cluster: Cluster) -> None:
    found = units(wanted(cluster))
    assert "zookeeper.service" in found["kafka"]["Unit.After"][0].split()
    assert "zookeeper.service" in found["kafka"]["Unit.Wants"][0].split()
    for key in ("Requires", "BindsTo", "PartOf", "Requisite"):
        assert f"Unit.{key}" not in found["kafka"]
    for unit in found.values():
        assert "network-online.target" in unit["Unit.After"][0].split()
        assert "network-online.target" in unit["Unit.Wants"][0].split()
        assert unit["Install.WantedBy"] == ["multi-user.target"]


def test_services_run_as_their_own_users(cluster: Cluster) -> None:
    for name, unit in units(wanted(cluster)).items():
        assert unit["Service.User"] == unit["Service.Group"] == [name]


def test_what_a_service_writes_is_excepted_from_its_protection(cluster: Cluster) -> None:
    """The article's messages lie under /home, the logs under /usr."""
    state = wanted(cluster)
    for name, unit in units(state).items():
        assert unit["Service.ProtectSystem"] == ["full"]
        own = [item.path for item in state.resources if getattr(item, "owner", "root") == name]
        protected = [path for path in own if path.startswith(("/usr/", "/etc/", "/boot/", "/home/"))]
        assert sorted(unit["Service.ReadWriteDirectories"][0].split()) == sorted(protected)
        home = "read-only" if any(path.startswith("/home/") for path in own) else "yes"
        assert unit["Service.ProtectHome"] == [home]


def test_nothing_that_a_service_uses_is_hidden_from_it() -> None:
    for cluster in (
        asked(java_home="/home/me/jdk", properties={"log.dirs": "/data"}),
        asked(more={"kafka": {"home": "/home/kafka"}}, mode="bundled", properties={"log.dirs": "/data"}),
    ):
        for unit in units(wanted(cluster)).values():
            assert unit["Service.ProtectHome"] == ["read-only"]
    for unit in units(wanted(asked(properties={"log.dirs": "/homes/data"}))).values():
        assert unit["Service.ProtectHome"] == ["yes"]


def test_units_wait_for_the_mounts_of_what_they_use(cluster: Cluster) -> None:
    """Every path that a unit names, and every data directory, is one that it waits for or lies in one."""
    state = wanted(cluster)
    data = {
        name: [item.path for item in state.resources if isinstance(item, DataDirectory) and item.owner == name]
        for name in ("kafka", "zookeeper")
    }
    for name, unit in units(state).items():
        waited = unit["Unit.RequiresMountsFor"][0].split()
        assert len(waited) == len(set(waited))
        used = [*data[name], unit["Service.WorkingDirectory"][0], unit["Service.ExecStart"][0].split()[0]]
        used += [*unit["Service.ReadWriteDirectories"][0].split(), unit["Service.EnvironmentFile"][0]]
        environment = content(state, unit["Service.EnvironmentFile"][0])
        used += re.findall(r'JAVA_HOME="?([^"\n]+)', environment)
        assert len(used) >= 7
        for path in used:
            assert any(path == place or path.startswith(f"{place}/") for place in waited), path


LINKED = {
    "/var/lib/zookeeper/data": "/home/zookeeper/data",
    "/data/kafka": "/home/data/kafka",
    "/opt/java": "/home/jdk",
    "/opt/java/bin/java": "/home/jdk/bin/java",
}


@pytest.mark.parametrize("systemd", [219, 252])
def test_links_into_home_are_followed(systemd: int) -> None:
    """ProtectHome= and what may be written are about the place that the link leads to."""
    cluster = asked(java_home="/opt/java", properties={"log.dirs": "/data/kafka"})
    state = wanted(cluster, real=LINKED, systemd=systemd)
    for name, path, real in (
        ("kafka", "/data/kafka", "/home/data/kafka"),
        ("zookeeper", "/var/lib/zookeeper/data", "/home/zookeeper/data"),
    ):
        unit = units(state)[name]
        assert unit["Service.ProtectHome"] == ["read-only"]
        written = unit["Service.ReadWriteDirectories"][0].split()
        assert real in written
        assert path not in written
        waited = unit["Unit.RequiresMountsFor"][0].split()
        assert {path, real, "/opt/java", "/home/jdk"} <= set(waited)
        if systemd > 219:
            drop_in = parse(content(state, f"{name}.service.d/kprov-hardening.conf"))
            (written,) = [value.split() for value in drop_in["Service.ReadWritePaths"]]
            assert real in written
            assert path not in written


@pytest.mark.parametrize(
    ("real", "protect", "written"),
    [
        # The program alone is a link into /home.
        ({"/opt/java/bin/java": "/home/jdk/bin/java"}, "read-only", ["/usr/local/single_kafka/logs"]),
        # /home itself is a link: systemd closes what it leads to.
        ({"/home": "/big/home", "/data/kafka": "/big/home/kafka"}, "read-only", ["/big/home/kafka"]),
        # Out of /usr: that which is read-only no longer concerns it, and it stays listed where it really is.
        ({"/usr/local/single_kafka/logs": "/big/single_kafka/logs"}, "yes", ["/big/single_kafka/logs"]),
    ],
)
def test_links_of_other_kinds(real: dict[str, str], protect: str, written: list[str]) -> None:
    cluster = asked(java_home="/opt/java", properties={"log.dirs": "/data/kafka"})
    unit = units(wanted(cluster, real=real))["kafka"]
    assert unit["Service.ProtectHome"] == [protect]
    assert set(written) <= set(unit["Service.ReadWriteDirectories"][0].split())
    waited = unit["Unit.RequiresMountsFor"][0].split()
    used = {"/opt/java/bin/java", "/data/kafka", "/usr/local/single_kafka/logs"} & real.keys()
    assert all(
        any(place in (real[path], real[path].rpartition("/")[0]) for place in waited)
        for path in used - {"/usr/local/single_kafka/logs"}
    )


def test_a_service_gets_no_rights_devices_or_odd_sockets(cluster: Cluster) -> None:
    for unit in units(wanted(cluster)).values():
        assert unit["Service.CapabilityBoundingSet"] == [""]
        assert (
            unit["Service.NoNewPrivileges"] == unit["Service.PrivateDevices"] == unit["Service.PrivateTmp"] == ["yes"]
        )
        assert unit["Service.RestrictAddressFamilies"] == ["AF_INET AF_INET6 AF_UNIX"]
        assert unit["Service.SystemCallArchitectures"] == ["native"]
        # Java writes the code that it runs; and 219 would only warn about it.
        assert "Service.MemoryDenyWriteExecute" not in unit


def drop_ins(cluster: Cluster, systemd: int) -> dict[str, Unit]:
    files = {file.path: file for file in wanted(cluster, systemd=systemd).files()}
    found = {}
    for name in ("kafka", "zookeeper"):
        path = f"/etc/systemd/system/{name}.service.d/kprov-hardening.conf"
        if path in files:
            assert (files[path].owner, files[path].mode) == ("root", "0644")
            found[name] = parse(files[path].content.decode())
    return found


def test_systemd_219_gets_no_drop_in(cluster: Cluster) -> None:
    assert drop_ins(cluster, 219) == {}
    assert not [item for item in wanted(cluster).resources if item.id.endswith(".service.d")]


@pytest.mark.parametrize(
    ("systemd", "least", "without"),
    [
        (231, {"RestrictRealtime"}, {"ProtectSystem", "SystemCallFilter", "ProtectProc"}),
        (239, {"ProtectSystem", "ReadWritePaths", "SystemCallFilter", "RestrictNamespaces"}, {"ProtectHostname"}),
        (245, {"ProtectHostname", "ProtectClock", "ProtectKernelLogs"}, {"ProtectProc"}),
        (252, {"ProtectProc", "ProtectClock", "SystemCallFilter"}, {"MemoryDenyWriteExecute"}),
    ],
)
def test_a_later_systemd_gets_what_it_knows(systemd: int, least: set[str], without: set[str]) -> None:
    for unit in drop_ins(asked(), systemd).values():
        keys = {key.removeprefix("Service.") for key in unit}
        assert least <= keys
        assert not without & keys


def test_a_new_systemd_that_knows_nothing_new_restarts_nothing() -> None:
    assert wanted(asked(), systemd=252).services == wanted(asked(), systemd=254).services
    assert wanted(asked(), systemd=245).services != wanted(asked(), systemd=252).services


def test_only_what_a_service_writes_stays_writable(cluster: Cluster) -> None:
    state = wanted(cluster, systemd=252)
    for name, unit in drop_ins(cluster, 252).items():
        own = [item.path for item in state.resources if getattr(item, "owner", "root") == name]
        assert sorted(unit["Service.ReadWritePaths"][0].split()) == sorted(own)
        assert unit["Service.ProtectSystem"] == ["strict"]


def test_a_service_restarts_for_its_drop_in(cluster: Cluster) -> None:
    for service in wanted(cluster, systemd=252).services:
        assert f"file:/etc/systemd/system/{service.unit}.d/kprov-hardening.conf" in service.reads


@pytest.mark.parametrize(
    ("kafka", "session", "least"),
    [
        ("1.0.0", None, 6),
        ("1.1.1", None, 6),
        ("2.8.2", None, 18),
        ("3.5.2", None, 18),
        ("3.9.2", None, 18),
        ("1.0.0", "30000", 30),
        ("3.9.2", "6000", 6),
        ("3.9.2", "40500", 40.5),
        ("2.8.2", "500", 0.5),
    ],
)
def test_a_restart_waits_until_the_session_is_over(kafka: str, session: str | None, least: float) -> None:
    properties = {"zookeeper.session.timeout.ms": session} if session else {}
    unit = units(wanted(asked(kafka=kafka, properties=properties)))["kafka"]
    assert least + 1 < int(unit["Service.RestartSec"][0]) < least + 30


def test_each_service_has_a_directory_for_temporary_files(cluster: Cluster) -> None:
    """Its own alone, writable for it, part of what it is started with, emptied at each start, removed with the rest."""
    state = wanted(cluster, systemd=252)
    directories = [item for item in state.resources if isinstance(item, Directory)]
    found = {item.owner: item for item in directories if item.purpose is Purpose.TEMPORARY}
    assert sorted(found) == ["kafka", "zookeeper"]
    assert [item for item in directories if item.path.endswith("/tmp")] == list(found.values())
    for name, directory in found.items():
        assert (directory.group, directory.mode, directory.shared) == (name, "0700", False)
        unit = units(state)[name]
        assert directory.path in unit["Service.ReadWriteDirectories"][0].split()
        hardening = content(state, f"/{name}.service.d/kprov-hardening.conf")
        assert f" {directory.path}" in re.search(r"ReadWritePaths=.*", hardening)[0]  # type: ignore[index]
        variables = environment(state, unit["Service.EnvironmentFile"][0])
        assert [value for value in variables.values() if f"-Djava.io.tmpdir={directory.path}" in value.split()]
        assert "KAFKA_OPTS" not in variables, "this file would override a drop-in of the user's"
        tidy = unit["Service.ExecStartPre"][0]
        assert tidy.startswith("-/bin/sh -c 'rm -rf -- ")
        assert all(word.startswith(f"{directory.path}/") for word in tidy.split("-- ")[1].rstrip("'").split())
        (service,) = (item for item in state.services if item.unit == f"{name}.service")
        assert directory.id in service.reads
        removed = directory.entry().removal({"status": "present", "type": "directory"}, purge=False, force=False)
        assert removed.change is not None
        assert removed.change.calls == (("remove_tree", directory.path),)


def test_a_log_directory_outside_the_protected_trees_needs_no_exception() -> None:
    cluster = asked(properties={"log.dirs": "/data/one,/usr/data/two"})
    unit = units(wanted(cluster))["kafka"]
    assert unit["Service.ReadWriteDirectories"] == [
        "/usr/local/single_kafka/logs /usr/local/single_kafka/tmp -/usr/data/two"
    ]


def test_jmx_is_off_and_on_request_for_the_host_itself_alone() -> None:
    assert environment(wanted(asked()), "/config/kafka.env")["KAFKA_JMX_OPTS"] == "-Dkprov.jmx=off"
    assert asked(more={"kafka": {"jmx_port": "off"}}).kafka.jmx_port is None
    state = wanted(asked(more={"kafka": {"jmx_port": 9999}}))
    words = environment(state, "/config/kafka.env")["KAFKA_JMX_OPTS"].split()
    assert {"-Dcom.sun.management.jmxremote.host=127.0.0.1", "-Djava.rmi.server.hostname=127.0.0.1"} <= set(words)
    assert {f"-Dcom.sun.management.jmxremote.{name}port=9999" for name in ("", "rmi.")} <= set(words)
    assert "jmx" not in content(state, "/etc/profile.d/kprov.sh").lower(), "the tools would open the port as well"


def unquoted(line: str) -> tuple[str, str]:
    """One line of an environment file as systemd reads it (parse_env_file: quotes and backslashes)."""
    name, _, rest = line.partition("=")
    assert re.fullmatch(r"[A-Z][A-Z0-9_]*", name), "`export X` is no key"
    assert rest[0] == rest[-1] == '"'
    assert len(rest) >= 2
    value, inner = "", iter(rest[1:-1])
    for character in inner:
        assert character != '"', "the quotes end here"
        value += next(inner) if character == "\\" else character
    return name, value


def environment(state: Desired, path: str) -> dict[str, str]:
    lines = [line for line in content(state, path).splitlines() if line and not line.startswith("#")]
    pairs = [unquoted(line) for line in lines]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_environment_of_the_broker(cluster: Cluster) -> None:
    state = wanted(cluster, environment=NO_GC_LOG)
    java = cluster.java.home or "/usr/local/java/jdk-11.0.29-jre"
    assert environment(state, "/config/kafka.env") == {
        "JAVA_HOME": java,
        "LOG_DIR": "/usr/local/single_kafka/logs",
        "KAFKA_HEAP_OPTS": "-Xms1g -Xmx1g",
        "KAFKA_JMX_OPTS": "-Dkprov.jmx=off",
        "KAFKA_LOG4J_OPTS": "-Dlog4j.configuration=file:/usr/local/single_kafka/config/log4j.properties "
        "-Djava.io.tmpdir=/usr/local/single_kafka/tmp",
        **NO_GC_LOG,
    }


def test_environment_of_zookeeper(cluster: Cluster) -> None:
    state = wanted(cluster, environment=NO_GC_LOG)
    java = cluster.java.home or "/usr/local/java/jdk-11.0.29-jre"
    if cluster.zookeeper.mode == "bundled":
        home = "/usr/local/single_kafka"
        assert environment(state, f"{home}/config/zookeeper.env") == {
            "JAVA_HOME": java,
            "LOG_DIR": f"{home}/zk_dir/logs",
            "KAFKA_HEAP_OPTS": "-Xms512m -Xmx512m",
            "KAFKA_JMX_OPTS": "-Dkprov.jmx=off",
            "KAFKA_LOG4J_OPTS": f"-Dlog4j.configuration=file:{home}/config/zookeeper-log4j.properties "
            f"-Djava.io.tmpdir={home}/zk_dir/tmp",
            **NO_GC_LOG,
        }
    else:
        # The workaround is for kafka-run-class.sh, which a ZooKeeper of its own does not use.
        logging = "-Dlog4j.configuration=file:/usr/local/zookeeper/conf/server-log4j.properties"
        if Version(cluster.zookeeper.version) >= Version("3.8"):
            logging = "-Dlogback.configurationFile=file:/usr/local/zookeeper/conf/server-logback.xml"
        assert environment(state, "/usr/local/zookeeper/conf/zookeeper.env") == {
            "JAVA_HOME": java,
            "ZOO_LOG_DIR": "/usr/local/zookeeper/logs",
            "SERVER_JVMFLAGS": f"-Xms512m -Xmx512m {logging} -Djava.io.tmpdir=/usr/local/zookeeper/tmp",
            "JMXDISABLE": "true",
        }


@pytest.mark.parametrize("value", ['-Da="b c"', "back\\slash", "100%", "#no comment", "'single'", "a $HOME b", ";x"])
def test_any_value_survives_an_environment_file(value: str) -> None:
    state = wanted(asked(), environment={"KAFKA_OPTS": value})
    assert environment(state, "/config/kafka.env")["KAFKA_OPTS"] == value


def test_each_unit_reads_the_environment_that_is_written_for_it(cluster: Cluster) -> None:
    state = wanted(cluster)
    files = {file.path: file for file in state.files()}
    for name, unit in units(state).items():
        file = files[unit["Service.EnvironmentFile"][0]]
        # no leading dash: a missing file is a failure to be seen
        assert (file.owner, file.group, file.mode) == ("root", name, "0640")
