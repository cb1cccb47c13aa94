"""Read ssh_config for one host as OpenSSH does (ssh_config(5), readconf.c).

kprov has its own parser because paramiko's supports neither Include, Match final, quoting nor trailing comments.
Every line is checked, also in blocks that do not match. An option that would change the connection and is not supported
is an error that names it; keywords that do not affect how kprov reaches a host are ignored.
"""

from __future__ import annotations

import getpass
import glob
import hashlib
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kprov.errors import UsageError
from kprov.host.ssh_words import checked, criteria_of, expand_tokens, list_matches, patterns_match, words_of

_LINE = re.compile(r'^\s*"?(?P<keyword>[A-Za-z0-9]+)"?(?:\s*=\s*|\s+|$)(?P<rest>.*?)\s*$')
_INCLUDE_DEPTH = 16  # READCONF_MAX_DEPTH
_EXEC_SECONDS = 30
_HINT = "fix that line; see how ssh reads it: ssh -G HOST"

# Keywords whose value is the rest of the line, unchanged.
_COMMANDS = {"proxycommand", "proxyjump", "localcommand", "remotecommand", "knownhostscommand"}
# Keywords whose values accumulate; for all others, the first value counts.
_ADDING = {"identityfile", "certificatefile"}


@dataclass(frozen=True)
class Destination:
    """What the user typed; None if ssh_config decides."""

    name: str
    user: str | None = None
    port: int | None = None


@dataclass(frozen=True)
class Options:
    """The values of each keyword that is set in ssh_config; keywords in lower case.

    name: the host as the user typed it. hostname, user and port are resolved; tokens in words are not expanded.
    """

    name: str
    hostname: str
    user: str
    port: int
    words: Mapping[str, tuple[str, ...]]

    def one(self, keyword: str, default: str = "") -> str:
        """The first value of a keyword."""
        return self.words.get(keyword, (default,))[0]

    def flag(self, keyword: str, *, default: bool = False) -> bool:
        """The value of a keyword that is yes or no."""
        return self.one(keyword, "yes" if default else "no") == "yes"

    def number(self, keyword: str, default: int) -> int:
        """The value of a keyword that is a number, or a time in seconds."""
        return int(self.one(keyword, str(default)))

    def expand(self, text: str, allowed: str = "CdhikLlnpru", *, environment: bool = True) -> str:
        """Replace tokens and, for most keywords, ``${NAME}`` (ssh_config(5), TOKENS).

        Raises UsageError for a token that the keyword does not allow, and for a variable that is not set.
        """
        try:
            return expand_tokens(text, _tokens(self), allowed, environment=environment)
        except ValueError as error:
            raise UsageError(str(error), where="ssh_config", hint=_HINT) from None


def read_options(files: Iterable[tuple[Path, Path]], asked: Destination) -> Options:
    """Read the files that exist, in order; each comes with the directory for its relative Includes.

    Raises UsageError with file and line.
    """
    sources = list(files)
    first = _Reader(asked)
    first.read_all(sources)
    options = first.options()
    if options.one("canonicalizehostname", "no") != "no":
        raise UsageError(
            "CanonicalizeHostname is not supported",
            where=first.places["canonicalizehostname"],
            hint=f"write HostName for {asked.name}, or set CanonicalizeHostname no for it",
        )
    if not first.wants_final:
        return options
    # Match final needs a second pass with the resolved name; options that are set keep their values.
    second = _Reader(asked, final=options.hostname, words=first.words)
    second.words["hostname"] = [options.hostname.replace("%", "%%")]
    second.read_all(sources)
    return second.options()


