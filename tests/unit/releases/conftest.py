"""Small archives that look like the real ones, and a local web server that can misbehave."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


def elf(machine: int = 62) -> bytes:
    """The head of a 64-bit little-endian ELF program."""
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 2, machine) + bytes(44)


@dataclass
class Tar:
    """The members of an archive; ``write`` creates the file."""

    top: str
    members: list[tuple[tarfile.TarInfo, bytes]] = field(default_factory=list)

    def file(self, name: str, data: bytes = b"#!/bin/sh\n", *, mode: int = 0o755) -> Tar:
        return self.raw(f"{self.top}/{name}", data, mode=mode)

    def raw(self, name: str, data: bytes = b"", **attributes: object) -> Tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        for key, value in attributes.items():
            setattr(info, key, value)
        self.members.append((info, data))
        return self

    def symlink(self, name: str, target: str) -> Tar:
        return self.raw(f"{self.top}/{name}", type=tarfile.SYMTYPE, linkname=target)

    def bytes(self) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for info, data in self.members:
                tar.addfile(info, io.BytesIO(data))
        return buffer.getvalue()

    def write(self, path: Path, *, compress: bool = True) -> Path:
        data = self.bytes()
        path.write_bytes(gzip.compress(data, 1) if compress else data)
        return path


def kafka_tar(version: str = "1.0.0", scala: str = "2.12") -> Tar:
    return (
        Tar(f"kafka_{scala}-{version}")
        .raw(f"kafka_{scala}-{version}/", type=tarfile.DIRTYPE, mode=0o755)
        .file("bin/kafka-server-start.sh")
        .file(f"libs/kafka_{scala}-{version}-sources.jar", b"PK")
        .file(f"libs/kafka_{scala}-{version}.jar", b"PK" * 100)
        .file("config/server.properties", b"broker.id=0\n")
    )


def zookeeper_tar(version: str = "3.5.3-beta") -> Tar:
    new = version.startswith(("3.6", "3.8", "3.9", "3.5.10"))
    top = f"apache-zookeeper-{version}-bin" if new else f"zookeeper-{version}"
    jar = f"lib/zookeeper-{version}.jar" if new else f"zookeeper-{version}.jar"
    return Tar(top).file("bin/zkServer.sh").file("lib/zookeeper-jute-9.9.9.jar", b"PK").file(jar, b"PK")


def java_tar(version: str = "11.0.29", *, arch: str | None = "x86_64", machine: int = 62) -> Tar:
    lines = [f'JAVA_VERSION="{version}"', 'IMPLEMENTOR="Eclipse Adoptium"']
    if arch:
        lines.append(f'OS_ARCH="{arch}"')
    return (
        Tar(f"jdk-{version}-jre")
        .file("bin/java", elf(machine))
        .file("legal/java.base/LICENSE", b"GPL")
        .symlink("legal/java.sql/LICENSE", "../java.base/LICENSE")
        .file("release", "\n".join(lines).encode() + b"\n")
    )


@dataclass
class Resource:
    """What the server serves at a path, and how it misbehaves."""

    data: bytes = b""
    etag: str = ""
    modified: str = ""
    status: list[int] = field(default_factory=list)  # answers before the good ones
    cut: list[int] = field(default_factory=list)  # close after so many bytes, once each
    location: str = ""
    ranges: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    gate: threading.Event | None = None  # wait for it before the body


@dataclass
class Site:
    """The contents of a web server, and the requests that it received."""

    address: str = ""
    resources: dict[str, Resource] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def put(self, path: str, data: bytes, **options: object) -> Resource:
        self.resources[path] = Resource(data, **options)  # type: ignore[arg-type]
        return self.resources[path]

    def publish(self, path: str, data: bytes, **options: object) -> Resource:
        """Put the file and its .sha512 there."""
        name = path.rpartition("/")[2]
        self.put(f"{path}.sha512", f"{hashlib.sha512(data).hexdigest()}  {name}\n".encode())
        return self.put(path, data, **options)

    def asked(self, path: str) -> list[dict[str, str]]:
        return [headers for asked, headers in self.requests if asked == path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.site.requests.append((path, {key.lower(): value for key, value in self.headers.items()}))
        resource = self.site.resources.get(path)
        if resource is None:
            self._send(404, b"not here")
        elif resource.status:
            self._send(resource.status.pop(0), b"busy")
        elif resource.location:
            self._send(302, b"", {"Location": resource.location})
        else:
            self._serve(resource)

    def _serve(self, resource: Resource) -> None:
        start, status = 0, 200
        wanted = self.headers.get("Range")
        validator = self.headers.get("If-Range")
        fresh = validator is None or validator in {resource.etag, resource.modified} - {""}
        headers = dict(resource.headers)
        if wanted and resource.ranges and fresh:
            start, status = int(wanted.removeprefix("bytes=").rstrip("-")), 206
            if start >= len(resource.data):
                return self._send(416, b"")
            headers["Content-Range"] = f"bytes {start}-{len(resource.data) - 1}/{len(resource.data)}"
        if resource.etag:
            headers["ETag"] = resource.etag
        if resource.modified:
            headers["Last-Modified"] = resource.modified
        body = resource.data[start:]
        limit = resource.cut.pop(0) if resource.cut else None
        self._send(status, body, headers, limit=limit, gate=resource.gate)
        return None

    def _send(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        *,
        limit: int | None = None,
        gate: threading.Event | None = None,
    ) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if gate is not None:
            gate.wait(10)
        self.wfile.write(body[:limit])
        if limit is not None:
            self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    content = Site()
    handler = type("Handler", (_Handler,), {"site": content})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    content.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield content
    server.shutdown()
    thread.join()
    server.server_close()


Maker = Callable[..., Tar]


@pytest.fixture
def kafka() -> Maker:
    return kafka_tar


@pytest.fixture
def zookeeper() -> Maker:
    return zookeeper_tar


@pytest.fixture
def java() -> Maker:
    return java_tar
