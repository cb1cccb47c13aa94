"""Which sshd accepts an RSA key, judged by what it announces and by its version."""

from __future__ import annotations

import pytest

from kprov.host.rsa import Sshd

OLD_LIST = ("ssh-ed25519", "ssh-rsa", "ssh-dss", "ecdsa-sha2-nistp256")  # what upstream's 7.4 announces
NEW_LIST = ("ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256")
CERTIFICATE = "ssh-rsa-cert-v01@openssh.com"
SHA1 = "SHA-1 only; use an ed25519 or ECDSA key"


@pytest.mark.parametrize(
    ("software", "announced", "why"),
    [
        ("OpenSSH_6.6.1", None, SHA1),
        ("OpenSSH_5.3", None, SHA1),
        ("OpenSSH_7.1p2 Debian-2", None, SHA1),
        ("OpenSSH_7.2p2 Ubuntu-4ubuntu2.10", ("rsa-sha2-256", "rsa-sha2-512"), ""),
        ("OpenSSH_7.3", None, ""),
        ("OpenSSH_7.4", OLD_LIST, ""),
        ("OpenSSH_7.4p1 Debian-10+deb9u7", OLD_LIST, ""),
        ("OpenSSH_7.4", ("rsa-sha2-256", "rsa-sha2-512"), ""),
        ("OpenSSH_7.4", None, ""),
        ("OpenSSH_9.2p1 Debian-2+deb12u10", NEW_LIST, ""),
        ("OpenSSH_9.2p1", ("ssh-ed25519",), SHA1),  # PubkeyAcceptedAlgorithms
        ("OpenSSH_10.0", NEW_LIST, ""),
        ("dropbear_2019.78", None, ""),
        ("dropbear_2020.79", ("ssh-ed25519", "rsa-sha2-256"), ""),
        ("", None, ""),
    ],
)
def test_an_rsa_key(software: str, announced: tuple[str, ...] | None, why: str) -> None:
    found = Sshd(software, announced).obstacle("ssh-rsa")
    assert found.endswith(why)
    assert bool(found) == bool(why)


@pytest.mark.parametrize("software", ["OpenSSH_6.6.1", "OpenSSH_7.4", "OpenSSH_9.2p1"])
@pytest.mark.parametrize(
    "kind", ["ssh-ed25519", "ecdsa-sha2-nistp256", "sk-ssh-ed25519@openssh.com", "ssh-ed25519-cert-v01@openssh.com"]
)
def test_other_keys_are_always_tried(software: str, kind: str) -> None:
    assert Sshd(software, OLD_LIST).obstacle(kind) == ""


@pytest.mark.parametrize(
    ("software", "announced", "possible"),
    [
        ("OpenSSH_6.6.1", None, False),
        ("OpenSSH_7.4", OLD_LIST, False),
        ("OpenSSH_7.4", ("rsa-sha2-256", "rsa-sha2-512"), False),
        ("OpenSSH_7.7p1", NEW_LIST, False),
        ("OpenSSH_7.8", NEW_LIST, True),
        ("OpenSSH_9.2p1", NEW_LIST, True),
        ("other", NEW_LIST, True),
    ],
)
def test_an_rsa_certificate(software: str, announced: tuple[str, ...] | None, possible: bool) -> None:
    assert (Sshd(software, announced).obstacle(CERTIFICATE) == "") == possible


@pytest.mark.parametrize(
    ("software", "announced", "quiet"),
    [
        ("OpenSSH_7.4", OLD_LIST, True),
        ("OpenSSH_7.4", None, True),
        ("OpenSSH_7.4", NEW_LIST, False),
        ("OpenSSH_7.40", OLD_LIST, False),
        ("OpenSSH_7.5", OLD_LIST, False),
    ],
)
def test_7_4_accepts_sha2_that_it_does_not_announce(
    software: str, announced: tuple[str, ...] | None, quiet: bool
) -> None:
    assert Sshd(software, announced).keeps_quiet == quiet


def test_an_rsa_key_that_may_fail_is_marked() -> None:
    assert Sshd("dropbear_2019.78").unsure("ssh-rsa")
    assert not Sshd("OpenSSH_9.2", NEW_LIST).unsure("ssh-rsa")
    assert not Sshd("OpenSSH_7.4", OLD_LIST).unsure("ssh-rsa"), "known to be taken"
    assert not Sshd("OpenSSH_6.6.1").unsure("ssh-rsa"), "it is not tried at all"
    assert not Sshd("dropbear_2019.78").unsure("ssh-ed25519")


@pytest.mark.parametrize(
    ("line", "listed", "found"),
    [
        ("SSH-2.0-OpenSSH_6.6.1", None, Sshd("OpenSSH_6.6.1")),
        ("SSH-1.99-OpenSSH_5.3", None, Sshd("OpenSSH_5.3")),
        (
            "SSH-2.0-OpenSSH_7.4p1 Debian-10",
            b"ssh-rsa,rsa-sha2-256",
            Sshd("OpenSSH_7.4p1 Debian-10", ("ssh-rsa", "rsa-sha2-256")),
        ),
        ("SSH-2.0-with-dashes", b"", Sshd("with-dashes", ("",))),
        ("", None, Sshd("")),
    ],
)
def test_the_version_and_algorithms_that_a_host_announces(line: str, listed: bytes | None, found: Sshd) -> None:
    assert Sshd.of(line, listed) == found


@pytest.mark.parametrize(
    ("software", "knows"),
    [("OpenSSH_6.6.1", False), ("OpenSSH_7.1", False), ("OpenSSH_7.2", True), ("OpenSSH_10.0", True), ("other", True)],
)
def test_rsa_host_keys(software: str, knows: bool) -> None:
    assert Sshd(software).knows_sha2 == knows
