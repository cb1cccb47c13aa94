"""From settings or a bare HOST to a connection, and from a connection to what is installed on the host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kprov import receipt as receipts
from kprov.errors import PreflightError, UsageError
from kprov.events import Emit, about, ignore
from kprov.host.connection import Connection
from kprov.host.facts import probe, seen_of
from kprov.host.ssh_config import Login, read_login
from kprov.host.trust import Trust
from kprov.journal import Journal
from kprov.kinds.base import Answer, Entry, path_of
from kprov.kinds.data import OPTION, DataEntry
from kprov.receipt import ON_HOST, Receipt, State
from kprov.releases.product import java_major
from kprov.secret import Passwords
from kprov.spec.directory import plain_path
from kprov.spec.model import Cluster, Host
from kprov.topology import Node, node_at, topology


@dataclass(frozen=True)
class Access:
    """How to reach hosts: the options that every command with a HOST has.

    passwords: where they come from; called before anything is changed, and reads each file once.
    files: the options that name password files, for commands in messages.
    emit: takes a message if a login takes long. verbose: as in ``Connection``.
    """

    ssh_config: Path | None = None
    identity: Path | None = None
    accept_new_host_key: bool = False
    confirm_host_key: Callable[[str], bool] | None = None
    passwords: Callable[[], Passwords] = Passwords
    files: tuple[str, ...] = ()
    emit: Emit = ignore
    verbose: int = 0

    @property
    def arguments(self) -> list[str]:
        """The options as they were given, for commands in messages."""
        words = ["--ssh-config", str(self.ssh_config)] if self.ssh_config else []
        return [*words, *(["-i", str(self.identity)] if self.identity else []), *self.files]

    def login(self, host: Host) -> Login:
        """Resolve a host through ssh_config. Raises UsageError for it, and for a password file."""
        self.passwords()
        return read_login(host.target, config=self.ssh_config, identity=self.identity or host.ssh.identity)

    def reach(self, node: Node) -> tuple[Node, Login]:
        """The node under the address that kprov connects to, and how to log in there.

        An alias of ssh_config means nothing to clients and brokers.
        """
        login = self.login(node.host)
        if login.hostname == node.host.address:
            return node, login
        return node.with_host(node.host.model_copy(update={"address": login.hostname})), login

    def reach_all(self, nodes: Sequence[Node]) -> list[tuple[Node, Login]]:
        """The same for all nodes of a cluster. Raises UsageError if two of them have the same address."""
        logins = [self.login(node.host) for node in nodes]
        known: dict[tuple[str, int], str] = {}
        for login in logins:
            other = known.setdefault((login.hostname, login.port), login.name)
            if other != login.name:
                raise UsageError(
                    f"{other} and {login.name} are the same host: {login.hostname}",
                    where="HOST",
                    hint="name each host of the cluster once",
                )
        hosts = tuple(
            node.host.model_copy(update={"address": login.hostname}) for node, login in zip(nodes, logins, strict=True)
        )
        cluster = nodes[0].cluster.model_copy(update={"hosts": hosts})
        return list(zip(topology(cluster), logins, strict=True))

    def connect(self, login: Login, journal: Journal | None = None) -> Connection:
        """A connection that is not open yet: use it as a context manager. journal: of the run that it is for."""
        if journal is not None:
            journal.host(login.name, f"{login.user}@{login.hostname}:{login.port}")
        trust = Trust(self.accept_new_host_key, self.confirm_host_key)
        run = journal.id if journal else ""
        emit = about(login.name, self.emit)
        return Connection(login, trust, self.passwords(), run, emit, self.verbose, first=(receipts.QUESTION,))


def receipt_of(seen: Answer, where: str) -> Receipt | None:
    """The receipt in a probe's answer; None if the host has none. Raises PreflightError if it cannot be read."""
    if seen["status"] == "absent":
        return None
    if seen["status"] == "unknown":
        raise PreflightError(
            "the receipt cannot be read",
            where=where,
            cause=seen.get("why", ""),
            hint="solve that first, then run this again",
        )
    receipt = _with_its_java(receipts.parse(seen.get("content", ""), where))
    # The damaged receipt may have listed more: check everything again, as after an interrupted run.
    return replace(receipt, state=State.APPLYING, restored=True) if seen.get("restored") else receipt


