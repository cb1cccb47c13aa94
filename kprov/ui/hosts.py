"""Which host a line of progress is about."""

from __future__ import annotations

from kprov.events import Event


class Hosts:
    """The hosts that events were about: as soon as there are several, each line says which one it is about.

    several: whether it is known from the start that there are.
    """

    def __init__(self, *, several: bool = False) -> None:
        self._seen: set[str] = set()
        self._known = several

    @property
    def several(self) -> bool:
        return self._known or len(self._seen) > 1

    def label(self, event: Event) -> str:
        """What a line about this event begins with; nothing with one host, or for this machine."""
        if not event.host:
            return ""
        self._seen.add(event.host)
        return f"{event.host}: " if self.several else ""
