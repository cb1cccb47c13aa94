"""Where the user wrote a value, as a key path: what an error names, and load turns into the option if it was one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kprov.spec.broker import own_properties
from kprov.spec.model import Cluster, Host


@dataclass(frozen=True)
class Places:
    """The places of the values of one host's broker."""

    cluster: Cluster
    index: int

    @property
    def host(self) -> Host:
        return self.cluster.hosts[self.index]

    @property
    def own(self) -> Mapping[str, str]:
        """The properties that the user set."""
        return own_properties(self.cluster, self.host)

    def of(self, name: str) -> str:
        """The key path of a broker property: where it is set, or else where it could be."""
        if name in self.host.broker.properties:
            return f"hosts[{self.index}].broker.properties.{name}"
        return f"kafka.properties.{name}"

    @property
    def listeners(self) -> str:
        """Where the listeners come from."""
        return self._first("listeners", "port") or "kafka.port"

    @property
    def advertised(self) -> str:
        """Where the address comes from that clients are told."""
        host = f"hosts[{self.index}]"
        own = f"{host}.advertised" if self.host.advertised else f"{host}.address"
        return self._first("advertised.listeners", "advertised.host.name") or own

    def _first(self, *names: str) -> str | None:
        return next((self.of(name) for name in names if name in self.own), None)
