"""Commands in messages: whoever pastes one reaches the same host in the same way as the run that showed it.

A message names its host as HOST: ``start it: kprov start HOST``. Nothing below the command line knows how the user
reaches the host, so the message is completed where it is shown. A command ends its message, or is followed by ``;``,
``,`` or ``)``: it can be copied without the prose around it.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

HOST = "HOST"
_KPROV = re.compile(rf"(?<![\w/.-])kprov [a-z]+(?:-[a-z]+)* ({HOST})\b")
_SSH = re.compile(rf"(?<![\w/.-])(?:ssh|ssh -G|ssh-copy-id) ({HOST})\b")


@dataclass(frozen=True)
class Way:
    """How this run reaches its host.

    host: HOST as it was typed, with user and port; empty where the kprov.yaml names it. config: that file. options:
    the options of kprov that say how to log in. ssh: the same for ssh, with the host; empty where that is not known.
    """

    host: str = ""
    config: Path | None = None
    options: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """What stands for HOST in a command of kprov."""
        config = ("--config", str(self.config)) if self.config else ()
        return (*((self.host,) if self.host else ()), *config, *self.options)

    def completed(self, text: str) -> str:
        """The text with every command in it as it must be typed; it stays as it is where no host was named."""
        for pattern, words in ((_KPROV, self.words if self.host or self.config else ()), (_SSH, self.ssh)):
            if words:
                text = pattern.sub(lambda found, words=words: _replaced(found, words), text)  # type: ignore[misc]
        return text


def _replaced(found: re.Match[str], words: tuple[str, ...]) -> str:
    return found[0].removesuffix(HOST) + shlex.join(words)
