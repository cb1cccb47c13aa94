"""HOST is resolved as ssh resolves it."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest

from kprov.errors import UsageError
from kprov.host.ssh_config import Login, read_login
from kprov.spec.target import Target, parse_target


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary home, so that the developer's ssh_config has no effect."""
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    for name in ("id_one", "id_two", "id_flag"):
        (folder / ".ssh" / name).touch()
    return folder


def resolve(config: Path, text: str, host: str = "box", *, identity: Path | None = None) -> Login:
    path = config / ".ssh" / "config"
    path.write_text(text)
    target = parse_target(host)
    assert isinstance(target, Target)
    return read_login(target, config=path, identity=identity)


TABLE = [
    # what ssh_config says, HOST, and what of the login is looked at
    ("", "box", {"hostname": "box", "port": 22, "user": getpass.getuser(), "name": "box"}),
    ("", "me@box:2222", {"hostname": "box", "port": 2222, "user": "me", "name": "box"}),
    (
        "Host box\n  HostName 10.0.0.1\n  Port 2200\n  User kafka",
        "box",
        {"hostname": "10.0.0.1", "port": 2200, "user": "kafka"},
    ),
    ("Host box\n  Port 2200\n  User kafka", "root@box:22", {"port": 22, "user": "root"}),
    ("Host *.lab\n  User lab\nHost *\n  User other\n  Port 2022", "a.lab", {"user": "lab", "port": 2022}),
    ("Host *.lab !b.lab\n  User lab\nHost *\n  User other", "b.lab", {"user": "other"}),
    ("Host box\n  HostName %h.example.org", "box", {"hostname": "box.example.org"}),
    ("Port 2222\nHost box\n  Port 2200", "box", {"port": 2222}),
    ("Host box\n  ConnectTimeout 3", "box", {"connect_timeout": 3.0}),
    ("Host box\n  ProxyCommand nc %h %p", "box", {"proxy_command": "nc box 22"}),
    ("Host box\n  ProxyCommand none", "box", {"proxy_command": None}),
    ("Host box\n  IdentitiesOnly yes", "box", {"identities_only": True}),
    ("Host box\n  HostName 2001:db8::1", "box", {"hostname": "2001:db8::1"}),
]


@pytest.mark.parametrize(("text", "host", "found"), TABLE)
def test_what_ssh_config_says(home: Path, text: str, host: str, found: dict[str, object]) -> None:
    login = resolve(home, text, host)
    assert {name: getattr(login, name) for name in found} == found


def test_without_a_named_file_the_user_s_is_read(home: Path) -> None:
    (home / ".ssh/config").write_text("Host box\n  User from-home\n")
    assert read_login(Target("box")).user == "from-home"


def test_a_named_file_is_read_instead_of_the_user_s(home: Path, tmp_path: Path) -> None:
    (home / ".ssh/config").write_text("Host box\n  User from-home\n  Port 2200\n")
    other = tmp_path / "lab_config"
    other.write_text("Host box\n  User from-lab\n")
    login = read_login(Target("box"), config=other)
    assert (login.user, login.port) == ("from-lab", 22)


@pytest.mark.parametrize(("option", "name"), [("--ssh-config", "config"), ("-i", "identity")])
def test_a_missing_file_is_a_usage_error(home: Path, option: str, name: str) -> None:
    missing = home / "none"
    with pytest.raises(UsageError) as caught:
        read_login(Target("box"), **{name: missing})
    problem = caught.value.problems[0]
    assert (problem.where, problem.what) == (option, f"{missing} is not a file")
    assert problem.hint


def test_the_key_of_the_option_comes_first(home: Path) -> None:
    text = "Host box\n  IdentityFile ~/.ssh/id_one\n  IdentityFile ~/.ssh/none\nHost *\n  IdentityFile ~/.ssh/id_two\n"
    ssh = home / ".ssh"
    assert resolve(home, text).identities == (ssh / "id_one", ssh / "id_two")
    login = resolve(home, text, identity=ssh / "id_flag")
    assert login.identities == (ssh / "id_flag", ssh / "id_one", ssh / "id_two")


def test_known_hosts_files(home: Path) -> None:
    ssh = home / ".ssh"
    assert resolve(home, "").known_hosts == (ssh / "known_hosts", ssh / "known_hosts2")
    login = resolve(home, 'Host box\n  UserKnownHostsFile ~/.ssh/own "/etc/other"\n')
    assert login.known_hosts == (ssh / "own", Path("/etc/other"))


