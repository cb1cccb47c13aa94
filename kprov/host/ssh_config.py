"""Where and how to log in, as ``ssh HOST`` would: ssh_config, resolved to what a connection needs."""

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
# The defaults of IdentityFile (readconf.c), without the key types that paramiko does not support.
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

    name: what the user typed. hostname: the name or address to connect to.
    identities: private key files in the order to try them; at least the public half of each exists. certificates: files
    for those keys. agent: the socket of the key agent, empty for none. methods: the authentication methods in the order
    to try them. password_prompts: how often to ask for a password.
    known_hosts: files; new keys are added to the first. revoked_host_keys: a file of keys that are never accepted.
    strict: ask, yes, no or accept-new, as StrictHostKeyChecking.
    connect_timeout, banner_timeout, alive_interval: seconds to wait for the connection, for sshd's first line, and
    between keepalives. alive_count: the number of unanswered keepalives that ends the connection.
    proxy_command: the command that connects to the first hop. jumps: the hops, nearest first.
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

    config: the file of ``--ssh-config``; without it, the user's and the system's files are read if they exist.
    identity: the file of ``-i``, tried first. Raises UsageError if a given file does not exist, if ssh_config cannot be
    read, or if it asks for something that kprov does not support.
    """
    for path, option in ((config, "--ssh-config"), (identity, "-i")):
        if path is not None and not path.is_file():
            raise UsageError(f"{path} is not a file", where=option, hint="give the path of an existing file")
    if identity is not None and identity.read_bytes()[:4] in {b"ssh-", b"ecds", b"sk-s"}:
        raise UsageError(f"{identity} is a public key", where="-i", hint="give the private key, without .pub")
    own = Path.home() / ".ssh"
    files = [(config, own)] if config else [(own / "config", own), (_SYSTEM_CONFIG, _SYSTEM_CONFIG.parent)]
    return _Resolver(files, identity).login(target, depth=0)


@dataclass(frozen=True)
class _Resolver:
    files: list[tuple[Path, Path]]
    identity: Path | None

    def login(self, target: Target, *, depth: int, alone: bool = False) -> Login:
        """Resolve one hop. alone: ignore its own proxies, as the previous hop leads to it (ssh.c passes it ``-J``)."""
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
            # 0, ssh's default, means never; kprov always checks that the host is alive.
            alive_interval=options.number("serveraliveinterval", 0) or 10.0,
            alive_count=max(1, options.number("serveralivecountmax", 3)),
            address_family=options.one("addressfamily", "any"),
            bind_address=options.one("bindaddress"),
        )

    def jumps(self, options: Options, depth: int) -> tuple[Login, ...]:
        """The hops of ProxyJump, nearest first. Only the first may need hops of its own."""
        value = options.one("proxyjump", "none")
        if value.lower() == "none":
            return ()
        if depth > _MOST_JUMPS:
            raise UsageError(
                f"ProxyJump {value} refers back to itself",
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
    """Raise UsageError for options that change the connection in a way that kprov does not support."""
    if options.flag("proxyusefdpass") and options.one("proxycommand", "none").lower() != "none":
        what = "ProxyUseFdpass is not supported"
    elif options.one("bindinterface"):
        what = "BindInterface is not supported"
    else:
        return
    raise UsageError(
        what, where="ssh_config", hint=f"write a file for --ssh-config in which {options.name} does not use it"
    )


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
    """The files that exist; ssh ignores the others, too."""
    paths = [_path(options, word) for word in words if word.lower() != "none"]
    return tuple(path for path in paths if path.is_file())


def _identities(options: Options) -> list[Path]:
    """The keys that exist, including those with only a public half: the agent may hold the private one."""
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
    """The methods that are enabled and listed in PreferredAuthentications."""
    preferred = options.one("preferredauthentications", ",".join(_METHODS)).split(",")
    return tuple(name for name in preferred if name in _METHODS and options.flag(_METHODS[name], default=True))
