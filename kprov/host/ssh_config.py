"""Where to log in and how, as ``ssh HOST`` would: what ssh_config says, put in the form that a connection needs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kprov.errors import Problem, UsageError
from kprov.host.ssh_options import Destination, Options, read_options
from kprov.host.waiting import LOGIN_SECONDS
from kprov.spec.target import Target, parse_target

SYSTEM_KNOWN_HOSTS = (Path("/etc/ssh/ssh_known_hosts"), Path("/etc/ssh/ssh_known_hosts2"))
_SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")
_MOST_JUMPS = 16
# Where no IdentityFile is named (readconf.c), without the kinds that paramiko does not know.
_DEFAULT_IDENTITIES = ("~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519")
_METHODS = {
    "publickey": "pubkeyauthentication",
    "keyboard-interactive": "kbdinteractiveauthentication",
    "password": "passwordauthentication",
}
_HINT = "fix that line; see how ssh reads it: ssh -G HOST"


@dataclass(frozen=True)
class Login:
    """Everything that a connection needs to know.

    name: what the user typed; hostname: the name or address that is dialled.
    identities: private key files, tried in this order, of which at least the public half is there;
    certificates: files that go with them; agent: the socket of the key agent, empty for none;
    methods: what may be tried, in this order; password_prompts: how often a password is asked for.
    known_hosts: files, the first is written to; revoked_host_keys: a file of keys that are never taken;
    strict: ask, yes, no or accept-new, as StrictHostKeyChecking.
    connect_timeout, banner_timeout, alive_interval: seconds, for the connection itself, for sshd's first line, and
    between two signs of life; alive_count: how many unanswered signs of life end the connection.
    proxy_command: starts the way to the first hop; jumps: the hops, in the order in which they are passed.
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
    certificates: tuple[Path, ...] = ()
    agent: str = ""
    methods: tuple[str, ...] = tuple(_METHODS)
    password_prompts: int = 3
    system_known_hosts: tuple[Path, ...] = SYSTEM_KNOWN_HOSTS
    revoked_host_keys: Path | None = None
    host_key_alias: str = ""
    strict: str = "ask"
    hash_known_hosts: bool = False
    banner_timeout: float = LOGIN_SECONDS
    alive_interval: float = 10.0
    alive_count: int = 3
    address_family: str = "any"
    bind_address: str = ""


def read_login(target: Target, *, config: Path | None = None, identity: Path | None = None) -> Login:
    """Resolve HOST through ssh_config.

    config: the file of ``--ssh-config``; without it the user's and the system's are read, where they exist.
    identity: the file of ``-i``, tried first. Raises UsageError if a named file is not there, and where
    ssh_config cannot be read or asks for what kprov cannot do.
    """
    for path, option in ((config, "--ssh-config"), (identity, "-i")):
        if path is not None and not path.is_file():
            raise UsageError(f"{path} is not a file", where=option, hint="give the path of an existing file")
    if identity is not None and identity.read_bytes()[:4] in {b"ssh-", b"ecds", b"sk-s"}:
        raise UsageError(f"{identity} is a public key", where="-i", hint="name the private one, without .pub")
    own = Path.home() / ".ssh"
    files = [(config, own)] if config else [(own / "config", own), (_SYSTEM_CONFIG, _SYSTEM_CONFIG.parent)]
    return _Resolver(files, identity).login(target, depth=0)


