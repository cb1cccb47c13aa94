"""The journal of a run, on the operator's machine: who asked for what, what was done, and how it ended.

One file a run, ``runs/ID.jsonl`` in the user's state folder (``~/.local/state/kprov`` on Linux), one JSON object a
line with ``record`` and ``when`` (UTC): ``begin``, then ``host``, ``plan`` and ``event`` as they come, then ``end``.
Each line is on disk before the run goes on, so a run that is killed leaves a journal without an end. It may hold
what only the operator should see (the files are 0600 in a folder of 0700), and no secrets.
"""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import getpass
import json
import os
import platform
import re
import secrets
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs

from kprov import __version__
from kprov.errors import ExitCode, Problem
from kprov.events import Emit, Event, Transfer
from kprov.plan import Plan
from kprov.spec.broker_keys import is_secret
from kprov.spec.settings import Setting, changed

KEPT = 200  # runs; the oldest go when another begins
SUFFIX = ".jsonl"
_CREDENTIALS = re.compile(r"(://)[^/@\s\"\\]+@")  # in an address, user and password


def folder() -> Path:
    """Where the journals are; also where there is none yet."""
    return platformdirs.user_state_path("kprov") / "runs"


def operator() -> str:
    """Who runs kprov, and where: ``user@machine``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as containers have
        user = str(os.getuid())
    return f"{user}@{platform.node()}"


def masked(words: Sequence[str]) -> list[str]:
    """Arguments of a command without the values of secret properties."""
    return [_masked_word(word) for word in words]


def _masked_word(word: str) -> str:
    setting = word.removeprefix("--set=").removeprefix("--set-plugin=")
    name, separator, _ = setting.partition("=")
    if name.startswith("-"):  # another option
        return word
    return f"{word.removesuffix(setting)}{name}=***" if separator and is_secret(name.strip()) else word


class Journal:
    """The journal of one run, from the first line on; ``id`` names the run and sorts by time.

    Nothing here fails a run: at the first line that cannot be written ``complain`` gets one text, and the run goes
    on without a journal.
    """

    def __init__(self, words: Sequence[str], complain: Callable[[str], None], place: Path | None = None) -> None:
        """words: the command and its arguments as they were typed. place: the folder, for tests."""
        self.id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        self._complain = complain
        self._lock = threading.Lock()
        self._transfers: set[tuple[str, str]] = set()
        self._file: int | None = None
        place = place or folder()
        try:
            self._file = _create(place, f"{self.id}{SUFFIX}")
            _prune(place)
        except OSError as error:
            self._give_up(error)
        self._write(
            "begin",
            run=self.id,
            who=operator(),
            process=os.getpid(),
            kprov=__version__,
            command=masked(words),
            directory=_working_directory(),
        )

    def host(self, name: str, address: str) -> None:
        """A host is going to be connected to: as the user calls it, and ``user@address:port``."""
        self._write("host", host=name, address=address)

    def plan(self, plan: Plan) -> None:
        """What is going to be done to a host, without what files hold."""
        self._write(
            "plan",
            host=plan.host,
            changes=[
                {"action": item.action, "id": item.id, "title": item.title, "reason": item.reason}
                for item in plan.changes
            ],
            settings=[
                {"key": item.key, "old": item.shown(item.old), "new": item.shown(item.new)} for item in _settings(plan)
            ],
            notes=list(plan.notes),
            kept=list(plan.kept),
        )

    def listening(self, emit: Emit) -> Emit:
        """An emitter that writes each event down and passes it on."""

        def both(event: Event) -> None:
            self.event(event)
            emit(event)

        return both

    def event(self, event: Event) -> None:
        """An event; of a transfer only the beginning and the end."""
        if isinstance(event, Transfer):
            ended = event.total is not None and event.done >= event.total
            transfer = (event.host, event.what)
            if transfer in self._transfers and not ended:
                return
            self._transfers.add(transfer)
        self._write("event", event=type(event).__name__, **dataclasses.asdict(event))

    def end(self, code: ExitCode, problems: Sequence[Problem] = ()) -> None:
        """The run has come to its end."""
        self._write("end", exit_code=int(code), problems=[dataclasses.asdict(problem) for problem in problems])
        with self._lock:
            self._close()

    def _write(self, record: str, **fields: Any) -> None:
        when = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"record": record, "when": when, **fields}, ensure_ascii=False)
        with self._lock:
            if self._file is None:
                return
            data = (_CREDENTIALS.sub(r"\1***@", line) + "\n").encode("utf-8", "backslashreplace")
            try:
                if os.write(self._file, data) < len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._close()
        where = f" in {error.filename}" if error.filename else ""
        self._complain(f"this run is not journalled{where}: {error.strerror or error}")

    def _close(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # a network's disk may say only now that it is full
                os.close(self._file)
            self._file = None


def _settings(plan: Plan) -> tuple[Setting, ...]:
    """The settings that the plan changes; none for a first install, which has no old values."""
    before = plan.before.spec if plan.before.spec is not None else (plan.before.last or {}).get("spec")
    return () if before is None or plan.after.spec is None else changed(before, plan.after.spec)


def _create(place: Path, name: str) -> int:
    """The new file, locked as long as its run lives: so a reader tells a run under way from one that was killed."""
    if not place.is_absolute():
        raise FileNotFoundError(None, "the user has no home directory", str(place))
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.chmod(0o700)
    file = os.open(place / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _prune(place: Path) -> None:
    for path in sorted(place.glob(f"*{SUFFIX}"))[:-KEPT]:
        path.unlink(missing_ok=True)


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return ""
