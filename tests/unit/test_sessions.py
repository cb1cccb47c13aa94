"""Sessions of the documentation are read as they are written, and every difference is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.sessions import Typed, difference, sessions

PAGE = """
```console
$ kprov plan kafka-1
...
kafka-1: 2 changes
$ kprov smoke-test kafka-1
$ bin/kafka-topics.sh --list
    ok  it is listed  1.7 s
```

```sh
kprov restart kafka-1
```
"""


def test_the_commands_of_a_page(tmp_path: Path) -> None:
    """A command that kprov shows is not one that the reader types, and a block of sh is not run."""
    (tmp_path / "page.md").write_text(PAGE)
    assert list(sessions(tmp_path / "page.md")) == [
        Typed("kprov plan kafka-1", ("...", "kafka-1: 2 changes"), "page.md:3"),
        Typed(
            "kprov smoke-test kafka-1",
            ("$ bin/kafka-topics.sh --list", "    ok  it is listed  1.7 s"),
            "page.md:6",
        ),
    ]


@pytest.mark.parametrize(
    ("shown", "seen", "found"),
    [
        ("a", "a", ""),
        ("a", "a\nb", "not shown: b"),
        ("a\n...", "a\nb", ""),
        ("...\nb", "a\nb", ""),
        ("...\nb", "a\nb\nc", "not shown: c"),
        ("b", "a\nb", "not seen: b"),
        ("a\n...\nb", "a\nc", "not seen: b"),
        ("ready (process 7)  1.3 s", "ready (process 1234)  12.9 s", ""),
        ("kill broker 0 on kafka-1, and wait", "kill broker 1 on 192.168.78.142, and wait", ""),
        ("kafka-1: 44 changes", "kafka-1: 43 changes", "not seen: kafka-1: 44 changes"),
        ("kafka  1.0.0", "kafka  1.0.1", "not seen: kafka  1.0.0"),
        ("k  follower 3.5.10  0  up", "k  leader 3.5.10    1 controller  up", ""),
    ],
)
def test_what_differs(shown: str, seen: str, found: str) -> None:
    assert difference(tuple(shown.splitlines()), seen.splitlines()) == found
