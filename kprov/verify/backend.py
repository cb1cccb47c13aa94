"""testinfra over kprov's connection: with the same login, host keys and jump hosts as every other command."""

from __future__ import annotations

from typing import Any

from testinfra.backend.base import BaseBackend, CommandResult

from kprov.host.connection import Connection


class KprovBackend(BaseBackend):  # type: ignore[misc] # testinfra has no types
    """Runs each command as root in one exchange."""

    NAME = "kprov"

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.login.name)
        self._connection = connection

    def run(self, command: str, *args: str, **kwargs: Any) -> CommandResult:
        """Run shell text; of standard error, only the end is kept."""
        text = self.quote(command, *args)
        reply = self._connection.exchange([("run_command", text)])
        answers = reply.of_kind("ran")
        if not answers:
            return self.result(255, text.encode(), "", reply.errors)
        return self.result(answers[0].number("code"), text.encode(), answers[0]["output"], reply.errors)
