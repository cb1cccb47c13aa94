"""A bug is one line for the user and a file for those who repair it, and neither tells a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from kprov.cli import main as entry
from kprov.cli.bug import told

PASSWORD = "ssl.keystore.password=correct-horse"


def test_one_line_names_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("correct-horse battery https://ada:staple@example.com/x")

    monkeypatch.setattr(entry.cli, "main", broken)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert entry.main(["install", "box", "--set", PASSWORD]) == 1
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    (report,) = (tmp_path / "kprov/bugs").iterdir()
    assert out == ""
    assert line.startswith("error: this is a bug in kprov")
    assert line.endswith(f"and report it with {report}")
    text = report.read_text()
    assert "ZeroDivisionError: *** battery https://***@example.com/x" in text
    assert "kprov install box --set ssl.keystore.password=***" in text
    assert "in broken" in text
    assert not any(secret in text + line for secret in ("correct-horse", "staple"))
    assert report.stat().st_mode & 0o777 == 0o600


def test_a_report_that_cannot_be_written_is_shown(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    try:
        raise ValueError("why")
    except ValueError:
        text = told(["status", "box"], tmp_path / "file")
    assert "ValueError: why" in text
    assert text.splitlines()[-1].endswith("report it with the lines above")
