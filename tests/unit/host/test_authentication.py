"""Logins to old and slow sshd, and with keys that cannot sign."""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from support.key_agent import key_agent
from support.old_sshd import OPENSSH_6_6, OPENSSH_7_4, Behaviour, OldSshd

from kprov.errors import ConnectError, ExitCode
from kprov.events import Event, Message
from kprov.host.connection import Connection
from kprov.host.ssh_config import Login
from kprov.host.waiting import Waiting

pytestmark = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="openssh-client is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def rsa(folder: Path) -> Path:
    return new_key(folder / "id_rsa", "rsa")


@pytest.fixture(scope="module")
def ed25519(folder: Path) -> Path:
    return new_key(folder / "id_ed25519", "ed25519")


def new_key(path: Path, kind: str) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", path.name, "-f", str(path)], check=True)
    return path


def blob(key: Path) -> bytes:
    return base64.b64decode(key.with_name(f"{key.name}.pub").read_text().split()[1])


def letting_in(behaviour: Behaviour, *keys: Path) -> OldSshd:
    return OldSshd(replace(behaviour, authorized=tuple(map(blob, keys))))


# ------------------------------------------------------------------ RSA


def test_an_rsa_key_logs_in_to_a_later_sshd(rsa: Path) -> None:
    with letting_in(Behaviour(), rsa) as sshd:
        sshd.log_in(rsa)
    assert sshd.tried == ["rsa-sha2-512"]


def test_an_rsa_key_logs_in_to_7_4_which_does_not_announce_it(rsa: Path) -> None:
    with letting_in(OPENSSH_7_4, rsa) as sshd:
        sshd.log_in(rsa)
    assert sshd.tried == ["rsa-sha2-512"]


def test_an_rsa_key_is_not_tried_with_6_6(rsa: Path) -> None:
    with letting_in(OPENSSH_6_6, rsa) as sshd, pytest.raises(ConnectError, match="was refused") as caught:
        sshd.log_in(rsa)
    problem = caught.value.problems[0]
    assert (
        f"not tried: {rsa} (OpenSSH_6.6.1 accepts RSA keys with SHA-1 only; use an ed25519 or ECDSA key)"
        in problem.cause
    )
    assert "ssh-keygen -t ed25519" in problem.hint
    assert "ssh-copy-id" not in problem.hint, "the key may well be there"
    assert sshd.tried == []


@pytest.mark.parametrize("behaviour", [OPENSSH_6_6, OPENSSH_7_4, replace(OPENSSH_7_4, software="OpenSSH_9.0")])
def test_the_key_after_an_rsa_key_is_tried(rsa: Path, ed25519: Path, behaviour: Behaviour) -> None:
    with letting_in(behaviour, ed25519) as sshd:
        sshd.log_in(rsa, ed25519)
    assert sshd.tried[-1] == "ssh-ed25519"


def test_an_rsa_certificate_is_skipped_but_its_key_is_tried(folder: Path) -> None:
    authority, key = new_key(folder / "ca", "ed25519"), new_key(folder / "certified", "rsa")
    subprocess.run(
        ["ssh-keygen", "-q", "-s", str(authority), "-I", "me", "-n", "me", f"{key}.pub"],
        check=True,
        capture_output=True,
    )
    with letting_in(OPENSSH_7_4) as sshd, pytest.raises(ConnectError) as caught:
        sshd.log_in(key)
    cause = caught.value.problems[0].cause
    assert f"not tried: {key}-cert.pub (OpenSSH_7.4 accepts RSA certificates with SHA-1 only" in cause
    assert cause.startswith(f"tried {key};")
    assert sshd.tried == ["rsa-sha2-512"]


def test_an_rsa_key_is_tried_with_a_server_that_does_not_announce_it(rsa: Path) -> None:
    with letting_in(Behaviour("dropbear_2019.78", None)) as sshd, pytest.raises(ConnectError) as caught:
        sshd.log_in(rsa)
    assert "which the host does not announce" in caught.value.problems[0].cause


@pytest.mark.parametrize(("behaviour", "said"), [(OPENSSH_6_6, True), (OPENSSH_7_4, False)])
def test_a_known_rsa_host_key_that_an_old_sshd_cannot_prove_is_explained(
    tmp_path: Path, rsa: Path, behaviour: Behaviour, said: bool
) -> None:
    with letting_in(behaviour) as sshd:
        known = tmp_path / "known"
        known.write_text(f"[127.0.0.1]:{sshd.port} ssh-rsa {base64.b64encode(blob(rsa)).decode()}\n")
        login = Login("box", "127.0.0.1", "me", sshd.port, (), True, (known,), 10, system_known_hosts=())
        with pytest.raises(ConnectError, match="the host key has changed") as caught, Connection(login):
            pass
    assert ("can prove an RSA key with SHA-1 only" in caught.value.problems[0].cause) == said


