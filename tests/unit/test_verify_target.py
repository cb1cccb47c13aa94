"""A host under verification: commands run in a clean environment, whatever the backend's login sets."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from kprov.verify.target import CommandResult, VerifiedHost

DIRTY = {"KAFKA_OPTS": "-javaagent:/nowhere.jar", "_JAVA_OPTIONS": "-Xmx1t", "GREP_OPTIONS": "--color=always"}


def target() -> VerifiedHost:
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
    found = VerifiedHost(host)
    found.__dict__["_is_root"] = True
    return found


def test_a_command_sees_nothing_of_the_login_s_environment() -> None:
    names = {line.partition("=")[0] for line in target().run("env").out.splitlines()}
    assert names <= {"HOME", "LC_ALL", "LANG", "PATH", "PWD", "OLDPWD", "SHLVL", "_"}


# What a shell would read as more than one word, or as more than a word.
AWKWARD = ("it's", "$HOME", "a b", "a;b", "$(id)", "`id`", "a=b", "-n", "*", 'a"b', "a\nb", "%s", "")


def test_arguments_reach_a_command_unchanged() -> None:
    assert target().run("printf", "%s|", *AWKWARD).out == "".join(f"{word}|" for word in AWKWARD)


def test_the_result_of_a_command_is_its_status_and_both_outputs() -> None:
    done = target().run_script('printf "%s|" "$@"; echo oops >&2; exit 3', *AWKWARD)
    assert (done.code, done.out, done.errors) == (3, "".join(f"{word}|" for word in AWKWARD), "oops\n")


def test_a_program_whose_path_has_an_equals_sign_is_run(tmp_path: Path) -> None:
    """env(1) would take such a word for a variable."""
    program = tmp_path / "a=b c"
    program.write_text("#!/bin/sh\necho ran\n")
    program.chmod(0o755)
    assert target().run(str(program)).out == "ran\n"


def test_a_tool_runs_in_its_home_with_its_input(tmp_path: Path) -> None:
    home = tmp_path / "it's a; home"
    home.mkdir()
    found = target()
    found.__dict__["node"] = SimpleNamespace(broker=SimpleNamespace(home=str(home)), java_home="/java $x")
    done = found.tool(("/bin/sh", "-c", 'pwd; echo "$JAVA_HOME"; cat; exit 4'), "one\ntwo 'x'\n")
    assert (done.code, done.out) == (4, f"{home}\n/java $x\none\ntwo 'x'\n")


def test_how_a_tool_ended() -> None:
    assert CommandResult(124, "", "").how == "did not end in time"
    assert CommandResult(1, "", "").how == "ended with exit code 1"
