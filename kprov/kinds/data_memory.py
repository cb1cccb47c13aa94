"""Where data lie, and whether what is there now is still the same data.

An empty directory where messages were, because a file system is not mounted, must never be taken for a new one. The
receipt therefore holds on which file system the data were last seen. Device numbers and names change with a reboot, a
rename or another cable, so the UUID decides where it is known, then the mount point. All of it is pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from kprov.kinds.base import Answer

_NETWORK = ("nfs", "cifs", "smb", "ceph", "fuse.", "9p", "glusterfs")


@dataclass(frozen=True)
class FileSystem:
    """Where a directory lies; every field is empty if it is not known.

    mount: its mount point. inside: the directory's path within the file system, the same under a bind mount.
    fstype, device: as in /proc/self/mountinfo. uuid: as udev knows it.
    """

    mount: str = ""
    inside: str = ""
    fstype: str = ""
    device: str = ""
    uuid: str = ""

    @classmethod
    def of(cls, answer: Answer) -> FileSystem:
        """Where the directory lies, or would lie, as the probe saw it."""
        fields = (answer.get(key, "") for key in ("mount", "inside", "fstype", "device", "uuid"))
        return cls(*fields)

    def __bool__(self) -> bool:
        return bool(self.mount)

    def __str__(self) -> str:
        known = f"UUID {self.uuid}" if self.uuid else self.device
        return f"{self.mount} ({', '.join(part for part in (self.fstype, known) if part)})"

    def is_above(self, other: FileSystem) -> bool:
        """Whether its mount point is above the other's: what shows where the other is not mounted."""
        return self.mount != other.mount and f"{other.mount}/".startswith(self.mount.rstrip("/") + "/")

    def same_as(self, now: FileSystem) -> bool:
        """Whether a directory that lay here and lies there now lies on the same file system.

        Nothing is known of an entry that an earlier kprov wrote: then there is nothing to compare.
        """
        if not self.mount or not now.mount:
            return True
        if self.uuid and now.uuid:
            # The same file system may be mounted elsewhere. Below a mount that is gone, though, another directory of
            # the same file system shows where that was a bind mount.
            return self.uuid == now.uuid and (not now.is_above(self) or self.inside == now.inside)
        if self.mount != now.mount:
            return (self.fstype, self.device, self.inside) == (now.fstype, now.device, now.inside)
        return self.fstype == now.fstype and (not self.fstype.startswith(_NETWORK) or self.device == now.device)
