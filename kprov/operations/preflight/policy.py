"""SELinux's policy, from the answers of a probe."""

from __future__ import annotations

from kprov.checks.subject import Policy
from kprov.kinds.base import Answer
from kprov.kinds.labels import context_type


def policy(seen: Answer) -> Policy:
    """What the policy says about the domains and labels that matter; empty or None if unknown."""

    def domain(key: str) -> str:
        return context_type(seen.get(key, ""))

    def answer(key: str) -> bool | None:
        return {"yes": True, "no": False}.get(seen.get(key, ""))

    def types(key: str) -> dict[str, str]:
        return dict(line.rsplit(" ", 1) for line in seen.get(key, "").splitlines())

    booleans = (word.partition("=") for word in seen.get("booleans", "").split())
    return Policy(
        tools=tuple(seen.get("tools", "").split()),
        own=domain("own"),
        service=domain("service"),
        label=domain("label"),
        java=domain("java"),
        wanted=domain("wanted"),
        starts=answer("starts"),
        execmem=answer("execmem"),
        booleans={name: value == "1" for name, _, value in booleans},
        barred=types("barred"),
        closed=types("closed"),
    )
