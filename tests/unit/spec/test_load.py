"""A file, a HOST and flags become one specification; a problem names its key path, option or line and column."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kprov.errors import ExitCode, Problem, UsageError
from kprov.spec.load import Flag, load
from kprov.spec.model import Cluster, Mode

Load = Callable[..., Cluster]
Wrong = Callable[..., list[Problem]]


HOST = "hosts: [{address: kafka-1}]\n"
TWO = "hosts:\n- {address: a}\n- {address: b, roles: [broker], broker: {id: 1}}\n"
BROKER_ID = ("hosts", 0, "broker", "id")


def one(problems: list[Problem], where: str) -> Problem:
    assert [problem.where for problem in problems] == [where]
    assert problems[0].what
    assert problems[0].hint
    return problems[0]


# ---------------------------------------------------------------- what is read


def test_a_host_alone_is_enough(given: Load) -> None:
    cluster = given(None, "kafka-1")
    assert cluster.kafka.version == "1.0.0"
    assert cluster.kafka.home == "/usr/local/single_kafka"
    assert (cluster.zookeeper.mode, cluster.zookeeper.version) == (Mode.STANDALONE, "3.5.3-beta")
    assert (cluster.java.release, cluster.java.home) == ("temurin-8", None)
    assert [host.address for host in cluster.hosts] == ["kafka-1"]


def test_a_file_with_every_group_is_loaded(given: Load) -> None:
    cluster = given("""
kafka:
  version: 1.0.0
  archive: files/kafka.tgz
  properties: {num.partitions: 3}
  heap: 1g
zookeeper: {mode: standalone, version: 3.5.3-beta}
java: {release: temurin-8}
hosts:
  - {address: 192.168.78.141, ssh: {user: vagrant, port: 22}, broker: {id: 0}, zookeeper: {id: 1}}
