"""The archives of one installation."""

from __future__ import annotations

from dataclasses import dataclass

from kprov.releases.archive import Archive


@dataclass(frozen=True)
class Releases:
    """The archives of one installation, found and verified; java is None if the host's own is used."""

    kafka: Archive
    zookeeper: Archive | None
    java: Archive | None

    @property
    def every(self) -> tuple[Archive, ...]:
        return tuple(item for item in (self.kafka, self.zookeeper, self.java) if item)
