"""The result of one probe: facts about the host, and the state of each resource."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kprov.errors import StepError
from kprov.host.answers import Record
from kprov.host.connection import Connection, Reply
from kprov.kinds.base import Answer, Call

# Functions of the library that look at many things in one process, and those that ask about one, their third word.
_AHEAD = {
    "look_ahead": ("probe_path", "probe_data"),
    "look_at_units": ("probe_unit", "probe_running"),
    "look_at_disks": ("probe_disk",),
}
# Functions that take long: they run beside the others.
_BESIDE = (
    "probe_port",
    "probe_way",
    "probe_java",
    "probe_kernel",
    "probe_time",
    "probe_names",
    "probe_addresses",
    "probe_neighbours",
    "probe_selinux",
    "probe_filters",
    "probe_zones",
)


@dataclass(frozen=True)
class Facts:
    """Facts about a host.

    systemd: its version; None if systemd is not PID 1. bits: of user space. memory_kib: total memory.
    missing: commands that the remote library needs and the host lacks. now: the host's clock, in seconds since the
    epoch. skew: seconds by which that clock is ahead of this machine's (negative: behind), less the time that the
    answer may have taken.
    """

    system: str
    machine: str
    kernel: str
    bits: int
    os: str
    os_version: str
    os_name: str
    host_name: str
    systemd: int | None
    selinux: str
    firewalld: bool
    memory_kib: int
    boot: str
    now: int
    missing: tuple[str, ...]
    uid: int = 0
    skew: float = 0.0


def facts_of(record: Record, asked: float, answered: float) -> Facts:
    """Read a ``facts`` record. asked, answered: this machine's time before the question and at the answer."""
    return Facts(
        system=record["system"],
        machine=record["machine"],
        kernel=record["kernel"],
        bits=record.number("bits"),
        os=record["os"],
        os_version=record["os_version"],
        os_name=record["os_name"] or record["os"],
        host_name=record["host_name"],
        systemd=record.number("systemd") or None,
        selinux=record["selinux"],
        firewalld=record["firewalld"] == "yes",
        memory_kib=record.number("memory_kib"),
        boot=record["boot"],
        now=record.number("now"),
        missing=tuple(record["missing"].split()),
        uid=record.number("uid"),
        skew=skew(record.number("now"), asked, answered),
    )


def skew(now: int, asked: float, answered: float) -> float:
    """Seconds between a clock that showed ``now`` (whole seconds) and the interval in which it was read."""
    if now + 1 < asked:
        return now + 1 - asked
    return max(0.0, now - answered)


@dataclass(frozen=True)
class Probe:
    """The answer of one probe: facts, and the fields of each resource by its id."""

    facts: Facts
    seen: Mapping[str, Answer]


def seen_of(reply: Reply) -> dict[str, Answer]:
    """The ``seen`` and ``data`` records by the id that they answer."""
    found: dict[str, dict[str, str]] = {}
    for record in reply.records:
        if record.kind in {"seen", "data"}:
            found.setdefault(record["id"], {}).update(record.fields)
    return dict(found)


def looking_ahead(calls: Sequence[Call]) -> list[Call]:
    """The calls, after one of each kind that looks at everything that several of them ask about."""
    ahead: list[Call] = []
    for function, later in _AHEAD.items():
        objects = dict.fromkeys(call[2] for call in calls if call[0] in later)
        if len(objects) > 1:
            ahead.append((function, *objects))
    return [*ahead, *calls]


def _grouped(calls: Sequence[Call]) -> tuple[list[Call], list[list[Call]]]:
    """The calls, and a group of those that run beside the others, if there are any."""
    aside = [call for call in calls if call[0] in _BESIDE]
    rest = [call for call in calls if call[0] not in _BESIDE]
    if not aside or not rest:
        return looking_ahead(calls), []
    return looking_ahead(rest), [looking_ahead(aside)]


def probe(connection: Connection, calls: Sequence[Call]) -> dict[str, Answer]:
    """Probe some resources in one exchange; raises StepError if one of them is not answered."""
    rest, beside = _grouped(calls)
    return _answered(connection, calls, connection.exchange(rest, beside=beside))


def probe_together(connection: Connection, calls: Sequence[Call]) -> list[Answer]:
    """The answers of calls that run at the same time; raises StepError if one of them is not answered."""
    first, *others = calls
    found = _answered(connection, calls, connection.exchange([first], beside=[[call] for call in others]))
    return [found[call[1]] for call in calls]


def _answered(connection: Connection, calls: Sequence[Call], reply: Reply) -> dict[str, Answer]:
    found = seen_of(reply)
    for call in calls:
        if call[1] not in found:
            raise StepError(
                f"the probe did not answer for {call[1]}",
                where=connection.login.name,
                cause=reply.errors.strip()[-2000:],
                hint="the host's /bin/sh stopped before the probe was complete; the cause above may say why",
            )
    return found


def probe_host(connection: Connection, calls: Sequence[Call]) -> Probe:
    """Read the facts and the state of resources in one exchange."""
    asked = time.time()
    answered = {"facts": asked}
    rest, beside = _grouped(calls)
    reply = connection.exchange(
        [("probe_facts",), *rest],
        on_record=lambda record: answered.update({record.kind: time.time()}),
        beside=beside,
    )
    records = reply.of_kind("facts")
    if not records:
        raise StepError(
            "the probe did not run",
            where=connection.login.name,
            cause=reply.errors.strip()[-2000:],
            hint="the host's /bin/sh stopped before the probe was complete; the cause above may say why",
        )
    found = seen_of(reply)
    for call in calls:
        found.setdefault(call[1], {"status": "unknown", "why": reply.errors.strip()[-500:] or "no answer"})
    return Probe(facts_of(records[0], asked, answered["facts"]), found)
