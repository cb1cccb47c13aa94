"""The hosts of a run: those that are named, and the others of their cluster. Nobody is connected to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from kprov.errors import ConnectError, ExitCode, PreflightError, UsageError
from kprov.host.ssh_config import Login
from kprov.kinds.user import UserEntry
from kprov.operations import fleet as module
from kprov.operations.fleet import Fleet, Whom, fleet, has_anything, is_installed
from kprov.operations.report import Report
from kprov.operations.session import Access, recorded_spec
from kprov.receipt import Receipt
from kprov.spec.load import load
from kprov.topology import topology


@dataclass
class Connection:
    """A host that is up unless its name is among ``down``."""

    login: Login
    down: frozenset[str]
    closed: list[str] = field(default_factory=list)

    def __enter__(self) -> Connection:
        if self.login.hostname in self.down:
            raise ConnectError("no answer", where=self.login.name)
        return self

    def close(self) -> None:
        self.closed.append(self.login.name)


@dataclass
class Hosts:
    """Which hosts there are, with their receipts."""

    receipts: dict[str, Receipt]
    down: frozenset[str] = frozenset()
    closed: list[str] = field(default_factory=list)

    def reach(self, *named: str, only: Sequence[str] = (), **options: Any) -> Fleet:
        with ExitStack() as stack:
            return stack.enter_context(fleet(Whom(Access(), None, named, tuple(only)), None, **options))


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Hosts:
    """Three hosts of a cluster, a host alone, and an empty one."""
    nodes = [*topology(load(None, ["a", "b", "c"])), *topology(load(None, ["alone"]))]
    receipts = {node.host.address: Receipt({}, spec=recorded_spec(node), address=node.host.address) for node in nodes}
    found = Hosts({**receipts, "empty": Receipt()})
    monkeypatch.setattr(Access, "connect", lambda _, login, journal: Connection(login, found.down, found.closed))
    monkeypatch.setattr(module, "peek_receipt", lambda connection: found.receipts[connection.login.hostname])
    return found


def names(found: Fleet) -> list[str]:
    return [connection.login.name for connection in found.connections]


@pytest.mark.parametrize("named", [("b",), ("root@c", "a"), ("a", "b", "c")])
def test_any_host_of_a_cluster_stands_for_all(named: tuple[str, ...], hosts: Hosts) -> None:
    found = hosts.reach(*named)
    assert sorted(names(found)) == ["a", "b", "c"]
    assert found.several
    assert sorted(hosts.closed) == ["a", "b", "c"]


def test_the_others_are_reached_as_the_same_user_and_at_the_same_port(hosts: Hosts) -> None:
    found = hosts.reach("ada@b:2222")
    assert {(connection.login.user, connection.login.port) for connection in found.connections} == {("ada", 2222)}


@pytest.mark.parametrize("name", ["alone", "empty"])
def test_a_host_without_a_cluster_is_alone(name: str, hosts: Hosts) -> None:
    assert names(hosts.reach(name)) == [name]


def test_two_hosts_that_are_no_new_cluster_may_be_named(hosts: Hosts) -> None:
    """An even number of servers matters to an install alone."""
    assert sorted(names(hosts.reach("a", "b"))) == ["a", "b", "c"]


def test_hosts_of_several_clusters_are_refused(hosts: Hosts) -> None:
    with pytest.raises(PreflightError, match="not one cluster") as caught:
        hosts.reach("a", "alone")
    assert caught.value.problems[0].cause == "a: in a cluster of a, b, c\nalone: installed by itself"
    assert sorted(hosts.closed) == ["a", "alone"]


def test_a_host_that_is_down_ends_the_run_unless_it_is_tolerated(hosts: Hosts) -> None:
    hosts.down = frozenset({"c"})
    with pytest.raises(ConnectError, match="c: no answer"):
        hosts.reach("a")
    found = hosts.reach("a", tolerant=True)
    assert (names(found), [name for name, _ in found.unreachable]) == (["a", "b"], ["c"])
    report = found.completed(Report("start"))
    assert (report.code, [problem.where for problem in report.problems]) == (ExitCode.CONNECT, ["c"])


def test_only_narrows_what_acts_and_keeps_the_others_to_be_asked(hosts: Hosts) -> None:
    found = hosts.reach("a", only=["root@b"])
    assert sorted(names(found)) == ["a", "b", "c"]
    assert [connection.login.name for connection in found.acting] == ["b"]
    hosts.down = frozenset({"c"})
    found = hosts.reach("a", only=["b"], tolerant=True)
    assert found.completed(Report("uninstall")).code is ExitCode.DONE
    with pytest.raises(ConnectError):
        hosts.reach("a", only=["c"], tolerant=True)
    with pytest.raises(UsageError, match="x is not one of the hosts"):
        hosts.reach("a", only=["x"], tolerant=True)


def test_what_an_uninstall_left_is_no_cluster(hosts: Hosts) -> None:
    """Data that were kept on one host do not bring the others in."""
    was = hosts.receipts["b"]
    hosts.receipts["b"] = replace(was, spec=None, last={"spec": was.spec, "releases": {}})
    assert names(hosts.reach("b")) == ["b"]


def test_a_host_that_was_uninstalled_by_itself_is_no_part_of_what_runs(hosts: Hosts) -> None:
    was = hosts.receipts["c"]
    hosts.receipts["c"] = Receipt()
    assert names(hosts.reach("a")) == ["a", "b", "c"]  # status shows it
    assert names(hosts.reach("a", needs=is_installed)) == ["a", "b"]
    hosts.receipts["c"] = Receipt({"user:kafka": UserEntry("kafka")}, last={"spec": was.spec, "releases": {}})
    assert names(hosts.reach("a", needs=is_installed)) == ["a", "b"]
    assert names(hosts.reach("a", needs=has_anything)) == ["a", "b", "c"]


def test_a_wrong_host_is_named(hosts: Hosts) -> None:
    with pytest.raises(UsageError, match="'a b' is not a host name"):
        hosts.reach("a b")
    with pytest.raises(UsageError, match="no host is named"):
        hosts.reach()
