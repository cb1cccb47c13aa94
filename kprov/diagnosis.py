"""What the last lines of a log say about why a service failed, and what to do. Pure."""

from __future__ import annotations

import re

# 1.0 says the first, later ones the second (facts of ZkUtils.scala and KafkaZkClient.scala).
_REGISTERED = r"already registered on the path|node already exists and owner"

_REMEDIES: tuple[tuple[str, str], ...] = (
    (r"Address already in use|Problem binding", "another process has the port: stop it, or choose another port"),
    (
        r"Unrecognized VM option|Invalid -Xlog option|UnsupportedClassVersionError",
        "this Java does not fit this release",
    ),
    (
        r"Could not reserve enough space|Cannot allocate memory|Invalid maximum heap|[Ii]nitial heap size|Too small"
        r"|GC triggered before VM initialization",
        "the heap does not fit: set --heap",
    ),
    (r"UnknownHostException|UnresolvedAddressException", "a name is not known on the host: the log tells which"),
    (r"OutOfMemoryError", "the heap is too small: set --heap"),
    (r"doesn't match stored broker\.id", "log.dirs holds another broker's messages: use its id, or other directories"),
    (r"doesn't match stored clusterId", "log.dirs belongs to another cluster: use other directories"),
    (
        _REGISTERED,
        "a broker with this id runs, or did until just now",
    ),
    (
        r"AccessDeniedException|Permission denied|not writable",
        "a file is not the service's; if it was run by hand as root, 'kprov start' gives the files back",
    ),
    (
        r"UnsatisfiedLinkError|NoClassDefFoundError: Could not initialize class (org\.xerial|com\.github\.luben)",
        "Java could not load a codec's native library: java.io.tmpdir must be the service's own and not noexec",
    ),
    (r"No space left on device|Disk quota exceeded", "the disk is full: make room"),
    (r"Read-only file system", "the file system is mounted read-only: see why (dmesg), and mount it writable"),
    (r"cannot lock /etc/|existing lock file /etc/", "a tool that changes users was killed: remove that lock file"),
    (r"No snapshot found, but there are log entries", "ZooKeeper's data directory lacks a snapshot"),
    (r"Timed out waiting for connection|Unable to connect to zookeeper", "ZooKeeper does not answer: see its log"),
    (r"ConfigException|Invalid value .* for configuration", "a property does not suit the broker: the log names it"),
    (
        r"ClassNotFoundException",
        "a class that a property names is not there: check its name, and that its jar is in libs",
    ),
    (r"203/EXEC|java: No such file or directory|JAVA_HOME", "the start script finds no Java: check JAVA_HOME"),
)


def remedy(log: str) -> str:
    """What to do about the failure that the log shows; a general advice where nothing is recognised."""
    return known_remedy(log) or "read the log lines above; 'kprov install' goes on from here once the cause is mended"


def known_remedy(log: str) -> str:
    """What to do about a failure that is recognised; empty where none is."""
    return next((advice for pattern, advice in _REMEDIES if re.search(pattern, log)), "")


def passes(log: str) -> str:
    """Why a service ended, where that passes by itself and its next start may well succeed; empty otherwise."""
    if re.search(_REGISTERED, log):
        return "ZooKeeper still lists the broker that ran before, until its session has timed out"
    return ""


def last_lines(log: str, count: int = 20) -> str:
    """The end of a log, from the last error on if that lies within reach."""
    lines = tail(log, count).splitlines()
    for index, line in enumerate(lines):
        if re.search(r"\b(FATAL|ERROR)\b|^Error|Exception", line):
            return "\n".join(lines[index:])
    return "\n".join(lines)


def tail(text: str, count: int) -> str:
    """The last lines of a text that are not empty."""
    return "\n".join([line for line in text.splitlines() if line.strip()][-count:])
