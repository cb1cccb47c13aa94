"""ZooKeeper (A2, A3, A8, A16): its own release, or the one inside Kafka's archive."""

from __future__ import annotations

from packaging.version import Version

from kprov.desired.common import (
    JMX_OFF,
    TEMPORARY,
    ZOOKEEPER_UNIT,
    ZOOKEEPER_USER,
    environment_file,
    parents,
    release,
    release_path,
    temporary,
    temporary_option,
)
from kprov.desired.hardening import as_written_and_real, hardening, protect_home, writable
from kprov.desired.inputs import Inputs
from kprov.desired.java import java_paths
from kprov.desired.templates import PropertyLines, render
from kprov.kinds.base import Resource
from kprov.kinds.data import DataDirectory, Holds
from kprov.kinds.directory import Directory, Purpose
from kprov.kinds.file import File
from kprov.kinds.link import Link
from kprov.kinds.links import Links
from kprov.kinds.user import User
from kprov.releases.archive import Archive
from kprov.releases.catalogue import bundled_zookeeper
from kprov.spec.broker import zookeeper_data
from kprov.spec.model import Cluster, Mode

_ADMIN_SERVER_SINCE = Version("3.5.0a0")
_LOGBACK_SINCE = Version("3.8.0")
_JARS_IN_LIB_SINCE = Version("3.5.5")


def zookeeper_version(cluster: Cluster) -> str:
    """The version of the ZooKeeper that will run."""
    if cluster.zookeeper.mode is Mode.BUNDLED:
        return bundled_zookeeper(cluster.kafka.version)
    return cluster.zookeeper.version


def zookeeper_logs(cluster: Cluster) -> str:
    """The directory of ZooKeeper's own log files."""
    if cluster.zookeeper.mode is Mode.BUNDLED:
        return f"{cluster.kafka.home}/zk_dir/logs"
    return f"{cluster.zookeeper.home}/logs"


def zookeeper_temporary(cluster: Cluster) -> str:
    """The directory of ZooKeeper's temporary files."""
    if cluster.zookeeper.mode is Mode.BUNDLED:
        return f"{cluster.kafka.home}/zk_dir/{TEMPORARY}"
    return f"{cluster.zookeeper.home}/{TEMPORARY}"


def zookeeper(cluster: Cluster, inputs: Inputs) -> list[Resource]:
    """The resources of ZooKeeper, in order; for the bundled one Kafka's home must come first."""
    if inputs.zookeeper is None:
        made = [*_data(cluster), *_bundled(cluster, inputs)]
    else:
        made = [*_standalone(cluster, inputs, inputs.zookeeper), *_data(cluster)]
    written = [inputs.real.get(path, path) for path in _written(cluster)]
    return [*made, *hardening(ZOOKEEPER_UNIT, inputs.systemd, written)]


def user() -> User:
    """The system user that ZooKeeper runs as."""
    return User(ZOOKEEPER_USER)


def _settings(cluster: Cluster) -> dict[str, str]:
    data, logs = zookeeper_data(cluster)
    return {
        "dataDir": data,
        "dataLogDir": logs,
        "clientPort": str(cluster.zookeeper.client_port),
        "tickTime": "2000",
        "maxClientCnxns": "60",
        # Off by default, and the disk fills; every day, down to the least that ZooKeeper allows.
        "autopurge.purgeInterval": "24",
        "autopurge.snapRetainCount": "3",
        "4lw.commands.whitelist": "srvr",
        "admin.enableServer": "false",
    }


def _data(cluster: Cluster) -> list[Resource]:
    resources: list[Resource] = []
    for path in zookeeper_data(cluster):
        resources += [*parents(path), DataDirectory(path, ZOOKEEPER_USER, ZOOKEEPER_USER, Holds.ZOOKEEPER)]
    return resources


def _bundled(cluster: Cluster, inputs: Inputs) -> list[Resource]:
    home, logs = cluster.kafka.home, zookeeper_logs(cluster)
    version = zookeeper_version(cluster)
    config = f"{home}/config/zookeeper.properties"
    environment = {
        "JAVA_HOME": inputs.java_home,
        "LOG_DIR": logs,
        "KAFKA_HEAP_OPTS": f"-Xms{cluster.zookeeper.heap} -Xmx{cluster.zookeeper.heap}",
        "KAFKA_JMX_OPTS": JMX_OFF,
        # Not in KAFKA_OPTS, as for the broker.
        "KAFKA_LOG4J_OPTS": f"-Dlog4j.configuration=file:{home}/config/zookeeper-log4j.properties "
        + temporary_option(zookeeper_temporary(cluster)),
        **inputs.environment,
    }
    return [
        *parents(logs),
        Directory(logs, ZOOKEEPER_USER, ZOOKEEPER_USER, "0750", purpose=Purpose.LOGS),
        temporary(zookeeper_temporary(cluster), ZOOKEEPER_USER),
        File(config, _config("zookeeper.properties", cluster, version)),
        File(f"{home}/config/zookeeper-log4j.properties", render("zookeeper-log4j.properties", log_dir=logs)),
        environment_file(f"{home}/config/zookeeper.env", ZOOKEEPER_UNIT, ZOOKEEPER_USER, environment),
        _unit(cluster, inputs, version, home, f"{home}/bin/zookeeper-server-start.sh {config}"),
    ]


