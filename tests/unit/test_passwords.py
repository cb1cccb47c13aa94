"""Passwords from files, and the type that hides them."""

from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path

import pytest

from kprov.cli.passwords import PasswordFiles
from kprov.errors import UsageError
from kprov.secret import Passwords, Secret


def test_a_secret_is_never_shown() -> None:
    secret = Secret("hidden")
    shown = f"{secret} {secret!r} {[secret]} {Passwords(None, secret, secret)}"
    assert "hidden" not in shown
    assert shown.count("***") == 5
    assert secret.reveal() == "hidden"
    assert secret
    assert not Secret("")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.touch(0o600)
    return path


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("word\n", "word"),
        ("word", "word"),
        ("word\r\n", "word"),
        ("first\nsecond\n", "first"),
        (" with blanks \n", " with blanks "),
        ("ключ\n", "ключ"),
    ],
)
def test_the_password_is_the_first_line_of_the_file(file: Path, text: str, password: str) -> None:
    file.write_bytes(text.encode())
    found = PasswordFiles(None, file).read()
    assert found.sudo is not None
    assert found.sudo.reveal() == password
    assert found.login is None


def test_a_pipe_is_read_only_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("word\n",), daemon=True)
    writer.start()
    files = PasswordFiles(pipe, None)
    first = files.read().login
    assert first is not None
    assert first.reveal() == "word"
    assert files.read().login is first
    writer.join(10)


def test_standard_input_holds_the_login_password_then_the_sudo_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("login\nsudo\n"))
    found = PasswordFiles(Path("-"), Path("-")).read()
    assert found.login is not None
    assert found.sudo is not None
    assert (found.login.reveal(), found.sudo.reveal()) == ("login", "sudo")
    assert found.prompt is None, "standard input is no terminal"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620])
def test_a_file_that_other_users_can_read_or_write_is_refused(file: Path, mode: int) -> None:
    file.write_text("word\n")
    file.chmod(mode)
    with pytest.raises(UsageError, match="other users can") as caught:
        PasswordFiles(file, None).read()
    assert (caught.value.problems[0].where, "chmod 600" in caught.value.problems[0].hint) == ("--password-file", True)


@pytest.mark.parametrize(
    ("content", "what"), [(b"", "first line of"), (b"\nword\n", "first line of"), (b"\xff", "UTF-8")]
)
def test_a_file_without_a_password_is_refused(file: Path, content: bytes, what: str) -> None:
    file.write_bytes(content)
    with pytest.raises(UsageError, match=what):
        PasswordFiles(None, file).read()


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(UsageError, match="cannot be read") as caught:
            PasswordFiles(None, path).read()
        assert caught.value.problems[0].where == "--sudo-password-file"


def test_the_next_command_gets_the_options_of_files_but_not_of_standard_input() -> None:
    assert PasswordFiles(None, Path("secret")).arguments == ("--sudo-password-file", "secret")
    assert PasswordFiles(Path("-"), None).arguments == ()
