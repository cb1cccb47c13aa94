"""Parametrise the suite: with the hosts, and with the entries of each host's receipt."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import testinfra

from kprov.errors import KprovError
from kprov.kinds import KINDS
from kprov.kinds.base import path_of
from kprov.kinds.service import ServiceEntry
from kprov.verify.target import VerifiedHost

_TARGETS = pytest.StashKey[list[VerifiedHost]]()
HOSTS_PLUGIN = "kprov-hosts"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "entries(*kinds): run once for each entry of these kinds in the receipt")
    config.addinivalue_line("markers", "clients: uses the services as clients do; takes some seconds")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each host, and for each entry, port or property that the test is about."""
    if "target" not in metafunc.fixturenames:
        return
    try:
        cases = list(_cases(metafunc))
    except KprovError as error:
        raise pytest.UsageError(str(error)) from None
    names = [name for name in ("target", "entry", "port", "name") if name in metafunc.fixturenames]
    metafunc.parametrize(names, [values for values, _ in cases], ids=[text for _, text in cases], scope="session")


def _cases(metafunc: pytest.Metafunc) -> Iterator[tuple[tuple[object, ...], str]]:
    kinds = next((mark.args for mark in metafunc.definition.iter_markers("entries")), ())
    for target in _targets(metafunc.config):
        if "entry" in metafunc.fixturenames:
            for entry in (entry for kind in kinds for entry in target.entries(KINDS[kind])):
                name = entry.unit if isinstance(entry, ServiceEntry) else path_of(entry) or entry.id
                yield (target, entry), f"{target.name}-{name}"
        elif "port" in metafunc.fixturenames:
            for unit, port in target.ports:
                yield (target, (unit, port)), f"{target.name}-{port}"
        elif "name" in metafunc.fixturenames:
            for name in target.promised_properties:
                yield (target, name), f"{target.name}-{name}"
        else:
            yield (target,), target.name


def _targets(config: pytest.Config) -> list[VerifiedHost]:
    if _TARGETS not in config.stash:
        given = config.pluginmanager.get_plugin(HOSTS_PLUGIN)
        hosts = given.hosts if given is not None else _asked_for(config)
        config.stash[_TARGETS] = [VerifiedHost(host) for host in hosts]
    return config.stash[_TARGETS]


def _asked_for(config: pytest.Config) -> list[testinfra.host.Host]:
    """The hosts of testinfra's own options."""
    option = config.option
    if not option.hosts and not option.ansible_inventory:
        raise pytest.UsageError("no host is given; for instance: pytest --pyargs kprov.verify --hosts=ssh://kafka-1")
    hosts: list[testinfra.host.Host] = testinfra.get_hosts(
        (option.hosts or "ansible://all").split(","),
        connection=option.connection,
        ssh_config=option.ssh_config,
        ssh_identity_file=option.ssh_identity_file,
        sudo=option.sudo,
        sudo_user=option.sudo_user,
        ansible_inventory=option.ansible_inventory,
        force_ansible=option.force_ansible,
    )
    return hosts
