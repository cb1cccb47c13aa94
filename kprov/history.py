"""Read past runs from the journals: those on this machine, and the short one on each host."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kprov.errors import UsageError
from kprov.journal import SUFFIX, folder

_NAMED = 5  # runs listed in an error
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """One run, as its journal records it.

    began, ended: UTC in ISO 8601; ended is empty if the run did not end. hosts: as the user named them. done, planned:
    numbers of changes; done is None if the journal does not record it. exit_code: None if the run did not end.
    under_way: the run is still active.
    """

    id: str
    began: str
    ended: str
    who: str
    kprov: str
    command: tuple[str, ...]
    directory: str
    hosts: tuple[str, ...]
    done: int | None
    planned: int
    exit_code: int | None
    problems: tuple[str, ...]
    under_way: bool = False

    @property
    def outcome(self) -> str:
        """How the run ended, in a few words."""
        if self.exit_code is None:
            return "under way" if self.under_way else "did not end"
        if self.exit_code == 0:
            return "done"
        return f"exit {self.exit_code}" + (f": {self.problems[0]}" if self.problems else "")


def runs(place: Path | None = None) -> list[Run]:
    """The user's runs on this machine, newest first."""
    return [run_of(path.name.removesuffix(SUFFIX), *_read(path)) for path in _paths(place)]


def find(prefix: str, place: Path | None = None) -> tuple[Run, tuple[Record, ...]]:
    """The run whose id begins with ``prefix``, with its records. Raises UsageError unless exactly one does."""
    paths = _paths(place)
    found = [path for path in paths if path.name.removesuffix(SUFFIX).startswith(prefix)]
    if len(found) == 1:
        records, under_way = _read(found[0])
        return run_of(found[0].name.removesuffix(SUFFIX), records, under_way), tuple(records)
    known = ", ".join(path.name.removesuffix(SUFFIX) for path in (found or paths)[:_NAMED])
    if found:
        raise UsageError(f"{len(found)} runs begin with {prefix!r}", where="ID", hint=f"give more of the id: {known}")
    hint = f"the newest are {known}; list all runs: kprov history" if known else "there are no runs yet"
    raise UsageError(f"no run begins with {prefix!r}", where="ID", hint=hint)


def _paths(place: Path | None) -> list[Path]:
    where = place or folder()
    try:
        return sorted(where.glob(f"*{SUFFIX}"), reverse=True)
    except OSError as error:
        raise UsageError(
            f"the journals cannot be read: {error.strerror}",
            where=str(where),
            hint="make this directory readable for your user",
        ) from None


def _read(path: Path) -> tuple[list[Record], bool]:
    """The records of a journal, and whether its run is still active."""
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
                under_way = False
            except BlockingIOError:
                under_way = True
            return list(_records(stream)), under_way
    except OSError:
        return [], False


def _records(lines: Iterator[str] | Sequence[str]) -> Iterator[Record]:
    """The lines that are JSON objects; a killed run may leave an incomplete line."""
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record


def run_of(id_: str, records: Sequence[Record], under_way: bool = False) -> Run:
    """Summarise the records of one journal."""
    begin = _first(records, "begin")
    end = _first(records, "end")
    planned = [change for record in records for change in record.get("changes", []) if record.get("record") == "plan"]
    texts = {f"{change.get('action')} {change.get('title')}" for change in planned}
    steps = [record for record in records if record.get("event") == "StepDone" and record.get("count")]
    return Run(
        id=id_,
        began=str(begin.get("when", "")),
        ended=str(end.get("when", "")),
        who=str(begin.get("who", "")),
        kprov=str(begin.get("kprov", "")),
        command=tuple(str(word) for word in begin.get("command", [])),
        directory=str(begin.get("directory", "")),
        hosts=tuple(dict.fromkeys(str(record.get("host")) for record in records if record.get("record") == "host")),
        # Steps of a smoke test do not count.
        done=sum(record.get("text") in texts for record in steps),
        planned=len(planned),
        exit_code=end.get("exit_code"),
        problems=tuple(
            ": ".join(filter(None, (problem.get("where"), problem.get("what")))) for problem in end.get("problems", [])
        ),
        under_way=under_way,
    )


def _first(records: Sequence[Record], kind: str) -> Record:
    return next((record for record in records if record.get("record") == kind), {})


def _number(record: Record, key: str) -> int:
    value = record.get(key)
    return value if isinstance(value, int) else 0


# ------------------------------------------------------------------ on a host


def host_runs(text: str, *, locked: bool = False) -> list[Run]:
    """The runs in a host's short journal, newest first.

    text: lines as ``kprov.node.lock`` writes them; ``when`` is the host's time in seconds since the epoch. A run may
    take the lock more than once, and each time writes its own lines. locked: the newest run holds the lock now.
    """
    found: dict[str, list[Record]] = {}
    for record in _records(text.splitlines()):
        found.setdefault(str(record.get("run", "")), []).append(record)
    newest = next(reversed(found), None)
    return [_host_run(id_, records, locked and id_ == newest) for id_, records in reversed(found.items())]


def merged(found: Mapping[str, Sequence[Run]]) -> list[Run]:
    """The runs that several hosts have noted, by the host's name, as one list, newest first.

    A run that changed several hosts is in it once, with all of them, and ends as it did on the host where it failed.
    """
    parts: dict[str, dict[str, Run]] = {}
    for host, noted in found.items():
        for run in noted:
            parts.setdefault(run.id, {})[host] = run
    return sorted(map(_one_run, parts.values()), key=lambda run: run.began, reverse=True)


def _one_run(parts: Mapping[str, Run]) -> Run:
    """A run from what each of its hosts has noted."""
    every = list(parts.values())
    codes = [run.exit_code for run in every]
    return replace(
        every[0],
        began=min(run.began for run in every),
        ended=max(run.ended for run in every) if all(run.ended for run in every) else "",
        hosts=tuple(parts),
        planned=sum(run.planned for run in every),
        exit_code=None if None in codes else max(code for code in codes if code is not None),
        problems=tuple(f"{host}: {problem}" for host, run in parts.items() for problem in run.problems),
        under_way=any(run.under_way for run in every),
    )


def _host_run(id_: str, records: Sequence[Record], under_way: bool) -> Run:
    first, last = records[0], records[-1]
    ended = last.get("state") == "ended"
    # A failure counts even if later lines succeeded, such as those of a rollback.
    how = next((record for record in records if _number(record, "exit_code")), last)
    problem = str(how.get("problem", ""))
    return Run(
        id=id_,
        began=_moment(first),
        ended=_moment(last) if ended else "",
        who=str(first.get("who", "")),
        kprov=str(first.get("kprov", "")),
        command=(str(first.get("command", "")),),
        directory="",
        hosts=(),
        done=None,
        planned=sum(_number(record, "changes") for record in records),
        exit_code=_number(how, "exit_code") if ended else None,
        problems=(problem,) if problem and ended else (),
        under_way=under_way and not ended,
    )


def _moment(record: Record) -> str:
    return datetime.fromtimestamp(_number(record, "when"), UTC).isoformat()
