"""The checks between hosts: each finding with the hosts that it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from kprov.checks.cluster import NAMES, Neighbour, between
from kprov.checks.result import Outcome

PORTS = (22, 2181, 9092)


def host(name: str, **changes: object) -> Neighbour:
    """A host that reaches a, b and c at every port."""
    reach = {(other, port): "refused" if port != 22 else "open" for other in "abc" for port in PORTS}
    whole = Neighbour(name, name, 22, (2181, 9092), False, 0.0, reach, {other: (f"10.0.0.{other}",) for other in "abc"})
    return replace(whole, **changes)  # type: ignore[arg-type]


def failed(hosts: Sequence[Neighbour]) -> dict[str, list[tuple[str, str]]]:
    """The failures of each host, by check."""
    return {
        name: [(item.check, item.evidence) for item in results if item.status is Outcome.FAIL]
        for name, results in between(hosts).items()
    }


def reach(**changes: str) -> Mapping[tuple[str, int], str]:
    """How a reaches the others, with changes by host and port such as ``b22``; ``b`` alone is all its ports."""
    found = dict(host("a").reach or {})
    for place in list(found):
        key = f"{place[0]}{place[1]}"
        found[place] = changes.get(key, changes.get(place[0], found[place]))
    return found


def test_hosts_that_reach_each_other_pass_every_check() -> None:
    results = between([host("a"), host("b"), host("c")])
    assert {item.status for each in results.values() for item in each} == {Outcome.PASS}
    assert [item.check for item in results["a"]] == list(NAMES)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"b": "no answer within 3 s"}, "it does not reach b at b: no answer within 3 s"),
        ({"b": "No route to host"}, "it does not reach b at b: No route to host"),
        ({"b9092": "no answer within 3 s"}, "it does not reach every port of b: port 9092 (no answer within 3 s)"),
        ({"b9092": "No route to host"}, "it does not reach every port of b: port 9092 (No route to host)"),
    ],
)
def test_a_host_that_is_not_reached_is_named(changes: dict[str, str], said: str) -> None:
    found = failed([host("a", reach=reach(**changes)), host("b"), host("c")])
    assert found == {"a": [("cluster-network", said)], "b": [], "c": []}


def test_a_closed_sshd_matters_to_nobody() -> None:
    assert failed([host("a", reach=reach(b22="no answer within 3 s")), host("b"), host("c")])["a"] == []


def test_ports_that_kprov_opens_in_firewalld_need_not_be_open_yet() -> None:
    closed = reach(b2181="No route to host", b9092="No route to host")
    assert failed([host("a", reach=closed), host("b", firewalld=True), host("c")])["a"] == []
    dropped = reach(b9092="no answer within 3 s")
    assert len(failed([host("a", reach=dropped), host("b", firewalld=True), host("c")])["a"]) == 1


def test_a_host_that_cannot_try_is_unknown() -> None:
    results = between([host("a", reach=None, names=None), host("b"), host("c")])["a"]
    assert [item.status for item in results] == [Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.PASS]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"b": ("127.0.1.1",)}, "b leads to 127.0.1.1 on the host, which is the host itself"),
        ({"b": ()}, "b does not resolve on the host"),
        ({"b": ("10.9.9.9",)}, "b leads to 10.9.9.9 here and to 10.0.0.b on c"),
    ],
)
def test_a_name_that_leads_elsewhere(names: dict[str, Sequence[str]], said: str) -> None:
    known = {**(host("a").names or {}), **names}
    assert ("cluster-names", said) in failed([host("a", names=known), host("b"), host("c")])["a"]


def test_the_own_name_may_lead_to_the_loopback() -> None:
    """As Debian's installer writes it; only the others must not be led astray."""
    known = {**(host("b").names or {}), "b": ("127.0.1.1",)}
    assert failed([host("a"), host("b", names=known), host("c")]) == {"a": [], "b": [], "c": []}


def test_addresses_are_not_looked_up() -> None:
    hosts = [host(name, address=f"192.0.2.{number}", names=None) for number, name in enumerate("abc")]
    tried = {(f"192.0.2.{number}", port): "open" for number in range(3) for port in PORTS}
    results = between([replace(item, reach=tried) for item in hosts])
    assert [item.check for item in results["a"]] == ["cluster-network", "cluster-clocks"]


def test_clocks_that_are_apart() -> None:
    found = failed([host("a"), host("b", skew=90.0), host("c", skew=-1.0)])
    assert found["a"] == [("cluster-clocks", "its clock is 90 s behind that of b")]
    assert found["b"] == [
        ("cluster-clocks", "its clock is 90 s ahead of that of a"),
        ("cluster-clocks", "its clock is 91 s ahead of that of c"),
    ]
