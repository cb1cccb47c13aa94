"""Where a value was set, as a key path for error messages; load replaces it with the option if it came from one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from kprov.spec.broker import BrokerConfig, broker_config
from kprov.spec.model import Cluster, Host


@dataclass(frozen=True)
class Places:
    """The key paths of the values of one host's broker."""

    cluster: Cluster
    index: int

    @property
    def host(self) -> Host:
        return self.cluster.hosts[self.index]

    @cached_property
    def broker(self) -> BrokerConfig:
        return broker_config(self.cluster, self.host)

    @property
    def own(self) -> Mapping[str, str]:
        """The properties that the user set."""
        return self.broker.own

    def of(self, name: str) -> str:
        """The key path of a broker property: where it is set, otherwise where it can be set."""
        if name in self.host.broker.properties:
            return f"hosts[{self.index}].broker.properties.{name}"
        return f"kafka.properties.{name}"

    @property
    def listeners(self) -> str:
        """The key path that determines the listeners."""
        return self._first("listeners", "port") or "kafka.port"

    @property
    def advertised(self) -> str:
        """The key path that determines the advertised address."""
        host = f"hosts[{self.index}]"
        own = f"{host}.advertised" if self.host.advertised else f"{host}.address"
        return self._first("advertised.listeners", "advertised.host.name") or own

    def _first(self, *names: str) -> str | None:
        return next((self.of(name) for name in names if name in self.own), None)