""")
    assert cluster.kafka.archive == "files/kafka.tgz"
    assert cluster.kafka.properties == {"num.partitions": "3"}
    assert (cluster.hosts[0].ssh.user, cluster.hosts[0].ssh.port) == ("vagrant", 22)


def test_the_specification_of_a_receipt_can_be_loaded_again(given: Load) -> None:
    cluster = given(TWO, None, Flag("--heap", ("kafka", "heap"), "2g"), properties_set={"num.partitions": "3"})
    assert Cluster.model_validate(cluster.model_dump(mode="json", exclude_none=True)) == cluster


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "kafka:\nzookeeper:\njava:\n", "hosts: []\n", "\ufeff"])
def test_an_empty_file_leaves_the_defaults(given: Load, text: str) -> None:
    assert given(text, "kafka-1") == given(None, "kafka-1")


def test_a_byte_order_mark_is_ignored(given: Load) -> None:
    assert given(f"\ufeff{HOST}").hosts[0].address == "kafka-1"


def test_empty_groups_leave_the_defaults(given: Load) -> None:
    assert given("hosts:\n- address: kafka-1\n  ssh:\n  broker:\n  zookeeper:\n") == given(None, "kafka-1")
    assert given(f"kafka:\n  properties:\n{HOST}").kafka.properties == {}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("3", "3"),
        ("0.5", "0.5"),
        ("true", "true"),
        ("False", "false"),
        ("'no'", "no"),
        ("no", "no"),  # YAML 1.2
        ("0123", "123"),
        ("[/data/a/kafka, /data/b/kafka]", "/data/a/kafka,/data/b/kafka"),
        ("' kept '", " kept "),
    ],
)
def test_yaml_values_become_the_text_that_kafka_reads(given: Load, written: str, value: str) -> None:
    properties = given(f"kafka: {{properties: {{super.users: {written}}}}}\n{HOST}").kafka.properties
    assert properties == {"super.users": value}


@pytest.mark.parametrize(
    ("text", "home"),
    [("kafka: {home: /opt/kafka/}", "/opt/kafka"), ("kafka: {scala: 2.12}", "/usr/local/single_kafka")],
)
def test_a_trailing_slash_and_a_number_for_scala_are_accepted(given: Load, text: str, home: str) -> None:
    assert given(text, "kafka-1").kafka.home == home


def test_a_tilde_in_the_identity_is_expanded(given: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    cluster = given("hosts: [{address: kafka-1, ssh: {identity: ~/.ssh/kafka}}]")
    assert cluster.hosts[0].ssh.identity == Path("/home/anna/.ssh/kafka")


# ---------------------------------------------------------------- file, HOST and flags


def test_a_flag_overrides_the_file(given: Load) -> None:
    cluster = given(
        f"kafka: {{version: 2.8.2, port: 9093, properties: {{num.partitions: 2, num.io.threads: 4}}}}\n{HOST}",
        None,
        Flag("--port", ("kafka", "port"), 9094),
        properties_set={"num.partitions": "3"},
    )
    assert (cluster.kafka.version, cluster.kafka.port) == ("2.8.2", 9094)
    assert cluster.kafka.properties == {"num.partitions": "3", "num.io.threads": "4"}


@pytest.mark.parametrize(
    ("file", "flag"),
    [
        ("{release: temurin-11}", Flag("--java-home", ("java", "home"), "/usr/lib/jvm/java-8")),
        ("{archive: java.tgz}", Flag("--java-home", ("java", "home"), "/usr/lib/jvm/java-8")),
        ("{home: /usr/lib/jvm/java-8}", Flag("--java", ("java", "release"), "temurin-11")),
        ("{home: /usr/lib/jvm/java-8}", Flag("--java-archive", ("java", "archive"), "java.tgz")),
    ],
)
def test_a_flag_removes_the_values_that_exclude_it_from_the_file(given: Load, file: str, flag: Flag) -> None:
    java = given(f"java: {file}\n{HOST}", None, flag).java
    assert getattr(java, str(flag.path[1])) == flag.value
    assert (java.home is None) == (flag.option != "--java-home")
    assert java.archive == (flag.value if flag.option == "--java-archive" else None)


def test_user_and_port_of_host_override_the_file(given: Load) -> None:
    ssh = given("hosts: [{address: kafka-1, ssh: {user: anna, identity: key}}]", "root@kafka-1:2222").hosts[0].ssh
    assert (ssh.user, ssh.port, ssh.identity) == ("root", 2222, Path("key"))


@pytest.mark.parametrize(("host", "ids"), [("a", [7, 1]), ("b", [0, 7])])
def test_host_selects_a_host_of_the_file(given: Load, host: str, ids: list[int]) -> None:
    cluster = given(TWO, f"root@{host}", Flag("--broker-id", BROKER_ID, 7))
    assert [each.broker.id for each in cluster.hosts] == ids
    assert [each.ssh.user for each in cluster.hosts] == [
        "root" if each.address == host else None for each in cluster.hosts
    ]


def test_a_flag_of_a_host_needs_host_if_the_file_has_several(wrong: Wrong) -> None:
    problem = one(wrong(TWO, None, Flag("--broker-id", BROKER_ID, 7)), "--broker-id")
    assert problem.what == "the file has 2 hosts"
    assert "give the HOST" in problem.hint


def test_a_host_that_is_not_in_the_file_is_refused(wrong: Wrong) -> None:
    problem = one(wrong(TWO, "c"), "HOST")
    assert problem.what == "c is not one of the hosts in the file"
    assert problem.hint == "choose one of a, b"


@pytest.mark.parametrize("text", ["", "kafka: {port: 9093}\n", "hosts:\n", "hosts: []\n"])
def test_a_specification_without_a_host_is_refused(wrong: Wrong, config: Path, text: str) -> None:
    assert one(wrong(text), str(config)).what == "no host is given"


@pytest.mark.parametrize("host", ["a b", "a\nb", "", "a:99999"])
def test_an_invalid_host_is_refused(wrong: Wrong, host: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(None, [host])
    assert one(list(caught.value.problems), "HOST").what.endswith(
        (" is not a host name or an address", " is not a port")
    )


# ---------------------------------------------------------------- files that cannot be read


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda path: None, "cannot be read: No such file or directory"),
        (Path.mkdir, "cannot be read: Is a directory"),
        (lambda path: path.write_bytes(b"\xff\xfeh\0"), "is not UTF-8 text (byte 0)"),
        (lambda path: path.write_bytes(b"# \xe4\n"), "is not UTF-8 text (byte 2)"),
    ],
)
def test_an_unreadable_file_is_refused_with_the_reason(config: Path, make: Callable[[Path], object], what: str) -> None:
    make(config)
    with pytest.raises(UsageError) as caught:
        load(config, "kafka-1")
    assert one(list(caught.value.problems), str(config)).what == what
    assert caught.value.code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("text", "place", "what", "hint"),
    [
        ("kafka: {port: 9092\n", "2:1", "expected ',' or '}'", "fix"),
        ("kafka:\n  port: [1\nhosts: []\n", "3:6", "expected ',' or ']'", "fix"),
        ("kafka:\n\tport: 9092\n", "2:1", "the line is indented with a tab", "spaces"),
        ("kafka: port: 9092\n", "1:12", "the line has a second ':'", "new line"),
        ("kafka: 'a\n", "2:1", "found unexpected end of stream", "fix"),
        ("kafka: *a\n", "1:8", "found undefined alias 'a'", "fix"),
        ("kafka: !!python/object:os.system 1\n", "1:8", "could not determine a constructor", "fix"),
        ("a: 1\n---\nb: 1\n", "2:1", "a second document begins", "keep one"),
        ("kafka:\n  port: 1\n  port: 2\n", "3:3", "the key 'port' occurs twice", "keep one"),
        (f"{HOST}kafka: {{}}\nkafka: {{}}\n", "3:1", "the key 'kafka' occurs twice", "keep one"),
        ("a: 1\nb: \x07\n", "2:4", r"the character '\x07' is not allowed", "remove"),
        ("\0", "1:1", r"the character '\x00' is not allowed", "remove"),
        ("- a\n", "1:1", "contains a list instead of keys", "begin with kafka:"),
        ("hello\n", "1:1", "contains text without keys", "begin with kafka:"),
        ("a: {\n  b: c\n]\n", "3:1", "expected ',' or '}'", "fix"),
    ],
)
def test_a_yaml_error_has_line_and_column(wrong: Wrong, text: str, place: str, what: str, hint: str) -> None:
    (problem,) = wrong(text)
    assert problem.where.endswith(f"/kprov.yaml:{place}")
    assert what in problem.what
    assert hint in problem.hint


def test_an_unclosed_bracket_names_the_line_that_opened_it(wrong: Wrong) -> None:
    assert "on line 2: port: [1" in wrong("kafka:\n  port: [1\nhosts: []\n")[0].cause


@pytest.mark.parametrize("text", ["[" * 5000, "a: &a [*a]\n", "kafka: &a {properties: *a}\n", "a: 2024-13-45\n"])
def test_unusual_yaml_is_a_usage_error(wrong: Wrong, text: str) -> None:
    assert all(problem.what and problem.hint and problem.where for problem in wrong(f"{text}\n"))


# ---------------------------------------------------------------- keys and types


@pytest.mark.parametrize(
    ("text", "where", "hint"),
    [
        ("kafak: {}", "kafak", "did you mean kafka?"),
        ("kafka: {versoin: 1.0.0}", "kafka.versoin", "did you mean version?"),
        ("kafka: {Version: 1.0.0}", "kafka.Version", "did you mean version?"),
        ("zookeeper: {clientPort: 2181}", "zookeeper.clientPort", "did you mean client_port?"),
        ("java: {hom: /x/y}", "java.hom", "did you mean home?"),
        ("hosts: [{adress: a}]", "hosts[0].adress", "did you mean address?"),
        ("hosts: [{address: a, ssh: {usr: b}}]", "hosts[0].ssh.usr", "did you mean user?"),
        ("hosts: [{address: a, broker: {ids: 1}}]", "hosts[0].broker.ids", "did you mean id?"),
        ("hosts: [{address: a, zookeeper: {myid: 1}}]", "hosts[0].zookeeper.myid", "did you mean id?"),
        ("hosts: [{address: a}, {address: b, brokr: {}}]", "hosts[1].brokr", "did you mean broker?"),
        # in the wrong place
        ("version: 2.8.2", "version", "did you mean kafka.version or zookeeper.version?"),
        ("client_port: 2181", "client_port", "did you mean zookeeper.client_port?"),
        ("kafka: {advertised: a}", "kafka.advertised", "did you mean hosts[].advertised?"),
        (
            "kafka: {num.partitions: 3}",
            "kafka.num.partitions",
            "did you mean kafka.properties.num.partitions? Broker properties belong there",
        ),
        (
            "hosts: [{address: a, broker: {num.partitions: 3}}]",
            "hosts[0].broker.num.partitions",
            "did you mean hosts[0].broker.properties.num.partitions? Broker properties belong there",
        ),
        ("qqq: 1", "qqq", "the valid keys here are name, kafka, zookeeper, java, hosts"),
    ],
)
def test_an_unknown_key_is_reported_with_its_path_and_a_suggestion(
    wrong: Wrong, text: str, where: str, hint: str
) -> None:
    text = text if "hosts" in text else f"{text}\n{HOST}"
    problem = next(problem for problem in wrong(text) if problem.where == where)
    names = (where.removeprefix("kafka.").removeprefix("hosts[0].broker."), where.rpartition(".")[2])
    assert problem.what in {f"the key {name!r} is unknown" for name in names}
    assert problem.hint == hint


@pytest.mark.parametrize(
    ("text", "where", "what", "hint"),
    [
        ("kafka: 3", "kafka", "3 is not a group of keys", "indent"),
        ("kafka: [1]", "kafka", "[1] is not a group of keys", "indent"),
        ("kafka: {version: 2.8}", "kafka.version", "2.8 is not a version of Kafka", "all three numbers"),
        ("kafka: {version: 2}", "kafka.version", "2 is not a version of Kafka", "all three numbers"),
        ("kafka: {version: }", "kafka.version", "an empty value is not a version", "all three numbers"),
        ("kafka: {version: 1.0.0-x}", "kafka.version", "'1.0.0-x' is not a version", "all three numbers"),
        ("kafka: {version: 01.0.0}", "kafka.version", "'01.0.0' is not a version", "all three numbers"),
        ("kafka: {version: 2024-01-01}", "kafka.version", "2024-01-01 is not a version", "all three numbers"),
        ("zookeeper: {version: 3.4}", "zookeeper.version", "3.4 is not a version of ZooKeeper", "3.4.14"),
        ("zookeeper: {version: 3.5.3-gamma}", "zookeeper.version", "'3.5.3-gamma' is not", "3.5.3-beta"),
        ("kafka: {scala: '2.9'}", "kafka.scala", "'2.9' is not a Scala build", "2.12"),
        ("kafka: {archive: 3}", "kafka.archive", "3 is not a path or URL", "URL"),
        ("kafka: {port: x}", "kafka.port", "'x' is not a port", "1 to 65535"),
        ("kafka: {port: 9092.5}", "kafka.port", "9092.5 is not a port", "1 to 65535"),
        ("kafka: {port: true}", "kafka.port", "true is not a whole number", "digits"),
        ("kafka: {port: }", "kafka.port", "an empty value is not a port", "1 to 65535"),
        ("kafka: {port: 65536}", "kafka.port", "65536 is out of range", "1 to 65535"),
        ("kafka: {heap: 1}", "kafka.heap", "1 is not the size of a heap", "512m"),
        ("kafka: {heap: 1 gb}", "kafka.heap", "'1 gb' is not the size of a heap", "512m"),
        ("kafka: {heap: 1m}", "kafka.heap", "'1m' is too small for Java to start", "512m"),
        ("kafka: {heap: '1024'}", "kafka.heap", "'1024' is too small for Java to start", "512m"),
        ("kafka: {home: 3}", "kafka.home", "3 is not a path", "absolute"),
        ("zookeeper: {data_dir: 3}", "zookeeper.data_dir", "3 is not a path", "absolute"),
        ("zookeeper: {mode: bundle}", "zookeeper.mode", "'bundle' is not one of the choices", "did you mean bundled?"),
        ("java: {release: 11}", "java.release", "11 is not a Java release", "temurin-11"),
        ("java: {release: openjdk-11}", "java.release", "'openjdk-11' is not a Java release", "temurin-11"),
        (
            "java: {release: temurin-11, home: /usr/lib/jvm/java}",
            "java",
            "home=/usr/lib/jvm/java and release=temurin-11 cannot be set together",
            "keep one",
        ),
        ("kafka: {properties: [a]}", "kafka.properties", "['a'] is not a group of keys", "name: value"),
        (
            "kafka: {properties: {num.partitions: }}",
            "kafka.properties.num.partitions",
            "an empty value is not the value of a property",
            "after the colon",
        ),
        (
            "kafka: {properties: {num: {partitions: 3}}}",
            "kafka.properties.num",
            "{'partitions': 3} is not the value",
            "one key, for instance num.partitions",
        ),
        ("kafka: {1: 2}", "kafka", "the key 1 is not text", "quotes"),
        ("hosts: {address: a}", "hosts", "{'address': 'a'} is not a list", "- address:"),
        ("hosts: a", "hosts", "'a' is not a list", "- address:"),
        ("hosts: [a]", "hosts[0]", "'a' is not a group of keys", "'- address: a'"),
        ("hosts: [{}]", "hosts[0].address", "the key 'address' is missing", "add"),
        ("hosts: [{address: 1.10}]", "hosts[0].address", "1.1 is not a host name or an address", "quotes"),
        ("hosts: [{address: a b}]", "hosts[0].address", "'a b' is not a host name", "[user@]name[:port]"),
        ('hosts: [{address: "a\\nb"}]', "hosts[0].address", r"'a\nb' is not a host name", "[user@]name[:port]"),
        ("hosts: [{address: root@a}]", "hosts[0].address", "'root@a' has a user or a port", "under ssh"),
        ("hosts: [{address: a, advertised: 'a:1'}]", "hosts[0].advertised", "'a:1' is not a host name", "port"),
        ("hosts: [{address: a, ssh: root}]", "hosts[0].ssh", "'root' is not a group of keys", "indent"),
        ("hosts: [{address: a, ssh: {user: a b}}]", "hosts[0].ssh.user", "'a b' is not a user name", "letters"),
        ("hosts: [{address: a, ssh: {port: x}}]", "hosts[0].ssh.port", "'x' is not a port", "1 to 65535"),
        ("hosts: [{address: a, ssh: {identity: 3}}]", "hosts[0].ssh.identity", "3 is not a path", "private key"),
        ("hosts: [{address: a, broker: {id: -1}}]", "hosts[0].broker.id", "-1 is out of range", "0 to 1000"),
        ("hosts: [{address: a, broker: {id: x}}]", "hosts[0].broker.id", "'x' is not a broker id", "0 to 1000"),
        ("hosts: [{address: a, broker: {id: true}}]", "hosts[0].broker.id", "true is not a whole number", "digits"),
        ("hosts: [{address: a, zookeeper: {id: 255}}]", "hosts[0].zookeeper.id", "255 is out of range", "1 to 254"),
    ],
)
def test_a_value_of_the_wrong_type_is_reported_with_the_right_form(
    wrong: Wrong, text: str, where: str, what: str, hint: str
) -> None:
    problem = one(wrong(text if "hosts" in text else f"{text}\n{HOST}"), where)
    assert what in problem.what
    assert hint in problem.hint


def test_a_top_level_key_that_is_not_text_is_reported_with_the_file(wrong: Wrong, config: Path) -> None:
    assert one(wrong(f"1: 2\n{HOST}"), str(config)).what == "the key 1 is not text"


# ---------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("flag", "what"),
    [
        (Flag("--kafka-version", ("kafka", "version"), "2.8"), "'2.8' is not a version of Kafka"),
        (Flag("--port", ("kafka", "port"), 0), "0 is out of range"),
        (Flag("--port", ("kafka", "port"), "x"), "'x' is not a port"),
        (Flag("--broker-id", BROKER_ID, -1), "-1 is out of range"),
        (Flag("--broker-id", BROKER_ID, "x"), "'x' is not a broker id"),
        (Flag("--advertised", ("hosts", 0, "advertised"), "a b"), "'a b' is not a host name or an address"),
        (Flag("--zookeeper", ("zookeeper", "mode"), "none"), "'none' is not one of the choices"),
        (Flag("--java", ("java", "release"), "11"), "'11' is not a Java release"),
        (Flag("--java-home", ("java", "home"), "jvm"), "'jvm' is a relative path"),
        (Flag("--heap", ("kafka", "heap"), "1gb"), "'1gb' is not the size of a heap"),
        (Flag("--zookeeper-heap", ("zookeeper", "heap"), "0"), "'0' is not the size of a heap"),
    ],
)
@pytest.mark.parametrize("text", [None, HOST, f"kafka: {{port: 9093}}\n{HOST}"])
def test_a_value_from_an_option_names_the_option(wrong: Wrong, text: str | None, flag: Flag, what: str) -> None:
    assert one(wrong(text, None, flag), flag.option).what == what


def test_options_that_cannot_be_combined_are_both_named(wrong: Wrong) -> None:
    flags = (
        Flag("--java", ("java", "release"), "temurin-11"),
        Flag("--java-home", ("java", "home"), "/usr/lib/jvm/java-8"),
    )
    problem = one(wrong(None, None, *flags), "--java and --java-home")
    assert problem.what == "home=/usr/lib/jvm/java-8 and release=temurin-11 cannot be set together"


@pytest.mark.parametrize(
    "text", ["kafka: 3\n", "kafka: [1]\n", "kafka: {properties: 3}\n", "kafka: {properties: [1]}\n"]
)
def test_an_option_does_not_hide_the_error_of_its_group_in_the_file(wrong: Wrong, text: str) -> None:
    where = "kafka.properties" if "properties" in text else "kafka"
    one(wrong(f"{text}{HOST}", properties_set={"num.partitions": "3"}), where)


@pytest.mark.parametrize("text", ["hosts: [a]\n", "hosts: [[a]]\n", "hosts: [{address: a, broker: 3}]\n"])
def test_an_option_does_not_hide_the_error_of_a_host_in_the_file(wrong: Wrong, text: str) -> None:
    where = "hosts[0].broker" if "broker" in text else "hosts[0]"
    one(wrong(text, None, Flag("--broker-id", BROKER_ID, 1)), where)


def test_everything_wrong_is_told_at_once(wrong: Wrong) -> None:
    problems = wrong(
        "kafka: {versoin: 1.0.0, port: 70000, properties: {num.partitons: 1}}\n"
        "zookeper: {}\n"
        "hosts:\n- {address: a b}\n- {address: b, broker: {id: -1, properties: {port: abc}}}\n",
        None,
        Flag("--heap", ("kafka", "heap"), "lots"),
        properties_set={"log.dirs": "x"},
    )
    assert {problem.where for problem in problems} == {
        "kafka.versoin",
        "kafka.port",
        "zookeper",
        "hosts[0].address",
        "hosts[1].broker.id",
        "--heap",
    }


def test_properties_are_checked_even_if_other_values_are_wrong(wrong: Wrong) -> None:
    problems = wrong(
        f"kafka: {{port: 70000, properties: {{num.partitons: 1}}}}\n{HOST}", properties_set={"log.dirs": "x"}
    )
    assert {problem.where for problem in problems} == {
        "kafka.port",
        "kafka.properties.num.partitons",
        "--set log.dirs",
    }


def test_properties_are_not_checked_if_the_version_is_invalid(wrong: Wrong) -> None:
    one(wrong(f"kafka: {{version: 2.8, properties: {{host.name: a}}}}\n{HOST}"), "kafka.version")


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abh.", max_size=3), inner, max_size=3)
)
KEYS = st.sampled_from(
    ["kafka", "zookeeper", "java", "hosts", "version", "properties", "port", "home", "address", "ssh", "broker", "id"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(KEYS, st.one_of(TREES, st.dictionaries(KEYS, TREES), st.lists(st.dictionaries(KEYS, TREES)))),
    st.sampled_from([[], ["kafka-1"], ["root@a:22"], ["a", "b"]]),
)
def test_any_tree_is_loaded_or_explained(
    monkeypatch: pytest.MonkeyPatch, tree: dict[str, object], hosts: list[str]
) -> None:
    monkeypatch.setattr("kprov.spec.load.read", lambda path: tree)
    flags = [Flag("--port", ("kafka", "port"), 9093), Flag("--broker-id", BROKER_ID, 1)]
    with suppress(UsageError):  # any other exception is a bug
        load(Path("kprov.yaml"), hosts, flags)


# ------------------------------------------------------------------ where in the file


FILE = """\
# settings
kafka:
  port: 99999
  properties:
    num.partitions: many
