"""Wait for a slow host, and report the wait with a possible reason.

ssh itself does not limit the time of a login. sshd does: LoginGraceTime, 120 seconds by default.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kprov.events import Emit, Message, ignore

LOGIN_SECONDS = 150.0  # longer than LoginGraceTime, so that sshd ends it first
SLOW_SECONDS = 5.0
# UseDNS is on by default up to OpenSSH 6.7 and in Red Hat 7; TCP wrappers and PAM look up names, too.
SLOW_REASON = "sshd may be waiting for a name server that does not answer"
SLOW_HINT = (
    "check the host's /etc/resolv.conf, or set 'UseDNS no' in its /etc/ssh/sshd_config: every login waits for a name "
    "server that is down"
)


@dataclass
class Waiting:
    """Reports a slow host every ``slow`` seconds.

    name: the host. seconds: how long the last answer took, or has not come.
    """

    name: str
    emit: Emit = ignore
    slow: float = SLOW_SECONDS
    seconds: float = 0.0

    @property
    def was_slow(self) -> bool:
        return self.seconds >= self.slow

    @contextmanager
    def for_answer(self, what: str, reason: str = SLOW_REASON) -> Iterator[None]:
        """Wait within this block. what: the event, such as "the login". reason: why it may be slow."""
        begun = time.monotonic()
        over = threading.Event()
        reporter = threading.Thread(target=self._report, args=(what, reason, over), name="waiting", daemon=True)
        reporter.start()
        try:
            yield
        finally:
            over.set()
            reporter.join()
            self.seconds = time.monotonic() - begun

    def _report(self, what: str, reason: str, over: threading.Event) -> None:
        begun = time.monotonic()
        why = f": {reason}"
        while not over.wait(self.slow):
            self.emit(Message(f"{self.name}: waiting for {what}, {time.monotonic() - begun:.0f} s so far{why}"))
            why = ""
