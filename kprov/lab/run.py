"""Run one of the machine's programs and return its output, or raise an error that quotes it."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence

from kprov.errors import StepError

LAST_LINES = 15
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for programs: the caller's, with English messages and the system directories in PATH
    (an ordinary user's PATH lacks /usr/sbin on Debian).
    """
    path = os.environ.get("PATH", "")
    return {**os.environ, "PATH": f"{path}:{_PATH}" if path else _PATH, "LC_ALL": "C", **(extra or {})}


def run(
    *argv: str | os.PathLike[str],
    extra_environment: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    hint: str = "",
) -> str:
    """Run ``argv`` and return its standard output.

    pass_fds: open files that the program and its children inherit, for instance a lock that must last as
    long as they do.

    Raises StepError with the last lines of output if the exit code is not 0.
    """
    words = [os.fspath(word) for word in argv]
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env=environment(extra_environment),
        pass_fds=pass_fds,
        check=False,
    )
    if done.returncode != 0:
        raise StepError(
            f"`{shlex.join(words)}` failed with exit code {done.returncode}",
            cause=last_lines(done.stderr.strip() or done.stdout.strip()),
            hint=hint,
        )
    return done.stdout


def last_lines(text: str) -> str:
    """The end of ``text``, short enough to quote in an error message."""
    return "\n".join(text.splitlines()[-LAST_LINES:])
