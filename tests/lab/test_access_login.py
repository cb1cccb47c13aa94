"""Logging in: keys, agent, passwords, questions, host keys and certificates, hops, and a network that goes silent.

All questions are put on a real terminal, to the kprov command as a user runs it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.access import PASSWORD, USER, Door, open_door
from support.key_agent import key_agent
from support.machine import until

from kprov.errors import ConnectError, ExitCode
from kprov.host.facts import probe_host
from kprov.host.trust import Trust
from kprov.secret import Passwords, Secret

pytestmark = pytest.mark.lab

NOTHING = "kprov has installed nothing on this host"  # what status says once it is in, and root
NO_KEY = "IdentityFile none\nIdentityAgent none\n"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    for found in open_door("klog", 168, tmp_path_factory.mktemp("klog"), tmp_path_factory.mktemp("desk")):
        with found.sudoers(f"{USER} ALL=(ALL) NOPASSWD: ALL"):
            yield found


@pytest.fixture(scope="module")
def locked_key(door: Door) -> Path:
    """A key with a passphrase that is authorized on the host."""
    path = new_key(door.desk / "locked", "open sesame")
    allow(door, path)
    return path


def new_key(path: Path, passphrase: str = "") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)], check=True)
    return path


def allow(door: Door, key: Path) -> None:
    with (door.host.root / f"home/{USER}/.ssh/authorized_keys").open("a") as stream:
        stream.write(key.with_name(f"{key.name}.pub").read_text())


def fingerprint(public: Path) -> str:
    done = subprocess.run(["ssh-keygen", "-lf", str(public)], capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


def only(door: Door, text: str, name: str = "only") -> Path:
    """An ssh_config without the lab's key."""
    path = door.desk / name
    path.write_text(
        f"{text}\nHost *\n  User {USER}\n  UserKnownHostsFile {door.state / 'known_hosts'}\n  ConnectTimeout 10\n"
    )
    return path


# ------------------------------------------------------------------ keys


def test_an_encrypted_key_is_opened_at_a_prompt(door: Door, locked_key: Path) -> None:
    config = only(door, f"IdentityFile {locked_key}\nIdentityAgent none\n")
    asked = f"Passphrase for the key {locked_key}"
    session = door.ask("status", config=config, answers=[(asked, "wrong"), (asked, "open sesame")])
    assert NOTHING in session.text
    assert "sesame" not in session.text, "the answer is hidden"


def test_an_encrypted_key_without_a_terminal(door: Door, locked_key: Path) -> None:
    config = only(door, f"IdentityFile {locked_key}\nIdentityAgent none\n")
    outcome = door.kprov("status", config=config)
    assert outcome.code == ExitCode.CONNECT
    assert "error: " in outcome.err
    assert "a private key is encrypted" in outcome.err
    assert "ssh-add" in outcome.err


def test_the_agent_s_key_needs_no_passphrase(door: Door, locked_key: Path) -> None:
    own = new_key(door.desk / "of-the-agent")
    allow(door, own)
    with key_agent(door.desk / "agent.sock", own) as path:
        for text in (f"IdentityAgent {path}\n", f"IdentityAgent {path}\nIdentityFile {own}.pub\nIdentitiesOnly yes\n"):
            with door.connect(config=only(door, text)) as connection:
                assert probe_host(connection, []).facts.missing == ()
        # Only the keys that are named: the agent's is not one of them.
        text = f"IdentityAgent {path}\nIdentityFile {locked_key}\nIdentitiesOnly yes\n"
        with pytest.raises(ConnectError, match="a private key is encrypted"), door.connect(config=only(door, text)):
            pass


def test_too_many_keys(door: Door) -> None:
    keys = [new_key(door.desk / f"stranger-{number}") for number in range(7)]
    config = only(door, "IdentityAgent none\n" + "".join(f"IdentityFile {key}\n" for key in keys))
    with pytest.raises(ConnectError, match="was refused") as caught, door.connect(config=config):
        pass
    problem = caught.value.problems[0]
    assert str(keys[0]) in problem.cause
    assert "IdentitiesOnly" in problem.hint