# ------------------------------------------------------------------ Include


def test_include_with_a_pattern_relative_to_the_file(home: Path) -> None:
    folder = home / ".ssh" / "config.d"
    folder.mkdir()
    (folder / "10-a").write_text("Host a\n  User first\n")
    (folder / "20-a").write_text("Host a\n  User second\n  Port 2200\n")
    login = resolve(home, "include config.d/*\n", "a")
    assert (login.user, login.port) == ("first", 2200)


def test_include_of_several_of_a_home_path_and_of_nothing(home: Path) -> None:
    (home / ".ssh/one").write_text("Host a\n  User one\n")
    (home / "two").write_text("Host a\n  Port 2\n")
    login = resolve(home, f'Include ~/.ssh/one "{home}/two" ~/.ssh/none\n', "a")
    assert (login.user, login.port) == ("one", 2)


def test_include_within_include(home: Path) -> None:
    (home / ".ssh/one").write_text("Include two\n")
    (home / ".ssh/two").write_text("Host a\n  User two\n")
    assert resolve(home, "Include one\n", "a").user == "two"


def test_include_inside_a_host_block_holds_for_that_host_alone(home: Path) -> None:
    (home / ".ssh/one").write_text("User one\n")
    text = "Host a\n  Include one\nHost b\n  User bee\n"
    assert resolve(home, text, "a").user == "one"
    assert resolve(home, text, "b").user == "bee"


def test_include_of_itself_is_a_usage_error(home: Path) -> None:
    with pytest.raises(UsageError, match="too many levels"):
        resolve(home, "Include config\n")


def test_what_follows_an_include_holds_for_all_hosts_again(home: Path) -> None:
    (home / ".ssh/one").write_text("Host other\n  User other\n")
    assert resolve(home, "Include one\nPort 2200\n").port == 2200


# ------------------------------------------------------------------ ProxyJump


def test_jump_hosts_are_in_the_order_of_connecting(home: Path) -> None:
    text = (
        "Host box\n  ProxyJump me@gate:2022, inner\n"
        "Host gate\n  HostName gate.example.org\n  User unused\n"
        "Host inner\n  User in\n  Port 2200\n"
    )
    login = resolve(home, text)
    assert [(hop.name, hop.hostname, hop.user, hop.port) for hop in login.jumps] == [
        ("gate", "gate.example.org", "me", 2022),
        ("inner", "inner", "in", 2200),
    ]
    assert (login.hostname, login.port) == ("box", 22)


def test_a_jump_with_a_jump_of_its_own(home: Path) -> None:
    login = resolve(home, "Host box\n  ProxyJump inner\nHost inner\n  ProxyJump outer\n")
    assert [hop.name for hop in login.jumps] == ["outer", "inner"]


def test_only_the_first_of_several_hops_may_have_its_own_jump(home: Path) -> None:
    """ssh passes the way to every other hop with -J, which overrides that hop's own ProxyJump."""
    text = (
        "Host box\n  ProxyJump first,second\n"
        "Host first\n  ProxyJump outer\n"
        "Host second\n  ProxyJump elsewhere\n"
        "Host outer\n  ProxyCommand nc %h %p\n"
    )
    login = resolve(home, text)
    assert [hop.name for hop in login.jumps] == ["outer", "first", "second"]
    assert [hop.proxy_command for hop in login.jumps] == ["nc outer 22", None, None]


def test_tokens_and_addresses_in_hops(home: Path) -> None:
    login = resolve(home, "Host box\n  ProxyJump %r@gate-%h,[2001:db8::1]:2022\n", "me@box")
    assert [(hop.user, hop.name, hop.port) for hop in login.jumps] == [
        ("me", "gate-box", 22),
        (getpass.getuser(), "2001:db8::1", 2022),
    ]


def test_a_hop_that_is_not_a_host_is_a_usage_error(home: Path) -> None:
    with pytest.raises(UsageError, match="is not a host name"):
        resolve(home, "Host box\n  ProxyJump gate/way\n")


def test_no_jump(home: Path) -> None:
    assert resolve(home, "Host box\n  ProxyJump none\nHost *\n  ProxyJump gate\n").jumps == ()


def test_a_jump_has_the_flag_s_key_too(home: Path) -> None:
    key = home / ".ssh/id_flag"
    login = resolve(home, "Host box\n  ProxyJump gate\n", identity=key)
    assert login.jumps[0].identities == (key,)


