"""The connections of a run: to the hosts that are named, and to the others of their cluster.

If HOSTs are named and no kprov.yaml, and a receipt says that they belong to a cluster, the run is about the whole
cluster. The others are reached at the addresses in that receipt, as the same user and at the same port.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from kprov.errors import ConnectError, ExitCode, KprovError, PreflightError, Problem, UsageError
from kprov.host.connection import Connection
from kprov.host.ssh_config import Login
from kprov.journal import Journal
from kprov.operations.named import named_nodes
from kprov.operations.report import Report
from kprov.operations.session import Access, peek_receipt
from kprov.receipt import Receipt
from kprov.rollout.together import together
from kprov.spec.model import Host, Ssh
from kprov.spec.target import Target, parse_target


@dataclass(frozen=True)
class Whom:
    """The hosts that a command names, and how to reach them. only: those to act on, of their cluster; empty for all."""

    access: Access
    config: Path | None
    hosts: tuple[str, ...]
    only: tuple[str, ...] = ()

    def logins(self) -> list[Login]:
        """How to log in to each host that is named, or to all in the file. Raises UsageError.

        Without a file, the rest is in the receipts: what the hosts would be as a new cluster does not matter.
        """
        if self.config is None and self.hosts:
            return [self.access.login(_bare(text)) for text in self.hosts]
        return [self.access.login(node.host) for node in named_nodes(self.config, self.hosts, [])]


@dataclass(frozen=True)
class Fleet:
    """The hosts of a run.

    unreachable: why one cannot be reached, by its name, where that does not end the run. only: the names of those to
    act on; the others are only asked. Empty for all.
    """

    connections: tuple[Connection, ...]
    unreachable: tuple[tuple[str, ConnectError], ...] = ()
    only: frozenset[str] = frozenset()

    def acts(self, connection: Connection) -> bool:
        """Whether the run is to change this host."""
        return not self.only or connection.login.name in self.only

    @property
    def acting(self) -> tuple[Connection, ...]:
        """The hosts to act on."""
        return tuple(filter(self.acts, self.connections))

    def abandon(self) -> None:
        """Close all connections, so that what waits for an answer ends."""
        for connection in self.connections:
            connection.close()

    @property
    def missing(self) -> tuple[Problem, ...]:
        """Why the run could not act on some of the hosts that it was to act on."""
        return tuple(
            problem
            for name, error in self.unreachable
            if not self.only or name in self.only
            for problem in error.problems
        )

    def completed(self, report: Report) -> Report:
        """The report, with the hosts that could not be reached: they are the worst that can be said of it."""
        if not self.missing:
            return report
        code = report.code if report.code is not ExitCode.DONE else ExitCode.CONNECT
        return replace(report, problems=(*report.problems, *self.missing), code=code)

    @property
    def count(self) -> int:
        """The number of hosts, with those that cannot be reached."""
        return len(self.connections) + len(self.unreachable)

    @property
    def several(self) -> bool:
        return self.count > 1


def is_installed(receipt: Receipt) -> bool:
    """Whether there is an installation on a host with this receipt."""
    return receipt.spec is not None


def has_anything(receipt: Receipt) -> bool:
    """Whether anything of kprov's is on a host with this receipt, such as data that an uninstall kept."""
    return receipt.spec is not None or bool(receipt.made)


@contextmanager
def fleet(
    whom: Whom,
    journal: Journal | None,
    logins: Sequence[Login] | None = None,
    *,
    tolerant: bool = False,
    needs: Callable[[Receipt], bool] | None = None,
) -> Iterator[Fleet]:
    """Connect to the named hosts, and to the others of their cluster, until the block ends.

    logins: how to reach the named hosts, where that is known already. tolerant: whether a host that cannot be reached
    is reported in ``unreachable``, as long as another one is reached. needs: what a host must have to be a part of the
    run, as long as any has it: one of them may have been uninstalled by itself.
    Raises UsageError, PreflightError for a receipt that cannot be read, and ConnectError.
    """
    with ExitStack() as stack:
        found = _opened(whom, whom.logins() if logins is None else logins, journal, stack, tolerant=tolerant)
        # An install decides by itself whether several hosts are one cluster: some may be empty.
        if whom.config is None and (logins is None or len(logins) == 1):
            others = _others(found, whom.access)
            if others:
                more = _opened(whom, others, journal, stack, tolerant=tolerant)
                found = Fleet((*found.connections, *more.connections), (*found.unreachable, *more.unreachable))
        if needs is not None and len(found.connections) > 1:
            having = tuple(connection for connection in found.connections if needs(peek_receipt(connection)))
            found = replace(found, connections=having or found.connections)
        yield _narrowed(found, whom.only)


