"""What a run asks of a host follows from the receipt there: versions, archives given by hand, data that were kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.entries import made

from kprov.errors import ExitCode, KprovError, NotReadyError, PreflightError, UsageError
from kprov.events import ignore
from kprov.host.ssh_config import Login
from kprov.kinds.base import Entry
from kprov.kinds.data import DataEntry, Holds, Writer
from kprov.kinds.release import ReleaseEntry
from kprov.operations import releases, resolve
from kprov.operations.kept import remembered, writers
from kprov.operations.request import Goal, Request
from kprov.operations.reset import reset_problem, with_reset_command
from kprov.operations.resolve import Resolved
from kprov.operations.session import Access, receipt_of, recorded_spec
from kprov.plan import Plan, uninstall_plan
from kprov.receipt import Receipt, State, index, parse
from kprov.releases.product import Product
from kprov.spec.load import UNSET, Flag, load
from kprov.spec.settings import OPTIONS, path_to_reset
from kprov.topology import topology

JAVA = "/usr/local/java/jre-of-ours"
LOGIN = Login("kafka-1", "kafka-1", "root", 22, (), identities_only=False, known_hosts=(), connect_timeout=1.0)


def flag(option: str, value: object) -> Flag:
    return Flag(option, OPTIONS[option], value)


def prop(name: str, value: object) -> Flag:
    return Flag(f"--set {name}", ("kafka", "properties", name), value)


def release(product: str, path: str, version: str, name: str) -> ReleaseEntry:
    top = path.rpartition("/")[2]
    return ReleaseEntry(path, f"{product} {version}", "a" * 64, product, version, name, top, 1)


def data(path: str, holds: str, **fields: Any) -> Entry:
    return made("data", path=path, holds=holds, **fields)


def receipt(*flags: Flag, java: str = "11.0.13", state: State = State.DONE) -> Receipt:
    """Of a host that was installed with these flags, and with a Java from an archive that was given by hand."""
    cluster = load(None, ["kafka-1"], [flag("--java-archive", "/somewhere/jre.tar.gz"), *flags])
    spec = recorded_spec(topology(cluster)[0], {"java": JAVA})
    kafka, zookeeper = cluster.kafka.version, cluster.zookeeper.version
    made = [
        release("java", JAVA, java, "jre.tar.gz"),
        release("kafka", f"/usr/local/kafka_2.13-{kafka}", kafka, f"kafka_2.13-{kafka}.tgz"),
        release("zookeeper", f"/usr/local/zookeeper-{zookeeper}", zookeeper, f"zookeeper-{zookeeper}.tar.gz"),
        data("/home/temp/kafka_logs", "kafka"),
        data("/var/lib/zookeeper/data", "zookeeper"),
    ]
    versions = {"kafka": kafka, "zookeeper": zookeeper, "java": java, "java_home": JAVA}
    return Receipt(index(made), state, spec, versions)


def uninstalled(before: Receipt) -> Receipt:
    """The receipt after an uninstall that kept the data."""
    seen = {made.id: {"status": "present", "type": "directory", "kib": "8"} for made in before.made.values()}
    return uninstall_plan("box", seen, before, purge=False, force=False, writers=writers(before)).after


def run(there: Receipt, *flags: Flag, monkeypatch: pytest.MonkeyPatch, config: Path | None = None) -> Resolved:
    """What a run with these flags asks of a host with that receipt."""
    request = Request(config, ("kafka-1",), flags, Access())
    monkeypatch.setattr(resolve, "read_receipt", lambda connection: there)
    cluster = load(config, ["kafka-1"], flags, whole=config is not None)
    return resolve.resolve(None, request, Goal(topology(cluster)[0], LOGIN))  # type: ignore[arg-type]


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda there, *flags, **options: run(there, *flags, monkeypatch=monkeypatch, **options)


def problem(there: Receipt, settled: Any, *flags: Flag, kind: type[KprovError], **options: object) -> str:
    with pytest.raises(kind) as caught:
        settled(there, *flags, **options)
    return "\n".join(f"{item} -> {item.hint}" for item in caught.value.problems)


# ------------------------------------------------------------------ versions


@pytest.mark.parametrize("version", ["2.8.2", "3.9.2"])
def test_a_key_is_judged_against_the_kafka_on_the_host(settled: Any, version: str) -> None:
    there = receipt(flag("--kafka-version", version))
    found = settled(there, prop("log.cleaner.max.compaction.lag.ms", "100000"))
    assert found.goal.node.cluster.kafka.version == version
    assert found.goal.node.cluster.kafka.properties == {"log.cleaner.max.compaction.lag.ms": "100000"}
    told = problem(there, settled, prop("quota.window.nun", "x"), kind=UsageError)
    assert "did you mean quota.window.num?" in told


def test_on_an_empty_host_the_default_counts(settled: Any) -> None:
    told = problem(Receipt(), settled, prop("log.cleaner.max.compaction.lag.ms", "100000"), kind=UsageError)
    assert "Kafka 1.0.0 has no key log.cleaner.max.compaction.lag.ms" in told


def test_what_contradicts_only_the_host_s_settings_is_found_there(settled: Any) -> None:
    there = receipt(flag("--port", 9192))
    assert settled(there, flag("--jmx-port", 9092)).goal.node.cluster.kafka.jmx_port == 9092
    assert "port 9192 is already used" in problem(there, settled, flag("--jmx-port", 9192), kind=UsageError)


def test_zookeeper_alone_is_upgraded_beside_the_kafka_on_the_host(settled: Any) -> None:
    """Kafka 1.0.0, the default, could not talk to it."""
    flags = (flag("--zookeeper-version", "3.8.6"),)
    releases.verify_local_archives(settled(Receipt(), *flags).goal.node.cluster, None, ignore, whole=False)
    found = settled(receipt(flag("--kafka-version", "3.9.2")), *flags).goal.node.cluster
    releases.check_compatibility(found, 11)
    with pytest.raises(UsageError):
        releases.check_compatibility(settled(receipt(), *flags).goal.node.cluster, 11)


@pytest.mark.parametrize(
    ("flags", "where"),
    [
        ([prop("num.partitons", "3")], "--set num.partitons"),
        ([prop("num.partitions", "three")], "--set num.partitions"),
        ([flag("--port", 80)], "--port"),
        ([prop("log.dirs", "/data/a,/data/a/b")], "--set log.dirs"),
        ([prop("listeners", "PLAINTEXT://:9092,SSL://:9092")], "--set listeners"),
        ([flag("--kafka-version", "4.0.0")], "--kafka-version"),
        ([flag("--kafka-version", "2.8.2"), prop("log.local.retention.ms", "1")], "--set log.local.retention.ms"),
        ([flag("--heap", "none"), prop("num.partitons", "3")], "--heap"),
    ],
)
def test_what_is_wrong_everywhere_is_told_before_the_host_is_reached(flags: list[Flag], where: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(None, ["kafka-1"], flags, whole=False)
    assert where in [item.where for item in caught.value.problems]


def test_those_are_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        load(
            None,
            ["kafka-1"],
            [flag("--heap", "x"), prop("num.partitons", "3"), prop("num.io.threads", "y")],
            whole=False,
        )
    assert {item.where for item in caught.value.problems} == {"--heap", "--set num.partitons", "--set num.io.threads"}


def test_only_archives_that_are_named_are_looked_for_early(tmp_path: Path) -> None:
    """Of those it is known that they are needed."""
    bare = load(None, ["kafka-1"], [], whole=False)
    releases.verify_local_archives(bare, None, ignore, whole=False)
    flags = (flag("--java-archive", str(tmp_path / "none.tar.gz")),)
    named = load(None, ["kafka-1"], flags, whole=False)
    with pytest.raises(UsageError, match="no such file"):
        releases.verify_local_archives(named, None, ignore, whole=False)
    with pytest.raises(UsageError, match="no such directory"):
        releases.verify_local_archives(bare, tmp_path / "none", ignore, whole=False)


# ------------------------------------------------------------------ archives given by hand


def test_the_java_that_was_given_by_hand_stays(settled: Any) -> None:
    there = receipt()
    found = settled(there, prop("num.partitions", "3"))
    found_releases = releases.find_releases(found.goal.node.cluster, there, None, ignore)
    assert found_releases.java is not None
    assert (found_releases.java.version, found_releases.java.top) == ("11.0.13", "jre-of-ours")
    again = recorded_spec(found.goal.node, {"java": JAVA})
    assert again["java"] == {"archive": f"release:{JAVA}"}


def test_a_java_of_the_catalogue_replaces_it(settled: Any) -> None:
    """Although it is of the same major: another build was asked for."""
    there = receipt()
    found = settled(there, flag("--java", "temurin-11")).goal.node.cluster
    assert found.java.archive is None
    wanted = next(item for item, _ in releases.needed(found) if item.product is Product.JAVA)
    assert releases.on_host(wanted, None, there) is None


def test_a_build_of_the_catalogue_that_is_on_the_host_is_not_pushed_again(settled: Any) -> None:
    name = "OpenJDK11U-jre_x64_linux_hotspot_11.0.13_8.tar.gz"
    there = receipt()
    other = release("java", "/usr/local/java/jdk-11.0.13+8-jre", "11.0.13", name)
    there = replace(there, made={**there.made, other.id: other})
    found = settled(there, flag("--java", "temurin-11")).goal.node.cluster
    wanted = next(item for item, _ in releases.needed(found) if item.product is Product.JAVA)
    archive = releases.on_host(wanted, None, there)
    assert archive is not None
    assert archive.name == name


def test_a_receipt_that_did_not_say_so_is_understood() -> None:
    """An earlier kprov named the default release where an archive had been given."""
    old = json.loads(receipt().to_json())
    old["spec"]["java"] = {"release": "temurin-8"}
    found = receipt_of({"status": "present", "content": json.dumps(old)}, "box")
    assert found is not None
    assert found.spec is not None
    assert found.spec["java"] == {"archive": f"release:{JAVA}"}


def test_a_release_that_is_gone_needs_its_own_archive_and_no_other(settled: Any) -> None:
    there = receipt()
    found = settled(there).goal.node.cluster
    with pytest.raises(UsageError) as caught:
        releases.find_releases(found, there, None, ignore, {JAVA})
    assert caught.value.problems[0].hint.startswith("pass --java-archive PATH")
    assert "jre.tar.gz" in caught.value.problems[0].cause


@pytest.mark.parametrize("option", ["--kafka-archive", "--zookeeper-archive"])
def test_other_archives_that_were_given_by_hand_stay_as_well(settled: Any, option: str) -> None:
    there = receipt()
    assert there.spec is not None
    product = option.strip("-").partition("-")[0]
    unpacked = release(product, f"/usr/local/{product}-of-ours", there.releases[product], "ours.tgz")
    spec = {**there.spec, product: {**there.spec[product], "archive": f"release:{unpacked.path}"}}
    there = replace(there, spec=spec, made={unpacked.id: unpacked, **there.made})
    found_releases = releases.find_releases(settled(there).goal.node.cluster, there, None, ignore)
    assert f"{product}-of-ours" in [item.top for item in found_releases.every]
    other = settled(there, flag(f"--{product}-version", {"kafka": "1.1.1", "zookeeper": "3.5.10"}[product]))
    assert getattr(other.goal.node.cluster, product).archive is None


# ------------------------------------------------------------------ data that an uninstall kept


@pytest.mark.parametrize("version", ["2.8.2", "3.9.2"])
def test_an_uninstall_notes_who_wrote_the_data(version: str) -> None:
    after = uninstalled(receipt(flag("--kafka-version", version), prop("num.partitions", "7")))
    logs = after.made["data:/home/temp/kafka_logs"]
    assert isinstance(logs, DataEntry)
    assert (logs.kept, logs.version, logs.protocol) == (True, version, version[:3])
    snapshots = after.made["data:/var/lib/zookeeper/data"]
    assert isinstance(snapshots, DataEntry)
    assert snapshots.version == "3.5.3-beta"
    settings = remembered(parse(after.to_json(), "box"))
    assert settings is not None
    assert settings["kafka"]["properties"] == {"num.partitions": "7"}


def test_the_next_install_uses_them(settled: Any) -> None:
    there = uninstalled(receipt(flag("--kafka-version", "2.8.2"), prop("num.partitions", "7"), flag("--heap", "2g")))
    found = settled(there, flag("--port", 9192)).goal.node.cluster.kafka
    assert (found.version, found.properties, found.heap, found.port) == ("2.8.2", {"num.partitions": "7"}, "2g", 9192)
    assert found.protocol is None


def test_a_release_that_does_not_know_their_protocol_is_refused(settled: Any, tmp_path: Path) -> None:
    there = uninstalled(receipt(flag("--kafka-version", "2.8.2")))
    told = problem(there, settled, flag("--kafka-version", "1.0.0"), kind=PreflightError)
    assert "Kafka 1.0.0 does not support protocol 2.8" in told
    config = tmp_path / "kprov.yaml"
    config.write_text("hosts: [{address: kafka-1}]\n")
    assert told == problem(there, settled, kind=PreflightError, config=config)


def test_a_later_release_speaks_their_protocol_until_it_is_finished(settled: Any) -> None:
    there = uninstalled(receipt(flag("--kafka-version", "2.8.2")))
    assert settled(there, flag("--kafka-version", "3.9.2")).goal.node.cluster.kafka.protocol == "2.8"


def test_a_held_protocol_is_remembered(settled: Any) -> None:
    before = receipt(flag("--kafka-version", "2.8.2"))
    assert before.spec is not None
    before = replace(before, spec={**before.spec, "kafka": {**before.spec["kafka"], "protocol": "1.0"}})
    there = uninstalled(before)
    logs = there.made["data:/home/temp/kafka_logs"]
    assert isinstance(logs, DataEntry)
    assert logs.protocol == "1.0"
    assert settled(there, flag("--kafka-version", "1.1.1")).goal.node.cluster.kafka.protocol == "1.0"


def test_other_directories_are_bound_by_nothing(settled: Any) -> None:
    """The data that were kept are not touched then."""
    there = uninstalled(receipt(flag("--kafka-version", "2.8.2")))
    flags = (flag("--kafka-version", "1.0.0"), prop("log.dirs", "/srv/new"))
    spec = remembered(there)
    assert spec is not None
    # ZooKeeper's data are used again, and bind no release of Kafka.
    assert settled(there, *flags).goal.node.cluster.kafka.protocol is None


def test_the_data_of_an_upgrade_that_was_interrupted_may_be_of_the_later_release() -> None:
    before = receipt(flag("--kafka-version", "3.9.2"), state=State.APPLYING)
    before = replace(before, last=receipt(flag("--kafka-version", "2.8.2")).installed)
    assert writers(before)[Holds.KAFKA] == Writer("3.9.2", "3.9")
    turned = replace(receipt(flag("--kafka-version", "2.8.2"), state=State.APPLYING), last=before.installed)
    assert writers(turned)[Holds.KAFKA] == Writer("3.9.2", "3.9")


def test_data_of_which_nothing_was_noted_need_a_word(settled: Any, tmp_path: Path) -> None:
    """An earlier kprov uninstalled there: unknown is not the default."""
    there = Receipt(index([data("/home/temp/kafka_logs", "kafka", kept="yes")]))
    told = problem(there, settled, kind=PreflightError)
    assert "nobody noted which Kafka wrote the data" in told
    assert "--kafka-version VERSION" in told
    assert settled(there, flag("--kafka-version", "2.8.2")).goal.node.cluster.kafka.version == "2.8.2"
    config = tmp_path / "kprov.yaml"
    config.write_text("hosts: [{address: kafka-1}]\n")  # the default is no word either
    assert told == problem(there, settled, kind=PreflightError, config=config)
    config.write_text("kafka: {version: 2.8.2}\nhosts: [{address: kafka-1}]\n")
    assert settled(there, config=config).goal.node.cluster.kafka.version == "2.8.2"


def test_the_archive_of_a_java_that_was_given_by_hand_is_asked_for_again(settled: Any) -> None:
    there = uninstalled(receipt(flag("--kafka-version", "2.8.2"), flag("--zookeeper", "bundled")))
    assert f"release:{JAVA}" not in there.made
    cluster = settled(there).goal.node.cluster
    cluster = cluster.model_copy(update={"kafka": cluster.kafka.model_copy(update={"archive": "release:/k"})})
    kafka = release("kafka", "/k", "2.8.2", "k.tgz")
    there = replace(there, made={**there.made, kafka.id: kafka})
    for find in (releases.find_releases, releases.known_releases):
        with pytest.raises(UsageError) as caught:
            find(cluster, there, None, ignore)
        assert "jre.tar.gz" in caught.value.problems[0].cause
        assert "--java-archive PATH" in caught.value.problems[0].hint


# ------------------------------------------------------------------ how to reset a setting


def changed_plan(before: Receipt, after: Receipt) -> Plan:
    return Plan("box", (), before=before, after=replace(after, state=State.UNPROVEN))


def hint(before: Receipt, after: Receipt, cause: str = "", *, config: Path | None = None) -> str:
    request = Request(config, ("ada@kafka-1",), (), Access(Path("/my config"), Path("key")))
    found = reset_problem(request, "kafka-1", changed_plan(before, after), cause)
    return "" if found is None else f"{found.cause}\n{found.hint}"


def test_the_command_sets_each_option_back() -> None:
    told = hint(receipt(), receipt(prop("metric.reporters", "com.example.Nothing"), flag("--heap", "2g")))
    command = "kprov install HOST --heap 1g --unset metric.reporters"
    assert told.endswith(f"take it back with: {command}")
    assert "kafka.properties.metric.reporters: not set -> com.example.Nothing" in told


def test_a_setting_that_the_log_names_is_the_only_suspect() -> None:
    told = hint(
        receipt(prop("num.partitions", "3")),
        receipt(prop("num.partitions", "5"), prop("metric.reporters", "x")),
        "ConfigException: Invalid value x for configuration metric.reporters",
    )
    assert "num.partitions" not in told


def test_a_failure_twice_still_knows_the_values_that_ran() -> None:
    """The second run changed nothing: what ran before the first one counts."""
    good, bad = receipt(prop("num.partitions", "3")), receipt(prop("num.partitions", "5"), state=State.APPLYING)
    bad = replace(bad, last=good.ran)
    assert "--set num.partitions=3" in hint(bad, bad)


def test_after_a_first_install_what_was_tuned_is_suspected_and_no_release() -> None:
    told = hint(Receipt(), receipt(flag("--heap", "900g"), flag("--kafka-version", "2.8.2")))
    assert "--heap 1g" in told
    assert "kafka-version" not in told
    assert hint(Receipt(), receipt()) == ""


def test_secrets_are_not_shown_and_not_set_to_stars() -> None:
    before, after = (receipt(prop("ssl.key.password", value)) for value in ("old-one", "new-one"))
    told = hint(before, after)
    assert told.endswith("set kafka.properties.ssl.key.password back by hand")
    assert "-one" not in told


def test_a_file_is_put_right_in_the_file() -> None:
    told = hint(receipt(), receipt(flag("--heap", "2g")), config=Path("kprov.yaml"))
    assert told.endswith("put the old values back in kprov.yaml, then run the same command again")
    assert "kafka.heap: 1g -> 2g" in told


def test_it_is_the_last_thing_that_a_failure_says() -> None:
    request = Request(None, ("kafka-1",), (), Access())
    plan = changed_plan(receipt(), receipt(flag("--heap", "2g")))
    error = with_reset_command(NotReadyError("kafka.service is failed", where="kafka-1"), request, "kafka-1", plan)
    assert error.code is ExitCode.NOT_READY
    assert "--heap 1g" in error.problems[-1].hint
    nothing = with_reset_command(NotReadyError("x"), request, "kafka-1", changed_plan(receipt(), receipt()))
    assert [item.what for item in nothing.problems] == ["x"]


def test_unset_reaches_settings_of_the_receipt(settled: Any) -> None:
    there = receipt(flag("--heap", "2g"))
    found = settled(there, Flag("--unset kafka.heap", path_to_reset("kafka.heap"), UNSET))
    assert found.goal.node.broker.heap == "1g"
