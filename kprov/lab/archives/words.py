"""Words between two @ in launchers and configuration: what differs between releases."""

from __future__ import annotations

import re
from collections.abc import Mapping

WORD = re.compile(r"@([A-Z][A-Z0-9_]*)@")


def fill_in(text: str, words: Mapping[str, str]) -> str:
    """The text with each word replaced by what it stands for; KeyError for an unknown one."""
    return WORD.sub(lambda found: words[found[1]], text)
