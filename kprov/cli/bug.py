"""What the user reads of a bug in kprov: one line, and where the report is that goes with it."""

from __future__ import annotations

import os
import platform
import secrets
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from kprov import __version__
from kprov.journal import folder, masked, without_credentials


def told(arguments: Sequence[str], place: Path | None = None) -> str:
    """Write the report of the exception that is being handled; the line about it.

    The report has the command with its secret properties masked and the frames of the exception, but no values of
    variables. place: its directory, for tests. If it cannot be written, it is in the text instead.
    """
    words = masked(arguments)
    frames = without_credentials(traceback.format_exc())
    for typed, shown in zip(arguments, words, strict=True):
        if typed != shown:  # the value may be in the message, too
            frames = frames.replace(typed.removeprefix(shown.removesuffix("***")), "***")
    error = sys.exc_info()[1]
    what = f"error: this is a bug in kprov {__version__} ({type(error).__name__}); run the same command again"
    report = "\n".join(
        (
            f"kprov {__version__}, Python {platform.python_version()}, {platform.platform()}",
            f"at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
            f"kprov {' '.join(map(without_credentials, words))}",
            "",
            frames,
        )
    )
    path = (place or folder().parent / "bugs") / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}.txt"
    try:
        if not path.is_absolute():
            raise FileNotFoundError("the user has no home directory")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(report)
    except OSError:
        return f"{report}\n{what}, and report it with the lines above"
    return f"{what}, and report it with {path}"