def test_a_certificate_for_the_user_s_key(door: Door) -> None:
    authority, key = new_key(door.desk / "user-ca"), new_key(door.desk / "certified")
    subprocess.run(
        ["ssh-keygen", "-q", "-s", str(authority), "-I", "anna's", "-n", USER, f"{key}.pub"],
        check=True,
        capture_output=True,
    )
    with (
        door.file("etc/ssh/user_ca.pub", authority.with_suffix(".pub").read_text()),
        door.sshd("TrustedUserCAKeys /etc/ssh/user_ca.pub"),
    ):
        beside = only(door, f"IdentityAgent none\nIdentityFile {key}\n")
        with door.connect(config=beside) as connection:
            assert probe_host(connection, []).facts.missing == ()
        elsewhere = key.with_name(f"{key.name}-cert.pub").rename(door.desk / "elsewhere-cert.pub")
        named = only(door, f"IdentityAgent none\nIdentityFile {key}\nCertificateFile {elsewhere}\n")
        with door.connect(config=named) as connection:
            assert probe_host(connection, []).facts.missing == ()


# ------------------------------------------------------------------ passwords


@pytest.mark.parametrize(
    "methods", ["PasswordAuthentication yes", "PasswordAuthentication no\nKbdInteractiveAuthentication yes"]
)
def test_a_password_is_asked_for_on_the_terminal(door: Door, methods: str) -> None:
    with door.sshd(methods):
        asked = "assword"
        session = door.ask("status", config=only(door, NO_KEY), answers=[(asked, "wrong"), (asked, PASSWORD)])
    assert NOTHING in session.text
    assert "quoted" not in session.text


def test_a_key_and_then_a_password(door: Door) -> None:
    both = f"Match User {USER}\nAuthenticationMethods publickey,keyboard-interactive\nKbdInteractiveAuthentication yes"
    with door.sshd(both):
        session = door.ask("status", answers=[("assword", PASSWORD)])
    assert NOTHING in session.text


def test_the_third_wrong_password_ends_the_login(door: Door) -> None:
    wrong = [("assword", "wrong")] * 3
    with door.sshd("PasswordAuthentication yes"):
        session = door.ask("status", config=only(door, NO_KEY), answers=wrong)
    assert session.code == ExitCode.CONNECT
    assert f"the login as {USER} was refused" in session.text


def test_a_password_from_a_file(door: Door) -> None:
    secret = door.desk / "password"
    secret.write_text(f"{PASSWORD}\n")
    secret.chmod(0o600)
    config = only(door, NO_KEY)
    assert NOTHING in door.kprov("status", "--password-file", str(secret), config=config).err
    assert NOTHING in door.kprov("status", "--password-file", "-", config=config, stdin=f"{PASSWORD}\n").err
    secret.write_text("wrong\n")
    refused = door.kprov("status", "--password-file", str(secret), config=config)
    assert refused.code == ExitCode.CONNECT
    assert "tried the password of --password-file" in refused.err


def test_no_terminal_and_no_key(door: Door) -> None:
    outcome = door.kprov("status", config=only(door, NO_KEY))
    assert outcome.code == ExitCode.CONNECT
    assert "--password-file" in outcome.err


def test_sudo_s_password_is_asked_for_on_the_terminal(door: Door) -> None:
    asked = f"sudo's password for {USER} on {door.address}"
    with door.sudoers(f"{USER} ALL=(ALL) ALL"):
        session = door.ask("status", answers=[(asked, "wrong"), (asked, PASSWORD)])
    assert NOTHING in session.text
    assert "quoted" not in session.text


def test_an_interrupt_at_a_question_ends_it(door: Door) -> None:
    with door.sudoers(f"{USER} ALL=(ALL) ALL"):
        session = door.ask("status", answers=[("sudo's password", "\x03")])
    assert session.code == ExitCode.INTERRUPTED


