"""Tarballs that depend only on their content."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

from kprov.lab.archives import tarball


def _tree(folder: Path, names: list[str]) -> Path:
    tree = folder / "top"
    for name in names:
        file = tree / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"this is {name}\n")
    (tree / "bin" / "run.sh").chmod(0o700)
    (tree / "conf").chmod(0o700)
    return tree


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    names = ["bin/run.sh", "conf/a", "conf/b"]
    first, second = tmp_path / "1.tgz", tmp_path / "2.tgz"
    tarball.pack(_tree(tmp_path / "x", names), first)
    other = _tree(tmp_path / "y", names[::-1])
    os.utime(other / "conf" / "a", (1, 1))
    tarball.pack(other, second)
    assert first.read_bytes() == second.read_bytes()


def test_everything_belongs_to_root_and_is_in_one_folder(tmp_path: Path) -> None:
    archive = tmp_path / "a.tgz"
    tarball.pack(_tree(tmp_path, ["bin/run.sh", "conf/a"]), archive)
    with tarfile.open(archive) as tar:
        members = [(member.name, oct(member.mode), member.uid, member.uname, member.mtime) for member in tar]
    assert members == [
        ("top", "0o755", 0, "root", tarball.MODIFIED),
        ("top/bin", "0o755", 0, "root", tarball.MODIFIED),
        ("top/bin/run.sh", "0o755", 0, "root", tarball.MODIFIED),
        ("top/conf", "0o755", 0, "root", tarball.MODIFIED),
        ("top/conf/a", "0o644", 0, "root", tarball.MODIFIED),
    ]


def test_the_checksum_is_one_that_sha512sum_reads(tmp_path: Path) -> None:
    archive = tmp_path / "a.tgz"
    archive.write_bytes(b"something")
    (tmp_path / "a.tgz.sha512").write_text(tarball.checksum_line(archive))
    subprocess.run(["sha512sum", "--check", "--strict", "a.tgz.sha512"], cwd=tmp_path, check=True)
