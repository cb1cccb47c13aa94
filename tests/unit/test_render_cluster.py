"""render of several hosts: the files of a cluster, those of each host in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import javaproperties
import pytest

from kprov.cli.main import main
from kprov.errors import ExitCode

HOME = "usr/local/single_kafka/config/server.properties"
ZOO = "usr/local/zookeeper/conf/zoo.cfg"


def properties(path: Path) -> dict[str, str]:
    found: dict[str, str] = javaproperties.loads(path.read_text())
    return found


def test_three_hosts_are_a_cluster(tmp_path: Path) -> None:
    assert main(["render", "kafka-1", "kafka-2", "kafka-3", "--to", str(tmp_path)]) == ExitCode.DONE
    brokers = [properties(tmp_path / f"kafka-{number}" / HOME) for number in (1, 2, 3)]
    assert [values["broker.id"] for values in brokers] == ["0", "1", "2"]
    for name, value in {
        "zookeeper.connect": "kafka-1:2181,kafka-2:2181,kafka-3:2181",
        "default.replication.factor": "3",
        "min.insync.replicas": "2",
    }.items():
        assert {values[name] for values in brokers} == {value}
    for number in (1, 2, 3):
        own = tmp_path / f"kafka-{number}"
        assert (own / "var/lib/zookeeper/data/myid").read_text() == f"{number}\n"
        assert properties(own / ZOO)[f"server.{number}"] == f"kafka-{number}:2888:3888"


def test_a_host_has_the_files_of_its_roles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("kprov.yaml").write_text(
        "hosts:\n- {address: z, roles: [zookeeper]}\n- {address: b, roles: [broker], broker: {id: 4, rack: r}}\n"
    )
    assert main(["render", "--config", "kprov.yaml", "--to", "out"]) == ExitCode.DONE
    assert {path.name for path in Path("out").iterdir()} == {"z", "b"}
    assert not Path("out/z", HOME).exists()
    assert not Path("out/b", ZOO).exists()
    assert (properties(Path("out/b", HOME))["broker.rack"], "server.1" in properties(Path("out/z", ZOO))) == (
        "r",
        False,
    )


def test_one_of_them_alone_is_rendered_as_part_of_its_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("kprov.yaml").write_text("hosts: [{address: a}, {address: b}, {address: c}]\n")
    assert main(["render", "b", "--config", "kprov.yaml", "--to", "out"]) == ExitCode.DONE
    assert properties(Path("out", HOME))["zookeeper.connect"] == "a:2181,b:2181,c:2181"
    assert properties(Path("out", HOME))["broker.id"] == "1"


def test_two_hosts_are_refused_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "a", "b", "--to", str(tmp_path / "out")]) == ExitCode.USAGE
    assert "2 ZooKeeper servers survive no more failures than 1" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