class _Reader:
    """One pass over the files."""

    def __init__(self, asked: Destination, final: str = "", words: dict[str, list[str]] | None = None) -> None:
        self.asked = asked
        self.final = final
        self.wants_final = False
        self.words: dict[str, list[str]] = dict(words or {})
        self.places: dict[str, str] = {}

    def options(self) -> Options:
        """The options found so far."""
        host = self._hostname().lower()
        user = self.asked.user or self._one("user") or getpass.getuser()
        port = self.asked.port or int(self._one("port") or 22)
        return Options(
            self.asked.name, host, user, port, {keyword: tuple(words) for keyword, words in self.words.items()}
        )

    def read_all(self, files: Iterable[tuple[Path, Path]]) -> None:
        for path, base in files:
            if path.is_file():
                self._read(path, base, reachable=True, depth=0)

    def _one(self, keyword: str) -> str:
        return self.words[keyword][0] if keyword in self.words else ""

    def _hostname(self) -> str:
        if self.final:
            return self.final
        # A typed name has no tokens: an address may have a scope, such as fe80::1%eth0.
        given = self._one("hostname")
        return expand_tokens(given, {"h": self.asked.name}, "h", environment=False) if given else self.asked.name

    # -------------------------------------------------------------- files and lines

    def _read(self, path: Path, base: Path, *, reachable: bool, depth: int) -> None:
        if depth > _INCLUDE_DEPTH:
            raise UsageError(
                "too many levels of Include", where=str(path), hint="a file may include itself; remove that Include"
            )
        try:
            lines = path.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", where=str(path), hint="make it readable") from None
        active = reachable
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            try:
                active = self._line(
                    line, base, active=active, reachable=reachable, depth=depth, place=f"{path}:{number}"
                )
            except ValueError as error:
                raise UsageError(str(error), where=f"{path}:{number}", hint=_HINT) from None

    def _line(self, line: str, base: Path, *, active: bool, reachable: bool, depth: int, place: str) -> bool:
        """Process one line; return whether the following lines apply to this host."""
        found = _LINE.match(line)
        if found is None:
            raise ValueError(f"cannot be read: {line.strip()}")
        keyword, rest = found["keyword"].lower(), found["rest"]
        if not rest:
            raise ValueError(f"{found['keyword']} has no value")
        if keyword == "match":
            return reachable and self._match(rest)
        if keyword in _COMMANDS:
            # Of these, only ProxyJump may have a trailing comment.
            words = [rest.partition("#")[0].rstrip() or rest if keyword == "proxyjump" else rest]
        elif not (words := words_of(rest)):
            raise ValueError(f"{found['keyword']} has no value")
        if keyword == "host":
            return reachable and patterns_match(self.final or self.asked.name, words)
        if keyword == "include":
            for pattern in words:
                full = os.path.join(base, os.path.expanduser(expand_tokens(pattern, _here(), "dhiLlnpru")))
                for name in sorted(glob.glob(full)):
                    self._read(Path(name), base, reachable=active, depth=depth + 1)
            return active
        words = checked(keyword, found["keyword"], words)
        if active:
            self._take(keyword, words, place)
        return active

    def _take(self, keyword: str, words: list[str], place: str) -> None:
        if keyword in _ADDING:
            present = self.words.setdefault(keyword, [])
            present += [word for word in words if word not in present]
            return
        if keyword in self.words or self._has_other_proxy(keyword):
            return
        self.words[keyword] = words
        self.places[keyword] = place

    def _has_other_proxy(self, keyword: str) -> bool:
        """Whether the other of ProxyJump and ProxyCommand is already set; the first of the two wins.

        ``ProxyCommand none`` also overrides a later ProxyJump. ``ProxyJump none`` does not override a later
        ProxyCommand: so Debian's 9.2p1-2+deb12u10, with the changes of OpenSSH 10.3; older versions connect directly.
        """
        if keyword == "proxyjump":
            return "proxycommand" in self.words
        return keyword == "proxycommand" and self._one("proxyjump").lower() not in {"", "none"}

    # -------------------------------------------------------------- Match

    def _match(self, rest: str) -> bool:
        words = criteria_of(rest)
        result, count = True, 0
        while words:
            word = words.pop(0)
            negated = word.startswith("!")
            criterion = word.removeprefix("!").lower()
            if criterion == "all":
                if count > 1 or words:
                    raise ValueError("Match all must be alone, or follow canonical or final")
                return result and not negated
            count += 1
            if criterion in {"canonical", "final"}:
                self.wants_final = self.wants_final or (criterion == "final" and not self.final)
                result = (bool(self.final) != negated) and result
                continue
            if not words:
                raise ValueError(f"Match {criterion} has no value")
            result = (self._criterion(criterion, words.pop(0), result) != negated) and result
        return result

    def _criterion(self, criterion: str, value: str, so_far: bool) -> bool:
        if criterion == "host":
            return list_matches(self._hostname().lower(), value.lower())
        if criterion == "originalhost":
            return list_matches(self.asked.name.lower(), value.lower())
        if criterion == "user":
            return list_matches(self.asked.user or self._one("user") or getpass.getuser(), value)
        if criterion == "localuser":
            return list_matches(getpass.getuser(), value)
        if criterion == "exec":
            # Like ssh, do not run it if an earlier criterion did not match.
            return so_far and _runs_well(expand_tokens(value, _tokens(self.options()), "CdhikLlnpru"))
        raise ValueError(f"Match {criterion} is not supported: use host, originalhost, user, localuser or exec")


def _runs_well(command: str) -> bool:
    """Whether the command of a Match exec exits with 0 in the user's shell."""
    shell = os.environ.get("SHELL") or "/bin/sh"
    try:
        done = subprocess.run(
            [shell, "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_EXEC_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"Match exec {command!r} did not end within {_EXEC_SECONDS} s") from None
    except OSError as error:
        raise ValueError(f"Match exec {command!r} cannot be run: {error.strerror}") from None
    return done.returncode == 0


def _here() -> dict[str, str]:
    """The tokens that do not depend on the host."""
    name = os.uname().nodename
    return {
        "d": str(Path.home()),
        "i": str(os.getuid()),
        "L": name.partition(".")[0],
        "l": name,
        "u": getpass.getuser(),
    }


def _tokens(options: Options) -> dict[str, str]:
    found = _here() | {
        "h": options.hostname,
        "k": options.one("hostkeyalias", options.name),
        "n": options.name,
        "p": str(options.port),
        "r": options.user,
    }
    # ssh uses it in names of sockets, not for security.
    digest = hashlib.sha1("".join(found[sign] for sign in "lhpr").encode(), usedforsecurity=False).hexdigest()
    return found | {"C": digest}
