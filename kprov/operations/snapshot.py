"""ZooKeeper's snapshots across an upgrade: 3.5.3 and later refuse transaction logs without one (ZOOKEEPER-3056).

A server of 3.4 writes its first snapshot after some ten thousand transactions, which a young one has not seen: all that
it knows is in logs from the first transaction on. Such a directory is started once with snapshot.trust.empty, which
3.5.6 and later know; the server then writes a snapshot, and needs it no more.
"""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from kprov.checks import Outcome, Result
from kprov.desired.zookeeper import zookeeper_version
from kprov.host.facts import Probe
from kprov.operations.request import Goal
from kprov.spec.broker import zookeeper_data

_NEEDED_SINCE = Version("3.5.3b0")
_TRUSTED_SINCE = Version("3.5.6")


def lacks_snapshot(goal: Goal, answer: Probe) -> bool:
    """Whether the ZooKeeper that is asked for will find logs and no snapshot, and will mind."""
    data, logs = (answer.seen.get(f"data:{path}", {}) for path in zookeeper_data(goal.cluster))
    needed = Version(zookeeper_version(goal.cluster)) >= _NEEDED_SINCE
    return needed and logs.get("log") == "yes" and data.get("snapshot") != "yes"


def begins_from_logs(goal: Goal, answer: Probe) -> bool:
    """Whether it can be told, once, to begin from the logs alone: they must be there from the first transaction on."""
    logs = answer.seen.get(f"data:{zookeeper_data(goal.cluster)[1]}", {})
    trusts = Version(zookeeper_version(goal.cluster)) >= _TRUSTED_SINCE
    return lacks_snapshot(goal, answer) and trusts and logs.get("first") == "yes"


def missing_snapshot(goal: Goal, answer: Probe) -> Iterator[Result]:
    """The check that fails where it cannot."""
    if not lacks_snapshot(goal, answer) or begins_from_logs(goal, answer):
        return
    version = zookeeper_version(goal.cluster)
    whole = answer.seen.get(f"data:{zookeeper_data(goal.cluster)[1]}", {}).get("first") == "yes"
    yield Result(
        "zookeeper-snapshot",
        "installation",
        Outcome.FAIL,
        f"ZooKeeper {version} will not start: {zookeeper_data(goal.cluster)[0]} has no snapshot, only logs",
        "choose ZooKeeper 3.5.6 or later, which can begin from logs alone"
        if whole
        else "the logs do not begin with the first transaction either: put a snapshot back from a copy",
    )
