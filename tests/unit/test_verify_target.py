"""A host under verification: commands run in a clean environment, whatever the backend's login sets."""

from __future__ import annotations

import os
import subprocess
from types import SimpleNamespace
from typing import Any

from kprov.verify.target import Output, Target

DIRTY = {"KAFKA_OPTS": "-javaagent:/nowhere.jar", "_JAVA_OPTIONS": "-Xmx1t", "GREP_OPTIONS": "--color=always"}


def target() -> Target:
    """This machine, as a backend finds it whose login sets variables for another Kafka."""

    def run(command: str) -> SimpleNamespace:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            env={"PATH": os.defpath, **DIRTY},
            capture_output=True,
            text=True,
            check=False,
        )
        return SimpleNamespace(rc=done.returncode, stdout=done.stdout, stderr=done.stderr)

    host: Any = SimpleNamespace(run=run, backend=SimpleNamespace(get_pytest_id=lambda: "here"))
    found = Target(host)
    found.__dict__["_is_root"] = True
    return found


def test_a_command_sees_nothing_of_the_login_s_environment() -> None:
    names = {line.partition("=")[0] for line in target().run("env").out.splitlines()}
    assert names <= {"HOME", "LC_ALL", "LANG", "PATH", "PWD", "OLDPWD", "SHLVL", "_"}


def test_a_command_is_the_shell_s_as_it_was_written() -> None:
    done = target().run("printf '%s|' \"it's\" '$HOME' a\\ b; echo oops >&2; exit 3")
    assert (done.code, done.out, done.errors) == (3, "it's|$HOME|a b|", "oops\n")


def test_how_a_tool_ended() -> None:
    assert Output(124, "", "").how == "did not end in time"
    assert Output(1, "", "").how == "ended with exit code 1"
