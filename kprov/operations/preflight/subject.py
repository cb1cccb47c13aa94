"""What the checks look at, put together from the answers of one probe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from kprov.checks.subject import ChosenJava, Neighbour, OpenFiles, ProductLife, Subject
from kprov.host.facts import Probe
from kprov.kinds.base import Answer, path_of
from kprov.kinds.service import Running, UnitState, limit, service_id
from kprov.operations.preflight.answers import number
from kprov.operations.preflight.network import network, zone
from kprov.operations.preflight.paths import UNIT_FILES
from kprov.operations.preflight.places import places
from kprov.operations.preflight.policy import policy
from kprov.operations.preflight.ports import ports
from kprov.operations.preflight.ways import ways
from kprov.receipt import Receipt
from kprov.releases import catalogue
from kprov.releases.chosen import Releases
from kprov.roles.of_node import roles_of
from kprov.topology import Node


def subject(node: Node, releases: Releases, java: ChosenJava, answer: Probe, *, receipt: Receipt) -> Subject:
    """What the checks look at. ``node.host.internal`` must be settled, see kprov.operations.address."""
    roles, broker = roles_of(node), node.broker_config
    facts, seen, net = answer.facts, answer.seen, network(answer)
    kernel, neighbours = seen["kernel"], seen["neighbours"]
    states = {role.unit: UnitState.of(seen[service_id(role.unit)]) for role in roles}
    pids = {unit: state.pid for unit, state in states.items()}
    made = {path_of(entry) for entry in receipt.made.values()}
    return Subject(
        system=facts.system,
        machine=facts.machine,
        kernel=facts.kernel,
        bits=facts.bits,
        os_name=facts.os_name,
        systemd=facts.systemd,
        uid=facts.uid,
        missing=facts.missing,
        container=kernel.get("container", ""),
        memory_kib=facts.memory_kib or None,
        swap_kib=number(kernel, "swap_kib"),
        heaps={role.unit: role.heap for role in roles},
        places=tuple(places(node, releases, seen)),
        ways=tuple(ways(node, seen, made)),
        ports=tuple(ports(node, seen, pids)),
        neighbours=tuple(item for item in _neighbours(neighbours) if item.pid not in pids.values()),
        seen_units=tuple(unit for unit in neighbours.get("units", "").split() if f"{UNIT_FILES}/{unit}" not in made),
        seen_homes=tuple(home for home in neighbours.get("homes", "").splitlines() if home not in made),
        seen_java=neighbours.get("java", ""),
        drop_ins={
            unit: None if seen[service_id(unit)]["status"] == "unknown" else state.drop_ins
            for unit, state in states.items()
        },
        host_name=net.host_name,
        names=net.names,
        own=net.own,
        local=net.local,
        public=broker.public_host if broker else "",
        internal=broker.internal_address if broker and broker.internal_port else "",
        skew=facts.skew,
        keepers=tuple(seen["time"].get("keepers", "").split()),
        synchronized=seen["time"].get("synchronized", ""),
        open_files=number(kernel, "nr_open"),
        file_max=number(kernel, "file_max"),
        map_count=number(kernel, "map_count"),
        init_files=limit(kernel.get("init_files", "")),
        init_capabilities=kernel.get("init_capabilities", ""),
        unit_files=tuple(
            OpenFiles(unit, state.open_files, Running.of(seen[f"running:{unit}"]).open_files)
            for unit, state in states.items()
            if state.pid
        ),
        swappiness=number(kernel, "swappiness"),
        huge_pages=kernel.get("huge_pages", ""),
        entropy=number(kernel, "entropy"),
        selinux=facts.selinux,
        policy=policy(seen["selinux"]),
        firewalld=facts.firewalld,
        zone=zone(answer),
        filters=seen["filters"].get("rules", ""),
        products=tuple(_products(node, java)),
        java=java,
        today=datetime.now(UTC).date().isoformat(),
    )


def _neighbours(seen: Answer) -> Iterator[Neighbour]:
    for line in seen.get("processes", "").splitlines():
        pid, kind, command = (*line.split(maxsplit=2), "", "")[:3]
        if pid.isdigit():
            yield Neighbour(int(pid), kind, command)


def _products(node: Node, java: ChosenJava) -> Iterator[ProductLife]:
    for role in reversed(roles_of(node)):
        ended = catalogue.end_of_life(role.product, role.version)
        yield ProductLife(f"{role.product.label} {role.version}", ended.isoformat() if ended else "")
    yield ProductLife(f"Java {java.version}".strip())
