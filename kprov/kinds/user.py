"""System users, and the groups of their names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kprov.kinds.base import (
    Action,
    Answer,
    Call,
    Change,
    Entry,
    Obstacle,
    Presence,
    Removal,
    Verdict,
    foreign,
    missing,
    of_kind,
    remove,
    unknown,
    unreadable,
    why_absent,
)


@dataclass(frozen=True)
class UserSeen:
    """What ``probe_user`` saw. uid, gid: numbers as text; gid: of the group of that name.

    group: whether the group exists; None if the probe did not say.
    """

    presence: Presence
    uid: str
    gid: str
    group: bool | None

    @classmethod
    def of(cls, answer: Answer) -> UserSeen:
        group = answer.get("group")
        return cls(
            Presence.of(answer),
            _field(answer.get("entry", ""), 2),
            _field(group or "", 2),
            None if group is None else bool(group),
        )


def _field(line: str, number: int) -> str:
    """A field of a line of passwd or group, counted from 0; empty if there is none."""
    return next(iter(line.split(":")[number : number + 1]), "")


@dataclass(frozen=True)
class User:
    """A system user with a group of the same name, without a home and without a login shell."""

    name: str

    @property
    def id(self) -> str:
        return f"user:{self.name}"

    def query(self) -> Call:
        return ("probe_user", self.id, self.name)

    def entry(self) -> UserEntry:
        return UserEntry(self.name)

    def compare(self, answer: Answer, was: Entry | None) -> Verdict:
        title = f"user {self.name}"
        if obstacle := unknown(self.id, title, answer):
            return obstacle
        seen, made = UserSeen.of(answer), of_kind(was, UserEntry)
        if seen.presence is Presence.ABSENT:
            return self._created(seen, made)
        if made is None:
            return self._adopted(seen)
        if seen.group is False:
            reason = f"its group {self.name} was removed"
            entry = self.entry().staying(made, answer)
            return Change(Action.UPDATE, self.id, title, reason, (("add_group", self.name),), entry=entry)
        return None

    def _created(self, seen: UserSeen, made: UserEntry | None) -> Verdict:
        """The user is made, in a group of that name which may exist already: that stays when the user goes."""
        title = f"user {self.name}"
        change = Change(Action.CREATE, self.id, title, why_absent(made), (("add_user", self.name),), entry=self.entry())
        if not seen.gid or (made is not None and not made.joined):
            return change
        joins = replace(change, entry=replace(self.entry(), joined=made.joined if made else seen.gid))
        if made is not None:
            return joins
        reason = f"it joins the group {self.name}, which exists; uninstall leaves the group"
        return foreign(self.id, f"group {self.name}", replace(joins, action=Action.ADOPT, reason=reason))

    def _adopted(self, seen: UserSeen) -> Obstacle:
        """The obstacle of a user that kprov did not create; the group that files and services need may be missing."""
        title = f"user {self.name}"
        if seen.uid == "0":
            what = f"user {self.name} has uid 0: the service would run as root"
            return Obstacle(self.id, what, f"give {self.name} another uid, or remove that user")
        reason = "it exists and is not changed; uninstall leaves it"
        calls: tuple[Call, ...] = (("keep_user", self.name),)
        entry = replace(self.entry(), adopted=True)
        if seen.group is False:
            reason += f"; the group {self.name}, which does not exist, is created and removed again"
            calls, entry = (*calls, ("add_group", self.name)), replace(entry, group_made=True)
        return foreign(self.id, title, Change(Action.ADOPT, self.id, title, reason, calls, entry=entry))


@dataclass(frozen=True)
class UserEntry(Entry):
    """A user that kprov made.

    adopted: whether it was there before. joined: the gid of a group that existed before the user. group_made: whether
    kprov created the group of a user that existed before.
    """

    kind = "user"
    name: str
    adopted: bool = False
    joined: str = ""
    group_made: bool = False

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def adopted_as_it_was(self) -> bool:
        return self.adopted

    def query(self) -> Call:
        return ("probe_user", self.id, self.name)

    def staying(self, was: Entry | None, answer: Answer) -> UserEntry:
        del answer
        made = of_kind(was, UserEntry)
        if made is None:
            return self
        return replace(self, adopted=made.adopted, joined=made.joined, group_made=made.group_made)

    def resource(self) -> User:
        return User(self.name)

    def drift(self, answer: Answer) -> Iterator[str]:
        if lost := missing(answer):
            yield lost
            return
        seen = UserSeen.of(answer)
        if seen.group is False:
            yield f"its group {self.name} was removed"

    def removal(self, answer: Answer, *, purge: bool, force: bool) -> Removal:
        del purge, force
        if Presence.of(answer) is Presence.ABSENT:
            return Removal()
        if stop := unreadable(self, answer):
            return stop
        if self.group_made:
            return remove(self, f"group {self.name}", ("remove_group", self.name))
        if self.adopted:
            return Removal()
        joined = (self.joined,) if self.joined else ()
        return remove(self, f"user {self.name}", ("remove_user", self.name, *joined))
