"""kprov reads ssh_config as ``ssh -G`` says that ssh does."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kprov.errors import Problem, UsageError
from kprov.host.ssh_options import Destination, Options, read_options
from kprov.spec.target import Target, parse_target

CONFIGS = Path(__file__).parent / "ssh_configs"
needs_ssh = pytest.mark.skipif(not shutil.which("ssh"), reason="openssh-client is not installed")

# What ssh says where nothing is set; a keyword that is missing there has no line then.
DEFAULTS = {
    "addressfamily": "any",
    "bindaddress": "",
    "certificatefile": "",
    "connecttimeout": "none",
    "globalknownhostsfile": "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2",
    "hashknownhosts": "no",
    "hostkeyalias": "",
    "identitiesonly": "no",
    "identityagent": "",
    "kbdinteractiveauthentication": "yes",
    "numberofpasswordprompts": "3",
    "passwordauthentication": "yes",
    "preferredauthentications": "",
    "proxycommand": "",
    "proxyjump": "",
    "pubkeyauthentication": "yes",
    "revokedhostkeys": "",
    "serveralivecountmax": "3",
    "serveraliveinterval": "0",
    "stricthostkeychecking": "ask",
}
ADDING = {"certificatefile", "identityfile"}
SAME = {"true": "yes", "false": "no", "0": "none"}


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch) -> None:
    """ssh asks the user database, not the environment."""
    monkeypatch.setenv("HOME", pwd.getpwuid(os.getuid()).pw_dir)
    monkeypatch.setenv("SHELL", "/bin/sh")


def target(text: str) -> Target:
    parsed = parse_target(text)
    return Target(text) if isinstance(parsed, Problem) else parsed


def ssh_says(config: Path, host: str) -> dict[str, str]:
    """The output of ``ssh -G`` by keyword; several lines of one keyword are joined."""
    asked = target(host)
    words = ["-l", asked.user] if asked.user else []
    words += ["-p", str(asked.port)] if asked.port else []
    done = subprocess.run(
        ["ssh", "-G", "-F", str(config), *words, asked.name], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise UsageError(done.stderr)
    found: dict[str, str] = {}
    for line in done.stdout.splitlines():
        keyword, _, value = line.partition(" ")
        found[keyword] = f"{found[keyword]} {value}" if keyword in found else value
    return {name: found.get(name, "") for name in ("hostname", "port", "user", "identityfile", *DEFAULTS)}


def kprov_says(config: Path, host: str) -> dict[str, str]:
    asked = target(host)
    options = read_options([(config, config.parent)], Destination(asked.name, asked.user, asked.port))
    found = {"hostname": options.hostname, "port": str(options.port), "user": options.user}
    return found | {name: value(options, name) for name in ("identityfile", *DEFAULTS)}


def value(options: Options, name: str) -> str:
    words = options.words.get(name, (DEFAULTS.get(name, ""),))
    if name == "userknownhostsfile":
        words = tuple(options.expand(word) for word in words)
    return " ".join(words).replace("ssh://", "")  # ssh shows a hop that is written as an address without it


def agreed(found: dict[str, str]) -> dict[str, str]:
    """Both spellings of a boolean, of no timeout and of no proxy are one; the keys that ssh tries by default none."""
    result = {}
    for name, text in found.items():
        same = text if name == "serveraliveinterval" else SAME.get(text, text)
        nothing = (name in {"proxyjump", "proxycommand"} and text.lower() == "none") or (
            name == "identityfile" and text.startswith("~/.ssh/id_rsa ~/.ssh/id_ecdsa ")
        )
        result[name] = "" if nothing else same.replace(f"{Path.home()}/", "~/")
    return result


def ssh_uses_a_command_after_no_jump() -> bool:
    """Whether the installed ssh honours a ProxyCommand after ``ProxyJump none``, as kprov does.

    Debian's 9.2p1-2+deb12u10 does, the revisions before it do not.
    """
    if not shutil.which("ssh"):
        return False
    words = ["ssh", "-G", "-F", "/dev/null", "-o", "ProxyJump=none", "-o", "ProxyCommand=nc %h", "box"]
    return "proxycommand nc %h" in subprocess.run(words, capture_output=True, text=True, check=True).stdout


SSH_USES_A_COMMAND_AFTER_NO_JUMP = ssh_uses_a_command_after_no_jump()


def configurations() -> list[tuple[str, str]]:
    found = []
    for path in sorted(CONFIGS.glob("*.conf")):
        if path.name == "no_jump.conf" and not SSH_USES_A_COMMAND_AFTER_NO_JUMP:
            continue
        hosts = path.read_text().splitlines()[0].removeprefix("# hosts: ").split()
        found += [(path.name, host) for host in hosts]
    return found


@needs_ssh
@pytest.mark.parametrize(("name", "host"), configurations())
def test_a_configuration_is_read_as_ssh_reads_it(tmp_path: Path, name: str, host: str) -> None:
    for source in CONFIGS.rglob("*.*"):
        place = tmp_path / source.relative_to(CONFIGS)
        place.parent.mkdir(exist_ok=True)
        place.write_text(source.read_text().replace("@HERE@", str(tmp_path)))
    assert agreed(kprov_says(tmp_path / name, host)) == agreed(ssh_says(tmp_path / name, host))
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize(
    ("host", "command"),
    [
        ("command", "nc -x proxy:1080 %h %p"),
        ("none_command", "none"),
        ("capitals", "nc anybody %p"),
        ("first_jump", "nc anybody %p"),
        ("typed", "nc anybody %p"),
    ],
)
def test_proxy_jump_none_switches_off_jumps_only(host: str, command: str) -> None:
    """Independent of the installed ssh, whose versions differ here."""
    found = kprov_says(CONFIGS / "no_jump.conf", host)
    assert found["proxyjump"].lower() == "none"
    assert found["proxycommand"] == command


def test_enough_configurations_are_compared() -> None:
    assert len(configurations()) > 40
    assert len({name for name, _ in configurations()}) > 8


# ------------------------------------------------------------------ configurations that nobody thought of

NAMES = st.sampled_from(["a", "b", "aa", "a.x", "b.x", "A"])
PATTERNS = st.sampled_from(["*", "a", "!a", "a*", "?", "*.x", "!*.x", "b", "??", '"a"', "a,b"])
BLOCKS = st.one_of(
    st.lists(PATTERNS, min_size=1, max_size=3).map(lambda words: "Host " + " ".join(words)),
    st.builds("Match host {}".format, PATTERNS),
    st.builds("Match !originalhost {} user {}".format, PATTERNS, st.sampled_from(["me", "!me,*", "u?"])),
    st.builds("Match final host {}".format, PATTERNS),
    st.sampled_from(["Match all", "Match final all", "Match canonical", "Match !final", "Match user me", "Host=*"]),
)
SETTINGS = st.sampled_from(
    [
        "HostName %h.x",
        "HostName b",
        "HostName=A",
        "User me",
        'User "us er"',
        "User u1",
        "Port 1",
        "Port=2 # two",
        "IdentityFile /one",
        "IdentityFile /two",
        "IdentityFile none",
        "ConnectTimeout 5m",
        "ConnectTimeout none",
        "ProxyJump g",
        *(["ProxyJump none"] if SSH_USES_A_COMMAND_AFTER_NO_JUMP else []),
        "ProxyCommand nc %h",
        "ProxyCommand none",
        "UserKnownHostsFile /k1 /k2",
        "UserKnownHostsFile none",
        "StrictHostKeyChecking no",
        "StrictHostKeyChecking ask",
        "HostKeyAlias k",
        "IdentitiesOnly yes",
        "# a comment",
        "",
    ]
)


@needs_ssh
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.one_of(BLOCKS, SETTINGS, SETTINGS), max_size=12), host=NAMES)
def test_any_configuration_is_read_as_ssh_reads_it(tmp_path: Path, lines: list[str], host: str) -> None:
    path = tmp_path / "config"
    path.write_text("\n".join(lines) + "\n")
    assert agreed(kprov_says(path, host)) == agreed(ssh_says(path, host))


# ------------------------------------------------------------------ what is wrong

WRONG = [
    "Port many",
    "Port 70000",
    "Port 22 23",
    "NoValue",
    "Port",
    "ConnectTimeout soon",
    "StrictHostKeyChecking perhaps",
    "IdentitiesOnly maybe",
    'User "open',
    "AddressFamily inet5",
    "Match",
    "Match host",
    "Match nonsense x",
    "ServerAliveCountMax x",
    "HostName %z",
]


@needs_ssh
@pytest.mark.parametrize("line", WRONG)
def test_lines_that_ssh_refuses_are_refused_with_their_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "config"
    path.write_text(f"# first\n{line}\n")
    with pytest.raises(UsageError):
        ssh_says(path, "box")
    with pytest.raises(UsageError) as caught:
        kprov_says(path, "box")
    problem = caught.value.problems[0]
    assert problem.hint
    assert problem.where == f"{path}:2"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("CanonicalizeHostname yes", "CanonicalizeHostname is not supported"),
        ("Match tagged x", "Match tagged is not supported"),
        ("Match localnetwork 10.0.0.0/8", "Match localnetwork is not supported"),
    ],
)
def test_unsupported_keywords_are_refused_by_name(tmp_path: Path, line: str, what: str) -> None:
    path = tmp_path / "config"
    path.write_text(f"# first\n{line}\n")
    with pytest.raises(UsageError, match=what) as caught:
        kprov_says(path, "box")
    assert caught.value.problems[0].where == f"{path}:2"


def test_an_unset_environment_variable_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("UserKnownHostsFile ${KPROV_NO_SUCH_NAME}/known\n")
    options = read_options([(path, tmp_path)], Destination("box"))
    with pytest.raises(UsageError, match="KPROV_NO_SUCH_NAME, which is not set"):
        options.expand(options.one("userknownhostsfile"))
