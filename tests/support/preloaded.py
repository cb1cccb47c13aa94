"""Runs kprov without importing it each time: a process that has imported it forks for each run.

A run is what `python -m kprov` would be: a process of its own, with its own arguments, environment, working directory
and standard streams. Importing takes half a second of CPU time, and the tests run kprov some hundreds of times.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

_LONGEST_REQUEST = 2**20
# What the interpreter reads once, when it starts: a run that has other values gets an interpreter of its own.
_AT_START = ("LANG", "LC_", "PYTHON")


def run_kprov(words: list[str], stdin: str = "", environment: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """The exit code, standard output and standard error of kprov with these arguments."""
    own = dict(os.environ if environment is None else environment)
    if _at_start(own) != _at_start(os.environ):
        command = [sys.executable, "-m", "kprov", *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, env=own)
        return done.returncode, done.stdout, done.stderr
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin.encode())
        given.seek(0)
        request = json.dumps([words, own, str(Path.cwd())]).encode()
        channel = _server()
        socket.send_fds(channel, [request], [stream.fileno() for stream in (given, out, err)])
        pid = int(channel.recv(16))
        try:
            code = int(channel.recv(16))
        except BaseException:  # the test's time is up: what it started must not work on under the next ones
            os.kill(pid, signal.SIGKILL)
            channel.recv(16)
            raise
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode())
    return code, texts[0], texts[1]


def _at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_AT_START)}


@cache
def _server() -> socket.socket:
    """The process of this test process; it ends with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
        )

    def end() -> None:
        ours.close()
        process.wait(10)

    atexit.register(end)
    return ours


def _serve(channel: socket.socket) -> None:
    """Fork for each request; answer with its process id and its exit code, until the other end is closed."""
    from kprov.cli import main

    for place, _ in main._COMMANDS.values():
        import_module(place.partition(":")[0])
    gc.freeze()
    while True:
        request, streams, _, _ = socket.recv_fds(channel, _LONGEST_REQUEST, 3)
        if not request:
            return
        pid = os.fork()
        if pid == 0:
            channel.close()
            words, environment, folder = json.loads(request)
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            random.seed()
            sys.argv = ["kprov", *words]
            main.run()
        channel.send(str(pid).encode())
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(pid, 0)
        channel.send(str(os.waitstatus_to_exitcode(status)).encode())


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as end_of_pair:
        _serve(end_of_pair)