def test_sudo_s_password_through_a_pipe(door: Door) -> None:
    pipe = door.desk / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(f"{PASSWORD}\n",), daemon=True)
    writer.start()
    with door.sudoers(f"{USER} ALL=(ALL) ALL"):
        assert NOTHING in door.kprov("status", "--sudo-password-file", str(pipe)).err
    writer.join(10)


# ------------------------------------------------------------------ host keys


def test_an_unknown_host_key_is_shown_and_asked_for(door: Door) -> None:
    known = door.desk / "asked_known_hosts"
    config = door.config(f"UserKnownHostsFile {known}\n", name="asked")
    shown = fingerprint(door.host.root / "etc/ssh/ssh_host_ed25519_key.pub")
    declined = door.ask("status", config=config, answers=[(shown, "n")])
    assert declined.code == ExitCode.DECLINED
    assert not known.exists()
    accepted = door.ask("status", config=config, answers=[(shown, "y")])
    assert NOTHING in accepted.text
    assert known.read_text().startswith(f"{door.address} ssh-ed25519 ")
    assert NOTHING in door.kprov("status", config=config).err, "now it is known"


@pytest.fixture(scope="module")
def authority(door: Door) -> Path:
    return new_key(door.desk / "host-ca")


def certify(door: Door, authority: Path, *words: str) -> str:
    """sshd's options for a certificate of its host key."""
    public = door.desk / "host.pub"
    public.write_text((door.host.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text())
    subprocess.run(
        ["ssh-keygen", "-q", "-s", str(authority), "-I", "the host", "-h", *words, str(public)],
        check=True,
        capture_output=True,
    )
    (door.host.root / "etc/ssh/host-cert.pub").write_text((door.desk / "host-cert.pub").read_text())
    return "HostCertificate /etc/ssh/host-cert.pub"


def known_authority(door: Door, authority: Path, marker: str = "@cert-authority") -> Path:
    known = door.desk / "ca_known_hosts"
    key = " ".join(authority.with_suffix(".pub").read_text().split()[:2])
    text = f"@cert-authority 10.* {key}\n"
    known.write_text(text if marker == "@cert-authority" else f"{text}{marker} * {key}\n")
    return door.config(f"UserKnownHostsFile {known}\n", name="ca")


def test_a_host_s_certificate(door: Door, authority: Path) -> None:
    config = known_authority(door, authority)
    with door.sshd(certify(door, authority, "-n", f"other,{door.address}")), door.connect(config=config) as connection:
        assert probe_host(connection, []).facts.missing == ()
    with pytest.raises(ConnectError, match="host key is not known"), door.connect(config=config):
        pass  # without its certificate


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("-n", "other"), "it is for other"),
        (("-n", "10.79.168.*", "-V", "20200101:20200201"), "it is expired or not valid yet"),
    ],
)
def test_an_invalid_host_certificate_is_refused(door: Door, authority: Path, words: tuple[str, ...], why: str) -> None:
    config = known_authority(door, authority)
    with (
        door.sshd(certify(door, authority, *words)),
        pytest.raises(ConnectError, match=why) as caught,
        door.connect(config=config, trust=Trust(accept_new=True)),
    ):
        pass
    assert caught.value.problems[0].cause.endswith("ca_known_hosts:1")


def test_an_authority_that_is_revoked(door: Door, authority: Path) -> None:
    config = known_authority(door, authority, "@revoked")
    with (
        door.sshd(certify(door, authority, "-n", door.address)),
        pytest.raises(ConnectError, match="is revoked") as caught,
        door.connect(config=config),
    ):
        pass
    assert caught.value.problems[0].cause.endswith("ca_known_hosts:2")


# ------------------------------------------------------------------ on the way


