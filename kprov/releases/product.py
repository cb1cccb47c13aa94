"""The three products and the form of their versions."""

from __future__ import annotations

from enum import StrEnum

from packaging.version import InvalidVersion, Version

from kprov.errors import UsageError


class Product(StrEnum):
    """What an archive contains."""

    KAFKA = "kafka"
    ZOOKEEPER = "zookeeper"
    JAVA = "java"

    @property
    def label(self) -> str:
        """The product's name for messages."""
        return {"kafka": "Kafka", "zookeeper": "ZooKeeper", "java": "Java"}[self.value]


def parse_version(product: Product, text: str) -> Version:
    """Parse a version of three numbers, ``1.0.0`` or ``3.5.3-beta``. Raises UsageError for any other form."""
    try:
        version = Version(text)
    except InvalidVersion:
        version = None
    if version is None or len(version.release) != 3 or version.local is not None or text != text.strip():
        raise UsageError(
            f"{text!r} is not a version of {product.label}", hint="write all three numbers, for instance 1.0.0"
        )
    return version


def java_major(version: str) -> int:
    """The major version of a Java version: 8 for ``1.8.0_472`` and ``8``, 11 for ``11.0.29``.

    The scheme changed with Java 9 (JEP 223). Raises UsageError if the text does not begin with a number.
    """
    parts = version.split(".")
    major = parts[1] if parts[0] == "1" and len(parts) > 1 else parts[0]
    if not (major.isascii() and major.isdigit()):
        raise UsageError(f"{version!r} is not a version of Java", hint="write it like 11.0.29 or 1.8.0_472")
    return int(major)