@dataclass(frozen=True)
class _Resolver:
    files: list[tuple[Path, Path]]
    identity: Path | None

    def login(self, target: Target, *, depth: int, alone: bool = False) -> Login:
        """alone: a hop behind another, whose way is given already (ssh.c gives it ``-J``)."""
        options = read_options(self.files, Destination(target.name, target.user, target.port))
        _refuse(options)
        proxy = options.one("proxycommand", "none")
        revoked = options.one("revokedhostkeys", "none")
        agent = options.one("identityagent", "SSH_AUTH_SOCK")
        return Login(
            name=target.name,
            hostname=options.hostname,
            user=options.user,
            port=options.port,
            identities=tuple(([self.identity] if self.identity else []) + _identities(options)),
            identities_only=options.flag("identitiesonly"),
            known_hosts=_paths(options, "userknownhostsfile", ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")),
            connect_timeout=options.number("connecttimeout", 0) or 15.0,
            banner_timeout=options.number("connecttimeout", 0) or LOGIN_SECONDS,
            proxy_command=None
            if alone or proxy.lower() == "none"
            else options.expand(proxy, "hnpr", environment=False),
            jumps=() if alone else self.jumps(options, depth),
            certificates=_existing(options, options.words.get("certificatefile", ())),
            agent=_agent(options, agent),
            methods=_methods(options),
            password_prompts=options.number("numberofpasswordprompts", 3),
            system_known_hosts=_paths(options, "globalknownhostsfile", tuple(map(str, SYSTEM_KNOWN_HOSTS))),
            revoked_host_keys=_path(options, revoked) if revoked.lower() != "none" else None,
            host_key_alias=options.one("hostkeyalias"),
            strict=options.one("stricthostkeychecking", "ask"),
            hash_known_hosts=options.flag("hashknownhosts"),
            # 0 would be never, as it is ssh's default: kprov notices a dead host in any case.
            alive_interval=options.number("serveraliveinterval", 0) or 10.0,
            alive_count=max(1, options.number("serveralivecountmax", 3)),
            address_family=options.one("addressfamily", "any"),
            bind_address=options.one("bindaddress"),
        )

    def jumps(self, options: Options, depth: int) -> tuple[Login, ...]:
        """The hops of ProxyJump, nearest first. Only the first of them may have hops of its own before it."""
        value = options.one("proxyjump", "none")
        if value.lower() == "none":
            return ()
        if depth > _MOST_JUMPS:
            raise UsageError(
                f"ProxyJump {value} leads back to itself",
                where="ssh_config",
                hint="set ProxyJump none for the jump host itself",
            )
        hops: list[Login] = []
        for text in value.split(","):
            target = parse_target(options.expand(text.strip(), "hnpr", environment=False))
            if isinstance(target, Problem):
                raise UsageError(f"ProxyJump {value}: {target.what}", where="ssh_config", hint=_HINT)
            hop = self.login(target, depth=depth + 1, alone=bool(hops))
            hops += [*hop.jumps, hop]
        return tuple(hops)


def _refuse(options: Options) -> None:
    """What would lead elsewhere than kprov goes."""
    if options.flag("proxyusefdpass") and options.one("proxycommand", "none").lower() != "none":
        what = "ProxyUseFdpass is not supported"
    elif options.one("bindinterface"):
        what = "BindInterface is not supported"
    else:
        return
    raise UsageError(what, where="ssh_config", hint=f"set another way for {options.name} in a file for --ssh-config")


def _path(options: Options, text: str) -> Path:
    return Path(options.expand(text)).expanduser()


def _paths(options: Options, keyword: str, default: tuple[str, ...]) -> tuple[Path, ...]:
    words = options.words.get(keyword, default)
    return (
        (Path("/dev/null"),)
        if [word.lower() for word in words] == ["none"]
        else tuple(_path(options, word) for word in words)
    )


def _existing(options: Options, words: Iterable[str]) -> tuple[Path, ...]:
    """The files that are there; ssh passes over the others, too."""
    paths = [_path(options, word) for word in words if word.lower() != "none"]
    return tuple(path for path in paths if path.is_file())


def _identities(options: Options) -> list[Path]:
    """The keys that are there, also those of which only the public half is: the agent may have the other."""
    words = options.words.get("identityfile", _DEFAULT_IDENTITIES)
    paths = [_path(options, word) for word in words if word.lower() != "none"]
    return [path for path in paths if path.is_file() or path.with_name(f"{path.name}.pub").is_file()]


def _agent(options: Options, word: str) -> str:
    if word.lower() == "none":
        return ""
    if word == "SSH_AUTH_SOCK":
        return os.environ.get("SSH_AUTH_SOCK", "")
    if word.startswith("$") and not word.startswith("${"):
        return os.environ.get(word[1:], "")
    return str(_path(options, word))


def _methods(options: Options) -> tuple[str, ...]:
    """The ways to log in that are neither switched off nor left out of PreferredAuthentications."""
    preferred = options.one("preferredauthentications", ",".join(_METHODS)).split(",")
    return tuple(name for name in preferred if name in _METHODS and options.flag(_METHODS[name], default=True))
