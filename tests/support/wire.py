"""A ProxyCommand that forwards a connection to a host, counts the bytes sent, and cuts the connection after a number.

As a program: ``python wire.py HOST PORT COUNT_FILE [BYTES]``.
"""

from __future__ import annotations

import os
import shlex
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # not when this is run as a program
    from support.machine import Machine


def through_wire(machine: Machine, folder: Path, cut_after: int | None = None) -> tuple[Sequence[str], Path]:
    """The ``--ssh-config`` for a run through a wire, and the file with the number of bytes sent to the host."""
    count = folder / f"sent-{cut_after}"
    words = [sys.executable, __file__, "%h", "%p", str(count), *([str(cut_after)] if cut_after else [])]
    lines = [line for line in machine.lab.ssh_config.read_text().splitlines() if line]
    config = folder / f"ssh_config-{cut_after}"
    config.write_text("\n".join([*lines, f"    ProxyCommand {shlex.join(words)}", ""]))
    return ["--ssh-config", str(config)], count


def carry(host: str, port: int, count: Path, cut_after: int | None) -> None:
    """Forward both directions until one side ends or the given number of bytes was sent."""
    sent = 0
    with socket.create_connection((host, port)) as wire:

        def receive() -> None:
            while data := wire.recv(65536):
                os.write(1, data)
            os._exit(0)

        threading.Thread(target=receive, daemon=True).start()
        while data := os.read(0, 65536):
            wire.sendall(data)
            sent += len(data)
            count.write_text(str(sent))
            if cut_after is not None and sent >= cut_after:
                return


if __name__ == "__main__":
    carry(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else None)
