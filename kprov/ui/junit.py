"""A JUnit file, the format that CI systems read."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kprov.errors import OutputError

# Characters that XML 1.0 does not allow, but that a log line may contain.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_VERDICTS = {"failed": "failure", "error": "error", "skipped": "skipped"}


@dataclass(frozen=True)
class Case:
    """One test. status: passed, failed, error or skipped. detail: the reason."""

    name: str
    status: str
    seconds: float
    detail: str = ""


def junit(suite: str, cases: Sequence[Case]) -> str:
    """The text of the file."""
    counts = {name: sum(case.status == name for case in cases) for name in _VERDICTS}
    total = f"{sum(case.seconds for case in cases):.3f}"
    numbers = {"tests": str(len(cases)), "failures": str(counts["failed"]), "errors": str(counts["error"])}
    root = ET.Element("testsuites", numbers | {"time": total})
    element = ET.SubElement(
        root, "testsuite", {"name": suite} | numbers | {"skipped": str(counts["skipped"]), "time": total}
    )
    for case in cases:
        name = _FORBIDDEN.sub("\ufffd", case.name)
        test = ET.SubElement(element, "testcase", classname=suite, name=name, time=f"{case.seconds:.3f}")
        if case.status in _VERDICTS:
            detail = _FORBIDDEN.sub("\ufffd", case.detail)
            first = detail.splitlines()[0] if detail else ""
            ET.SubElement(test, _VERDICTS[case.status], message=first).text = detail
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def write_junit(path: Path, suite: str, cases: Sequence[Case]) -> None:
    """Write the file. Raises OutputError if that is not possible."""
    try:
        path.write_text(junit(suite, cases), encoding="utf-8")
    except OSError as error:
        what = f"{path} cannot be written: {error.strerror}"
        raise OutputError(what, where="--junit", hint="free space there, or name another file") from None
