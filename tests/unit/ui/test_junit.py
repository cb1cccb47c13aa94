"""The JUnit file: counted, readable as XML whatever is in it, and written with what a command tells."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from kprov.errors import ExitCode, OutputError, StepError, UsageError
from kprov.ui.junit import Case, junit, write_junit
from kprov.ui.output import Output

CASES = (
    Case("one", "passed", 1.5),
    Case("<two> & \x1b[31m", "failed", 0.25, 'it said "no"\nand\x00 ended'),
    Case("three", "skipped", 0, "SELinux is off"),
    Case("four", "error", 0, "lost"),
)


def test_what_is_in_it() -> None:
    """Counts, times, verdicts, and text that XML cannot hold replaced."""
    (suite,) = ET.fromstring(junit("kprov verify", CASES))  # noqa: S314 (our own)
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == tuple("4111")
    assert suite.get("time") == "1.750"
    one, two, three, four = suite
    assert [child.tag for child in (*one, *two, *three, *four)] == ["failure", "skipped", "error"]
    assert two.get("name") == "<two> & \ufffd[31m"
    assert (two[0].get("message"), two[0].text) == ('it said "no"', 'it said "no"\nand\ufffd ended')


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """What was done on the host stands: the error is about the file alone."""
    with pytest.raises(OutputError, match=r"--junit: .* cannot be written: Is a directory"):
        write_junit(tmp_path, "x", CASES)


@pytest.mark.parametrize(
    ("code", "ends"), [(ExitCode.DONE, ExitCode.OUTPUT), (ExitCode.STEP, ExitCode.STEP)], ids=["done", "failed"]
)
def test_a_file_that_cannot_be_written_at_the_end(code: ExitCode, ends: ExitCode, tmp_path: Path) -> None:
    """A command that went well ends with 9; the document says so, and hides nothing that went wrong before."""
    stream = io.StringIO()
    output = Output("install", as_json=True, junit=Path("/dev/full"), stream=stream)
    if code:
        output.failed(StepError("it broke", where="kafka-1"))
    assert output.close(code) is ends
    document = json.loads(stream.getvalue())
    assert document["exit_code"] == ends
    said = [problem["what"] for problem in document["problems"]]
    assert said == [*(["it broke"] if code else []), "/dev/full cannot be written: No space left on device"]


def test_a_command_that_failed_is_a_case_that_failed(tmp_path: Path) -> None:
    """Also without any test of its own."""
    output = Output("install", as_json=True, junit=tmp_path / "x.xml", stream=io.StringIO())
    output.failed(StepError("it broke", where="kafka-1", cause="no room"))
    output.close(ExitCode.STEP)
    ((case,),) = ET.parse(tmp_path / "x.xml").getroot()  # noqa: S314 (our own)
    assert case.get("name") == "kprov install"
    assert case[0].text == "kafka-1: it broke\nno room"


def test_a_folder_that_is_not_there_is_noticed_before_anything_is_done(tmp_path: Path) -> None:
    """And not after an hour's work."""
    with pytest.raises(UsageError, match="is not a folder"):
        Output("install", junit=tmp_path / "no/x.xml").check_junit()
    with pytest.raises(UsageError, match="cannot be written"):
        Output("install", junit=tmp_path).check_junit()
    Output("install", junit=tmp_path / "x.xml").check_junit()
