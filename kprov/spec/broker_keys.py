"""The broker's configuration keys, version by version, and whether a value fits its key.

The broker never reports an unknown key, it ignores it; a typo would go unnoticed for months. So kprov
checks names, types and ranges itself, against tables read from each version's own definition of its
configuration (``data/broker-keys-VERSION.tsv``: name, type, default, valid, importance).
"""

from __future__ import annotations

import csv
import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from packaging.version import Version

from kprov.errors import Problem, did_you_mean
from kprov.spec.broker_values import VALID, check_meaning
from kprov.spec.value import shown

_TABLES = ("1.0.0", "1.1.1", "2.8.2", "3.5.2", "3.9")
_INTEGER_BOUNDS = {"SHORT": 2**15, "INT": 2**31, "LONG": 2**63}
_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_RANGE = re.compile(r"\[([^,\[\]]+),\.\.\.(?:,([^\]]+))?\](?: or (-?\d+))?")
_CHOICE = re.compile(r"\[([^\[\]]+)\]")
# Keys that the broker hands to plugins or that carry a listener's name: no table can list them.
_OPEN_KEYS = re.compile(
    r"listener\.name\..+|super\.users|allow\.everyone\.if\.no\.acl\.found|authorizer\..+"
    r"|client\.quota\.callback\..+|confluent\..+|rsm\.config\..+|rlmm\.config\..+"
)
PROTOCOL = "inter.broker.protocol.version"
MESSAGE_FORMAT = "log.message.format.version"
# Read by a broker only while `listeners` is not set, and gone in 3.0 (KAFKA-12945).
ADDRESS_KEYS = ("host.name", "port", "advertised.host.name", "advertised.port")
# What went in 3.0 (docs/upgrade.html of 3.0): no table is of 3.0, so the one below it would still allow them.
_GONE_IN_3 = (*ADDRESS_KEYS, "quota.consumer.default", "quota.producer.default")
_UNLIMITED = "-1 or greater than 0"
_ALMOST = 0.9  # difflib's measure: how like two names are from which on one is taken for a slip of the other


# The ends of all keys of type PASSWORD.
_SECRET = re.compile(
    r"(password|secret|secret\.key|master\.key|jaas\.config|keystore\.key|certificate\.chain|certificates)$"
)


@dataclass(frozen=True)
class BrokerKey:
    """One configuration key: its name, Kafka's type, default and valid values as the table has them."""

    name: str
    type: str
    default: str
    valid: str

    @property
    def secret(self) -> bool:
        """Whether the value must never be shown."""
        return self.type == "PASSWORD" or is_secret(self.name)


def is_secret(name: str) -> bool:
    """Whether a key holds a secret, told by its name: also one of a listener or a plugin, which no table lists."""
    return _SECRET.search(name) is not None


@cache
def _table(version: str) -> Mapping[str, BrokerKey]:
    text = files("kprov.spec").joinpath("data", f"broker-keys-{version}.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {
        row["name"]: BrokerKey(row["name"], row["type"], row["default"], row["valid"] or VALID.get(row["name"], ""))
        for row in rows
    }


@cache
def broker_keys(kafka: Version) -> Mapping[str, BrokerKey]:
    """The keys of that Kafka version; between two tables, what either of the neighbours knows."""
    tables = [Version(version) for version in _TABLES]
    below = max((v for v in tables if v <= kafka), default=tables[0])
    above = min((v for v in tables if v >= kafka or v.release == kafka.release[:2]), default=tables[-1])
    keys = dict(_table(str(above)))
    if below != above:
        keys |= _table(str(below))
    if kafka >= Version("3.0.0"):
        for name in _GONE_IN_3:
            keys.pop(name, None)
    if kafka < Version("2.1.0"):  # KIP-110
        codec = keys["compression.type"]
        keys[codec.name] = replace(codec, valid=codec.valid.replace("zstd, ", ""))
    return keys


def check_property(name: str, value: str, kafka: Version) -> Problem | None:
    """What is wrong with setting the broker key ``name`` to ``value``; None if nothing is."""
    if not name or re.search(r"[\s=:#!\\]", name) or not name.isprintable():
        return Problem(f"{name!r} is not the name of a property", hint="a name holds no space, '=', ':' or line break")
    keys = broker_keys(kafka)
    key = keys.get(name)
    if any(character in value for character in "\n\r\0"):
        said = "the value" if key is None or key.secret else f"the value {value!r}"
        return Problem(f"{said} has a line break in it", hint="write the value on one line")
    if key is None:
        return None if _is_open(name, keys) else _unknown(name, keys, kafka)
    value = value.strip()
    return _check_value(key, value) or check_meaning(name, value, kafka)


