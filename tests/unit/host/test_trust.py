"""Host keys, against a real server on this machine: known, unknown, changed."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import paramiko
import pytest

from kprov.errors import ConnectError, DeclinedError
from kprov.host import trust
from kprov.host.ssh_config import Login
from kprov.host.trust import Trust, changed_key, fingerprint, prepare


class _Anybody(paramiko.ServerInterface):
    def check_auth_none(self, username: str) -> int:
        return paramiko.AUTH_SUCCESSFUL

    def get_allowed_auths(self, username: str) -> str:
        return "none"


class Server:
    """An SSH server that lets anybody in; its key can be changed."""

    def __init__(self) -> None:
        self.key: paramiko.PKey = paramiko.RSAKey.generate(2048)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._transports: list[paramiko.Transport] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        """As known_hosts names a port that is not 22."""
        return f"[127.0.0.1]:{self.port}"

    def line(self, key: paramiko.PKey | None = None, name: str = "") -> str:
        key = key or self.key
        return f"{name or self.name} {key.get_name()} {key.get_base64()}\n"

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            transport = paramiko.Transport(client)
            transport.add_server_key(self.key)
            self._transports.append(transport)
            with suppress(paramiko.SSHException, EOFError, OSError):
                transport.start_server(server=_Anybody(), event=threading.Event())

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=10)
        for transport in self._transports:
            transport.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.close()


OTHER_KEY = paramiko.ECDSAKey.generate()


@pytest.fixture(autouse=True)
def _no_system_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "SYSTEM_KNOWN_HOSTS", tmp_path / "none")


@pytest.fixture
def known_hosts(tmp_path: Path) -> Path:
    return tmp_path / "ssh" / "known_hosts"


def connect(server: Server, known_hosts: Path, what: Trust) -> None:
    """Connect as kprov.host.connection does."""
    login = Login("box", "127.0.0.1", "me", server.port, (), False, (known_hosts,), 10)
    with paramiko.SSHClient() as client:
        prepare(client, login, what)
        try:
            client.connect(
                "127.0.0.1",
                server.port,
                "me",
                allow_agent=False,
                look_for_keys=False,
                auth_strategy=_NoneAuth(paramiko.SSHConfig()),
            )
        except paramiko.BadHostKeyException as error:
            raise changed_key(login, error) from None


class _NoneAuth(paramiko.auth_strategy.AuthStrategy):
    def get_sources(self) -> Iterator[paramiko.auth_strategy.NoneAuth]:
        yield paramiko.auth_strategy.NoneAuth("me")


def answering(answer: bool, said: list[str]) -> Callable[[str], bool]:
    def ask(question: str) -> bool:
        said.append(question)
        return answer

    return ask


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_known_key_needs_no_question(server: Server, known_hosts: Path) -> None:
    write(known_hosts, server.line())
    connect(server, known_hosts, Trust())
    assert known_hosts.read_text() == server.line()


def test_an_unknown_key_is_refused_where_nobody_can_be_asked(server: Server, known_hosts: Path) -> None:
    with pytest.raises(ConnectError) as caught:
        connect(server, known_hosts, Trust())
    problem = caught.value.problems[0]
    assert fingerprint(server.key) in problem.what
    assert "--accept-new-host-key" in problem.hint
    assert problem.where == "box"
    assert not known_hosts.exists()


def test_a_key_that_is_agreed_to_is_remembered(server: Server, known_hosts: Path) -> None:
    said: list[str] = []
    connect(server, known_hosts, Trust(ask=answering(True, said)))
    assert len(said) == 1
    assert fingerprint(server.key) in said[0]
    assert known_hosts.read_text() == server.line()
    connect(server, known_hosts, Trust())


def test_a_key_that_is_not_agreed_to(server: Server, known_hosts: Path) -> None:
    with pytest.raises(DeclinedError):
        connect(server, known_hosts, Trust(ask=answering(False, [])))
    assert not known_hosts.exists()


@pytest.mark.parametrize("before", ["", "# a comment\n", "other ssh-rsa AAAA\n", "# no line break at its end"])
def test_a_new_key_is_accepted_and_written_on_a_line_of_its_own(server: Server, known_hosts: Path, before: str) -> None:
    if before:
        write(known_hosts, before)
    connect(server, known_hosts, Trust(accept_new=True, ask=answering(False, [])))
    between = "" if before.endswith("\n") or not before else "\n"
    assert known_hosts.read_text() == before + between + server.line()


@pytest.mark.parametrize("accept_new", [True, False])
def test_a_changed_key_is_refused_whatever_was_said(server: Server, known_hosts: Path, accept_new: bool) -> None:
    text = server.line(OTHER_KEY)
    write(known_hosts, text)
    with pytest.raises(ConnectError) as caught:
        connect(server, known_hosts, Trust(accept_new=accept_new, ask=answering(True, [])))
    problem = caught.value.problems[0]
    assert "has changed" in problem.what
    assert fingerprint(server.key) in problem.what
    assert fingerprint(OTHER_KEY) in problem.what
    assert known_hosts.read_text() == text


def test_a_changed_key_is_shown_where_it_stands(server: Server, known_hosts: Path) -> None:
    write(known_hosts, "# comment\nother ssh-rsa AAAA\n" + server.line(OTHER_KEY))
    with pytest.raises(ConnectError) as caught:
        connect(server, known_hosts, Trust())
    problem = caught.value.problems[0]
    assert problem.cause == f"the known key is in {known_hosts}:3"
    assert f"ssh-keygen -R '{server.name}'" in problem.hint


@pytest.mark.parametrize("name", ["box", "other,box", "|hashed|"])
def test_a_changed_key_at_port_22_is_shown_where_it_stands(server: Server, known_hosts: Path, name: str) -> None:
    if name == "|hashed|":
        name = paramiko.HostKeys.hash_host("box")
    write(known_hosts, "# comment\n" + server.line(OTHER_KEY, "else") + server.line(OTHER_KEY, name))
    login = Login("box", "box", "me", 22, (), False, (known_hosts,), 10)
    problem = changed_key(login, paramiko.BadHostKeyException("box", server.key, OTHER_KEY)).problems[0]
    assert problem.cause == f"the known key is in {known_hosts}:3"
    assert "ssh-keygen -R box" in problem.hint


def test_a_damaged_line_among_the_known_hosts_is_passed_over_as_ssh_does(server: Server, known_hosts: Path) -> None:
    write(known_hosts, "damaged ssh-rsa AAAAB\n" + server.line())
    connect(server, known_hosts, Trust())


def test_the_fingerprint_is_that_of_ssh_keygen(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "key.pub"
    path.write_text(f"{server.key.get_name()} {server.key.get_base64()}\n")
    try:
        done = subprocess.run(["ssh-keygen", "-lf", str(path)], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("ssh-keygen is not installed")
    assert done.stdout.split()[1] == fingerprint(server.key)


def test_a_file_that_cannot_be_written_is_told(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "file", "")
    with pytest.raises(ConnectError, match="cannot be remembered") as caught:
        connect(server, tmp_path / "file" / "known_hosts", Trust(accept_new=True))
    assert caught.value.problems[0].hint
