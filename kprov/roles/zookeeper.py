"""ZooKeeper (A2, A3, A8, A16): its own release, or the one inside Kafka's archive."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import Version

from kprov.kinds.base import Resource
from kprov.kinds.data import DataDirectory, Holds
from kprov.kinds.directory import Directory, Purpose
from kprov.kinds.file import File
from kprov.kinds.link import Link
from kprov.kinds.links import Links
from kprov.kinds.user import User
from kprov.queries import four_letter_word
from kprov.releases.archive import Archive
from kprov.releases.product import Product
from kprov.roles.base import DataPlace, ReadyQuestion, Role, UsedPath
from kprov.roles.broker import kafka_home
from kprov.roles.common import (
    JMX_OFF,
    KAFKA_USER,
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
from kprov.roles.hardening import as_written_and_real, hardening, protect_home, writable
from kprov.roles.inputs import Inputs
from kprov.roles.java import java_paths
from kprov.roles.templates import PropertyLines, render
from kprov.spec.model import RoleName
from kprov.spec.zookeeper import ZooKeeperConfig

_ADMIN_SERVER_SINCE = Version("3.5.0a0")
_LOGBACK_SINCE = Version("3.8.0")
_JARS_IN_LIB_SINCE = Version("3.5.5")
# These keep the members of an ensemble in files of their own (ZOOKEEPER-2819); later ones only if told to.
_REWRITES_CONFIG = Version("3.5.0a0"), Version("3.5.4a0")
_STARTS_WITH = 128 * 2**20  # preAllocSize of the first transaction log, 64 MiB, twice

# zookeeperAdmin, snapshot.trust.empty: to be taken away after one start.
_TRUST_LOGS = "-Dzookeeper.snapshot.trust.empty=true"


@dataclass(frozen=True)
class ZooKeeperRole(Role):
    """A ZooKeeper server. In bundled mode it runs from Kafka's home."""

    name = RoleName.ZOOKEEPER
    product = Product.ZOOKEEPER
    unit = ZOOKEEPER_UNIT
    user = ZOOKEEPER_USER
    starts_after = ()
    ready_seconds = 60.0

    @property
    def config(self) -> ZooKeeperConfig:
        return self.node.zookeeper

    @property
    def version(self) -> str:
        return self.config.version

    @property
    def heap(self) -> str:
        return self.config.heap

    @property
    def ports(self) -> tuple[int, ...]:
        return (self.config.client_port,)

    @property
    def further_ports(self) -> tuple[int, ...]:
        """Those for the other servers; only the leader binds the first."""
        own = [member for member in self.config.members if member.id == self.config.id]
        return tuple(port for member in own for port in (member.peer, member.election))

    @property
    def public_ports(self) -> tuple[int, ...]:
        """None: its clients are the brokers."""
        return ()

    @property
    def node_ports(self) -> tuple[int, ...]:
        """All of them in a cluster; on a single host, the only client of its server is there, too."""
        return (*self.ports, *self.further_ports) if len(self.node.cluster.hosts) > 1 else ()

    @property
    def data(self) -> tuple[DataPlace, ...]:
        return (
            DataPlace(self.config.data_dir, "ZooKeeper's snapshots"),
            DataPlace(self.config.data_log_dir, "ZooKeeper's transactions", starts_with=_STARTS_WITH),
        )

    @property
    def settings(self) -> str:
        home = self.config.home
        return f"{home}/config/zookeeper.properties" if self.config.bundled else f"{home}/conf/zoo.cfg"

    @property
    def logs(self) -> str:
        return f"{self.config.folder}/logs"

    @property
    def log_files(self) -> tuple[str, ...]:
        return (f"{self.logs}/zookeeper.log",)

    @property
    def temporary(self) -> str:
        return f"{self.config.folder}/{TEMPORARY}"

    @property
    def classpath(self) -> str:
        """Where the classes of ZooKeeper's client are: Kafka has them in both modes."""
        if self.node.broker_config is not None:
            return f"{self.node.broker.home}/libs/*"
        return f"{self.config.home}/*:{self.config.home}/lib/*"

    @property
    def ready_question(self) -> ReadyQuestion:
        address, client_port = "localhost", self.config.client_port
        return ReadyQuestion(
            "ZooKeeper does not answer srvr",
            "^Mode: ",
            four_letter_word("srvr"),
            address,
            client_port,
            call=("probe_srvr", "srvr", self.node.java_home, self.classpath, address, str(client_port)),
        )

    def used_paths(self) -> tuple[UsedPath, ...]:
        own, home = (self.user,), "Kafka's home" if self.config.bundled else "ZooKeeper's home"
        return (
            *(UsedPath(path, "ZooKeeper's data", own, data=True) for path in self.config.data),
            UsedPath(self.config.home, home, own),
            UsedPath(self.logs, "ZooKeeper's logs", own),
        )

    def foundation(self, inputs: Inputs) -> list[Resource]:
        """In bundled mode Kafka's home, which must come first."""
        return [User(KAFKA_USER), *kafka_home(self.node.broker, inputs)] if self.config.bundled else []

    def resources(self, inputs: Inputs) -> list[Resource]:
        """ZooKeeper with its data and its unit."""
        if inputs.zookeeper is None:
            made = [*self._data(), *self._bundled(inputs)]
        else:
            made = [*self._standalone(inputs, inputs.zookeeper), *self._data()]
        written = [inputs.real.get(path, path) for path in self.written]
        return [self.account(), *made, *hardening(ZOOKEEPER_UNIT, inputs.systemd, written)]

    def extras(self, inputs: Inputs) -> list[Resource]:
        return self.opened(inputs)

    def once(self, inputs: Inputs) -> str:
        return _TRUST_LOGS if inputs.from_logs else ""

    def _data(self) -> list[Resource]:
        resources: list[Resource] = []
        for path in self.config.data:
            resources += [*parents(path), DataDirectory(path, ZOOKEEPER_USER, ZOOKEEPER_USER, Holds.ZOOKEEPER)]
        if self.config.members:
            owner = ZOOKEEPER_USER  # like all that the server finds there
            resources.append(File(f"{self.config.data_dir}/myid", f"{self.config.id}\n".encode(), owner, owner))
        return resources

    def _bundled(self, inputs: Inputs) -> list[Resource]:
        home = self.config.home
        environment = {
            "JAVA_HOME": self.node.java_home,
            "LOG_DIR": self.logs,
            "KAFKA_HEAP_OPTS": f"-Xms{self.heap} -Xmx{self.heap}",
            "KAFKA_JMX_OPTS": JMX_OFF,
            # Not in KAFKA_OPTS, as for the broker.
            "KAFKA_LOG4J_OPTS": f"-Dlog4j.configuration=file:{home}/config/zookeeper-log4j.properties "
            + temporary_option(self.temporary),
            **inputs.environment,
        }
        return [
            *self._logs(),
            File(self.settings, self._config("zookeeper.properties")),
            File(f"{home}/config/zookeeper-log4j.properties", render("zookeeper-log4j.properties", log_dir=self.logs)),
            environment_file(f"{home}/config/zookeeper.env", ZOOKEEPER_UNIT, ZOOKEEPER_USER, environment),
            self._unit(inputs, "config", f"{home}/bin/zookeeper-server-start.sh {self.settings}"),
        ]

    def _standalone(self, inputs: Inputs, archive: Archive) -> list[Resource]:
        home, version, path = self.config.home, Version(archive.version), release_path(archive)
        logback = version >= _LOGBACK_SINCE
        option, logging = (
            ("logback.configurationFile", "logback.xml") if logback else ("log4j.configuration", "log4j.properties")
        )
        environment = {
            "JAVA_HOME": self.node.java_home,
            "ZOO_LOG_DIR": self.logs,
            # Later than the scripts' own -Xmx on the command line, so this one counts; 3.4 has no other.
            "SERVER_JVMFLAGS": f"-Xms{self.heap} -Xmx{self.heap} "
            f"-D{option}=file:{home}/conf/server-{logging} {temporary_option(self.temporary)}",
            # zkServer.sh would open JMX to every local user.
            "JMXDISABLE": "true",
        }
        jars: list[Resource] = [Links(home, path, "*.jar", own_folder=False)] if version < _JARS_IN_LIB_SINCE else []
        return [
            release(archive, path),
            *parents(home),
            Directory(home),
            Links(f"{home}/bin", f"{path}/bin"),
            Link(f"{home}/lib", f"{path}/lib"),
            *jars,
            Directory(f"{home}/conf"),
            *self._logs(),
            # Everybody may run ZooKeeper's own scripts: they find Java, the port (no secret is in zoo.cfg) and logging
            # that needs no file of the server's. The service has the same Java by java.env, which zkEnv.sh reads.
            File(f"{home}/conf/java.env", render("java.env", java_home=self.node.java_home)),
            File(f"{home}/conf/{logging}", render(f"tools-{logging}")),
            File(self.settings, self._config("zoo.cfg")),
            File(f"{home}/conf/server-{logging}", render(f"zookeeper-{logging}", log_dir=self.logs)),
            environment_file(f"{home}/conf/zookeeper.env", ZOOKEEPER_UNIT, ZOOKEEPER_USER, environment),
            self._unit(inputs, "conf", f"{home}/bin/zkServer.sh start-foreground {self._copy or self.settings}"),
        ]

    def _logs(self) -> list[Resource]:
        return [
            *parents(self.logs),
            Directory(self.logs, ZOOKEEPER_USER, ZOOKEEPER_USER, "0750", purpose=Purpose.LOGS),
            temporary(self.temporary, ZOOKEEPER_USER),
        ]

    def _config(self, template: str) -> bytes:
        return render(
            template,
            line=PropertyLines(self._settings()).line,
            kafka_version=self.node.cluster.kafka.version,
            zookeeper_version=self.version,
            admin_server=Version(self.version) >= _ADMIN_SERVER_SINCE,
            members=[f"server.{member.id}" for member in self.config.members],
        )

    def _settings(self) -> dict[str, str]:
        return {
            "dataDir": self.config.data_dir,
            "dataLogDir": self.config.data_log_dir,
            "clientPort": str(self.config.client_port),
            "tickTime": "2000",
            "maxClientCnxns": "60",
            # Off by default, and the disk fills; every day, down to the least that ZooKeeper allows.
            "autopurge.purgeInterval": "24",
            "autopurge.snapRetainCount": "3",
            "4lw.commands.whitelist": "srvr",
            "admin.enableServer": "false",
            # Of an ensemble, in ticks; the values of the sample that ZooKeeper ships.
            "initLimit": "10",
            "syncLimit": "5",
            **{f"server.{member.id}": str(member) for member in self.config.members},
        }

    @property
    def _copy(self) -> str:
        """Where a server that writes its configuration anew has a copy of it; empty for one that leaves it alone.

        kprov's file stays as it is, so each start has the members that it names.
        """
        rewritten = self.config.members and _REWRITES_CONFIG[0] <= Version(self.version) < _REWRITES_CONFIG[1]
        return f"{self.temporary}/zoo.cfg" if rewritten else ""

    def _unit(self, inputs: Inputs, config: str, command: str) -> File:
        home = self.config.home
        used = [home, release_path(inputs.zookeeper or inputs.kafka), *java_paths(self.node.java_home, inputs.real)]
        text = render(
            "zookeeper.service",
            zookeeper_version=self.version,
            user=ZOOKEEPER_USER,
            env_file=f"{home}/{config}/zookeeper.env",
            home=home,
            command=command,
            copy=self._copy,
            temporary=self.temporary,
            mounts=as_written_and_real([*self.config.data, *used], inputs.real),
            protect_home=protect_home([*self.written, *used], inputs.real),
            writable=writable(self.written, inputs.real),
        )
        return File(f"/etc/systemd/system/{ZOOKEEPER_UNIT}", text)