@pytest.fixture(scope="module")
def inner(door: Door) -> Iterator[Path]:
    """Two more sshd on the host, each with a key of its own, that only the host itself can reach."""
    keys = []
    for name in ("inner", "innermost"):
        key = new_key(door.host.root / f"etc/ssh/{name}_key")
        keys.append(" ".join(key.with_suffix(".pub").read_text().split()[:2]))
        port = {"inner": 2201, "innermost": 2202}[name]
        door.run(
            f"systemd-run --quiet --unit={name} /usr/sbin/sshd -D -p {port} -o ListenAddress=127.0.0.1"
            f" -h /etc/ssh/{name}_key -o HostKey=/etc/ssh/{name}_key -o PidFile=none"
        )
    door.run("until grep -q ':089A .* 0A ' /proc/net/tcp; do sleep 0.05; done")
    known = door.desk / "inner_known_hosts"
    gate = (door.state / "known_hosts").read_text()
    known.write_text(f"{gate}[127.0.0.1]:2201 {keys[0]}\ninnermost {keys[1]}\n")
    yield known
    door.run("systemctl stop inner innermost")


def hops(door: Door, known: Path, more: str = "") -> Path:
    return door.config(
        f"{more}\nHost gate\n  HostName {door.address}\n"
        f"Host target\n  HostName 127.0.0.1\n  Port 2202\n  HostKeyAlias innermost\n  ProxyJump gate,inner\n"
        f"Host inner\n  HostName 127.0.0.1\n  Port 2201\n  ProxyJump nowhere.invalid\n"
        f"Match all\n  UserKnownHostsFile {known}\n",
        name="hops",
    )


