"""Where to log in and how, as ``ssh HOST`` would read it from ssh_config."""

from __future__ import annotations

import getpass
import glob
import re
from dataclasses import dataclass
from pathlib import Path

from paramiko import SSHConfig
from paramiko.ssh_exception import ConfigParseError

from kprov.errors import UsageError
from kprov.spec.target import Target, port_number

_HEADER = re.compile(r"^\s*(host|match)[\s=]", re.IGNORECASE)
_INCLUDE = re.compile(r"^\s*include\s+(?P<patterns>.+?)\s*$", re.IGNORECASE)
_INCLUDE_DEPTH = 16  # OpenSSH's own bound (readconf.c)


@dataclass(frozen=True)
class Login:
    """Everything that a connection needs to know.

    name: what the user typed; hostname: the name or address that is dialled.
    identities: private key files, tried in this order; known_hosts: files, the first is written to.
    jumps: the hops on the way, in the order in which they are passed.
    """

    name: str
    hostname: str
    user: str
    port: int
    identities: tuple[Path, ...]
    identities_only: bool
    known_hosts: tuple[Path, ...]
    connect_timeout: float
    proxy_command: str | None = None
    jumps: tuple[Login, ...] = ()


def read_login(target: Target, *, config: Path | None = None, identity: Path | None = None) -> Login:
    """Resolve HOST through ssh_config.

    config: the file of ``--ssh-config``; without it the user's and the system's are read, where they exist.
    identity: the file of ``-i``, tried first. Raises UsageError if a named file is not there.
    """
    for path, option in ((config, "--ssh-config"), (identity, "-i")):
        if path is not None and not path.is_file():
            raise UsageError(f"{path} is not a file", where=option, hint="give the path of an existing file")
    if identity is not None and identity.read_bytes()[:4] in {b"ssh-", b"ecds", b"sk-s"}:
        raise UsageError(f"{identity} is a public key", where="-i", hint="name the private one, without .pub")
    files = [config] if config else [Path.home() / ".ssh/config", Path("/etc/ssh/ssh_config")]
    # Each file begins outside any Host block.
    text = "\nHost *\n".join(_expand(path, path.parent, 0) for path in files if path.is_file())
    where = str(config) if config else "ssh_config"
    try:
        return _resolve(target, SSHConfig.from_text(text), identity, depth=0)
    except ConfigParseError as error:
        raise UsageError(
            f"cannot be read: {error}", where=where, hint="mend that line; 'ssh -G HOST' shows it"
        ) from None


def _expand(path: Path, base: Path, depth: int) -> str:
    """The file's text with every Include replaced by what it names (paramiko does not read Include)."""
    if depth > _INCLUDE_DEPTH:
        raise UsageError("too many levels of Include", where=str(path), hint="an Include names its own file")
    lines = []
    header = "Host *"
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if _HEADER.match(line):
            header = line
        match = _INCLUDE.match(line)
        if match is None:
            lines.append(line)
            continue
        for pattern in match["patterns"].split():
            full = base / Path(pattern.strip('"')).expanduser()
            lines += [
                _expand(Path(name), base, depth + 1) for name in sorted(glob.glob(str(full))) if Path(name).is_file()
            ]
        lines.append(header)  # what follows belongs to the block that the Include stands in
    return "\n".join(lines)


def _resolve(target: Target, config: SSHConfig, identity: Path | None, depth: int) -> Login:
    found = config.lookup(target.name)
    files = [Path(name).expanduser() for name in found.get("identityfile", [])]
    known = found.get("userknownhostsfile", "~/.ssh/known_hosts ~/.ssh/known_hosts2").split()
    if known == ["none"]:
        known = ["/dev/null"]
    port = target.port or port_number(found.get("port", "22"))
    if port is None:
        raise ConfigParseError(f"Port {found['port']} is not a port")
    proxy = found.get("proxycommand")
    return Login(
        name=target.name,
        hostname=found.get("hostname", target.name),
        user=target.user or found.get("user") or getpass.getuser(),
        port=port,
        identities=tuple(([identity] if identity else []) + [path for path in files if path.is_file()]),
        identities_only=found.get("identitiesonly", "no").lower() == "yes",
        known_hosts=tuple(Path(name.strip('"')).expanduser() for name in known),
        connect_timeout=_seconds(found.get("connecttimeout", "none")),
        proxy_command=proxy if proxy and proxy.lower() != "none" else None,
        jumps=_jumps(found.get("proxyjump", "none"), config, identity, depth),
    )


def _seconds(text: str) -> float:
    """ConnectTimeout as OpenSSH reads it (sshd_config(5), TIME FORMATS); 15 seconds where there is none."""
    if text.lower() == "none":
        return 15.0
    parts = re.fullmatch(r"(?:([0-9]{1,4})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,6})s?)?", text, re.IGNORECASE)
    if not text or parts is None:
        raise ConfigParseError(f"ConnectTimeout {text} is not a time")
    hours, minutes, seconds = (float(part or 0) for part in parts.groups())
    return hours * 3600 + minutes * 60 + seconds or 15.0


def _jumps(value: str, config: SSHConfig, identity: Path | None, depth: int) -> tuple[Login, ...]:
    """The hops of ProxyJump, nearest first, each resolved on its own as OpenSSH does."""
    if value.lower() == "none":
        return ()
    if depth > _INCLUDE_DEPTH:
        raise UsageError(f"ProxyJump {value} leads back to itself", where="ssh_config", hint="mend the ProxyJump lines")
    hops: list[Login] = []
    for text in value.split(","):
        user, at, rest = text.strip().removeprefix("ssh://").rpartition("@")
        name, colon, port = rest.rpartition(":")
        target = (
            Target(name, user or None, int(port)) if colon and port.isdigit() else Target(rest, user if at else None)
        )
        hop = _resolve(target, config, identity, depth + 1)
        hops += [*hop.jumps, hop]
    return tuple(hops)