# ------------------------------------------------------------------ keys that do not sign


@pytest.fixture
def refusing_agent(tmp_path: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """An agent with a key whose use must be confirmed, which fails; its socket, and the key."""
    key = new_key(tmp_path / "of-the-agent", "ed25519")
    with key_agent(tmp_path / "agent", key, confirm=True) as path:
        yield path, key


def test_the_key_after_one_that_cannot_sign_is_tried(refusing_agent: tuple[str, Path], ed25519: Path) -> None:
    path, key = refusing_agent
    with letting_in(Behaviour(), key, ed25519) as sshd:
        sshd.log_in(ed25519, agent=path)
    assert sshd.tried == ["ssh-ed25519", "ssh-ed25519"]


def test_a_key_that_cannot_sign_is_named(refusing_agent: tuple[str, Path]) -> None:
    path, key = refusing_agent
    with letting_in(Behaviour(), key) as sshd, pytest.raises(ConnectError) as caught:
        sshd.log_in(agent=path)
    assert f"the agent's {key.name} (could not sign: key cannot be used for signing)" in caught.value.problems[0].cause


# ------------------------------------------------------------------ slow hosts


@pytest.mark.parametrize("slow", [Behaviour(answer=1.0), Behaviour(banner=1.0)], ids=["the login", "sshd to answer"])
def test_a_slow_host_is_waited_for_with_a_message(
    slow: Behaviour, ed25519: Path, request: pytest.FixtureRequest
) -> None:
    events: list[Event] = []
    with letting_in(slow, ed25519) as sshd:
        sshd.log_in(ed25519, waiting=Waiting("box", events.append, slow=0.4))
    texts = [event.text for event in events if isinstance(event, Message)]
    assert len(texts) == 2
    assert texts[0].startswith(
        f"box: waiting for {request.node.callspec.id}, 0 s so far: sshd may be waiting for a name server"
    )
    assert "name server" not in texts[1], "the reason is given once"


def test_a_fast_host_causes_no_message(ed25519: Path) -> None:
    events: list[Event] = []
    with letting_in(Behaviour(), ed25519) as sshd:
        sshd.log_in(ed25519, waiting=Waiting("box", events.append))
    assert events == []


def test_a_login_closed_after_a_long_wait_names_the_likely_reason() -> None:
    waiting = Waiting("box", slow=0.3)
    with letting_in(Behaviour(answer=60.0)) as sshd:
        threading.Timer(1.0, sshd.__exit__).start()  # as LoginGraceTime does
        with pytest.raises(ConnectError, match="the login as me was not answered") as caught:
            sshd.log_in(waiting=waiting)
    assert "UseDNS no" in caught.value.problems[0].hint


# ------------------------------------------------------------------ nothing stands beside kprov's own error


class Peer:
    """A server that sends one text to a client, and then closes the connection or stays silent."""

    def __init__(self, says: bytes) -> None:
        self._says = says
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                client.sendall(self._says)
                client.close()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def status(tmp_path: Path, port: int) -> tuple[int, list[str]]:
    """Run kprov status; return its exit code and the lines on standard error."""
    config = tmp_path / "config"
    config.write_text(f"UserKnownHostsFile {tmp_path / 'known'}\nGlobalKnownHostsFile none\nIdentityAgent none\n")
    done = subprocess.run(
        [sys.executable, "-m", "kprov", "status", f"me@127.0.0.1:{port}", "--ssh-config", str(config)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\nrubbish"])
def test_a_server_other_than_sshd_gives_one_error(tmp_path: Path, says: bytes) -> None:
    with Peer(says) as peer:
        begun = time.monotonic()
        code, lines = status(tmp_path, peer.port)
    assert code == ExitCode.CONNECT
    assert lines[0].startswith("error: ")
    assert not [line for line in lines if "xception" in line or "Traceback" in line], lines
    assert time.monotonic() - begun < 15, "no timer keeps the process alive"


def test_an_unknown_host_key_gives_one_error(tmp_path: Path) -> None:
    """The connection is closed while another thread reads from it, which caused a bad file descriptor error."""
    with letting_in(Behaviour()) as sshd:
        code, lines = status(tmp_path, sshd.port)
    assert code == ExitCode.CONNECT
    assert lines[0].startswith("error: ")
    assert not [line for line in lines if "xception" in line or "descriptor" in line], lines


def test_a_failed_connection_is_closed_before_its_socket(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, ed25519: Path
) -> None:
    with letting_in(Behaviour()) as sshd:
        for _ in range(5):
            login = Login("box", "127.0.0.1", "me", sshd.port, (ed25519,), True, (tmp_path / "known",), 10)
            with pytest.raises(ConnectError, match="host key is not known"), Connection(login):
                pass
    assert "Bad file descriptor" not in caplog.text
