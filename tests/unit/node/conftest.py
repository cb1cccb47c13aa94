"""A host on this machine that runs the real library, and an archive to push to it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from support.local_host import LocalHost

from kprov.kinds.base import Upload


@pytest.fixture
def host(tmp_path: Path) -> LocalHost:
    found = LocalHost(tmp_path)
    log = tmp_path / "order"
    found.before = (
        f'note() {{ printf "%s\\n" "$1" >>{log}; }}\n'
        f'bad() {{ printf "%s\\n" "$1" >>{log}; echo "the reason"; return 3; }}\n'
    )
    return found


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    path = tmp_path / "kafka.tgz"
    path.write_bytes(os.urandom(600_000))
    return Upload(
        path.name,
        hashlib.sha256(path.read_bytes()).hexdigest(),
        path.stat().st_size,
        path,
        "top",
        str(tmp_path / "releases/kafka"),
    )
