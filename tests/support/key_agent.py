"""A key agent of OpenSSH for one test."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NO_AGENT = 2
"""What `ssh-add` exits with when no agent answers."""


@contextmanager
def key_agent(socket: Path, *keys: Path, confirm: bool = False) -> Iterator[str]:
    """An agent that holds these keys; its socket.

    With `confirm`, each use of a key must be confirmed, and nobody is there to do it: the agent refuses to sign.
    The socket's file exists a moment before the agent listens, so the agent itself is asked.
    """
    environment = {**os.environ, "SSH_ASKPASS": "/bin/false", "SSH_ASKPASS_REQUIRE": "force"}
    environment["SSH_AUTH_SOCK"] = str(socket)
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL, env=environment)
    try:
        deadline = time.monotonic() + 10
        question = ["ssh-add", "-l"]
        while subprocess.run(question, check=False, capture_output=True, env=environment).returncode == NO_AGENT:
            assert time.monotonic() < deadline, "the agent does not answer"
            time.sleep(0.01)
        for key in keys:
            command = ["ssh-add", "-q", *(["-c"] if confirm else []), str(key)]
            subprocess.run(command, check=True, env=environment, capture_output=True)
        yield str(socket)
    finally:
        process.terminate()
        process.wait(10)
        socket.unlink(missing_ok=True)
