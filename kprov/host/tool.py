"""Run one of Kafka's own tools on the host: how it ended, and what it printed.

The exit codes of these tools are not reliable, so callers look at the output. This module decides only whether the tool
ended by itself, and whether it reported an error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kprov.host.connection import Connection
from kprov.host.facts import probe_together
from kprov.kinds.base import Answer

# timeout(1) exits with 124, or 137 if it had to kill the process; so does the kernel's OOM killer.
_TIMED_OUT, _KILLED = 124, 137


@dataclass(frozen=True)
class ToolRun:
    """The run of a tool: its name, exit code and output.

    took: seconds. limit: seconds after which it is ended.
    """

    name: str
    code: int
    output: str
    errors: str
    took: float
    limit: int

    @property
    def timed_out(self) -> bool:
        """Whether it exceeded its time limit; its output is then incomplete."""
        return self.code == _TIMED_OUT or (self.code == _KILLED and self.took >= self.limit)

    @property
    def failed(self) -> bool:
        """Whether it ended by itself with an error."""
        return not self.timed_out and (self.code != 0 or re.search(r"\bERROR\b|Exception", self.errors) is not None)

    @property
    def last_words(self) -> str:
        """The line of its output that best explains a failure; empty if there is no output."""
        lines = [line.strip() for line in f"{self.errors}\n{self.output}".splitlines() if line.strip()]
        telling = [line for line in lines if "ERROR" in line or "Exception" in line or "Error" in line]
        return (telling[:1] or lines[-1:] or [""])[0][:300]

    @property
    def outcome(self) -> str:
        """How it ended, as the end of a sentence."""
        if self.timed_out:
            return f"did not end within {self.limit} s"
        return f"failed (exit code {self.code})" if self.failed else "ended without an error"

    @property
    def trouble(self) -> str:
        """How it failed or timed out, with its most telling line; empty if it succeeded."""
        if not (self.timed_out or self.failed):
            return ""
        return f"{self.name} {self.outcome}{f': {self.last_words}' if self.last_words else ', without output'}"


@dataclass(frozen=True)
class Tools:
    """Where Kafka's tools are on a host, and the Java that runs them."""

    connection: Connection
    java_home: str
    home: str

    def run(self, words: Sequence[str], *, seconds: int, stdin: str = "") -> ToolRun:
        """Run a tool in the Kafka home, in a clean environment, for at most ``seconds``."""
        return self.run_together([(words, stdin)], seconds=seconds)[0]

    def run_together(self, commands: Sequence[tuple[Sequence[str], str]], *, seconds: int) -> list[ToolRun]:
        """Run several at the same time, each with its words and its standard input."""
        calls = [
            ("tool", f"tool{number}", str(seconds), self.java_home, self.home, stdin, *words)
            for number, (words, stdin) in enumerate(commands)
        ]
        answers = probe_together(self.connection, calls)
        return [_of(words, answer, seconds) for (words, _), answer in zip(commands, answers, strict=True)]

    def await_end(self, word: str, *, seconds: int) -> None:
        """Wait until no tool with this word among its arguments runs; at most ``seconds`` for each."""
        self.connection.exchange([("await_end", word, str(seconds))])


def _of(words: Sequence[str], answer: Answer, seconds: int) -> ToolRun:
    return ToolRun(
        name=words[0],
        code=int(answer["code"]),
        output=answer.get("output", ""),
        errors=answer.get("errors", ""),
        took=int(answer["took_ms"]) / 1000,
        limit=seconds,
    )
