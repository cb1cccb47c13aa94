"""Ansible and molecule, run as their users run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program of this environment in the repository's folder."""
    programs = Path(sys.executable).parent
    environment = os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "ANSIBLE_NOCOLOR": "1",
        "NO_COLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        **variables,
    }
    return subprocess.run(words, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
