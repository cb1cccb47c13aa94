"""Host keys of a real server on this machine: known, unknown, changed."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import paramiko
import pytest

from kprov.errors import ConnectError, DeclinedError
from kprov.host.authentication import Authentication
from kprov.host.known_hosts import fingerprint
from kprov.host.ssh_config import Login
from kprov.host.trust import Trust, prepare
from kprov.secret import Passwords


class _Anybody(paramiko.ServerInterface):
    def check_auth_none(self, username: str) -> int:
        return paramiko.AUTH_SUCCESSFUL

    def get_allowed_auths(self, username: str) -> str:
        return "none"


class Server:
    """An SSH server that accepts every login; its key can be changed."""

    def __init__(self, *others: paramiko.PKey) -> None:
        self.key: paramiko.PKey = paramiko.RSAKey.generate(2048)
        self._others = others
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
            for key in (self.key, *self._others):
                transport.add_server_key(key)
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


@pytest.fixture
def known_hosts(tmp_path: Path) -> Path:
    return tmp_path / "ssh" / "known_hosts"


def connect(server: Server, known_hosts: Path, what: Trust, **options: Any) -> None:
    """Connect as kprov.host.connection does; ``options`` are those of ssh_config that a test is about."""
    login = Login("box", "127.0.0.1", "me", server.port, (), False, (known_hosts,), 10, system_known_hosts=())
    login = replace(login, **options)
    with paramiko.SSHClient() as client:
        client.connect(
            "127.0.0.1",
            server.port,
            transport_factory=prepare(client, login, what),
            auth_strategy=Authentication(login, Passwords()),  # type: ignore[arg-type]
        )


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


def test_an_unknown_key_is_refused_without_a_terminal(server: Server, known_hosts: Path) -> None:
    with pytest.raises(ConnectError) as caught:
        connect(server, known_hosts, Trust())
    problem = caught.value.problems[0]
    assert fingerprint(server.key.asbytes()) in problem.what
    assert "--accept-new-host-key" in problem.hint
    assert problem.where == "box"
    assert not known_hosts.exists()


def test_an_accepted_key_is_saved(server: Server, known_hosts: Path) -> None:
    said: list[str] = []
    connect(server, known_hosts, Trust(confirm=answering(True, said)))
    assert len(said) == 1
    assert fingerprint(server.key.asbytes()) in said[0]
    assert known_hosts.read_text() == server.line()
    connect(server, known_hosts, Trust())


def test_a_declined_key_is_an_error_and_not_saved(server: Server, known_hosts: Path) -> None:
    with pytest.raises(DeclinedError):
        connect(server, known_hosts, Trust(confirm=answering(False, [])))
    assert not known_hosts.exists()


@pytest.mark.parametrize("before", ["", "# a comment\n", "other ssh-rsa AAAA\n", "# no line break at its end"])
def test_a_new_key_is_accepted_and_written_on_a_line_of_its_own(server: Server, known_hosts: Path, before: str) -> None:
    if before:
        write(known_hosts, before)
    connect(server, known_hosts, Trust(accept_new=True, confirm=answering(False, [])))
    between = "" if before.endswith("\n") or not before else "\n"
    assert known_hosts.read_text() == before + between + server.line()


@pytest.mark.parametrize("accept_new", [True, False])
def test_a_changed_key_is_refused_even_with_accept_new(server: Server, known_hosts: Path, accept_new: bool) -> None:
    text = server.line(OTHER_KEY)
    write(known_hosts, text)
    with pytest.raises(ConnectError) as caught:
        connect(server, known_hosts, Trust(accept_new=accept_new, confirm=answering(True, [])))
    problem = caught.value.problems[0]
    assert "has changed" in problem.what
    assert fingerprint(server.key.asbytes()) in problem.what
    assert fingerprint(OTHER_KEY.asbytes()) in problem.what
    assert known_hosts.read_text() == text


def test_a_changed_key_names_its_line(server: Server, known_hosts: Path) -> None:
    write(known_hosts, "# comment\nother ssh-rsa AAAA\n" + server.line(OTHER_KEY))
    with pytest.raises(ConnectError) as caught:
        connect(server, known_hosts, Trust())
    problem = caught.value.problems[0]
    assert problem.cause == f"the known key is in {known_hosts}:3"
    assert f"ssh-keygen -f {known_hosts} -R '{server.name}'" in problem.hint


@pytest.mark.parametrize(
    "names",
    [
        "{name}",
        "other,{name}",
        "*",
        "[127.0.0.?]:*",
        "[127.0.0.1]:*,!other",
        "{hashed}",
        "127.0.0.1",  # ssh, too, takes the key of the plain name at another port
    ],
)
def test_names_that_match_a_host(server: Server, known_hosts: Path, names: str) -> None:
    names = names.format(name=server.name, hashed=paramiko.HostKeys.hash_host(server.name))
    write(known_hosts, server.line(name=names))
    connect(server, known_hosts, Trust())


@pytest.mark.parametrize("names", ["!{name},!127.0.0.1,*", "[127.0.0.2]:*", "other", "{hashed}", "|1|damaged|x"])
def test_names_that_do_not_match_a_host(server: Server, known_hosts: Path, names: str) -> None:
    names = names.format(name=server.name, hashed=paramiko.HostKeys.hash_host("other"))
    write(known_hosts, server.line(name=names))
    with pytest.raises(ConnectError, match="is not known"):
        connect(server, known_hosts, Trust())


@pytest.mark.parametrize("name", ["{name}", "other,{name}", "{hashed}"])
def test_a_changed_key_names_its_line_for_every_form_of_the_name(server: Server, known_hosts: Path, name: str) -> None:
    name = name.format(name=server.name, hashed=paramiko.HostKeys.hash_host(server.name))
    write(known_hosts, "# comment\n" + server.line(OTHER_KEY, "else") + server.line(OTHER_KEY, name))
    with pytest.raises(ConnectError, match="has changed") as caught:
        connect(server, known_hosts, Trust())
    assert caught.value.problems[0].cause == f"the known key is in {known_hosts}:3"


def test_another_key_on_another_port_is_new_and_not_changed(server: Server, known_hosts: Path) -> None:
    write(known_hosts, server.line(OTHER_KEY, "127.0.0.1"))
    with pytest.raises(ConnectError, match="is not known"):
        connect(server, known_hosts, Trust())


def test_known_key_types_are_requested_first(known_hosts: Path) -> None:
    both = Server(OTHER_KEY)
    try:
        write(known_hosts, both.line(both.key))
        connect(both, known_hosts, Trust())
        write(known_hosts, both.line(OTHER_KEY))
        connect(both, known_hosts, Trust())
    finally:
        both.close()


# ------------------------------------------------------------------ what ssh_config says about it


def test_a_name_of_its_own_in_known_hosts(server: Server, known_hosts: Path) -> None:
    write(known_hosts, server.line(name="shared"))
    connect(server, known_hosts, Trust(), host_key_alias="shared")
    with pytest.raises(ConnectError, match="is not known"):
        connect(server, known_hosts, Trust(), host_key_alias="other")


def test_the_system_s_file_is_read_but_not_written(server: Server, known_hosts: Path, tmp_path: Path) -> None:
    write(tmp_path / "global", server.line())
    connect(server, known_hosts, Trust(), system_known_hosts=(tmp_path / "global",))
    assert not known_hosts.exists()


@pytest.mark.parametrize("strict", ["no", "accept-new"])
def test_a_new_key_is_accepted_where_ssh_config_says_so(server: Server, known_hosts: Path, strict: str) -> None:
    connect(server, known_hosts, Trust(), strict=strict)
    assert known_hosts.read_text() == server.line()


@pytest.mark.parametrize("strict", ["no", "accept-new", "ask", "yes"])
def test_a_changed_key_is_refused_whatever_ssh_config_says(server: Server, known_hosts: Path, strict: str) -> None:
    write(known_hosts, server.line(OTHER_KEY))
    with pytest.raises(ConnectError, match="has changed"):
        connect(server, known_hosts, Trust(confirm=answering(True, [])), strict=strict)


def test_a_strict_ssh_config_prevents_the_question(server: Server, known_hosts: Path) -> None:
    said: list[str] = []
    with pytest.raises(ConnectError, match="is not known") as caught:
        connect(server, known_hosts, Trust(confirm=answering(True, said)), strict="yes")
    assert said == []
    assert "StrictHostKeyChecking yes" in caught.value.problems[0].hint
    connect(server, known_hosts, Trust(accept_new=True), strict="yes")
    assert known_hosts.read_text() == server.line()


def test_a_name_is_written_hashed_where_ssh_config_says_so(server: Server, known_hosts: Path) -> None:
    connect(server, known_hosts, Trust(accept_new=True), hash_known_hosts=True)
    assert known_hosts.read_text().startswith("|1|")
    assert "127.0.0.1" not in known_hosts.read_text()
    connect(server, known_hosts, Trust())
    done = subprocess.run(["ssh-keygen", "-F", server.name, "-f", str(known_hosts)], check=False, capture_output=True)
    assert done.returncode == 0, "ssh finds it as well"


@pytest.mark.parametrize("before", ["", "{line}"])
def test_a_revoked_key_is_refused_even_if_it_is_known(server: Server, known_hosts: Path, before: str) -> None:
    write(known_hosts, before.format(line=server.line()) + f"@revoked * {server.line().split(' ', 1)[1]}")
    with pytest.raises(ConnectError, match="is revoked") as caught:
        connect(server, known_hosts, Trust(accept_new=True), strict="no")
    number = 2 if before else 1
    assert caught.value.problems[0].cause == f"it is marked @revoked in {known_hosts}:{number}"


def test_a_key_that_is_listed_as_revoked(server: Server, known_hosts: Path, tmp_path: Path) -> None:
    write(known_hosts, server.line())
    listed = tmp_path / "revoked"
    listed.write_text(f"# gone\n{OTHER_KEY.get_name()} {OTHER_KEY.get_base64()} of somebody\n")
    connect(server, known_hosts, Trust(), revoked_host_keys=listed)
    listed.write_text(f"{listed.read_text()}{server.key.get_name()} {server.key.get_base64()}\n")
    with pytest.raises(ConnectError, match="is revoked") as caught:
        connect(server, known_hosts, Trust(), revoked_host_keys=listed)
    assert str(listed) in caught.value.problems[0].cause


@pytest.mark.parametrize("content", [None, b"SSHKRL\n\0\0\0\0\1"])
def test_an_unreadable_list_of_revoked_keys_refuses_every_host(
    server: Server, known_hosts: Path, tmp_path: Path, content: bytes | None
) -> None:
    write(known_hosts, server.line())
    if content is not None:
        (tmp_path / "revoked").write_bytes(content)
    with pytest.raises(ConnectError, match="list of revoked host keys is not usable"):
        connect(server, known_hosts, Trust(), revoked_host_keys=tmp_path / "revoked")


def test_the_key_of_an_authority_is_not_accepted_as_a_host_key(server: Server, known_hosts: Path) -> None:
    write(known_hosts, f"@cert-authority {server.line()}")
    with pytest.raises(ConnectError, match="is not known"):
        connect(server, known_hosts, Trust())


def test_a_damaged_line_in_known_hosts_is_skipped(server: Server, known_hosts: Path) -> None:
    write(known_hosts, "damaged ssh-rsa AAAAB\n" + server.line())
    connect(server, known_hosts, Trust())


def test_the_fingerprint_is_that_of_ssh_keygen(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "key.pub"
    path.write_text(f"{server.key.get_name()} {server.key.get_base64()}\n")
    try:
        done = subprocess.run(["ssh-keygen", "-lf", str(path)], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("ssh-keygen is not installed")
    assert done.stdout.split()[1] == fingerprint(server.key.asbytes())


def test_an_unwritable_known_hosts_file_is_an_error(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "file", "")
    with pytest.raises(ConnectError, match="cannot be saved") as caught:
        connect(server, tmp_path / "file" / "known_hosts", Trust(accept_new=True))
    assert caught.value.problems[0].hint