def _opened(whom: Whom, logins: Sequence[Login], journal: Journal | None, stack: ExitStack, *, tolerant: bool) -> Fleet:
    connections = [whom.access.connect(login, journal) for login in logins]
    for connection in connections:
        stack.callback(connection.close)
    # Questions about host keys and passwords come one after the other.
    asks = whom.access.confirm_host_key is not None
    works: list[Callable[[], KprovError | None]] = [partial(_open, item, tolerant=tolerant) for item in connections]
    failures = [work() for work in works] if asks else together(works, partial(_close, connections))
    opened, unreachable = [], []
    for connection, failure in zip(connections, failures, strict=True):
        if failure is None:
            opened.append(connection)
        elif isinstance(failure, ConnectError):
            unreachable.append((connection.login.name, failure))
    if unreachable and not opened:
        raise unreachable[0][1]
    return Fleet(tuple(opened), tuple(unreachable))


def _open(connection: Connection, *, tolerant: bool) -> ConnectError | None:
    try:
        connection.__enter__()
    except ConnectError as error:
        if not tolerant:
            raise
        return error
    return None


def _close(connections: Sequence[Connection]) -> None:
    for connection in connections:
        connection.close()


def _bare(text: str) -> Host:
    """A HOST of which nothing but the login is known. Raises UsageError."""
    target = parse_target(text)
    if isinstance(target, Problem):
        raise UsageError(target.what, where="HOST", hint=target.hint)
    return Host(address=target.name, ssh=Ssh(user=target.user, port=target.port))


def _others(found: Fleet, access: Access) -> list[Login]:
    """How to log in to the other hosts of the cluster. Raises PreflightError for hosts of several clusters."""
    receipts = [(connection.login, peek_receipt(connection)) for connection in found.connections]
    clusters = {receipt.members: login for login, receipt in receipts if receipt.spec is not None and receipt.address}
    if len(clusters) > 1:
        raise PreflightError(
            "these hosts are not one cluster",
            where=", ".join(login.name for login, _ in receipts),
            cause="\n".join(f"{login.name}: {_in_words(members)}" for members, login in clusters.items()),
            hint="name the hosts of one cluster",
        )
    known = {receipt.address for _, receipt in receipts} | {login.hostname for login, _ in receipts}
    known |= {name for name, _ in found.unreachable}
    login = receipts[0][0]
    ssh = Ssh(user=login.user, port=login.port)
    members = next(iter(clusters), ())
    return [access.login(Host(address=address, ssh=ssh)) for address in members if address not in known]


def _in_words(members: Sequence[str]) -> str:
    return f"in a cluster of {', '.join(members)}" if len(members) > 1 else "installed by itself"


def _narrowed(found: Fleet, only: Sequence[str]) -> Fleet:
    """The same hosts, of which those that --only names act. Raises UsageError for one that does not belong to them."""
    names = {connection.login.name for connection in found.connections}
    addresses = {connection.login.hostname: connection.login.name for connection in found.connections}
    known = [*names, *(name for name, _ in found.unreachable)]
    typed = [target.name if isinstance(target := parse_target(text), Target) else text for text in only]
    acting = [addresses.get(name, name) for name in typed]
    if wrong := [name for name in acting if name not in known]:
        hint = f"these are: {', '.join(sorted(known))}"
        raise UsageError(f"{wrong[0]} is not one of the hosts", where="--only", hint=hint)
    narrowed = replace(found, only=frozenset(acting))
    if not narrowed.acting:
        raise next(error for name, error in found.unreachable if name in acting)
    return narrowed