def _is_open(name: str, keys: Iterable[str]) -> bool:
    """Whether the name may be a plugin's; a name that is all but Kafka's own is taken for a slip."""
    if _OPEN_KEYS.fullmatch(name) is None:
        return False
    return name.startswith("listener.name.") or not difflib.get_close_matches(name, keys, n=1, cutoff=_ALMOST)


def _unknown(name: str, keys: Mapping[str, BrokerKey], kafka: Version) -> Problem:
    if name in ADDRESS_KEYS:
        new = "advertised.listeners" if name.startswith("advertised") else "listeners"
        return Problem(
            f"Kafka {kafka} has no key {name} any more (it went in 3.0)",
            hint=f"set {new} instead, for instance {new}=PLAINTEXT://192.168.78.141:9092",
        )
    for version in _TABLES:
        if name in _table(version):
            return Problem(
                f"Kafka {kafka} has no key {name}; Kafka {version} has", hint="choose that version or leave it out"
            )
    near = did_you_mean(name.replace("_", "."), [*keys, "super.users"])
    return Problem(
        f"Kafka {kafka} has no key {name}",
        hint=near or "the keys are listed in Kafka's documentation, 'Broker Configs'",
    )


def _check_value(key: BrokerKey, value: str) -> Problem | None:
    if key.type == "BOOLEAN":
        if value.lower() not in {"true", "false"}:
            return Problem(f"{shown(value)} is neither true nor false", hint="write true or false")
        return None
    if key.type in _INTEGER_BOUNDS:
        bound = _INTEGER_BOUNDS[key.type]
        if not _WHOLE.fullmatch(value):
            return Problem(f"{shown(value)} is not a whole number", hint="write digits without a suffix")
        if not -bound <= int(value) < bound:
            return Problem(f"{value} is out of range", hint=f"{key.name} takes {-bound} to {bound - 1}")
        return _check_range(key, int(value))
    if key.type == "DOUBLE":
        if not _DECIMAL.fullmatch(value) or not math.isfinite(float(value)):
            return Problem(f"{shown(value)} is not a number", hint="write it with a decimal point, for instance 0.5")
        return _check_range(key, float(value))
    return _check_choice(key, value)


def _check_range(key: BrokerKey, number: float) -> Problem | None:
    if key.valid == _UNLIMITED:
        fits = number == -1 or number > 0
    elif match := _RANGE.fullmatch(key.valid):
        low, high, or_value = match.groups()
        fits = float(low) <= number and (high is None or number <= float(high))
        fits = fits or (or_value is not None and number == float(or_value))
    elif match := _CHOICE.fullmatch(key.valid):
        fits = number in {float(choice) for choice in match[1].split(",")}
    else:
        fits = True
    return None if fits else Problem(f"{number} is out of range", hint=f"{key.name} takes {describe(key.valid)}")


def _check_choice(key: BrokerKey, value: str) -> Problem | None:
    if key.valid == "non-empty string" and not value:
        return Problem("the value is empty", hint=f"{key.name} must not be empty")
    match = _CHOICE.fullmatch(key.valid)
    if match is None:
        return None
    choices = [choice.strip() for choice in match[1].split(",")]
    given = re.split(r"\s*,\s*", value) if key.type == "LIST" else [value]
    wrong = [item for item in given if item not in choices]
    if not wrong:
        return None
    near = did_you_mean(wrong[0], choices)
    return Problem(
        f"{wrong[0]!r} is not allowed",
        hint=f"{near} {key.name} takes {describe(key.valid)}".lstrip(),
    )


def describe(valid: str) -> str:
    """A table's valid values in words: ``[1,...]`` as ``1 or more``."""
    if match := _RANGE.fullmatch(valid):
        low, high, or_value = match.groups()
        return (f"{low} to {high}" if high else f"{low} or more") + (f", or {or_value}" if or_value else "")
    if match := _CHOICE.fullmatch(valid):
        return "one of " + match[1]
    return "-1 or a number above 0" if valid == _UNLIMITED else valid
