"""Pushes one file as kprov pushes archives: python -m bench.push SSH-CONFIG HOST FILE."""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path

from kprov.host.ssh_config import read_login
from kprov.kinds.base import ABSENT, Upload
from kprov.node.lock import host_lock
from kprov.node.uploads import push
from kprov.operations.session import Access
from kprov.spec.target import Target


def main(config: str, host: str, path: str) -> None:
    """Log in, take the lock, push, and release it; print the seconds that this took."""
    file = Path(path)
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    login = read_login(Target(host, "root", None), config=Path(config))
    began = time.monotonic()
    with Access().connect(login) as connection, host_lock(connection, "bench", ()):
        push(connection, Upload(file.name, digest, file.stat().st_size, file, "", ""), ABSENT, lambda _: None)
    print(time.monotonic() - began)


if __name__ == "__main__":
    main(*sys.argv[1:])