def test_circular_jumps_are_a_usage_error(home: Path) -> None:
    with pytest.raises(UsageError, match="refers back"):
        resolve(home, "Host box\n  ProxyJump gate\nHost gate\n  ProxyJump box\n")


# ------------------------------------------------------------------ what is wrong in ssh_config


@pytest.mark.parametrize("line", ["Port many", "ConnectTimeout soon", "NoValue"])
def test_a_bad_line_is_a_usage_error(home: Path, line: str) -> None:
    with pytest.raises(UsageError):
        resolve(home, f"Host box\n  {line}\n")


def test_connect_timeout_none(home: Path) -> None:
    assert resolve(home, "Host box\n  ConnectTimeout none\n").connect_timeout > 0


# ------------------------------------------------------------------ what a connection needs besides


def test_defaults_are_those_of_ssh_except_for_keepalives(home: Path) -> None:
    login = resolve(home, "")
    assert (login.strict, login.hash_known_hosts, login.password_prompts) == ("ask", False, 3)
    assert login.methods == ("publickey", "keyboard-interactive", "password")
    assert (login.alive_interval, login.alive_count) == (10.0, 3), "ssh would never notice a silent host"
    assert login.system_known_hosts == (Path("/etc/ssh/ssh_known_hosts"), Path("/etc/ssh/ssh_known_hosts2"))


def test_keepalives(home: Path) -> None:
    login = resolve(home, "ServerAliveInterval 2m\nServerAliveCountMax 0\n")
    assert (login.alive_interval, login.alive_count) == (120.0, 1)
    assert resolve(home, "ServerAliveInterval 0\n").alive_interval == 10.0


@pytest.mark.parametrize(
    ("text", "methods"),
    [
        ("PubkeyAuthentication no", ("keyboard-interactive", "password")),
        ("PreferredAuthentications password,gssapi-with-mic,publickey", ("password", "publickey")),
        ("PasswordAuthentication no\nKbdInteractiveAuthentication no", ("publickey",)),
    ],
)
def test_the_ways_to_log_in(home: Path, text: str, methods: tuple[str, ...]) -> None:
    assert resolve(home, text).methods == methods


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        ("", "/of/the/environment"),
        ("IdentityAgent SSH_AUTH_SOCK", "/of/the/environment"),
        ("IdentityAgent none", ""),
        ("IdentityAgent $OTHER_AGENT", "/other"),
        ("IdentityAgent ${OTHER_AGENT}/%r", "/other/me"),
        ("IdentityAgent ~/agent-%h", "HOME/agent-box"),
    ],
)
def test_the_agent(home: Path, monkeypatch: pytest.MonkeyPatch, text: str, agent: str) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/of/the/environment")
    monkeypatch.setenv("OTHER_AGENT", "/other")
    assert resolve(home, text, "me@box").agent == agent.replace("HOME", str(home))


def test_the_default_keys_are_used_if_none_is_named(home: Path) -> None:
    (home / ".ssh/id_ed25519").touch()
    assert resolve(home, "").identities == (home / ".ssh/id_ed25519",)
    assert resolve(home, "IdentityFile none\n").identities == ()
    assert resolve(home, "IdentityFile ~/.ssh/id_one\n").identities == (home / ".ssh/id_one",)


def test_a_key_with_only_a_public_half_is_kept(home: Path) -> None:
    """The agent has the other."""
    (home / ".ssh/hardware.pub").touch()
    assert resolve(home, "IdentityFile ~/.ssh/hardware\n").identities == (home / ".ssh/hardware",)


def test_tokens_in_paths(home: Path) -> None:
    (home / ".ssh/box_me_2022").touch()
    (home / ".ssh/cert").touch()
    login = resolve(
        home, "IdentityFile %d/.ssh/%h_%r_%p\nCertificateFile ~/.ssh/cert\nUserKnownHostsFile none\n", "me@box:2022"
    )
    assert login.identities == (home / ".ssh/box_me_2022",)
    assert login.certificates == (home / ".ssh/cert",)
    assert login.known_hosts == (Path("/dev/null"),)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("ProxyCommand x\nProxyUseFdpass yes", "ProxyUseFdpass is not supported"),
        ("BindInterface eth1", "BindInterface is not supported"),
        ("IdentityFile ~/%z", "%z is not allowed"),
    ],
)
def test_unsupported_options_are_refused(home: Path, text: str, what: str) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        resolve(home, text)
    assert caught.value.problems[0].hint
