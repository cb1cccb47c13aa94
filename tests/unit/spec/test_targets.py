"""HOST is parsed like in ssh; text with white space, a quote or a leading dash is refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kprov.errors import Problem
from kprov.spec.target import Target, parse_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("kafka-1", Target("kafka-1")),
        ("192.168.78.141", Target("192.168.78.141")),
        ("kafka_1.example.com", Target("kafka_1.example.com")),
        ("kafka-1.example.com.", Target("kafka-1.example.com.")),
        ("root@kafka-1", Target("kafka-1", "root")),
        ("kafka-1:2222", Target("kafka-1", None, 2222)),
        ("vagrant@127.0.0.1:2200", Target("127.0.0.1", "vagrant", 2200)),
        ("kafka-1:00022", Target("kafka-1", None, 22)),
        ("ssh://root@kafka-1:22", Target("kafka-1", "root", 22)),
        (r"CORP\anna@kafka-1", Target("kafka-1", r"CORP\anna")),
        ("machine$@kafka-1", Target("kafka-1", "machine$")),
        ("::1", Target("::1")),
        ("[::1]", Target("::1")),
        ("root@[2001:db8::1]:2222", Target("2001:db8::1", "root", 2222)),
        ("fe80::1%eth0", Target("fe80::1%eth0")),
        ("a" * 63, Target("a" * 63)),
    ],
)
def test_a_valid_host_is_parsed(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", "''"),
        (" ", "' '"),
        ("kafka 1", "'kafka 1'"),
        ("kafka\n1", r"'kafka\n1'"),
        ("kafka-1\n", r"'kafka-1\n'"),
        ("kafka\u00a01", r"'kafka\xa01'"),
        ("-oProxyCommand=x", "'-oProxyCommand=x'"),
        ("kafka;reboot", "'kafka;reboot'"),
        ("kafka$(id)", "'kafka$(id)'"),
        ("käfka", "'käfka'"),
        ("kafka..1", "'kafka..1'"),
        (".kafka", "'.kafka'"),
        ("a" * 64, f"'{'a' * 64}'"),
        ("256.1.1.1", "'256.1.1.1'"),
        ("1.2.3", "'1.2.3'"),
        ("kafka:2:3", "'kafka:2:3'"),
        ("[::1", "'[::1'"),
        ("[::1]x", "'[::1]x'"),
        ("[]", "''"),
        (":::", "':::'"),
        ("127.0.0.1%eth0", "'127.0.0.1%eth0'"),
        ("kafka:", "''"),
        ("kafka:0", "'0'"),
        ("kafka:65536", "'65536'"),
        ("kafka:-1", "'-1'"),
        ("kafka:ssh", "'ssh'"),
        ("kafka:\uff12\uff12", "'\uff12\uff12'"),
        ("[::1]:", "''"),
        ("@kafka", "''"),
        ("root@", "''"),
        ("a b@kafka", "'a b'"),
        ("-l@kafka", "'-l'"),
        ("a@b@kafka", "'a@b'"),
    ],
)
def test_an_invalid_host_is_named_with_the_right_form(text: str, value: str) -> None:
    problem = parse_target(text)
    assert isinstance(problem, Problem)
    assert problem.what.startswith(f"{value} is not ")
    assert problem.hint in {"write HOST as [user@]name[:port], as for ssh", "write a number from 1 to 65535"}


@given(st.one_of(st.text(), st.text("a1.-:@[]%/ \n", max_size=20)))
@example("9" * 5000)
@example("kafka:" + "9" * 5000)
@example("a" * 5000)
def test_any_text_is_parsed_or_explained(text: str) -> None:
    parsed = parse_target(text)
    if isinstance(parsed, Problem):
        assert parsed.what
        assert parsed.hint
        assert len(parsed.what) < 300
        return
    whole = f"{parsed.user or ''}{parsed.name}"
    assert whole.isascii()
    assert whole.isprintable()
    assert not set(whole) & set(" \t\n\"'`;&|<>()*?")
    assert not parsed.name.startswith("-")
    assert parsed.port is None or 1 <= parsed.port <= 65535
    assert parse_target(str(parsed)) == parsed
