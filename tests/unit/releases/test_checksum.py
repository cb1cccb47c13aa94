"""Published checksum files in their formats, and checksum files next to archives."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kprov.errors import UsageError
from kprov.releases import checksum
from kprov.releases.checksum import Checksum, parse

NAME = "kafka_2.12-1.0.0.tgz"
SHA512 = hashlib.sha512(b"kafka").hexdigest()
SHA256 = hashlib.sha256(b"kafka").hexdigest()
SHA1 = hashlib.sha1(b"kafka").hexdigest()  # noqa: S324


def gpg(digits: str, name: str = NAME, *, group: int = 8, line: int = 4) -> str:
    """The format of `gpg --print-md`: groups of upper-case digits, continued on indented lines."""
    groups = [digits.upper()[i : i + group] for i in range(0, len(digits), group)]
    lines = [" ".join(groups[i : i + line]) for i in range(0, len(groups), line)]
    return f"{name}: " + ("\n" + " " * (len(name) + 2)).join(lines) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        f"{SHA512}  {NAME}\n",
        f"{SHA512} *{NAME}\n",
        f"{SHA512}\n",
        SHA512.upper(),
        f"SHA512 ({NAME}) = {SHA512}\n",
        gpg(SHA512),
        gpg(SHA512, group=4, line=8),
        gpg(SHA512, group=2, line=16),
        gpg(SHA512, line=64),
        gpg(SHA512, name=f"{NAME}:SHA512 ="),
        gpg(SHA512).replace("\n", "\r\n"),
        f"\ufeff{SHA512}  {NAME}\n",
        f"{SHA512}  /home/releaser/rc2/{NAME}\n",
        f"{SHA512}  another-name-of-it.tgz\n",  # one entry alone is meant
        f"{'0' * 128}  kafka-1.0.0-src.tgz\n{SHA512}  {NAME}\n",
        f"# sums\n\n{SHA512}  {NAME}\n",
        f"{gpg('ab' * 64, name='kafka-1.0.0-src.tgz')}{gpg(SHA512)}",
    ],
)
def test_sha512_is_read_from_every_format(text: str) -> None:
    assert parse(text, NAME, where="x") == Checksum("sha512", SHA512)


@pytest.mark.parametrize(("digits", "algorithm"), [(SHA1, "sha1"), (SHA256, "sha256"), (SHA512, "sha512")])
def test_the_algorithm_follows_from_the_length(digits: str, algorithm: str) -> None:
    assert parse(f"{digits}  {NAME}", NAME, where="x") == Checksum(algorithm, digits)
    assert parse(gpg(digits, group=4), NAME, where="x") == Checksum(algorithm, digits)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html><title>404 Not Found</title></html>",
        f"{SHA512[:-1]}  {NAME}",
        f"{'ab' * 16}  {NAME}",  # MD5 proves nothing
        f"{SHA512}  one.tgz\n{SHA256}  two.tgz\n",  # neither is ours
        f"{SHA512}  {NAME}\n{'0' * 128}  {NAME}\n",  # contradiction
    ],
)
def test_a_file_without_a_checksum_is_an_error_that_names_it(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, NAME, where="sums/kafka.sha512")
    problem = caught.value.problems[0]
    assert problem.where == "sums/kafka.sha512"
    assert problem.hint


@given(
    digits=st.binary(min_size=64, max_size=64).map(bytes.hex),
    group=st.sampled_from([2, 4, 8, 16, 128]),
    line=st.integers(1, 64),
    name=st.from_regex(r"[A-Za-z][A-Za-z0-9_.\-]{0,40}\.tgz", fullmatch=True),
)
def test_the_gpg_format_is_read_with_any_line_breaks(digits: str, group: int, line: int, name: str) -> None:
    assert parse(gpg(digits, name, group=group, line=line), name, where="x") == Checksum("sha512", digits)


@given(st.text(max_size=400))
def test_any_text_gives_a_checksum_or_a_usage_error(text: str) -> None:
    with suppress(UsageError):
        parse(text, NAME, where="x")


@pytest.mark.parametrize("suffix", checksum.SUFFIXES)
def test_a_checksum_file_next_to_the_archive_is_found(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / NAME
    digits = {".sha512": SHA512, ".sha1": SHA1}.get(suffix, SHA256)
    path.write_bytes(b"kafka")
    (tmp_path / (NAME + suffix)).write_text(f"{digits}  {NAME}\n")
    found = checksum.beside(path)
    assert found is not None
    found[0].require(path, source=str(found[1]))


def test_a_mismatch_shows_both_checksums(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(b"kafkb")
    with pytest.raises(UsageError) as caught:
        Checksum("sha512", SHA512).require(path, source="the sum file")
    problem = caught.value.problems[0]
    assert SHA512 in problem.cause
    assert hashlib.sha512(b"kafkb").hexdigest() in problem.cause
    assert problem.where == str(path)


def test_a_written_checksum_file_can_be_read_back(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(b"kafka")
    file = checksum.write_beside(path, SHA512)
    assert checksum.beside(path) == (Checksum("sha512", SHA512), file)
    assert sorted(tmp_path.iterdir()) == [path, file]
