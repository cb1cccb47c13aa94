"""STAND-IN.txt: the file that says what an archive is."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

NAME = "STAND-IN.txt"
WIDTH = 100


def note(archive: str, publisher: str, *, origin: Sequence[str], ours: str, differs: str) -> str:
    """The text of STAND-IN.txt.

    archive: upstream's file name. publisher: who publishes the real one. origin: what it was made
    from, one entry per line. ours: which files are kprov's. differs: what the real one has beyond it.
    """
    paragraphs = (
        f"This is not the {archive} that {publisher} publishes. It is a stand-in with the same layout, put "
        "together by `kprov lab archives` for trying kprov out where only package registries can be "
        "reached. Do not use it for anything else: take the real archive.",
        "Made from:",
        *(f"  {line}" for line in origin),
        f"Ours: {ours}",
        f"Different from the real one: {differs}",
    )
    wrapper = textwrap.TextWrapper(WIDTH, break_on_hyphens=False, break_long_words=False)
    return "\n".join(wrapper.fill(text) for text in paragraphs) + "\n"
