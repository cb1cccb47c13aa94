"""SELinux labels: what restorecon says, read as EL7's and as later ones write it, and whose each path is."""

from __future__ import annotations

from dataclasses import replace

from support.entries import made
from support.model_host import ModelHost
from support.specimens import asked, wanted

from kprov.drift import drift
from kprov.kinds import labels
from kprov.kinds.base import ABSENT, Answer
from kprov.kinds.labels import WrongLabel, uncompared, with_labels, wrong_labels
from kprov.receipt import State

TMP, USR, BIN = (f"system_u:object_r:{name}:s0" for name in ("tmp_t", "usr_t", "bin_t"))
RELEASE, LINK, LINKS, JARS, FOLDER, DATA = (
    "release:/usr/local/kafka_2.12-1.0.0",
    "link:/usr/local/single_kafka/libs",
    "links:/usr/local/single_kafka/bin/*",
    "links:/usr/local/zookeeper/*.jar",
    "directory:/usr/local/zookeeper",
    "data:/home/temp/kafka_logs",
)


def answer(*said: str, data: str = "/home/temp/kafka_logs") -> Answer:
    """What probe_labels answers; ``data``: where the messages really are."""
    places = {id_: id_.partition(":")[2] for id_ in (JARS, RELEASE, LINK, LINKS, FOLDER)} | {DATA: data}
    real = "".join(f"{id_}\t{place}\n" for id_, place in places.items())
    return {"status": "present", "said": "\n".join(said), "real": real}


def found(*said: str, data: str = "/home/temp/kafka_logs") -> dict[str, str]:
    """The labels in words, by id."""
    seen: dict[str, Answer] = {id_: {"status": "present"} for id_ in (RELEASE, LINK, LINKS, JARS, FOLDER, DATA)}
    merged = with_labels({**seen, labels.ID: answer(*said, data=data)})
    return {id_: fields["label"] for id_, fields in merged.items() if "label" in fields}


def test_restorecon_of_el7_and_of_today() -> None:
    """Both lines were taken from policycoreutils: 2.5 as its source prints them, 3.4 as it ran."""
    lines = (
        f"restorecon reset /usr/local/a b context {TMP}->{USR}",
        f"/usr/sbin/restorecon reset /usr/local/bare context ->{USR}",
        f"Would relabel /usr/local/a b from {TMP} to {USR}",
        f"Would relabel /usr/local/bare from <no context> to {USR}",
        "restorecon: lstat(/nowhere) failed: No such file or directory",
        "",
    )
    odd, bare = WrongLabel("/usr/local/a b", TMP, USR), WrongLabel("/usr/local/bare", "", USR)
    assert list(wrong_labels("\n".join(lines))) == [odd, bare, odd, bare]
    assert (str(odd), str(bare)) == ("label tmp_t instead of usr_t", "label none instead of usr_t")


def test_each_path_belongs_to_its_resource() -> None:
    said = (
        f"Would relabel /usr/local/single_kafka/libs from {TMP} to {USR}",
        f"Would relabel /usr/local/single_kafka/bin/a.sh from {TMP} to {BIN}",
        f"Would relabel /usr/local/single_kafka/bin/b.sh from {TMP} to {BIN}",
        f"Would relabel /usr/local/kafka_2.12-1.0.0/libs/x.jar from {TMP} to {USR}",
        f"Would relabel /usr/local/zookeeper from {TMP} to {USR}",
        f"Would relabel /usr/local/zookeeper/z.jar from {TMP} to {USR}",
        f"Would relabel /home/temp/kafka_logs from {TMP} to {USR}",
    )
    assert found(*said) == {
        LINK: "label tmp_t instead of usr_t",
        LINKS: "label tmp_t instead of bin_t at /usr/local/single_kafka/bin/a.sh and 1 more",
        RELEASE: "label tmp_t instead of usr_t at /usr/local/kafka_2.12-1.0.0/libs/x.jar",
        FOLDER: "label tmp_t instead of usr_t",
        JARS: "label tmp_t instead of usr_t at /usr/local/zookeeper/z.jar",
        DATA: "label tmp_t instead of usr_t",
    }


def test_a_folder_of_links_itself() -> None:
    label = f"restorecon reset /usr/local/single_kafka/bin context {TMP}->{BIN}"
    assert found(label, label) == {LINKS: "label tmp_t instead of bin_t at /usr/local/single_kafka/bin"}


def test_what_is_somebody_elses_is_left_out() -> None:
    """EL7's restorecon looks at the target of a link as well, and names a neighbour that begins alike."""
    said = (
        f"restorecon reset /opt/foreign context {TMP}->{USR}",
        f"restorecon reset /usr/local/kafka_2.12-1.0.0.before-kprov context {TMP}->{USR}",
        f"restorecon reset /usr/local/zookeeper/conf/mine.jar context {TMP}->{USR}",
    )
    assert found(*said) == {}


def test_a_link_above_is_resolved() -> None:
    said = f"Would relabel /data/home/temp/kafka_logs from {TMP} to {USR}"
    assert found(said, data="/data/home/temp/kafka_logs") == {DATA: "label tmp_t instead of usr_t"}


def test_labels_that_could_not_be_read_are_unknown() -> None:
    assert uncompared({}) == ""
    assert uncompared({labels.ID: ABSENT}) == ""
    assert uncompared({labels.ID: answer()}) == ""
    assert uncompared({labels.ID: {"status": "unknown", "why": "no restorecon"}}) == "no restorecon"


def test_the_question_is_about_what_has_a_label_of_kprovs() -> None:
    """Not about users and units, nor about copies, originals and kept data, which are the user's."""
    kept = made("data", path="/kept", kept=True)
    copy = made("copy", path="/x.edited")
    user = made("user", name="kafka")
    mine = made("file", path="/x")
    assert labels.question([kept, copy, user, mine]) == ("probe_labels", "labels", "file:/x")
    assert labels.question([kept, copy, user]) is None


def test_a_changed_label_is_drift_of_every_kind() -> None:
    host = ModelHost()
    host.install(wanted(asked()))
    own = [entry for entry in host.receipt.made.values() if labels.is_own(entry)]
    assert {entry.kind for entry in own} == {"file", "directory", "data", "link", "links", "release"}
    assert drift(host.receipt, host.seen) == ()
    for entry in own:
        seen = {**host.seen, entry.id: {**host.seen[entry.id], "label": "label tmp_t instead of usr_t"}}
        assert [(item.id, item.what) for item in drift(host.receipt, seen)] == [
            (entry.id, "has label tmp_t instead of usr_t")
        ]
    unread = {**host.seen, labels.ID: {"status": "unknown", "why": "restorecon is not installed"}}
    assert [item.id for item in drift(host.receipt, unread)] == [labels.ID]


def test_the_label_of_an_earlier_release_is_repaired() -> None:
    """It is in the receipt and nothing else asks for it."""
    host = ModelHost()
    host.install(wanted(asked()))
    old = made("release", path="/usr/local/kafka_old")
    host.receipt = replace(host.receipt, made={**host.receipt.made, old.id: old}, state=State.DONE)
    host.seen[old.id] = {"status": "present", "type": "directory", "label": "label tmp_t instead of usr_t"}
    plan = host.plan(wanted(asked()))
    assert [(change.id, change.calls) for change in plan.changes] == [
        (old.id, (("label_tree", "/usr/local/kafka_old"),))
    ]
    host.apply(plan)
    assert old.id in host.receipt.made
    assert host.plan(wanted(asked())).changes == ()
