"""HOST in the form of ``ssh HOST``: ``[user@]name[:port]``, where name may be an alias of ssh_config."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from kprov.errors import Problem
from kprov.spec.value import shown

# The characters of a host name or an alias: no white space, no quotes, no leading dash.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")
_LONGEST_LABEL, _LONGEST_NAME = 63, 253  # RFC 1035; resolvers refuse longer ones
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-\\]*\$?")
_PORT = re.compile(r"[0-9]{1,5}")
PORT_HINT = "write a number from 1 to 65535"
USER_HINT = "use letters, digits, . _ and -"
_HINT = "write HOST as [user@]name[:port], as for ssh"


@dataclass(frozen=True)
class Target:
    """Where to log in. ``user`` and ``port`` are None if ssh_config or the default decides."""

    name: str
    user: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name and self.port else self.name
        return f"{self.user + '@' if self.user else ''}{name}{f':{self.port}' if self.port else ''}"


def parse_target(text: str) -> Target | Problem:
    """Parse HOST. A Problem says what is wrong; the caller adds the place."""
    user, at, rest = text.removeprefix("ssh://").rpartition("@")
    if at and not is_user(user):
        return Problem(f"{user!r} is not a user name", hint=_HINT)
    name, port = _split_port(rest)
    if not is_host(name):
        return Problem(f"{shown(name)} is not a host name or an address", hint=_HINT)
    if port is None:
        return Target(name, user or None)
    if (number := port_number(port)) is None:
        return Problem(f"{shown(port)} is not a port", hint=PORT_HINT)
    return Target(name, user or None, number)


def port_number(text: str) -> int | None:
    """The text as a port; None if it is not one."""
    return int(text) if _PORT.fullmatch(text) and 1 <= int(text) <= 65535 else None


def is_user(text: str) -> bool:
    """Whether the text can be a user name, also one of a directory service."""
    return _USER.fullmatch(text) is not None


def is_host(text: str) -> bool:
    """Whether the text can be the name or the address of a host."""
    if ":" in text or ("." in text and not text.strip("0123456789.")):
        return _is_address(text)
    labels = text.removesuffix(".").split(".")
    return (
        _NAME.fullmatch(text) is not None
        and len(text) <= _LONGEST_NAME
        and all(0 < len(label) <= _LONGEST_LABEL for label in labels)
    )


def _is_address(text: str) -> bool:
    address, percent, scope = text.partition("%")
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not percent or (parsed.version == 6 and _NAME.fullmatch(scope) is not None)


def _split_port(text: str) -> tuple[str, str | None]:
    """Split ``name:port``; an IPv6 address with a port is in brackets."""
    if text.startswith("["):
        name, bracket, tail = text[1:].partition("]")
        if not bracket or (tail and not tail.startswith(":")):
            return text, None
        return name, tail[1:] if tail else None
    name, colon, port = text.partition(":")
    return (text, None) if ":" in port or not colon else (name, port)
