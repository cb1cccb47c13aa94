"""The results of the smoke test: each failed step says whether a tool timed out, failed or returned a wrong result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from support.specimens import asked

from kprov.errors import UsageError
from kprov.events import Event, Warned
from kprov.host.forwarded import ForwardingForbiddenError, UnansweredError
from kprov.host.tool import ToolRun, Tools
from kprov.queries import Query
from kprov.smoke import SmokeResult, SmokeStep, client, smoke_test
from kprov.smoke.client import Batch, ClientResult
from kprov.topology import Node, topology

TOPIC = "kprov-smoke-x"
Answer = Callable[["Broker", tuple[str, ...], str], ToolRun]


def ended(output: str = "", errors: str = "", code: int = 0, took: int = 2) -> ToolRun:
    return ToolRun("bin/tool.sh", code, output, errors, took, 60)


TIMED_OUT = ended("", "[2026] WARN Connection to node -1 could not be established", code=124, took=60)
BROKEN = ended("", "Exception in thread main: java.net.ConnectException", code=1)


@dataclass
class Broker:
    """A broker that stores topics and messages. ``faults``: a word of a command -> the answer of that tool instead."""

    faults: dict[str, ToolRun | Answer] = field(default_factory=dict)
    topics: dict[str, list[str]] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    here: bool = True
    refused: str = ""
    offset: int | Exception = field(default_factory=ForwardingForbiddenError)
    there: list[bool | Exception] = field(default_factory=lambda: [ForwardingForbiddenError()])

    def tool(self, words: tuple[str, ...], stdin: str) -> ToolRun:
        text = " ".join(words)
        self.commands.append(text)
        for word, fault in self.faults.items():
            if word in text:
                return fault if isinstance(fault, ToolRun) else fault(self, words, stdin)
        return self.answer(words, stdin)

    def ask(self, _connection: Any, _address: str, port: int, _query: Query[int], *, seconds: float) -> int:
        """Through the connection: of Kafka the end offset, of ZooKeeper whether the topic is still there."""
        answer = self.offset if port == 9092 else self.there.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def answer(self, words: tuple[str, ...], stdin: str) -> ToolRun:
        topic = words[words.index("--topic") + 1] if "--topic" in words else ""
        if "--create" in words:
            self.topics[topic] = []
            return ended(f'Created topic "{topic}".\n')
        if "--list" in words:
            return ended("".join(f"{name}\n" for name in self.topics))
        if "--delete" in words:
            self.topics.pop(topic, None)
            return ended()
        if "producer" in words[0]:
            self.topics[topic] += stdin.splitlines()
            return ended()
        if "consumer" in words[0]:
            count = int(words[words.index("--max-messages") + 1])
            return ended("".join(f"{message}\n" for message in self.topics[topic][:count]))
        return ended(f"{topic}:0:{len(self.topics[topic])}\n")

    def client(self, _bootstrap: str, topic: str, batches: list[Batch]) -> ClientResult:
        if not self.here:
            return ClientResult(available=False, error="confluent-kafka is not installed")
        for batch in batches:
            if batch.codec == self.refused:
                return ClientResult(True, error=f"{batch.codec}: not acknowledged: Unknown broker error")
            self.topics[topic] += batch.messages
        return ClientResult(True, got=tuple(self.topics[topic]))


@dataclass
class Tried:
    """The result and the events of a smoke test."""

    result: SmokeResult
    events: list[Event]

    def step(self, name: str) -> SmokeStep:
        (found,) = (step for step in self.result.steps if step.name.startswith(name))
        return found


def of(version: str) -> Node:
    return topology(asked(kafka=version))[0].with_java("/java")


@pytest.fixture
def try_it(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Tried]:
    def run(broker: Broker, version: str = "1.0.0", log: str = "", **options: Any) -> Tried:
        def run_together(_tools: Tools, commands: Any, *, seconds: int) -> list[ToolRun]:
            return [broker.tool(tuple(words), stdin) for words, stdin in commands]

        monkeypatch.setattr(Tools, "run_together", run_together)
        monkeypatch.setattr(Tools, "await_end", lambda *_, **__: broker.commands.append("waited"))
        monkeypatch.setattr("kprov.smoke.run.ask", broker.ask)
        monkeypatch.setattr("kprov.smoke.run.probe", lambda *_: {"log": {"text": log}})
        monkeypatch.setattr(client, "exchange", broker.client)
        monkeypatch.setattr("secrets.token_hex", lambda _: "x")
        events: list[Event] = []
        connection: Any = SimpleNamespace()
        return Tried(smoke_test(connection, of(version), events.append, **options), events)

    return run


@pytest.mark.parametrize(("version", "codecs"), [("1.0.0", "gzip, snappy, lz4"), ("2.8.2", "gzip, snappy, lz4, zstd")])
@pytest.mark.parametrize("here", [True, False])
def test_one_message_is_sent_with_each_codec_of_the_release(
    try_it: Callable[..., Tried], version: str, codecs: str, here: bool
) -> None:
    """By the client library, or by the tools on the host if the library is not installed."""
    broker = Broker(here=here)
    tried = try_it(broker, version, keep=True)
    assert tried.result.passed
    assert tried.step(f"produce and consume with {codecs}").passed is True
    assert [message.split()[0] for message in broker.topics[TOPIC][-len(codecs.split(", ")) :]] == codecs.split(", ")
    with_tools = [command for command in broker.commands if "--compression-codec" in command]
    assert len(with_tools) == (0 if here else len(codecs.split(", ")))


def test_zstd_is_not_tested_with_a_protocol_that_lacks_it() -> None:
    """An upgrade that is not finalized still uses the protocol of the previous release."""
    cluster = asked(kafka="2.8.2")
    held = cluster.model_copy(update={"kafka": cluster.kafka.model_copy(update={"protocol": "1.0"})})
    assert topology(held)[0].broker.codecs == ("gzip", "snappy", "lz4")
    assert topology(cluster)[0].broker.codecs[-1] == "zstd"


def test_a_codec_that_the_broker_cannot_load_is_named_with_its_error_and_fix(try_it: Callable[..., Tried]) -> None:
    log = (
        "[2026] ERROR Error processing append operation on partition x\n"
        "java.lang.UnsatisfiedLinkError: /tmp/snappy-1.1.4-x.so: failed to map segment from shared object\n"
    )
    tried = try_it(Broker(refused="snappy"), log=log)
    step = tried.step("produce and consume with")
    assert step.passed is False
    assert step.detail.startswith("snappy: not acknowledged: Unknown broker error; the broker's log: java.lang.Unsat")
    assert "noexec" in step.detail


@pytest.mark.parametrize(
    ("word", "step"),
    [
        ("--create", "create a topic"),
        ("--list", "check that the topic is listed"),
        ("console-producer", "produce 5 messages"),
        ("console-consumer", "consume the messages"),
        ("GetOffsetShell", "count the messages"),
        ("--delete", "delete the topic"),
    ],
)
@pytest.mark.parametrize("how", ["time", "failure"])
def test_a_tool_that_times_out_or_fails_is_never_reported_as_a_wrong_result(
    try_it: Callable[..., Tried], word: str, step: str, how: str
) -> None:
    tried = try_it(Broker({word: TIMED_OUT if how == "time" else BROKEN}))
    found = tried.step(step)
    assert found.passed is False
    if how == "time":
        assert found.detail == (
            "bin/tool.sh did not end within 60 s: [2026] WARN Connection to node -1 could not be established"
        )
    else:
        assert found.detail == ("bin/tool.sh failed (exit code 1): Exception in thread main: java.net.ConnectException")


@pytest.mark.parametrize(
    ("word", "answer", "step", "detail"),
    [
        ("--list", ended(), "check that the topic is listed", "not in the list: no topics"),
        ("--list", ended("a\nb\n"), "check that the topic is listed", "not in the list: a, b"),
        ("--create", ended("hm\n"), "create a topic", "bin/tool.sh did not confirm it: hm"),
        (
            "consumer",
            ended("one\ntwo\n"),
            "consume the messages",
            "got one, two instead of one, two, three, four, five",
        ),
        (
            "consumer",
            ended("one\n", "[2026] ERROR Error processing message\nkafka.consumer.ConsumerTimeoutException", code=1),
            "consume the messages",
            "got 1 of 5 messages, then none for 20 s: one",
        ),
        ("GetOffset", ended(f"{TOPIC}:0:4\n"), "count the messages", f"{TOPIC}:0:4 instead of {TOPIC}:0:5"),
    ],
)
def test_a_wrong_result_is_shown_with_the_expected_one(
    try_it: Callable[..., Tried], word: str, answer: ToolRun, step: str, detail: str
) -> None:
    assert try_it(Broker({word: answer})).step(step).detail == detail


@pytest.mark.parametrize(
    ("offset", "detail"),
    [
        (5, f"{TOPIC}:0:5"),
        (4, f"{TOPIC}:0:4 instead of {TOPIC}:0:5"),
        (UnansweredError("no answer within 60 s"), "192.168.78.141:9092: no answer within 60 s"),
    ],
)
def test_the_messages_are_counted_without_a_tool(
    try_it: Callable[..., Tried], offset: int | Exception, detail: str
) -> None:
    broker = Broker(offset=offset)
    step = try_it(broker).step("count the messages")
    assert (step.passed, step.detail) == (offset == 5, detail)
    assert not [command for command in broker.commands if "GetOffset" in command]


@pytest.mark.parametrize(
    ("there", "passed", "asked_with_tool"),
    [
        ([False], True, False),
        ([True, True, False], True, False),
        ([UnansweredError("no answer")], True, True),
        ([True] * 99, False, False),
    ],
)
def test_zookeeper_itself_says_whether_the_topic_is_gone(
    monkeypatch: pytest.MonkeyPatch,
    try_it: Callable[..., Tried],
    there: list[bool | Exception],
    passed: bool,
    asked_with_tool: bool,
) -> None:
    monkeypatch.setattr("kprov.smoke.run._GONE_SECONDS", 1)
    broker = Broker(there=list(there))
    step = try_it(broker).step("check that the topic is gone")
    assert step.passed is passed
    assert (len([command for command in broker.commands if "--list" in command]) == 2) is asked_with_tool
    assert ("still listed" in step.detail) is not passed


def after_delete(answer: ToolRun) -> Answer:
    """Gives ``answer`` to every list command after the topic was deleted."""

    def listing(broker: Broker, words: tuple[str, ...], stdin: str) -> ToolRun:
        return broker.answer(words, stdin) if TOPIC in broker.topics else answer

    return listing


@pytest.mark.parametrize("answer", [TIMED_OUT, BROKEN])
def test_a_failed_list_command_does_not_prove_the_deletion(try_it: Callable[..., Tried], answer: ToolRun) -> None:
    step = try_it(Broker({"--list": after_delete(answer)})).step("check that the topic is gone")
    assert step.passed is False
    assert step.detail == answer.trouble


def test_a_topic_that_is_still_listed_after_its_deletion_fails_the_step(try_it: Callable[..., Tried]) -> None:
    broker = Broker({"--delete": ended()})
    assert "still listed" in try_it(broker).step("check that the topic is gone").detail


def test_a_named_topic_is_not_used_unless_it_is_known_not_to_exist(try_it: Callable[..., Tried]) -> None:
    broker = Broker({"--list": TIMED_OUT})
    tried = try_it(broker, topic=TOPIC)
    assert [step.passed for step in tried.result.steps] == [False]
    assert len(broker.commands) == 1
    with pytest.raises(UsageError):
        try_it(Broker(topics={TOPIC: []}), topic=TOPIC)


def test_a_warning_names_the_topic_that_may_still_exist(try_it: Callable[..., Tried]) -> None:
    tried = try_it(Broker({"console-producer": BROKEN, "--delete": TIMED_OUT}))
    (warning,) = (event for event in tried.events if isinstance(event, Warned))
    assert warning.text.startswith(f"the topic {TOPIC} may still exist: bin/tool.sh did not end within 60 s")


def test_the_topic_is_deleted_after_its_tools_have_ended(try_it: Callable[..., Tried]) -> None:
    """They may still run after a Ctrl-C, and would create it again."""
    broker = Broker({"console-producer": BROKEN})
    try_it(broker)
    assert broker.commands[-2:] == [
        "waited",
        f"bin/kafka-topics.sh --zookeeper 192.168.78.141:2181 --delete --topic {TOPIC}",
    ]


@pytest.mark.parametrize(
    ("code", "took", "timed_out"), [(124, 60, True), (137, 65, True), (137, 3, False), (1, 60, False), (0, 2, False)]
)
def test_a_killed_tool_counts_as_timed_out_only_after_its_limit(code: int, took: int, timed_out: bool) -> None:
    """Exit code 137 is also that of a process that the kernel killed because memory ran out."""
    run = ended(code=code, took=took)
    assert run.timed_out is timed_out
    assert run.failed is (code != 0 and not timed_out)