def _with_its_java(receipt: Receipt) -> Receipt:
    """The receipt with the Java that runs.

    Earlier versions of kprov recorded the default release even if the user had given an archive.
    """
    java = (receipt.spec or {}).get("java", {})
    version, home = receipt.releases.get("java", ""), receipt.releases.get("java_home", "")
    if (
        not version
        or f"release:{home}" not in receipt.made
        or "release" not in java
        or {"home", "archive"} & java.keys()
    ):
        return receipt
    if java["release"].rpartition("-")[2] == str(java_major(version)):
        return receipt
    return replace(receipt, spec={**(receipt.spec or {}), "java": {"archive": f"{ON_HOST}{home}"}})


def recorded_spec(node: Node, unpacked: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The settings of a node's cluster as the receipt holds them, defaults included, since these may change.

    How this operator logs in, and where archives are on this machine, is left out. A given archive is recorded as the
    directory of its release on the host, ``unpacked`` by product.
    """
    cluster = node.cluster
    tree = cluster.model_dump(mode="json", exclude_none=True)
    for part in ("kafka", "zookeeper", "java"):
        if tree[part].pop("archive", None) and unpacked and part in unpacked:
            tree[part]["archive"] = f"{ON_HOST}{unpacked[part]}"
    for host in tree["hosts"]:
        del host["ssh"]
    if cluster.java.home or cluster.java.archive:
        del tree["java"]["release"]  # a default that would contradict it
    return tree


def read_receipt(connection: Connection) -> Receipt:
    """The host's receipt, an empty one if there is none; raises PreflightError if it cannot be read."""
    return receipt_of(receipt_answer(connection), connection.login.name) or Receipt()


def peek_receipt(connection: Connection) -> Receipt:
    """The host's receipt, which the next reader gets from the same answer. Raises PreflightError."""
    connection.ahead = receipt_answer(connection)
    return receipt_of(connection.ahead, connection.login.name) or Receipt()


def receipt_answer(connection: Connection) -> Answer:
    """The answer about the receipt: the one that came with the login, if it has not been read yet."""
    answer, connection.ahead = connection.ahead, None
    if answer is not None:
        return answer
    greeting = connection.greeting()
    seen = seen_of(greeting) if greeting else {}
    return seen.get("receipt") or probe(connection, [receipts.QUESTION])["receipt"]


def _of_what(receipt: Receipt) -> str:
    version = (receipt.last or {}).get("releases", {}).get("kafka", "")
    return f", of Kafka {version}" if version else ""


def accepted_data(given: Sequence[str], entries: Iterable[Entry]) -> frozenset[str]:
    """The paths of --accept-data. Raises UsageError for a path that is not a data directory of these entries."""
    known = list(dict.fromkeys(entry.path for entry in entries if isinstance(entry, DataEntry)))
    if wrong := [path for path in given if plain_path(path) not in known]:
        raise UsageError(
            f"{wrong[0]} is not a data directory of this host", where=OPTION, hint=f"these are: {', '.join(known)}"
        )
    return frozenset(plain_path(path) for path in given)


@dataclass(frozen=True)
class Installed:
    """What the receipt says is on a host."""

    receipt: Receipt
    node: Node


def installed(connection: Connection) -> Installed:
    """Read the receipt. Raises PreflightError if kprov has installed nothing."""
    where = connection.login.name
    receipt = read_receipt(connection)
    if receipt.spec is None:
        kept = f" any more; the data that uninstall kept are still there{_of_what(receipt)}" if receipt.made else ""
        raise PreflightError(
            f"kprov has installed nothing on this host{kept}",
            where=where,
            cause="\n".join(filter(None, map(path_of, receipt.made.values()))),
            hint="install it: kprov install HOST",
        )
    return Installed(receipt, installed_node(receipt))


def installed_node(receipt: Receipt) -> Node:
    """The node that a receipt with a specification describes."""
    node = node_at(Cluster.model_validate(receipt.spec), receipt.address)
    return node.with_java(receipt.releases.get("java_home", ""), receipt.releases.get("java", ""))
