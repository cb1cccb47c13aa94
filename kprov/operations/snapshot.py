"""ZooKeeper's snapshots across an upgrade: 3.5.3 and later refuse transaction logs without one (ZOOKEEPER-3056).

A server of 3.4 writes its first snapshot after some ten thousand transactions. A young one has only logs, from the
first transaction on. kprov starts such a directory once with snapshot.trust.empty, which 3.5.6 and later support; the
server then writes a snapshot, and the option is removed. A follower writes one only in later versions (ZOOKEEPER-3781,
ZOOKEEPER-4421), and any server of an ensemble may be one.
"""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from kprov.checks import Outcome, Result
from kprov.host.facts import Probe
from kprov.topology import Node

_NEEDED_SINCE = Version("3.5.3b0")
_TRUSTED_SINCE = Version("3.5.6")
_FOLLOWER_WRITES_SINCE = {(3, 5): Version("3.5.10"), (3, 6): Version("3.6.4")}  # all later ones do


def lacks_snapshot(node: Node, answer: Probe) -> bool:
    """Whether the wanted ZooKeeper will refuse to start because it finds logs and no snapshot."""
    if node.zookeeper_config is None:
        return False
    data, logs = (answer.seen.get(f"data:{path}", {}) for path in node.zookeeper.data)
    needed = Version(node.zookeeper.version) >= _NEEDED_SINCE
    return needed and logs.get("log") == "yes" and data.get("snapshot") != "yes"


def begins_from_logs(node: Node, answer: Probe) -> bool:
    """Whether it can begin once from the logs alone; they must start with the first transaction."""
    if not lacks_snapshot(node, answer):
        return False
    logs = answer.seen.get(f"data:{node.zookeeper.data_log_dir}", {})
    return Version(node.zookeeper.version) >= _trusted_since(node) and logs.get("first") == "yes"


def _trusted_since(node: Node) -> Version:
    """The version from which on the server that is wanted can begin from logs alone, in its line of versions."""
    if node.zookeeper_config is None or not node.zookeeper_config.members:
        return _TRUSTED_SINCE
    wanted = Version(node.zookeeper.version)
    return _FOLLOWER_WRITES_SINCE.get((wanted.major, wanted.minor), _TRUSTED_SINCE)


def missing_snapshot(node: Node, answer: Probe) -> Iterator[Result]:
    """The check that fails if it cannot."""
    if not lacks_snapshot(node, answer) or begins_from_logs(node, answer):
        return
    version = node.zookeeper.version
    whole = answer.seen.get(f"data:{node.zookeeper.data_log_dir}", {}).get("first") == "yes"
    yield Result(
        "zookeeper-snapshot",
        "installation",
        Outcome.FAIL,
        f"ZooKeeper {version} will not start: {node.zookeeper.data_dir} has no snapshot, only logs",
        f"choose ZooKeeper {_trusted_since(node)} or later, which can begin from logs alone"
        if whole
        else "the logs do not begin with the first transaction either: put a snapshot back from a copy",
    )
