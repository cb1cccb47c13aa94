"""Complete the commands in messages, so that a copied command reaches the same host in the same way as this run.

A message writes its host as HOST: ``start it: kprov start HOST``. Only the command line knows how the user reaches the
host, so the UI completes the message. A command ends its message or is followed by ``;``, ``,`` or ``)``, so that it
can be copied without the text around it.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

HOST = "HOST"
_KPROV = re.compile(rf"(?<![\w/.-])kprov [a-z]+(?:-[a-z]+)* ({HOST})\b")
_SSH = re.compile(rf"(?<![\w/.-])(?:ssh|ssh -G|ssh-copy-id) ({HOST})\b")


@dataclass(frozen=True)
class HostArguments:
    """The arguments with which this run reaches its host.

    host: HOST as typed, with user and port; empty if kprov.yaml names it. others: further HOSTs. config: that file.
    options: kprov's login options. ssh: ssh's options for the same login, with the host; empty if unknown.
    """

    host: str = ""
    config: Path | None = None
    options: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The words that replace HOST in a kprov command."""
        config = ("--config", str(self.config)) if self.config else ()
        return (*((self.host,) if self.host else ()), *self.others, *config, *self.options)

    def at(self, where: str) -> HostArguments:
        """The arguments for what is said about one of several hosts: that host alone."""
        for host in (self.host, *self.others):
            if self.others and where and host.rpartition("@")[2] == where:
                return replace(self, host=host, others=())
        return self

    def completed(self, text: str) -> str:
        """The text with HOST replaced in every command; unchanged if the run names no host."""
        for pattern, words in ((_KPROV, self.words if self.host or self.config else ()), (_SSH, self.ssh)):
            if words:
                text = pattern.sub(lambda found, words=words: _replaced(found, words), text)  # type: ignore[misc]
        return text


def _replaced(found: re.Match[str], words: tuple[str, ...]) -> str:
    return found[0].removesuffix(HOST) + shlex.join(words)
