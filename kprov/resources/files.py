"""Files, directories and links."""

from __future__ import annotations

import difflib
import hashlib
import posixpath
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
    in_the_way,
    kept_name,
    mode_of,
    relabelled,
    set_aside,
    taken_over,
    unknown,
    why_absent,
)
from kprov.resources.data import OPTION, filled, gone, lost_data, with_memory
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
        create = self._change(Action.CREATE, title, why_absent(was), (put,), self._diff("", "/dev/null"))
        if seen["status"] == "absent":
            return create
        diff = self._diff(seen.get("content", ""), self.path)
        if verdict := in_the_way(replace(create, diff=diff), self.path, title, seen, was):
            return verdict
        if was is None or not seen.get("type", "").startswith("regular"):
            return set_aside(create, self.path, seen=seen)
        differ = attributes_differ(seen, self.owner, self.group, self.mode)
        if seen.get("sha256") == self.sha256:
            if not differ:
                return None
            call = ("set_mode", self.path, self.owner, self.group, self.mode)
            return replace(self._change(Action.UPDATE, title, differ, (call,), ""), quiet=True)
        calls: tuple[Call, ...] = (put,)
        copies: tuple[Made, ...] = ()
        reason = "its content follows from what was asked"
        # "previous" (sums, one or more) is there while an interrupted run has not come to this file yet.
        if seen.get("sha256") not in {was["sha256"], *was["previous"].split()}:
            # Somebody edited it: what they wrote is not lost.
            backup = kept_name(self.path, seen)
            calls = (("back_up", self.path, backup), put)
            copies = (Made("copy", f"copy:{backup}", {"path": backup, "of": self.path}),)
            reason = f"it was edited; the edited file is kept as {backup}"
        return replace(self._change(Action.UPDATE, title, reason, calls, diff), copies=copies)

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
    log: a service writes its logs there, and they go with it. temporary: likewise for its temporary files.
    """

    path: str
    owner: str = "root"
    group: str = "root"
    mode: str = "0755"
    shared: bool = False
    log: bool = False
    temporary: bool = False

    @property
    def id(self) -> str:
        return f"directory:{self.path}"

    def query(self) -> Call:
        return ("probe_path", self.id, self.path)

    def made(self) -> Made:
        fields = {"path": self.path, "owner": self.owner, "group": self.group, "mode": self.mode}
        holds = "logs" if self.log else "temporary files" if self.temporary else ""
        return Made("directory", self.id, fields | ({"holds": holds} if holds else {}))

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
        if seen.get("type") != "directory":
            create = Change(Action.CREATE, self.id, title, "", (make,), made=self.made(), disruptive=True)
            return in_the_way(create, self.path, title, seen, was) or set_aside(create, self.path, seen=seen)
        if was is None:
            return foreign(self.id, title, _taken_in(self.id, title, self.made(), seen, (make,)))
        if differ := attributes_differ(seen, self.owner, self.group, self.mode):
            made = _still_adopted(self.made(), was)
            return Change(Action.UPDATE, self.id, title, differ, (make,), made=made, quiet=True)
        return None


def _taken_in(id_: str, title: str, made: Made, seen: Seen, calls: tuple[Call, ...]) -> Change:
    """A directory is taken over with all that is in it; uninstall gives it back to its owner."""
    # By number: the owner of a file need not have a name.
    before = made["adopted"] or f"{seen.get('uid')}:{seen.get('gid')}:{mode_of(seen)}"
    who = f"{seen.get('owner')}:{seen.get('group')}, mode {mode_of(seen)}"
    reason = f"it is taken over from {who}, with what is in it; uninstall gives it back"
    entry = replace(made, fields={**made.fields, "adopted": before})
    return Change(Action.ADOPT, id_, title, reason, calls, made=entry, disruptive=True)


def _still_adopted(made: Made, was: Made) -> Made:
    """The entry with what it was before kprov, if it was taken over."""
    return replace(made, fields={**made.fields, "adopted": was["adopted"]}) if was["adopted"] else made


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
        if was is not None and (lost := lost_data(was, seen)):
            return replace(lost, accept=self._accepted(seen, was))
        make: Call = ("make_directory", self.path, self.owner, self.group, self.mode)
        if seen["status"] == "absent":
            return Change(Action.CREATE, self.id, title, why_absent(was), (make,), made=self.made())
        if seen.get("type") == "symbolic link":
            target = posixpath.normpath(posixpath.join(posixpath.dirname(self.path), seen.get("target", "")))
            what = f"data directory {self.path} is a symbolic link to {target}"
            return Obstacle(self.id, what, f"name the directory itself: {target}")
        if seen.get("type") != "directory":
            return Obstacle(self.id, f"{self.path} {_NOT_A} directory", "move it away, or choose another place")
        if self.holds == "kafka" and seen.get("lost_found") == "yes":
            return self._top_of_a_file_system(was)
        empty = not filled(seen)
        if self.broker and seen.get("holds") == "kafka" and seen.get("broker", "") not in {"", self.broker}:
            return Obstacle(
                self.id,
                f"{self.path} holds the messages of broker.id {seen['broker']}, not of {self.broker}",
                f"set broker.id to {seen['broker']}, or choose another log.dirs",
            )
        own: Call = ("own_tree", self.path, self.owner, self.group)
        if was is None and not empty:
            fits = seen.get("holds") == self.holds
            choice = f"--adopt takes over the {self.holds} data in it; or " if fits else ""
            return Obstacle(
                self.id,
                f"{self.path} is not empty and kprov did not make it",
                f"{choice}choose another directory, or move what is in it away",
                _taken_in(self.id, title, self.made(), seen, (make, own)) if fits else None,
            )
        differ = attributes_differ(seen, self.owner, self.group, self.mode)
        if was is not None and was["kept"]:
            calls = (make, own)
            reason = "the data that the last uninstall kept are used again"
            return Change(Action.ADOPT, self.id, title, reason, calls, made=with_memory(self.made(), was, seen))
        if was is not None and was["pending"] and was["adopted"]:
            return _taken_in(self.id, title, _still_adopted(self.made(), was), seen, (make, own))
        if differ or was is None:
            reason = differ or "it is there and empty"
            made = with_memory(_still_adopted(self.made(), was) if was else self.made(), was, seen)
            return Change(Action.UPDATE, self.id, title, reason, (make,), made=made, quiet=True)
        return None

    def _accepted(self, seen: Seen, was: Made) -> Change | None:
        """The change that goes on with what is there, and remembers that instead; None where that cannot be."""
        if seen["status"] != "absent" and seen.get("type") != "directory":
            return None
        why = gone(was, seen)
        entry = _still_adopted(self.made(), was)
        entry = with_memory(replace(entry, fields={**entry.fields, "accepted": why}), None, seen)
        make: Call = ("make_directory", self.path, self.owner, self.group, self.mode)
        own: Call = ("own_tree", self.path, self.owner, self.group)
        action, calls = (Action.ADOPT, (make, own)) if filled(seen) else (Action.CREATE, (make,))
        return Change(action, self.id, f"data directory {self.path}", f"{why}; {OPTION}", calls, made=entry)

    def _top_of_a_file_system(self, was: Made | None) -> Obstacle:
        what = (
            f"{self.path} is the top of a file system: Kafka takes lost+found in it for a partition and does not start"
        )
        hint = f"set log.dirs to a directory below it, such as {self.path}/data"
        return Obstacle(self.id, what, hint if was is None else f"{hint}, or remove lost+found if it is empty")


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
        create = Change(Action.CREATE, self.id, title, "", (put,), made=self.made(), disruptive=True)
        if verdict := in_the_way(create, self.path, title, seen, was):
            return verdict
        if seen.get("type") != "symbolic link":
            return set_aside(create, self.path, seen=seen)
        if seen.get("target") != self.target:
            reason = f"to {self.target}, not to {seen.get('target')}"
            return Change(Action.UPDATE, self.id, title, reason, (put,), made=self.made(), disruptive=True)
        return relabelled(self.id, title, seen, ("label", self.path))


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
        # Links into what these were made from before go; any others in the folder are somebody else's.
        old = f"{was['source']} {was['previous']}".split() if was else []
        put: Call = ("put_links", self.folder, self.source, self.pattern, *dict.fromkeys(old))
        reason = why_absent(was) if was and seen["status"] == "absent" else f"to {self.source}"
        create = Change(Action.CREATE, self.id, title, reason, (put,), made=self.made(), disruptive=True)
        if seen["status"] == "absent":
            return create
        if self.own_folder and (verdict := in_the_way(create, self.folder, title, seen, was)):
            return verdict
        # name and time of change of each file that is where a link should be
        replaced = [line.rpartition(" ")[::2] for line in seen.get("replaced", "").splitlines()]
        if replaced:
            paths = [f"{self.folder}/{name}" for name, _ in replaced]
            if was is None or was["foreign"]:
                change = taken_over(create, *paths)
                return change if was is not None else foreign(self.id, f"{paths[0]}", change)
            return set_aside(create, *paths, seen={"mtime": max(changed for _, changed in replaced)})
        if was is None and not self.own_folder and seen.get("links") == "right":
            entry = replace(self.made(), fields={**self.made().fields, "adopted": "yes"})
            reason = "they are there and right; uninstall leaves them"
            return foreign(self.id, title, replace(create, action=Action.ADOPT, reason=reason, made=entry))
        elsewhere = was is None or any(was[key] != value for key, value in self.made().fields.items())
        if seen.get("links") != "right" or elsewhere:
            return replace(create, action=Action.UPDATE if was else Action.CREATE)
        return relabelled(self.id, title, seen, ("label_links", self.folder, self.pattern))
