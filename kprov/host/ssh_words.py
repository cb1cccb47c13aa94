"""The small print of ssh_config: how a line is cut into words, what patterns match, and the form of each value.

What is wrong with a word is a ValueError, which the reader of the file turns into one with file and line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping

from kprov.spec.target import port_number

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

# Keywords of one word, with its form.
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
    """The text with ``%h`` and the like, of those that are allowed, and ``${NAME}`` replaced."""

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
    """The words of a line, as argv_split in OpenSSH's misc.c: quotes, escapes, and no comment behind them."""
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
    """The words of a Match line, which ssh reads otherwise (strdelim): double quotes alone, and no escapes."""
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
    """OpenSSH's patterns: ``*`` and ``?``, nothing else (ssh_config(5), PATTERNS)."""
    parts = (".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def list_matches(text: str, patterns: str) -> bool:
    """A list of patterns with commas between them."""
    return patterns_match(text, patterns.split(","))


def patterns_match(host: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns matches and none that is negated does."""
    found = False
    for pattern in patterns:
        if pattern_matches(pattern.removeprefix("!"), host):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def checked(keyword: str, shown: str, words: list[str]) -> list[str]:
    """The words in the form that the keyword has; ValueError says what is wrong with them."""
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
    """A time as OpenSSH writes it (sshd_config(5), TIME FORMATS), in seconds; none is 0."""
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
    expand_tokens(word, {"h": ""}, "h", environment=False)  # it is needed while the file is still being read
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