hosts:
  - address: a
    broker: {idd: 3}
  - address: b
    ssh:
      port: 0
  - {}
"""


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("kafka.port", "3: port: 99999"),
        ("hosts[0].broker.idd", "8: broker: {idd: 3}"),
        ("hosts[1].ssh.port", "11: port: 0"),
        ("hosts[2].address", "12: - {}"),
    ],
)
def test_a_mistake_in_the_file_quotes_its_line(where: str, line: str, tmp_path: Path) -> None:
    path = tmp_path / "kprov.yaml"
    path.write_text(FILE)
    with pytest.raises(UsageError) as caught:
        load(path, [])
    found = {problem.where: problem.cause for problem in caught.value.problems}
    assert found[where] == f"{path}:{line}"


def test_a_property_s_name_has_dots_itself(tmp_path: Path) -> None:
    path = tmp_path / "kprov.yaml"
    path.write_text("hosts: [{address: a}]\nkafka:\n  properties:\n    num.partitions: many\n")
    with pytest.raises(UsageError) as caught:
        load(path, [])
    (problem,) = caught.value.problems
    assert (problem.where, problem.cause) == ("kafka.properties.num.partitions", f"{path}:4: num.partitions: many")


def test_a_mistake_in_an_option_quotes_no_line(tmp_path: Path) -> None:
    path = tmp_path / "kprov.yaml"
    path.write_text("hosts: [{address: a}]\nkafka: {port: 1}\n")
    with pytest.raises(UsageError) as caught:
        load(path, [], [Flag("--port", ("kafka", "port"), 99999)])
    assert [(problem.where, problem.cause) for problem in caught.value.problems] == [("--port", "")]
