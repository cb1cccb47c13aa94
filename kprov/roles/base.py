"""What every role has: its unit, paths, ports and resources, and the question that tells whether it is ready."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from kprov.kinds.base import Call, Resource
from kprov.kinds.port import FirewallPort
from kprov.kinds.user import User
from kprov.queries import Query
from kprov.releases.product import Product
from kprov.roles.inputs import Inputs
from kprov.spec.model import RoleName
from kprov.topology import Node


@dataclass(frozen=True)
class DataPlace:
    """A directory of the user's data.

    purpose: what is in it, in words. starts_with: bytes that the service takes at once in a new one; soon: bytes that
    it needs soon after.
    """

    path: str
    purpose: str
    starts_with: int = 0
    soon: int = 0


@dataclass(frozen=True)
class UsedPath:
    """A path that must be usable. purpose: in words. users: whose services go there. data: whether it holds data."""

    path: str
    purpose: str
    users: tuple[str, ...] = ()
    data: bool = False


@dataclass(frozen=True)
class ReadyQuestion:
    """A question that a service answers as expected only once it serves.

    expected: a pattern that a line of the answer then matches. failure: what does not happen otherwise, in words.
    query: the question, put to the service at address and port, as the host sees them. Where sshd does not forward to
    that port, the same is asked with call, a function of the host's library to which the time limit in seconds is
    added, or with tool, a command in Kafka's home.
    """

    failure: str
    expected: str
    query: Query[Any]
    address: str
    port: int
    call: Call = ()
    tool: tuple[str, ...] = ()


@dataclass(frozen=True)
class Role(ABC):
    """A service that a node runs. All of it is pure.

    product: what runs. starts_after: the units that must be up before. ready_seconds: how long it may take
    until it serves; a process that dies is noticed at once, whatever this says.
    """

    node: Node

    name: ClassVar[RoleName]
    product: ClassVar[Product]
    unit: ClassVar[str]
    user: ClassVar[str]
    starts_after: ClassVar[tuple[str, ...]]
    ready_seconds: ClassVar[float]

    @property
    @abstractmethod
    def version(self) -> str:
        """The version of its product."""

    @property
    @abstractmethod
    def heap(self) -> str:
        """The size of its heap, as for java -Xmx."""

    @property
    @abstractmethod
    def ports(self) -> tuple[int, ...]:
        """The ports that it must be bound to before it is ready; messages name the first."""

    @property
    def further_ports(self) -> tuple[int, ...]:
        """Further ports that it may bind, and that must be free."""
        return ()

    @property
    @abstractmethod
    def public_ports(self) -> tuple[int, ...]:
        """Those of its ports that other machines connect to."""

    @property
    def node_ports(self) -> tuple[int, ...]:
        """Those of its ports that only the other nodes of the cluster connect to."""
        return ()

    def opened(self, inputs: Inputs) -> list[Resource]:
        """What lets clients and the other nodes through firewalld, where it runs."""
        if not inputs.firewalld:
            return []
        clients = [FirewallPort(port, inputs.zone) for port in self.public_ports]
        return [
            *clients,
            *(FirewallPort(port, inputs.zone, source=node) for port in self.node_ports for node in inputs.nodes),
        ]

    @property
    @abstractmethod
    def data(self) -> tuple[DataPlace, ...]:
        """The directories of the user's data."""

    @property
    def spare(self) -> tuple[str, ...]:
        """The data directories that may be missing: it runs without one of several."""
        return ()

    @property
    @abstractmethod
    def settings(self) -> str:
        """Its main configuration file."""

    @property
    @abstractmethod
    def logs(self) -> str:
        """The directory of its own log files."""

    @property
    @abstractmethod
    def log_files(self) -> tuple[str, ...]:
        """Its own log files, the main one first."""

    @property
    @abstractmethod
    def temporary(self) -> str:
        """The directory of its temporary files."""

    @property
    @abstractmethod
    def ready_question(self) -> ReadyQuestion:
        """What tells that it serves."""

    @abstractmethod
    def used_paths(self) -> tuple[UsedPath, ...]:
        """Its homes, data and logs, with whose services go there."""

    @abstractmethod
    def foundation(self, inputs: Inputs) -> list[Resource]:
        """What it reads and may share with another role, in the order in which it is made."""

    @abstractmethod
    def resources(self, inputs: Inputs) -> list[Resource]:
        """What it alone reads, in order; the foundation comes before."""

    def extras(self, inputs: Inputs) -> list[Resource]:
        """What people or other programs use and the service does not read, such as tools and open ports."""
        del inputs
        return []

    def once(self, inputs: Inputs) -> str:
        """An option of Java for the next start alone; empty for none."""
        del inputs
        return ""

    @property
    def written(self) -> list[str]:
        """The directories that the service writes to."""
        return [self.logs, self.temporary, *(place.path for place in self.data)]

    def account(self) -> User:
        """The system user that the service runs as."""
        return User(self.user)


def units(roles: Sequence[Role]) -> tuple[str, ...]:
    """The units of these roles."""
    return tuple(role.unit for role in roles)
