"""Run one of the machine's programs and have its output, or an error that quotes it."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence

from kprov.errors import StepError

LAST_LINES = 15
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment that programs run in: the caller's, in English, and with the system's own
    programs in PATH (an ordinary user's lacks /usr/sbin on Debian).
    """
    path = os.environ.get("PATH", "")
    return {**os.environ, "PATH": f"{path}:{_PATH}" if path else _PATH, "LC_ALL": "C", **(extra or {})}


def run(
    *argv: str | os.PathLike[str],
    extra_environment: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    hint: str = "",
) -> str:
    """Run ``argv`` to its end and return what it wrote to standard output.

    pass_fds: open files that the program and its children keep open, e.g. a lock that must last as long
    as they do.

    Raises StepError, with the last lines that the program wrote, if it ends with anything but 0.
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
            f"`{shlex.join(words)}` ended with {done.returncode}",
            cause=last_lines(done.stderr.strip() or done.stdout.strip()),
            hint=hint,
        )
    return done.stdout


def last_lines(text: str) -> str:
    """The end of ``text``, as much as an error message can quote."""
    return "\n".join(text.splitlines()[-LAST_LINES:])
