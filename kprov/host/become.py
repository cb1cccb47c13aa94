"""Become root: the command line of an exchange, and the dialogue with sudo before the script runs.

If sudo asks for a password, kprov sends it on standard input once it has seen the prompt; it never appears on a
command line. A terminal is allocated only if sudoers demands one (requiretty). It is switched to raw mode, and its
input is framed, because a terminal has no end of input.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from kprov.secret import Secret

# Printed on both streams: anything before it, such as sudo's lecture, was not written by the script.
READY = "@kprov\tready\n"
_READY = 'printf "@kprov\\tready\\n"; printf "@kprov\\tready\\n" >&2; '
_ENGLISH = "env LC_ALL=C LANGUAGE=C"
# Frames: a length of fixed width, then as many bytes; a length of 0 is the end. Both are read with head, which reads
# exactly that much. The shell's `read` does not: from a terminal, bash reads ahead and loses what follows the line.
_WIDTH = 10
_UNFRAME = f'while n=$(head -c {_WIDTH}) && [ "${{n:-0}}" -gt 0 ]; do head -c "$n"; done'


@dataclass(frozen=True)
class Become:
    """How commands become root.

    sudo: whether it is needed. asks: whether it may ask for a password. tty: whether it demands a terminal.
    prompt: the prompt that sudo is made to use; it is random, so nothing else prints it.
    """

    sudo: bool = False
    asks: bool = False
    tty: bool = False
    password: Secret | None = None
    prompt: str = field(default_factory=lambda: f"[kprov-{secrets.token_hex(8)}]")

    def command(self, length: int) -> str:
        """The command line that reads ``length`` bytes of script from standard input and runs them, in any login shell.

        Shells treat a backslash, a ``!`` and nested quotes differently: the text has a backslash only before t and n,
        no ``!``, and no single quote within single quotes.
        """
        # `head -c` reads exactly that many bytes; the functions read what follows.
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
        """How bytes of standard input are sent."""
        return b"%0*d%b" % (_WIDTH, len(data), data) if self.tty else data

    @property
    def end(self) -> bytes:
        """What is sent at the end of standard input."""
        return b"0" * _WIDTH if self.tty else b""


@dataclass
class Conversation:
    """Watches sudo's output until the script runs, and answers its prompt once.

    send: writes to sudo's standard input. close: ends the exchange.
    """

    become: Become
    send: Callable[[bytes], None]
    close: Callable[[], None]
    said: str = ""
    asked: int = 0
    ready: bool = False

    @property
    def refused(self) -> bool:
        """Whether sudo rejected the password."""
        return not self.ready and (self.asked > 1 or "incorrect password" in self.said or "Sorry, try" in self.said)

    @property
    def unanswered(self) -> bool:
        """Whether sudo asked for a password and there was none."""
        return not self.ready and self.asked > 0 and self.become.password is None

    @property
    def cause(self) -> str:
        """What sudo said, for an error."""
        return "\n".join(self._lines())

    def hear(self, text: str) -> None:
        """Process output from sudo."""
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
