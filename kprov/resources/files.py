"""Files, directories and links."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass, replace

from kprov.resources.base import (
    Action,
    Call,
    Change,
    Made,
    Obstacle,
    Seen,
    Verdict,
    attributes_differ,
    foreign,
    unknown,
    why_absent,
)
from kprov.spec.broker_keys import is_secret

_NOT_A = "is there and is not a"


@dataclass(frozen=True)
class File:
    """A text file that kprov renders. A diff of it shows no value of a key that holds a secret."""

    path: str
    content: str
    owner: str = "root"
    group: str = "root"
    mode: str = "0644"

    @property
    def id(self) -> str:
        return f"file:{self.path}"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content.encode()).hexdigest()

    def query(self) -> Call:
        return ("probe_path", self.id, self.path, "content")

    def made(self) -> Made:
        fields = {"path": self.path, "owner": self.owner, "group": self.group, "mode": self.mode, "sha256": self.sha256}
        return Made("file", self.id, fields)

    def compare(self, seen: Seen, was: Made | None) -> Verdict:
        title = f"file {self.path}"
        if obstacle := unknown(self.id, title, seen):
            return obstacle
        put: Call = ("put_file", self.sha256, self.path, self.owner, self.group, self.mode)
        if seen["status"] == "absent":
            reason = why_absent(was)
            return self._change(Action.CREATE, title, reason, (put,), self._diff("", "/dev/null"))
        if was is None or not seen.get("type", "").startswith("regular"):
            return foreign(self.id, title)
        differ = attributes_differ(seen, self.owner, self.group, self.mode)
        if seen.get("sha256") == self.sha256:
            if not differ:
                return None
            call = ("set_mode", self.path, self.owner, self.group, self.mode)
            return self._change(Action.UPDATE, title, differ, (call,), "")
        calls: tuple[Call, ...] = (put,)
        copies: tuple[Made, ...] = ()
        reason = "its content follows from what was asked"
        # "previous" (sums, one or more) is there while an interrupted run has not come to this file yet.
        if seen.get("sha256") not in {was["sha256"], *was["previous"].split()}:
            # Somebody edited it: what they wrote is not lost.
            backup = f"{self.path}.edited-{seen['sha256'][:8]}"
            calls = (("back_up", self.path, backup), put)
            copies = (Made("copy", f"copy:{backup}", {"path": backup, "of": self.path}),)
            reason = f"it was edited; the edited file is kept as {backup}"
        change = self._change(Action.UPDATE, title, reason, calls, self._diff(seen.get("content", ""), self.path))
        return replace(change, copies=copies)

    def _change(self, action: Action, title: str, reason: str, calls: tuple[Call, ...], diff: str) -> Change:
        return Change(action, self.id, title, reason, calls, diff, content=self.content.encode(), made=self.made())

    def _diff(self, old: str, name: str) -> str:
        lines = difflib.unified_diff(
            old.splitlines(), self.content.splitlines(), fromfile=name, tofile=self.path, lineterm="", n=2
        )
        return "\n".join(_masked(line) for line in lines)


def _masked(line: str) -> str:
    """A line of a diff with the value of a secret key replaced."""
    name, separator, _ = line.partition("=")
    return f"{name}=***" if separator and is_secret(name.lstrip("+- ").strip()) else line


@dataclass(frozen=True)
class Directory:
    """A directory.

    shared: others may have made it; then it is used as it is and left to them.
    log: a service writes its logs there, and they go with it.
    """

    path: str
    owner: str = "root"
    group: str = "root"
    mode: str = "0755"
    shared: bool = False
    log: bool = False

    @property
    def id(self) -> str:
        return f"directory:{self.path}"

    def query(self) -> Call:
        return ("probe_path", self.id, self.path)

    def made(self) -> Made:
        fields = {"path": self.path, "owner": self.owner, "group": self.group, "mode": self.mode}
        return Made("directory", self.id, fields | ({"holds": "logs"} if self.log else {}))

    def compare(self, seen: Seen, was: Made | None) -> Verdict:
        title = f"directory {self.path}"
        if obstacle := unknown(self.id, title, seen):
            return obstacle
        make: Call = ("make_directory", self.path, self.owner, self.group, self.mode)
        if seen["status"] == "absent":
            return Change(Action.CREATE, self.id, title, why_absent(was), (make,), made=self.made())
        if self.shared and was is None:
            # A link to a directory, as /home may be, serves as well: the host's owner put it there.
            if seen.get("type") in {"directory", "symbolic link"}:
                return None
            return Obstacle(
                self.id, f"{self.path} {_NOT_A} directory", "move it away, or choose another place in kprov.yaml"
            )
        if was is None or seen.get("type") != "directory":
            return foreign(self.id, title)
        if differ := attributes_differ(seen, self.owner, self.group, self.mode):
            return Change(Action.UPDATE, self.id, title, differ, (make,), made=self.made())
        return None


@dataclass(frozen=True)
class DataDirectory:
    """A directory of the user's data: kept by uninstall, and taken up again when it holds the same product's.

    holds: ``kafka`` or ``zookeeper``; broker: the broker.id that its meta.properties must name, for Kafka.
    """

    path: str
    owner: str
    group: str
    holds: str
    broker: str = ""
    mode: str = "0750"

    @property
    def id(self) -> str:
        return f"data:{self.path}"

    def query(self) -> Call:
        return ("probe_data", self.id, self.path)

    def made(self) -> Made:
        fields = {"path": self.path, "owner": self.owner, "group": self.group, "mode": self.mode, "holds": self.holds}
        return Made("data", self.id, fields)

    def compare(self, seen: Seen, was: Made | None) -> Verdict:
        title = f"data directory {self.path}"
        if obstacle := unknown(self.id, title, seen):
            return obstacle
        make: Call = ("make_directory", self.path, self.owner, self.group, self.mode)
        if seen["status"] == "absent":
            return Change(Action.CREATE, self.id, title, why_absent(was), (make,), made=self.made())
        if seen.get("type") != "directory":
            return Obstacle(self.id, f"{self.path} {_NOT_A} directory", "move it away, or choose another place")
        empty = seen.get("entries") == "0"
        if self.broker and seen.get("holds") == "kafka" and seen.get("broker", "") not in {"", self.broker}:
            return Obstacle(
                self.id,
                f"{self.path} holds the messages of broker.id {seen['broker']}, not of {self.broker}",
                f"set broker.id to {seen['broker']}, or choose another log.dirs",
            )
        if was is None and not empty:
            return Obstacle(
                self.id,
                f"{self.path} is not empty and kprov did not make it",
                "choose another directory, or move what is in it away",
            )
        differ = attributes_differ(seen, self.owner, self.group, self.mode)
        if was is not None and was["kept"]:
            calls = (make, ("own_tree", self.path, self.owner, self.group))
            reason = "the data that the last uninstall kept are used again"
            return Change(Action.ADOPT, self.id, title, reason, calls, made=self.made())
        if differ or was is None:
            reason = differ or "it is there and empty"
            return Change(Action.UPDATE, self.id, title, reason, (make,), made=self.made())
        return None


@dataclass(frozen=True)
class Link:
    """A symbolic link to one target."""

    path: str
    target: str

    @property
    def id(self) -> str:
        return f"link:{self.path}"

    def query(self) -> Call:
        return ("probe_path", self.id, self.path)

    def made(self) -> Made:
        return Made("link", self.id, {"path": self.path, "target": self.target})

    def compare(self, seen: Seen, was: Made | None) -> Verdict:
        title = f"link {self.path}"
        if obstacle := unknown(self.id, title, seen):
            return obstacle
        put: Call = ("put_link", self.path, self.target)
        if seen["status"] == "absent":
            reason = why_absent(was) if was else f"to {self.target}"
            return Change(Action.CREATE, self.id, title, reason, (put,), made=self.made(), disruptive=True)
        if was is None or seen.get("type") != "symbolic link":
            return foreign(self.id, title)
        if seen.get("target") != self.target:
            reason = f"to {self.target}, not to {seen.get('target')}"
            return Change(Action.UPDATE, self.id, title, reason, (put,), made=self.made(), disruptive=True)
        return None


@dataclass(frozen=True)
class Links:
    """A folder with one link for each entry of ``source`` that matches ``pattern``.

    A folder of links and not a link to a folder: the launchers find config and logs by ``$(dirname $0)/..``.
    ``own_folder``: whether the folder is made and removed with the links.
    """

    folder: str
    source: str
    pattern: str = "*"
    own_folder: bool = True

    @property
    def id(self) -> str:
        return f"links:{self.folder}/{self.pattern}"

    def query(self) -> Call:
        return ("probe_links", self.id, self.folder, self.source, self.pattern)

    def made(self) -> Made:
        folder = "own" if self.own_folder else "keep"
        fields = {"path": self.folder, "source": self.source, "pattern": self.pattern, "folder": folder}
        return Made("links", self.id, fields)

    def compare(self, seen: Seen, was: Made | None) -> Verdict:
        title = f"links {self.folder}/{self.pattern}"
        if obstacle := unknown(self.id, title, seen):
            return obstacle
        calls: tuple[Call, ...] = (("put_links", self.folder, self.source, self.pattern),)
        made = self.made()
        if seen["status"] == "absent":
            reason = why_absent(was) if was else f"to {self.source}"
            return Change(Action.CREATE, self.id, title, reason, calls, made=made, disruptive=True)
        if was is None and self.own_folder:
            return foreign(self.id, title)
        if seen.get("links") == "foreign":
            return Obstacle(self.id, f"{self.folder} holds files that are no links", "move them away")
        elsewhere = was is None or any(was[key] != value for key, value in made.fields.items())
        if seen.get("links") != "right" or elsewhere:
            reason = f"to {self.source}"
            action = Action.UPDATE if was else Action.CREATE
            return Change(action, self.id, title, reason, calls, made=made, disruptive=True)
        return None
