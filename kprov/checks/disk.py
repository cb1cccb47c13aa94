"""The file systems that will be written to: room, and whether they are of a kind that will do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from kprov.checks.result import Finding, advice, bad, good, unseen
from kprov.checks.subject import Place, Subject

_FEW_INODES = 10000
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "fuse.glusterfs", "ceph"})
_FLEETING = frozenset({"tmpfs", "ramfs"})
_MIB = 2**20
_FEWER_FILES = "remove files there that nobody needs, however small (df -i counts them); freeing space does not help"


def disk_space(host: Subject) -> Iterator[Finding]:
    """Room for everything that goes onto one file system, each file system once."""
    for places in _file_systems(host.places):
        first = places[0]
        needed, advised = sum(item.needed for item in places), sum(item.advised for item in places)
        purposes = ", ".join(f"{item.purpose} ({_mib(item.needed)})" for item in places if item.needed)
        what = purposes or ", ".join(item.purpose for item in places)
        if first.free_kib is None:
            yield unseen(f"{first.mount or first.path} does not tell how much is free, for {what}", "look with df")
            continue
        free = first.free_kib * 1024
        has = f"{first.mount or first.path} has {_mib(free)} free"
        files = sum(item.files for item in places)
        if first.inodes is not None and first.inodes < files:
            some = f"only {first.inodes}" if first.inodes else "no"
            for_what = purposes or ", ".join(item.purpose for item in places)
            yield bad(f"{has}, but {some} inodes: {for_what} needs {files}", _FEWER_FILES)
        if free < needed:
            yield bad(f"{has}, and {what} needs {_mib(needed)}", "make room there")
        elif free < needed + advised:
            goes_on = ", ".join(item.purpose for item in places if item.advised)
            more = f"make room there: {goes_on} should have {_mib(advised)} to grow"
            yield advice(f"{has}, enough for now", more)
        elif first.inodes is not None and first.inodes < files:
            continue
        elif first.inodes is not None and first.inodes < _FEW_INODES:
            yield advice(f"{has}, but only {first.inodes} inodes: each partition needs some", _FEWER_FILES)
        else:
            yield good(f"{has}, for {what}")


def file_system(host: Subject) -> Iterator[Finding]:
    """Of each place: can be written to, programs can be run where they must, and what is kept stays."""
    found = list(_kinds(host.places))
    yield from found
    if not found:
        kinds = dict.fromkeys(f"{place.mount} is {place.kind}" for place in host.places if place.kind)
        if kinds:
            yield good(", ".join(kinds))
        else:
            yield unseen("the host does not tell how its file systems are mounted", "look with mount")


def _kinds(places: Iterable[Place]) -> Iterator[Finding]:
    for place in places:
        where = f"{place.mount}, where {place.purpose} will be"
        if "ro" in place.options:
            yield bad(f"{where}, is mounted read-only", "mount it for writing, or choose another place in kprov.yaml")
        elif place.runs and "noexec" in place.options:
            yield bad(f"{where}, is mounted noexec", "mount it without noexec: programs are run from there")
        elif place.keeps and place.kind in _FLEETING:
            yield advice(f"{where}, is a {place.kind}: it is empty after a reboot", "choose a directory on a disk")
        elif place.keeps and place.kind in _NETWORK:
            yield advice(f"{where}, is {place.kind}", "Kafka wants a local file system: xfs or ext4")
        elif place.keeps and "strictatime" in place.options:
            yield advice(f"{where}, writes down each read", "mount it with noatime or relatime")


def _file_systems(places: Iterable[Place]) -> Iterator[list[Place]]:
    ordered = sorted(places, key=lambda place: (place.device, place.mount))
    for _, group in groupby(ordered, key=lambda place: place.device or place.mount or place.path):
        yield list(group)


def _mib(count: int) -> str:
    return f"{count // _MIB} MiB"
