"""The syntax of ssh_config: how a line is split into words, what patterns match, and which values are valid.

A ValueError describes an invalid word; the reader of the file adds file and line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping

from kprov.spec.target import port_number

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

# Keywords with one value, and the values that they allow.
_BOOLEANS = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}
_CHOICES: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "identitiesonly",
            "hashknownhosts",
            "pubkeyauthentication",
            "passwordauthentication",
            "kbdinteractiveauthentication",
            "proxyusefdpass",
        ),
        _BOOLEANS,
    ),
    "pubkeyauthentication": {**_BOOLEANS, "unbound": "yes", "host-bound": "yes"},
    "stricthostkeychecking": {**_BOOLEANS, "off": "no", "ask": "ask", "accept-new": "accept-new"},
    "addressfamily": {"any": "any", "inet": "inet", "inet6": "inet6"},
    "canonicalizehostname": {**_BOOLEANS, "always": "always"},
}


def expand_tokens(text: str, tokens: Mapping[str, str], allowed: str, *, environment: bool = True) -> str:
    """Replace allowed tokens such as ``%h``, and ``${NAME}`` unless ``environment`` is false."""

    def replaced(found: re.Match[str]) -> str:
        sign, name = found["sign"], found["name"]
        if sign == "%":
            return "%"
        if sign is not None:
            if not sign or sign not in allowed:
                raise ValueError(f"%{sign} is not allowed in {text!r}")
            return tokens[sign]
        if name not in os.environ:
            raise ValueError(f"{text!r} uses the environment variable {name}, which is not set")
        return os.environ[name]

    pattern = r"%(?P<sign>.?)" + (r"|\$\{(?P<name>[^}]*)\}" if environment else "(?P<name>(?!))?")
    return re.sub(pattern, replaced, text)


def words_of(text: str) -> list[str]:
    """Split a line into words as argv_split in OpenSSH's misc.c does: quotes, escapes, trailing comments."""
    words: list[str] = []
    at = 0
    while at < len(text):
        if text[at] in " \t":
            at += 1
            continue
        if text[at] == "#":
            break
        word, quote = "", ""
        while at < len(text):
            here, after = text[at], text[at + 1 : at + 2]
            if here == "\\" and after and (after in "'\"\\" or (after == " " and not quote)):
                word += after
                at += 1
            elif not quote and here in " \t":
                break
            elif not quote and here in "'\"":
                quote = here
            elif here == quote:
                quote = ""
            else:
                word += here
            at += 1
        if quote:
            raise ValueError(f"missing closing quote: {text}")
        words.append(word)
    return words


def criteria_of(text: str) -> list[str]:
    """Split a Match line, which ssh reads differently (strdelim): only double quotes, and no escapes."""
    words: list[str] = []
    while (text := text.lstrip(" \t=")) and not text.startswith("#"):
        if text.startswith('"'):
            word, quote, text = text[1:].partition('"')
            if not quote:
                raise ValueError(f"missing closing quote: {text}")
        else:
            word = re.split(r'[ \t="]', text, maxsplit=1)[0]
            text = text[len(word) :]
        words.append(word)
    return words


def pattern_matches(pattern: str, text: str) -> bool:
    """Match an OpenSSH pattern, which has only ``*`` and ``?`` (ssh_config(5), PATTERNS)."""
    parts = (".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def list_matches(text: str, patterns: str) -> bool:
    """Match a comma-separated list of patterns."""
    return patterns_match(text, patterns.split(","))


def patterns_match(host: str, patterns: Iterable[str]) -> bool:
    """Whether a pattern matches and no negated pattern does."""
    found = False
    for pattern in patterns:
        if pattern_matches(pattern.removeprefix("!"), host):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def checked(keyword: str, shown: str, words: list[str]) -> list[str]:
    """The values of a keyword, normalised. Raises ValueError for an invalid one."""
    if keyword in _CHOICES:
        _only_one(shown, words)
        if (choice := _CHOICES[keyword].get(words[0].lower())) is None:
            raise ValueError(f"{shown} {words[0]} is not one of {', '.join(_CHOICES[keyword])}")
        return [choice]
    if keyword in _FORMS:
        _only_one(shown, words)
        return [_FORMS[keyword](shown, words[0])]
    return words


def _only_one(shown: str, words: list[str]) -> None:
    if len(words) > 1:
        raise ValueError(f"{shown} takes one value; remove {words[1]}")


def _port(shown: str, word: str) -> str:
    port = port_number(word)
    if port is None:
        raise ValueError(f"{shown} {word} is not a port")
    return str(port)


def _seconds(shown: str, word: str) -> str:
    """A time in OpenSSH's format (sshd_config(5), TIME FORMATS), in seconds; none is 0."""
    if word.lower() == "none" and shown.lower() == "connecttimeout":
        return "0"
    if not re.fullmatch(r"([0-9]{1,9}[smhdwSMHDW])*([0-9]{1,9}[smhdwSMHDW]?)", word):
        raise ValueError(f"{shown} {word} is not a time")
    return str(sum(int(count) * _UNITS[unit.lower()] for count, unit in re.findall(r"([0-9]+)([a-zA-Z]?)", word)))


def _count(shown: str, word: str) -> str:
    if not re.fullmatch(r"[0-9]{1,9}", word):
        raise ValueError(f"{shown} {word} is not a number")
    return str(int(word))


def _text(shown: str, word: str) -> str:
    if not word:
        raise ValueError(f"{shown} has no value")
    return word


def _hostname(shown: str, word: str) -> str:
    expand_tokens(word, {"h": ""}, "h", environment=False)  # it is expanded while the file is still being read
    return _text(shown, word)


_FORMS: Mapping[str, Callable[[str, str], str]] = {
    "hostname": _hostname,
    "port": _port,
    "connecttimeout": _seconds,
    "serveraliveinterval": _seconds,
    "serveralivecountmax": _count,
    "numberofpasswordprompts": _count,
    **dict.fromkeys(
        (
            "user",
            "hostkeyalias",
            "identityfile",
            "certificatefile",
            "identityagent",
            "revokedhostkeys",
            "bindaddress",
            "bindinterface",
            "preferredauthentications",
        ),
        _text,
    ),
}
