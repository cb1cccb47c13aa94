"""One of Kafka's own tools, run on the host: how it ended, and what it wrote.

The exit codes of these tools prove little: what a caller looks for is in the output. What is decided here is only
whether the tool ended by itself, and whether it reported an error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kprov.host.connection import Connection
from kprov.host.facts import probe

# timeout(1): 124, or 137 where the process had to be killed. The kernel's killer leaves 137 as well.
_TIMED_OUT, _KILLED = 124, 137


@dataclass(frozen=True)
class ToolRun:
    """A tool that was run: its name, its exit code and output.

    took: seconds; limit: seconds after which it is ended.
    """

    name: str
    code: int
    output: str
    errors: str
    took: int
    limit: int

    @property
    def timed_out(self) -> bool:
        """Whether it was ended because its time was up: what it wrote until then proves nothing."""
        return self.code == _TIMED_OUT or (self.code == _KILLED and self.took >= self.limit)

    @property
    def failed(self) -> bool:
        """Whether it ended by itself, with an error."""
        return not self.timed_out and (self.code != 0 or re.search(r"\bERROR\b|Exception", self.errors) is not None)

    @property
    def last_words(self) -> str:
        """The line of its output that says most about a failure; empty where it wrote nothing."""
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
        """How it ended where it timed out or failed, and its last words, on one line; empty otherwise."""
        if not (self.timed_out or self.failed):
            return ""
        return f"{self.name} {self.outcome}{f': {self.last_words}' if self.last_words else ', without output'}"


def run_tool(
    connection: Connection, java_home: str, home: str, words: Sequence[str], *, seconds: int, stdin: str = ""
) -> ToolRun:
    """Run a tool in the Kafka home, in a clean environment; it is ended after ``seconds``."""
    answer = probe(connection, [("tool", "tool", str(seconds), java_home, home, stdin, *words)])["tool"]
    return ToolRun(
        name=words[0],
        code=int(answer["code"]),
        output=answer.get("output", ""),
        errors=answer.get("errors", ""),
        took=int(answer["took"]),
        limit=seconds,
    )
