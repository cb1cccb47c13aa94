"""Counts what a run exchanges with a host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kprov.sizes import human_size
from kprov.words import counted

# Functions of the library that start a JVM.
_START_JAVA = frozenset({"tool", "probe_java", "probe_srvr", "start_unit", "restart_unit", "try_start_unit"})


@dataclass
class Traffic:
    """Counts what was exchanged with the host: what makes a run slow that a timing on a fast line does not show.

    forwards: questions to services through the connection. jvms: started on the host, services included. sent,
    received: bytes of scripts, archives and answers, before encryption.
    """

    connections: int = 0
    exchanges: int = 0
    forwards: int = 0
    jvms: int = 0
    sent: int = 0
    received: int = 0

    @property
    def round_trips(self) -> int:
        """How often at least the run waited for an answer after its login.

        An exchange opens a channel, requests the command, and reads its answer; a forward needs no command.
        """
        return 3 * self.exchanges + 2 * self.forwards

    def __str__(self) -> str:
        """For people."""
        return (
            f"{counted(self.connections, 'connection')}, {counted(self.exchanges, 'exchange')}, "
            f"{counted(self.forwards, 'forwarded question')}, {counted(self.round_trips, 'round trip')}, "
            f"{human_size(self.sent)} sent, {human_size(self.received)} received, "
            f"{counted(self.jvms, 'JVM')} started"
        )


def starts_java(call: Sequence[str]) -> bool:
    """Whether this call of the library starts a JVM."""
    return not _START_JAVA.isdisjoint(call[:1] if call[0] != "step" else call[2:])
