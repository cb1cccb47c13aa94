"""The state of an installed host."""

from __future__ import annotations

import secrets
from fnmatch import fnmatch

import pytest

from kprov.kinds.base import PathEntry
from kprov.kinds.data import DataEntry
from kprov.kinds.directory import DirectoryEntry
from kprov.kinds.file import FileEntry
from kprov.kinds.link import LinkEntry
from kprov.kinds.links import LinksEntry
from kprov.kinds.port import PortEntry
from kprov.kinds.release import ReleaseEntry
from kprov.kinds.service import ServiceEntry, limit
from kprov.kinds.user import UserEntry
from kprov.receipt import State
from kprov.roles.of_node import roles_of
from kprov.roles.zookeeper import ZooKeeperRole
from kprov.smoke import console
from kprov.spec.broker_keys import is_secret
from kprov.verify.target import VerifiedHost

_NO_LOGIN = ("/sbin/nologin", "/usr/sbin/nologin", "/bin/false")


def owned(target: VerifiedHost, entry: FileEntry | DirectoryEntry | DataEntry, kind: str) -> None:
    """Check kind, owner, group and mode at an entry's path."""
    path = entry.path
    there = target.stats.get(path)
    assert there is not None, f"{path} does not exist"
    assert there.kind.startswith(kind), f"{path} is a {there.kind}"
    assert (there.owner, there.group) == (entry.owner, entry.group), f"{path} has another owner or group"
    assert there.mode == entry.mode, f"{path} has another mode"


def running(target: VerifiedHost, unit: str) -> None:
    """Skip a test that needs a running unit; test_unit_runs fails if it does not run."""
    if target.units[unit]["ActiveState"] != "active":
        pytest.skip(f"{unit} is not running")


def test_the_last_run_finished(target: VerifiedHost) -> None:
    assert target.receipt.state is not State.APPLYING, "the last run did not finish; continue it: kprov install HOST"


@pytest.mark.entries("file")
def test_file(target: VerifiedHost, entry: FileEntry) -> None:
    owned(target, entry, "regular")
    assert target.sums.get(entry.path) == entry.sha256, f"{entry.path} was edited"


@pytest.mark.entries("directory", "data")
def test_directory(target: VerifiedHost, entry: DirectoryEntry | DataEntry) -> None:
    owned(target, entry, "directory")


@pytest.mark.entries("data")
def test_all_data_belong_to_the_service(target: VerifiedHost, entry: DataEntry) -> None:
    found = target.run("find", entry.path, "-mindepth", "1", "!", "-user", entry.owner)
    assert found.code == 0, found.errors
    assert found.out.splitlines()[:3] == [], "these files have another owner"


@pytest.mark.entries("link")
def test_link(target: VerifiedHost, entry: LinkEntry) -> None:
    assert target.targets.get(entry.path) == entry.target


@pytest.mark.entries("links")
def test_folder_of_links(target: VerifiedHost, entry: LinksEntry) -> None:
    source, folder, pattern = entry.source, entry.path, entry.pattern
    names = target.run("ls", "-A", source).out.split("\n")
    wanted = {f"{folder}/{name}": f"{source}/{name}" for name in names if name and fnmatch(name, pattern)}
    there = {path: to for path, to in target.targets.items() if path.rpartition("/")[0] == folder and path in wanted}
    assert wanted, f"{source} is empty"
    assert there == wanted


@pytest.mark.entries("release")
def test_release(target: VerifiedHost, entry: ReleaseEntry) -> None:
    writable = ("!", "-type", "l", "-perm", "/022")
    found = target.run("find", entry.path, "(", "!", "-user", "root", "-o", *writable, ")")
    assert found.code == 0, found.errors
    assert found.out.splitlines()[:3] == [], "users other than root may write to these files"


@pytest.mark.entries("user")
def test_user(target: VerifiedHost, entry: UserEntry) -> None:
    name = entry.name
    found = target.run_script('getent passwd "$1" || grep "^$1:" /etc/passwd', name)
    assert found.code == 0, f"user {name} does not exist"
    if not entry.adopted:
        assert found.out.strip().rpartition(":")[2] in _NO_LOGIN


@pytest.mark.entries("service")
def test_unit_runs(target: VerifiedHost, entry: ServiceEntry) -> None:
    assert target.units[entry.unit]["ActiveState"] == "active"


@pytest.mark.entries("service")
def test_unit_is_enabled(target: VerifiedHost, entry: ServiceEntry) -> None:
    assert target.units[entry.unit]["UnitFileState"] == "enabled"


