"""The protocol during an upgrade: it keeps the previous release's version, and a separate step raises it."""

from __future__ import annotations

import pytest
from packaging.version import Version
from support.specimens import asked

from kprov.spec.broker_keys import PROTOCOL
from kprov.spec.model import Cluster
from kprov.spec.protocol import Raised, downgrade_problem, in_force, raised, staged


def held(kafka: str, protocol: str | None, **properties: str) -> Cluster:
    more = {"kafka": {"protocol": protocol}} if protocol else {}
    return asked(kafka=kafka, properties=properties, more=more)


CASES = {
    "an upgrade holds it": (held("2.8.2", None), held("1.0.0", None), False, None),
    "finish raises it": (held("2.8.2", "1.0"), held("2.8.2", "1.0"), True, ("1.0", "2.8")),
    "finish where there is nothing to finish": (held("2.8.2", None), held("2.8.2", None), True, None),
    "going back raises nothing": (held("1.0.0", None), held("2.8.2", "1.0"), False, None),
    "another setting raises nothing": (
        held("2.8.2", "1.0", **{"num.partitions": "3"}),
        held("2.8.2", "1.0"),
        False,
        None,
    ),
    "a property of one's own raises it as well": (
        held("2.8.2", None, **{PROTOCOL: "2.8"}),
        held("2.8.2", "1.0"),
        False,
        ("1.0", "2.8"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_upgrade_raises_the_protocol_only_when_it_should(name: str) -> None:
    cluster, before, finish, expected = CASES[name]
    found = raised(staged(cluster, in_force(before), finish=finish), before)
    assert found == (Raised(*map(Version, expected)) if expected else None)


def test_a_release_before_a_raised_protocol_is_refused() -> None:
    """The reason for asking."""
    before = held("2.8.2", "1.0")
    after = staged(before, in_force(before), finish=True)
    assert str(in_force(after)) == "2.8"
    assert downgrade_problem(held("1.0.0", None), in_force(before), "2.8.2") is None
    problem = downgrade_problem(held("1.0.0", None), in_force(after), "2.8.2")
    assert problem is not None
    assert "kprov uninstall HOST --purge" in problem.hint


def test_raising_the_protocol_names_both_versions_and_the_consequence() -> None:
    text = str(Raised(Version("1.0"), Version("2.8")))
    assert text == f"{PROTOCOL} is raised from 1.0 to 2.8; after that, Kafka before 2.8 can no longer be used"
