"""The journal of a run, on the operator's machine: the command, what it did, and how it ended.

Each run has a file, ``runs/ID.jsonl`` in the user's state directory (``~/.local/state/kprov`` on Linux), with one
JSON object per line. Each has ``record`` and ``when`` (UTC): ``begin``, then ``host``, ``plan`` and ``event`` as they
happen, then ``end``. Each line is written before the run continues, so a killed run leaves a journal without an end.
The files (0600, in a directory of 0700) hold no secrets, but may hold what only the operator should see.
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

KEPT = 200  # runs; a new run removes the oldest
SUFFIX = ".jsonl"
_CREDENTIALS = re.compile(r"(://)[^/@\s\"\\]+@")  # user and password in a URL


def folder() -> Path:
    """The directory of the journals; it may not exist yet."""
    return platformdirs.user_state_path("kprov") / "runs"


def operator() -> str:
    """Who runs kprov, and where: ``user@machine``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        user = str(os.getuid())
    return f"{user}@{platform.node()}"


def masked(words: Sequence[str]) -> list[str]:
    """The arguments of a command with the values of secret properties masked."""
    return [_masked_word(word) for word in words]


def without_credentials(text: str) -> str:
    """The text with the user and password of each URL masked."""
    return _CREDENTIALS.sub(r"\1***@", text)


def _masked_word(word: str) -> str:
    setting = word.removeprefix("--set=").removeprefix("--set-plugin=")
    name, separator, _ = setting.partition("=")
    if name.startswith("-"):  # another option
        return word
    return f"{word.removesuffix(setting)}{name}=***" if separator and is_secret(name.strip()) else word


class Journal:
    """The journal of one run; its ``id`` identifies the run and sorts by time.

    A journal never fails a run: if a line cannot be written, ``complain`` is called once, and the run continues
    without a journal.
    """

    def __init__(self, words: Sequence[str], complain: Callable[[str], None], place: Path | None = None) -> None:
        """words: the command and its arguments as typed. place: the directory, for tests."""
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
        """Record a host before kprov connects to it: the name that the user gave, and ``user@address:port``."""
        self._write("host", host=name, address=address)

    def plan(self, plan: Plan) -> None:
        """Record what will be changed on a host, without the content of files."""
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
        """An emitter that records each event and passes it on."""

        def both(event: Event) -> None:
            self.event(event)
            emit(event)

        return both

    def event(self, event: Event) -> None:
        """Record an event; of a transfer, only the beginning and the end."""
        if isinstance(event, Transfer):
            ended = event.total is not None and event.done >= event.total
            transfer = (event.host, event.what)
            if transfer in self._transfers and not ended:
                return
            self._transfers.add(transfer)
        self._write("event", event=type(event).__name__, **dataclasses.asdict(event))

    def end(self, code: ExitCode, problems: Sequence[Problem] = ()) -> None:
        """Record the end of the run."""
        self._write("end", exit_code=int(code), problems=[dataclasses.asdict(problem) for problem in problems])
        with self._lock:
            self._close()

    def _write(self, record: str, **fields: Any) -> None:
        when = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"record": record, "when": when, **fields}, ensure_ascii=False)
        with self._lock:
            if self._file is None:
                return
            data = (without_credentials(line) + "\n").encode("utf-8", "backslashreplace")
            try:
                if os.write(self._file, data) < len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._close()
        where = f" in {error.filename}" if error.filename else ""
        self._complain(f"the journal of this run cannot be written{where}: {error.strerror or error}")

    def _close(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # a network file system may report only now that it is full
                os.close(self._file)
            self._file = None


def _settings(plan: Plan) -> tuple[Setting, ...]:
    """The settings that the plan changes; empty for a first install, which has no old values."""
    before = plan.before.spec if plan.before.spec is not None else (plan.before.last or {}).get("spec")
    return () if before is None or plan.after.spec is None else changed(before, plan.after.spec)


def _create(place: Path, name: str) -> int:
    """Create the file and lock it while the run lives, so that readers can distinguish a killed run."""
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