@pytest.mark.entries("service")
def test_unit_is_the_one_that_systemd_has_read(target: VerifiedHost, entry: ServiceEntry) -> None:
    assert target.units[entry.unit]["NeedDaemonReload"] == "no", "its file has changed: systemctl daemon-reload"


@pytest.mark.entries("service")
def test_unit_runs_as_its_own_user(target: VerifiedHost, entry: ServiceEntry) -> None:
    running(target, entry.unit)
    found = target.run("stat", "-c", "%U", f"/proc/{target.units[entry.unit]['MainPID']}")
    assert found.out.strip() == entry.unit.removesuffix(".service")


@pytest.mark.entries("service")
def test_unit_may_open_as_many_files_as_it_asks_for(target: VerifiedHost, entry: ServiceEntry) -> None:
    """systemd silently lowers LimitNOFILE= to its own hard limit if it may not raise that."""
    unit = entry.unit
    running(target, unit)
    asked, given = limit(target.units[unit]["LimitNOFILE"]), target.open_files(unit)
    assert asked is not None, f"systemd does not report LimitNOFILE of {unit}"
    assert given is not None, f"/proc does not show the limits of {unit}"
    message = f"{unit} may open {given} files, but its unit asks for {asked}"
    if given < asked and given == target.most_open_files:
        pytest.skip(f"{message}: the host allows no service more (/proc/1/limits)")
    assert given >= asked, message


def test_port(target: VerifiedHost, port: tuple[str, int]) -> None:
    unit, number = port
    inodes = target.listening.get(number, set())
    if not inodes:
        running(target, unit)
    assert inodes, f"nothing listens on port {number}"
    assert target.holds(unit, inodes), f"port {number} is used by a process other than {unit}"


@pytest.mark.entries("firewall")
def test_firewall_port(target: VerifiedHost, entry: PortEntry) -> None:
    query = f"--query-port={entry.port}"
    if entry.source:
        family, (port, protocol) = "ipv6" if ":" in entry.source else "ipv4", entry.port.split("/")
        query = f'--query-rich-rule=rule family="{family}" source address="{entry.source}" '
        query += f'port port="{port}" protocol="{protocol}" accept'
    if target.run("firewall-cmd", "--state").code != 0:
        pytest.skip("firewalld is not running")
    assert target.run("firewall-cmd", "-q", "--permanent", query).code == 0, f"{entry.port} is closed after a reload"
    assert target.run("firewall-cmd", "-q", query).code == 0, f"{entry.port} is closed"


def test_property(target: VerifiedHost, name: str) -> None:
    wanted, there = target.promised_properties[name], target.properties.get(name)
    if is_secret(name):
        wanted, there = "as asked", "as asked" if there == wanted else "another"
    assert there == wanted


@pytest.mark.entries("file", "directory", "data", "release", "link", "links")
def test_selinux_label(target: VerifiedHost, entry: PathEntry) -> None:
    if not target.selinux:
        pytest.skip("SELinux is off")
    if target.labels is None:
        pytest.skip("the labels are unknown: restorecon is missing or failed")
    assert entry.id not in target.labels, f"it has {target.labels[entry.id]}"


@pytest.mark.clients
def test_zookeeper_answers(target: VerifiedHost) -> None:
    if target.node.zookeeper_config is None:
        pytest.skip("no ZooKeeper server runs here")
    zookeeper = ZooKeeperRole(target.node)
    running(target, zookeeper.unit)
    client = ("org.apache.zookeeper.client.FourLetterWordMain", "localhost", str(zookeeper.config.client_port))
    java = (f"{target.node.java_home}/bin/java", "-Xmx64m", "-XX:-UsePerfData", "-cp", zookeeper.classpath)
    found = target.run(*java, *client, "srvr")
    assert "Mode: " in found.out, found.errors


@pytest.mark.clients
def test_topics_are_served(target: VerifiedHost) -> None:
    """Produce and consume messages with Kafka's own tools, in a topic created for this test."""
    if target.node.broker_config is None:
        pytest.skip("no broker runs here")
    for role in roles_of(target.node):
        running(target, role.unit)
    topic = f"kprov-verify-{secrets.token_hex(4)}"
    created = target.tool(console.create(target.node, topic).words)
    assert "Created topic" in created.out, f"kafka-topics.sh {created.how}: {created.out + created.errors}"
    try:
        produce = console.produce(target.node, topic)
        produced = target.tool(produce.words, produce.stdin)
        assert produced.code == 0, f"the producer {produced.how}: {produced.errors}"
        consumed = target.tool(console.consume(target.node, topic, 20000).words)
        assert tuple(consumed.out.splitlines()) == console.MESSAGES, f"the consumer {consumed.how}: {consumed.errors}"
    finally:
        target.tool(console.delete(target.node, topic).words)
