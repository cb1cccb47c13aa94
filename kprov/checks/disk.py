"""The file systems that an install writes to: free space, type and mount options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from kprov.checks.result import Finding, advice, bad, good, unseen
from kprov.checks.subject import Place, Subject

_FEW_INODES = 10000
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "fuse.glusterfs", "ceph"})
_VOLATILE = frozenset({"tmpfs", "ramfs"})
_MIB = 2**20
_FEWER_FILES = "remove unneeded files there, even small ones (df -i shows the count); freeing space does not help"


def disk_space(host: Subject) -> Iterator[Finding]:
    """Space for everything that is written to one file system; each file system is reported once."""
    for places in _file_systems(host.places):
        first = places[0]
        needed, advised = sum(item.needed for item in places), sum(item.advised for item in places)
        purposes = ", ".join(f"{item.purpose} ({_mib(item.needed)})" for item in places if item.needed)
        what = purposes or ", ".join(item.purpose for item in places)
        if first.free_kib is None:
            yield unseen(
                f"the free space on {first.mount or first.path} could not be read; it is needed for {what}",
                f"check it with df -h {first.mount or first.path}",
            )
            continue
        free = first.free_kib * 1024
        has = f"{first.mount or first.path} has {_mib(free)} free"
        files = sum(item.files for item in places)
        if first.inodes is not None and first.inodes < files:
            some = f"only {first.inodes}" if first.inodes else "no"
            for_what = purposes or ", ".join(item.purpose for item in places)
            yield bad(f"{has}, but {some} inodes: {for_what} needs {files}", _FEWER_FILES)
        if free < needed:
            yield bad(f"{has}, and {what} needs {_mib(needed)}", f"free space on {first.mount or first.path}")
        elif free < needed + advised:
            growing = ", ".join(item.purpose for item in places if item.advised)
            fix = f"free space on {first.mount or first.path}: {growing} should have {_mib(advised)} to grow"
            yield advice(f"{has}, enough for now", fix)
        elif first.inodes is not None and first.inodes < files:
            continue
        elif first.inodes is not None and first.inodes < _FEW_INODES:
            yield advice(f"{has}, but only {first.inodes} inodes, and every partition needs some", _FEWER_FILES)
        else:
            yield good(f"{has}, for {what}")


def file_system(host: Subject) -> Iterator[Finding]:
    """Each file system is writable, allows programs where kprov runs some, and keeps its data over a reboot."""
    found = list(_kinds(host.places))
    yield from found
    if not found:
        kinds = dict.fromkeys(f"{place.mount} is {place.kind}" for place in host.places if place.kind)
        if kinds:
            yield good(", ".join(kinds))
        else:
            yield unseen("the mount options could not be read", "check them with mount")


def _kinds(places: Iterable[Place]) -> Iterator[Finding]:
    for place in places:
        where = f"{place.mount} (for {place.purpose})"
        if "ro" in place.options:
            yield bad(f"{where} is mounted read-only", "remount it read-write, or choose another place in kprov.yaml")
        elif place.runs and "noexec" in place.options:
            yield bad(f"{where} is mounted noexec, and programs run from there", "remount it without noexec")
        elif place.keeps and place.kind in _VOLATILE:
            yield advice(f"{where} is a {place.kind}, which is empty after a reboot", "choose a directory on a disk")
        elif place.keeps and place.kind in _NETWORK:
            yield advice(f"{where} is {place.kind}, a network file system", "use a local file system: xfs or ext4")
        elif place.keeps and "strictatime" in place.options:
            yield advice(f"{where} is mounted strictatime, which writes on every read", "mount it noatime or relatime")


def _file_systems(places: Iterable[Place]) -> Iterator[list[Place]]:
    ordered = sorted(places, key=lambda place: (place.device, place.mount))
    for _, group in groupby(ordered, key=lambda place: place.device or place.mount or place.path):
        yield list(group)


def _mib(count: int) -> str:
    return f"{count // _MIB} MiB"
