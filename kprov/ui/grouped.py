"""Steps that nobody needs to read one by one are told together: ``create 2 users, 8 directories and 14 files``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from kprov.events import TOLD_AGAIN, Emit, Event, StepDone, StepStarted, Transfer
from kprov.words import counted, listed

FEW = 2  # that are told by name: a count would say less


def counted_groups(groups: Sequence[str]) -> str:
    """What the groups of changes or steps say together; each is a verb and a noun."""
    by_verb: dict[str, dict[str, int]] = {}
    for group in groups:
        verb, _, noun = group.partition(" ")
        nouns = by_verb.setdefault(verb, {})
        nouns[noun] = nouns.get(noun, 0) + 1
    return ", ".join(
        f"{verb} {listed([counted(number, noun) for noun, number in nouns.items()])}" for verb, nouns in by_verb.items()
    )


@dataclass
class _Together:
    """Steps of one host that ended and are not told yet."""

    events: list[StepDone] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return sum(event.seconds for event in self.events)

    @property
    def text(self) -> str:
        """The counted ones first; those without a noun, such as starts, are always told by name."""
        counted_ones = [event for event in self.events if " " in event.group]
        by_name = [event.text for event in self.events if " " not in event.group]
        if len(counted_ones) <= FEW:
            return ", ".join([*(event.text for event in counted_ones), *by_name])
        return ", ".join([counted_groups([event.group for event in counted_ones]), *by_name])


@contextmanager
def grouped(emit: Emit, *, every_step: bool = False) -> Iterator[Emit]:
    """Yield an emitter that tells steps of groups together, as soon as another one begins or at the end.

    every_step: it tells them one by one.
    """
    waiting: dict[str, tuple[_Together, StepDone]] = {}

    def tell(host: str) -> None:
        if host in waiting:
            steps, last = waiting.pop(host)
            emit(StepDone(last.number, last.count, steps.text, steps.seconds, host))

    def receive(event: Event) -> None:
        match event:
            case StepDone(group=group) if group not in {"", TOLD_AGAIN} and not every_step:
                steps, _ = waiting.get(event.host, (_Together(), event))
                steps.events.append(event)
                waiting[event.host] = (steps, event)
                return
            case StepStarted(group=group) | StepDone(group=group) if group:
                pass
            case Transfer():
                pass
            case _:
                tell(event.host)
        emit(event)

    try:
        yield receive
    finally:
        for host in list(waiting):
            tell(host)