def _standalone(cluster: Cluster, inputs: Inputs, archive: Archive) -> list[Resource]:
    home, logs = cluster.zookeeper.home, zookeeper_logs(cluster)
    version, path = Version(archive.version), release_path(archive)
    logback = version >= _LOGBACK_SINCE
    option, logging = (
        ("logback.configurationFile", "logback.xml") if logback else ("log4j.configuration", "log4j.properties")
    )
    environment = {
        "JAVA_HOME": inputs.java_home,
        "ZOO_LOG_DIR": logs,
        # Later than the scripts' own -Xmx on the command line, so this one counts; 3.4 has no other.
        "SERVER_JVMFLAGS": f"-Xms{cluster.zookeeper.heap} -Xmx{cluster.zookeeper.heap} "
        f"-D{option}=file:{home}/conf/server-{logging} {temporary_option(zookeeper_temporary(cluster))}",
        # zkServer.sh would open JMX to every local user.
        "JMXDISABLE": "true",
    }
    command = f"{home}/bin/zkServer.sh start-foreground {home}/conf/zoo.cfg"
    jars: list[Resource] = [Links(home, path, "*.jar", own_folder=False)] if version < _JARS_IN_LIB_SINCE else []
    return [
        release(archive, path),
        *parents(home),
        Directory(home),
        Links(f"{home}/bin", f"{path}/bin"),
        Link(f"{home}/lib", f"{path}/lib"),
        *jars,
        Directory(f"{home}/conf"),
        Directory(logs, ZOOKEEPER_USER, ZOOKEEPER_USER, "0750", purpose=Purpose.LOGS),
        temporary(zookeeper_temporary(cluster), ZOOKEEPER_USER),
        # Everybody may run ZooKeeper's own scripts: they find Java, the port (no secret is in zoo.cfg) and logging
        # that needs no file of the server's. The service has the same Java by java.env, which zkEnv.sh reads.
        File(f"{home}/conf/java.env", render("java.env", java_home=inputs.java_home)),
        File(f"{home}/conf/{logging}", render(f"tools-{logging}")),
        File(f"{home}/conf/zoo.cfg", _config("zoo.cfg", cluster, archive.version)),
        File(f"{home}/conf/server-{logging}", render(f"zookeeper-{logging}", log_dir=logs)),
        environment_file(f"{home}/conf/zookeeper.env", ZOOKEEPER_UNIT, ZOOKEEPER_USER, environment),
        _unit(cluster, inputs, archive.version, home, command),
    ]


def _config(template: str, cluster: Cluster, version: str) -> bytes:
    lines = PropertyLines(_settings(cluster))
    return render(
        template,
        line=lines.line,
        kafka_version=cluster.kafka.version,
        zookeeper_version=version,
        admin_server=Version(version) >= _ADMIN_SERVER_SINCE,
    )


def _written(cluster: Cluster) -> list[str]:
    """The directories that ZooKeeper writes to."""
    return [zookeeper_logs(cluster), zookeeper_temporary(cluster), *zookeeper_data(cluster)]


def _unit(cluster: Cluster, inputs: Inputs, version: str, home: str, command: str) -> File:
    config = "conf" if inputs.zookeeper else "config"
    used = [home, release_path(inputs.zookeeper or inputs.kafka), *java_paths(inputs)]
    text = render(
        "zookeeper.service",
        zookeeper_version=version,
        user=ZOOKEEPER_USER,
        env_file=f"{home}/{config}/zookeeper.env",
        home=home,
        command=command,
        temporary=zookeeper_temporary(cluster),
        mounts=as_written_and_real([*zookeeper_data(cluster), *used], inputs.real),
        protect_home=protect_home([*_written(cluster), *used], inputs.real),
        writable=writable(_written(cluster), inputs.real),
    )
    return File(f"/etc/systemd/system/{ZOOKEEPER_UNIT}", text)
