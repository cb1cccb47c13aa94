"""Directories that kprov may own and remove; system directories, volatile ones and malformed paths are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kprov.spec.directory import directory_problem, overlap, path_problem, plain_path


@pytest.mark.parametrize(
    "path",
    [
        "/home/temp/kafka_logs",
        "/usr/local/single_kafka",
        "/usr/local/zookeeper",
        "/usr/local/kafka",
        "/usr/local/share/kafka",
        "/var/lib/zookeeper/data",
        "/var/kafka-logs",
        "/var/log/kafka",
        "/data/kafka",
        "/data/kafka/",
        "/opt/kafka",
        "/srv/kafka@1+2=3-x",
    ],
)
def test_a_directory_for_kafka_alone_is_accepted(path: str) -> None:
    assert directory_problem(path) is None


@pytest.mark.parametrize(
    ("path", "what", "hint"),
    [
        ("", "the path is empty", "/var/lib/kafka"),
        ("data", "'data' is a relative path", "/srv/data"),
        ("./data/kafka", "'./data/kafka' is a relative path", "/data/kafka"),
        ("..", "'..' is a relative path", "/srv/kafka"),
        ("~/kafka", "'~/kafka' is a relative path", "absolute"),
        ("/data/my kafka", "contains ' '", "use letters"),
        ("/data/ka\nfka", r"contains '\n'", "use letters"),
        ("/data/a,b", "contains ','", "use letters"),
        ("/data/a:b", "contains ':'", "use letters"),
        ("/data/a%b", "contains '%'", "use letters"),
        ("/data/$HOME", "contains '$'", "use letters"),
        ("/data/käfka", "contains 'ä'", "use letters"),
        ("/data/../kafka", "is not a plain path", "remove"),
        ("/data/./kafka", "is not a plain path", "remove"),
        ("/data//kafka", "is not a plain path", "remove"),
        ("/data/" + "k" * 256, "is too long", "at most 1024"),
        ("/data" * 300, "is too long", "at most 1024"),
        ("/", "'/' is at the top", "below /usr/local"),
        ("/data", "'/data' is at the top", "/data/kafka"),
        ("/etc", "'/etc' belongs to the system", "/var/lib"),
        ("/etc/systemd/system", "'/etc/systemd/system' belongs to the system", "/var/lib"),
        ("/usr/lib/systemd", "belongs to the system", "/var/lib"),
        ("/usr/local", "'/usr/local' belongs to the system", "/usr/local"),
        ("/usr/local/bin", "belongs to the system", "/usr/local"),
        ("/var/lib", "'/var/lib' belongs to the system", "/var/lib"),
        ("/var/log/", "'/var/log/' belongs to the system", "/var/lib"),
        ("/root/kafka", "belongs to the system", "/home"),
        ("/boot/kafka", "belongs to the system", "/home"),
        ("/tmp/kafka-logs", "deletes old files in", "/var/lib"),
        ("/var/tmp/kafka", "deletes old files in", "/var/lib"),
        ("/run/kafka", "is emptied by a reboot", "/var/lib"),
        ("/var/run/kafka", "is emptied by a reboot", "/var/lib"),
        ("/dev/shm", "is emptied by a reboot", "/var/lib"),
        ("/var/lib/kprov", "is reserved for kprov", "another"),
        ("/var/lib/kprov/data", "is reserved for kprov", "another"),
        ("/usr/local/java", "is reserved for kprov", "another"),
        ("/usr/local/kafka_2.12-1.0.0", "is reserved for kprov", "another"),
        ("/usr/local/kafka_2.12-1.0.0/data", "is reserved for kprov", "another"),
        ("/usr/local/zookeeper-3.5.3-beta", "is reserved for kprov", "another"),
        ("/usr/local/apache-zookeeper-3.8.6-bin", "is reserved for kprov", "another"),
    ],
)
def test_an_unsuitable_directory_is_refused_with_the_reason(path: str, what: str, hint: str) -> None:
    problem = directory_problem(path)
    assert problem is not None
    assert what in problem.what
    assert hint in problem.hint


@pytest.mark.parametrize("path", ["/usr/lib/jvm/java-11", "/java", "/etc/alternatives/jre"])
def test_an_existing_java_home_may_be_a_directory_of_the_system(path: str) -> None:
    assert path_problem(path) is None


@pytest.mark.parametrize(
    ("one", "two", "answer"),
    [
        ("/a/b", "/a/b", True),
        ("/a/b", "/a/b/", True),
        ("/a/b", "/a/b/c", True),
        ("/a/b/c", "/a/b", True),
        ("/a/b", "/a/bc", False),
        ("/a/b", "/a/c", False),
    ],
)
def test_overlap_finds_equal_and_nested_directories(one: str, two: str, *, answer: bool) -> None:
    assert overlap(one, two) is answer


@given(st.text(), st.text("/abc.~ ", max_size=30))
def test_any_path_is_accepted_or_explained(prefix: str, rest: str) -> None:
    for path in (prefix, rest, f"/{rest}"):
        problem = directory_problem(path)
        if problem is None:
            assert path.startswith("/")
            assert plain_path(path).count("/") >= 2
            assert not any(character.isspace() for character in path)
        else:
            assert problem.what
            assert problem.hint
