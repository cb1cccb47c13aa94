"""Directories that kprov would own and remove: the system's, the volatile and the ill-written ones are refused."""

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
def test_a_directory_of_its_own_is_fine(path: str) -> None:
    assert directory_problem(path) is None


@pytest.mark.parametrize(
    ("path", "what", "hint"),
    [
        ("", "the path is empty", "/var/lib/kafka"),
        ("data", "'data' is a relative path", "/srv/data"),
        ("./data/kafka", "'./data/kafka' is a relative path", "/data/kafka"),
        ("..", "'..' is a relative path", "/srv/kafka"),
        ("~/kafka", "'~/kafka' is a relative path", "absolute"),
        ("/data/my kafka", "has the character ' '", "use letters"),
        ("/data/ka\nfka", r"has the character '\n'", "use letters"),
        ("/data/a,b", "has the character ','", "use letters"),
        ("/data/a:b", "has the character ':'", "use letters"),
        ("/data/a%b", "has the character '%'", "use letters"),
        ("/data/$HOME", "has the character '$'", "use letters"),
        ("/data/käfka", "has the character 'ä'", "use letters"),
        ("/data/../kafka", "is not a plain path", "leave out"),
        ("/data/./kafka", "is not a plain path", "leave out"),
        ("/data//kafka", "is not a plain path", "leave out"),
        ("/data/" + "k" * 256, "is too long", "shorter"),
        ("/data" * 300, "is too long", "shorter"),
        ("/", "'/' is at the top", "below /usr/local"),
        ("/data", "'/data' is at the top", "/data/kafka"),
        ("/etc", "'/etc' is a directory of the system", "/var/lib"),
        ("/etc/systemd/system", "'/etc/systemd/system' is a directory of the system", "/var/lib"),
        ("/usr/lib/systemd", "is a directory of the system", "/var/lib"),
        ("/usr/local", "'/usr/local' is a directory of the system", "/usr/local"),
        ("/usr/local/bin", "is a directory of the system", "/usr/local"),
        ("/var/lib", "'/var/lib' is a directory of the system", "/var/lib"),
        ("/var/log/", "'/var/log/' is a directory of the system", "/var/lib"),
        ("/root/kafka", "is a directory of the system", "/home"),
        ("/boot/kafka", "is a directory of the system", "/home"),
        ("/tmp/kafka-logs", "is cleaned of old files", "/var/lib"),
        ("/var/tmp/kafka", "is cleaned of old files", "/var/lib"),
        ("/run/kafka", "does not outlive a reboot", "/var/lib"),
        ("/var/run/kafka", "does not outlive a reboot", "/var/lib"),
        ("/dev/shm", "does not outlive a reboot", "/var/lib"),
        ("/var/lib/kprov", "is where kprov keeps", "another"),
        ("/var/lib/kprov/data", "is where kprov keeps", "another"),
        ("/usr/local/java", "is where kprov keeps", "another"),
        ("/usr/local/kafka_2.12-1.0.0", "is where kprov keeps", "another"),
        ("/usr/local/kafka_2.12-1.0.0/data", "is where kprov keeps", "another"),
        ("/usr/local/zookeeper-3.5.3-beta", "is where kprov keeps", "another"),
        ("/usr/local/apache-zookeeper-3.8.6-bin", "is where kprov keeps", "another"),
    ],
)
def test_what_speaks_against_a_directory_is_said(path: str, what: str, hint: str) -> None:
    problem = directory_problem(path)
    assert problem is not None
    assert what in problem.what
    assert hint in problem.hint


@pytest.mark.parametrize("path", ["/usr/lib/jvm/java-11", "/java", "/etc/alternatives/jre"])
def test_a_directory_that_is_only_read_may_be_the_system_s(path: str) -> None:
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
def test_overlap(one: str, two: str, *, answer: bool) -> None:
    assert overlap(one, two) is answer


@given(st.text(), st.text("/abc.~ ", max_size=30))
def test_any_text_is_judged(prefix: str, rest: str) -> None:
    for path in (prefix, rest, f"/{rest}"):
        problem = directory_problem(path)
        if problem is None:
            assert path.startswith("/")
            assert plain_path(path).count("/") >= 2
            assert not any(character.isspace() for character in path)
        else:
            assert problem.what
            assert problem.hint