def test_two_hops_in_ssh_s_order(door: Door, inner: Path) -> None:
    config = hops(door, inner)
    with door.connect("target", config=config) as connection:
        assert probe_host(connection, []).facts.host_name == door.host.name
        peers = connection.exchange([("step", "1", "printenv", "SSH_CONNECTION")])
    assert door.run("journalctl", "-u", "innermost", "-o", "cat").count("Accepted publickey") == 1
    assert "failed" in {record.kind for record in peers.records} or "127.0.0.1" in peers.records[1]["output"]
    done = subprocess.run(["ssh", "-F", str(config), "target", "true"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"ssh takes the same way: {done.stderr}"


def test_every_hop_s_key_is_verified(door: Door, inner: Path) -> None:
    known = door.desk / "without_inner"
    known.write_text("".join(line for line in inner.read_text().splitlines(True) if "2201" not in line))
    with (
        pytest.raises(ConnectError, match="host key is not known") as caught,
        door.connect("target", config=hops(door, known)),
    ):
        pass
    assert caught.value.problems[0].where == "inner"


def test_a_hop_that_cannot_reach_the_next_one(door: Door, inner: Path) -> None:
    config = hops(door, inner, "Host target\n  Port 2299\n")
    with (
        pytest.raises(ConnectError, match=r"127\.0\.0\.1 port 2299 cannot be reached"),
        door.connect("target", config=config),
    ):
        pass


def test_the_password_for_the_host_is_not_shown_to_the_hops(door: Door, inner: Path) -> None:
    """The hop would accept the password; the error shows that it was not tried there."""
    config = hops(door, inner, "Host gate\n  IdentityFile none\nHost gate\n  PubkeyAuthentication no\n")
    with (
        pytest.raises(ConnectError, match="was refused") as caught,
        door.connect("target", config=config, passwords=Passwords(None, Secret(PASSWORD))),
    ):
        pass
    problem = caught.value.problems[0]
    assert problem.where == "gate"
    assert "there was no key or password to try" in problem.cause


def test_a_proxy_command(door: Door) -> None:
    command = f"ssh -F {door.config(name='gate')} -W %h:%p {door.address}; true"
    config = door.config(f"Host target\n  HostName {door.address}\n  ProxyCommand {command}\n", name="proxy")
    with door.connect("target", config=config) as connection:
        assert probe_host(connection, []).facts.host_name == door.host.name


def test_a_proxy_command_that_fails_is_quoted(door: Door) -> None:
    config = door.config("Host target\n  ProxyCommand echo no way to %h >&2; exit 3\n", name="proxy")
    with pytest.raises(ConnectError, match="through the ProxyCommand") as caught, door.connect("target", config=config):
        pass
    problem = caught.value.problems[0]
    assert problem.cause == "no way to target"
    assert "echo no way to target" in problem.hint


# ------------------------------------------------------------------ a name server that does not answer


@contextmanager
def dead_name_server(door: Door, seconds: int) -> Iterator[None]:
    """A name server that never answers; each look-up on the host fails after this time."""
    operator = f"{door.address.rpartition('.')[0]}.1"
    known = (door.host.root / "etc/hosts").read_text().splitlines(True)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        door.file("etc/hosts", "".join(line for line in known if "operator" not in line)),
        door.file("etc/resolv.conf", f"nameserver {operator}\noptions timeout:{seconds} attempts:1\n"),
        door.sshd("UseDNS yes"),
    ):
        server.bind((operator, 53))
        yield


@pytest.mark.timeout(180)
def test_a_login_delayed_by_a_name_server_is_waited_for_and_explained(door: Door) -> None:
    with dead_name_server(door, 28):
        begun = time.monotonic()
        outcome = door.kprov("status")
        took = time.monotonic() - begun
    assert NOTHING in outcome.err, outcome.err
    assert took > 28
    lines = [line for line in outcome.err.splitlines() if f"{door.address}: waiting for the login" in line]
    assert "sshd may be waiting for a name server that does not answer" in lines[0]
    assert len(lines) >= 4, "it is never silent for long"


# ------------------------------------------------------------------ a silent network


@contextmanager
def silence(door: Door) -> Iterator[None]:
    """Packets are dropped silently, as by a firewall that forgot the connection."""
    link = ["ip", "netns", "exec", door.host.namespace, "ip", "link", "set", "eth0"]
    subprocess.run([*link, "down"], check=True)
    try:
        yield
    finally:
        subprocess.run([*link, "up"], check=True)
        until(lambda: subprocess.run(door.lab.ssh_command(door.address, "true"), check=False).returncode == 0)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("way", ["directly", "through a hop", "through a ProxyCommand"])
def test_a_host_that_stops_responding_is_noticed(door: Door, inner: Path, way: str) -> None:
    alive = "ServerAliveInterval 1\nServerAliveCountMax 1\n"
    proxy = f"Host proxied\n  HostName {door.address}\n  ProxyCommand ssh -F {door.config(name='gate')} -W %h:%p %h\n"
    host = {"directly": "gate", "through a hop": "target", "through a ProxyCommand": "proxied"}[way]
    with door.connect(host, config=hops(door, inner, alive + proxy)) as connection:
        waiting = threading.Event()
        with pytest.raises(ConnectError, match="the connection was lost") as caught, silenced(door, waiting):
            connection.exchange(
                [("say", "waiting"), ("step", "1", "tail", "-f", "/dev/null")], on_record=lambda _: waiting.set()
            )
    assert "has not answered for" in caught.value.problems[0].cause
    door.run("for tail in $(pgrep -f '^tail -f /dev/null'); do kill $tail; done")


@pytest.mark.timeout(120)
def test_a_host_that_stops_responding_during_the_login_is_noticed(door: Door) -> None:
    """sshd does not answer keepalives at that time, so only the kernel notices that the host is gone."""
    config = door.config("ServerAliveInterval 1\nServerAliveCountMax 1\n")
    cut = threading.Event()
    with dead_name_server(door, 15), silenced(door, cut):
        threading.Timer(1.5, cut.set).start()
        with pytest.raises(ConnectError, match="lost during the login") as caught, door.connect(config=config):
            pass
    assert caught.value.problems[0].cause == "the host stopped responding"


@contextmanager
def silenced(door: Door, when: threading.Event) -> Iterator[None]:
    """The network drops packets from that event on, until the block ends."""
    over = threading.Event()

    def run() -> None:
        when.wait(30)
        with silence(door):
            over.wait(40)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(60)


@pytest.mark.timeout(60)
def test_a_busy_host_is_not_taken_for_dead(door: Door, inner: Path) -> None:
    config = hops(door, inner, "ServerAliveInterval 1\nServerAliveCountMax 1\n")
    with door.connect("target", config=config) as connection:
        reply = connection.exchange([("step", "1", "timeout", "5", "tail", "-f", "/dev/null")])
    assert reply.records[-1]["status"] == "124"
