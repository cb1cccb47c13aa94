"""Becoming root: the command line of an exchange, and the conversation with sudo before it begins.

Where sudo asks for a password, it gets it on standard input, after its prompt was seen: on no command line, and
nowhere where there is no prompt. Only where sudoers demands a terminal (requiretty) there is one; it is switched
to pass every byte, and what goes in is framed, since a terminal has no end of input.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from kprov.secret import Secret

# On both streams: what sudo has written before, its lecture say, is not the script's.
READY = "@kprov\tready\n"
_READY = 'printf "@kprov\\tready\\n"; printf "@kprov\\tready\\n" >&2; '
_ENGLISH = "env LC_ALL=C LANGUAGE=C"
# Frames: a length of fixed width, then as many bytes; a length of 0 ends them. Both are read with head, which takes no
# byte more. The shell's own `read` would: bash fills a buffer from a terminal, and loses what is behind the first line.
_WIDTH = 10
_UNFRAME = f'while n=$(head -c {_WIDTH}) && [ "${{n:-0}}" -gt 0 ]; do head -c "$n"; done'


@dataclass(frozen=True)
class Become:
    """How commands get root's rights.

    sudo: whether it is needed; asks: whether sudo may ask for a password; tty: whether it demands a terminal.
    prompt: what sudo is told to ask with; nothing else writes it.
    """

    sudo: bool = False
    asks: bool = False
    tty: bool = False
    password: Secret | None = None
    prompt: str = field(default_factory=lambda: f"[kprov-{secrets.token_hex(8)}]")

    def command(self, length: int) -> str:
        """The command line that runs a script of so many bytes from standard input, for any login shell.

        Shells differ in what they do to a backslash, a ``!`` and a quote inside quotes: there is a backslash
        only before t and n, and no single quote inside single ones.
        """
        # `head -c` takes exactly that many bytes: what follows is left for the functions.
        script = f'eval "$(head -c {length})"'
        if not self.sudo:
            return f"/bin/sh -c '{script}'"
        if not self.asks:
            return f"sudo -n -H /bin/sh -c '{script}'"
        sudo = f'{_ENGLISH} sudo -S -p "$1" -H /bin/sh -c "$2"'
        if self.tty:
            left = 'printf "\\n@kprov\\tleft\\tstatus=%s\\n" "$?"'
            outer = f"stty raw -echo; {_UNFRAME} | {{ {sudo}; {left}; }}"
        else:
            outer = f"exec {sudo}"
        return f"/bin/sh -c '{outer}' kprov '{self.prompt}' '{_READY}{script}'"

    def framed(self, data: bytes) -> bytes:
        """What is sent for some bytes of standard input."""
        return b"%0*d%b" % (_WIDTH, len(data), data) if self.tty else data

    @property
    def end(self) -> bytes:
        """What is sent at the end of standard input."""
        return b"0" * _WIDTH if self.tty else b""


@dataclass
class Conversation:
    """Watches what sudo writes until it has let us in, and answers its prompt once.

    send: writes to its standard input. close: ends the exchange. wrong: it asked again.
    """

    become: Become
    send: Callable[[bytes], None]
    close: Callable[[], None]
    said: str = ""
    asked: int = 0
    ready: bool = False

    @property
    def refused(self) -> bool:
        """Whether sudo asked and did not let us in with what it got."""
        return not self.ready and (self.asked > 1 or "incorrect password" in self.said or "Sorry, try" in self.said)

    @property
    def unanswered(self) -> bool:
        """Whether sudo asked and there was no password."""
        return not self.ready and self.asked > 0 and self.become.password is None

    @property
    def cause(self) -> str:
        """What sudo said, for an error."""
        return "\n".join(self._lines())

    def hear(self, text: str) -> None:
        """Take in what sudo has written."""
        if self.ready:
            return
        self.said += text
        while self.asked < self.said.count(self.become.prompt):
            self.asked += 1
            if self.asked > 1 or self.become.password is None:
                self.close()
                return
            self.send(self.become.framed(self.become.password.reveal().encode() + b"\n"))

    def _lines(self) -> Iterator[str]:
        for line in self.said.replace(self.become.prompt, "").splitlines():
            if line.strip() and line != READY.rstrip():
                yield line.strip()
