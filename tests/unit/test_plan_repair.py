"""What start and restart put right, from the receipt alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.entries import made
from support.model_host import ModelHost
from support.plan_cases import STATES, fresh, resolve
from support.specimens import asked, wanted

from kprov.kinds.base import path_of
from kprov.kinds.service import UnitState
from kprov.plan import prepared, repair
from kprov.receipt import State

KAFKA = "service:kafka.service"


def installed() -> ModelHost:
    """A host on which all is well, with data."""
    host = fresh()
    host.install(wanted(asked(), firewalld=True))
    host.receipt = replace(host.receipt, state=State.DONE)
    host.use()
    return host


def harmed(name: str, words: str) -> tuple[ModelHost, str]:
    """A host on which somebody did something to one resource."""
    host = installed()
    id_ = resolve(name, host.receipt.made)
    word, _, rest = words.partition(" ")
    host.seen[id_] = STATES[word](host.seen[id_], rest)
    return host, id_


def test_a_host_as_it_was_left_needs_no_repair() -> None:
    host = installed()
    result = repair(host.receipt, host.seen, "box")
    assert (result.changes, result.obstacles, result.notes) == ((), (), ())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("link:libs", "absent"),
        ("link:libs", "link /elsewhere"),
        ("link:libs", "file"),
        ("links:bin/*", "stale"),
        ("directory:single_kafka/config", "owner ada:ada"),
        ("directory:single_kafka/logs", "absent"),
        ("data:kafka_logs", "owner root:root"),
        ("data:zookeeper/data", "mode 777"),
        ("file:server.properties", "mode 600"),
        ("file:server.properties", "owner root:root"),
        ("user:kafka", "absent"),
        ("firewall:9092/tcp", "absent"),
    ],
)
def test_what_install_repairs_without_content_start_repairs_as_well(name: str, words: str) -> None:
    """With the same calls; then there is nothing left to repair, for either."""
    if name.startswith("links:"):
        name = "links:/usr/local/single_kafka/bin/*"
    host, id_ = harmed(name, words)
    (change,) = repair(host.receipt, host.seen, "box").changes
    (same,) = (item for item in host.plan(wanted(asked(), firewalld=True)).changes if item.id == id_)
    assert (change.id, change.calls) == (id_, same.calls)
    host.change(change)
    assert repair(host.receipt, host.seen, "box").changes == ()
    assert id_ not in {item.id for item in host.plan(wanted(asked(), firewalld=True)).changes}


@pytest.mark.parametrize("name", ["file:server.properties", "file:system/kafka.service", "release:kafka_2.12-1.0.0"])
def test_what_only_install_can_put_back_is_named(name: str) -> None:
    host, id_ = harmed(name, "absent")
    result = repair(host.receipt, host.seen, "box")
    path = path_of(host.receipt.made[id_])
    assert result.notes == (f"{id_.partition(':')[0]} {path} is missing; restore it: kprov install HOST",)
    assert (result.changes, result.obstacles) == ((), ())


def test_an_edited_file_is_used_and_named() -> None:
    host, _ = harmed("file:server.properties", "edited")
    result = repair(host.receipt, host.seen, "box")
    assert "was edited and is used as it is; replace it: kprov install HOST" in result.notes[0]
    assert (result.changes, result.obstacles) == ((), ())


@pytest.mark.parametrize("words", ["absent", "unknown"])
def test_data_that_are_not_there_stop_a_start(words: str) -> None:
    """With --accept-data the start continues and creates no directory: the broker may run without it."""
    host, id_ = harmed("data:kafka_logs", words)
    assert [item.id for item in repair(host.receipt, host.seen, "box").obstacles] == [id_]
    accepted = repair(host.receipt, host.seen, "box", {id_.removeprefix("data:")})
    assert (accepted.changes, accepted.obstacles) == ((), ())


def test_what_an_interrupted_run_was_going_to_make_is_left_to_install() -> None:
    host, id_ = harmed("link:libs", "absent")
    pending = replace(host.receipt.made[id_], pending=True)
    result = repair(replace(host.receipt, made={**host.receipt.made, id_: pending}), host.seen, "box")
    assert result.changes == ()


def state(*lines: str) -> UnitState:
    return UnitState.of({"status": "present", "show": "\n".join(lines)})


def test_every_start_gives_the_trees_back_reloads_and_enables() -> None:
    """Whichever command starts it; what belongs to another service is not touched."""
    entries = [
        made("data", path="/k", holds="kafka", owner="kafka"),
        made("directory", path="/l", purpose="logs", owner="kafka"),
        made("data", path="/z", holds="zookeeper", owner="zookeeper"),
        made("directory", path="/zl", purpose="logs", owner="zookeeper"),
    ]
    give = ("give_back", "kafka", "kafka", "/k", "/l")
    assert prepared("kafka.service", "kafka", state("UnitFileState=enabled"), entries) == (give,)
    calls = prepared("kafka.service", "kafka", state("UnitFileState=disabled", "NeedDaemonReload=yes"), entries)
    assert calls == (give, ("reload_units",), ("enable_unit", "kafka.service"))


def test_install_starts_a_stopped_service_with_the_same_calls() -> None:
    """Somebody ran the broker by hand as root: install gives its files back as start does."""
    host = installed()
    host.seen[KAFKA] = STATES["stopped"](host.seen[KAFKA], "")
    (change,) = host.plan(wanted(asked(), firewalld=True)).changes
    (give, *_), own = change.calls, host.receipt.made.values()
    assert give == prepared("kafka.service", "kafka", UnitState.of(host.seen[KAFKA]), own)[0]
