"""The broker's configuration keys, version by version, and whether a value fits its key.

The broker never reports an unknown key, it ignores it; a typo would go unnoticed for months. So kprov
checks names, types and ranges itself, against tables read from each version's own definition of its
configuration (``data/broker-keys-VERSION.tsv``: name, type, default, valid, importance).
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from packaging.version import Version

from kprov.errors import Problem

_TABLES = ("1.0.0", "1.1.1", "2.8.2", "3.5.2", "3.9")
_INTEGER_BOUNDS = {"SHORT": 2**15, "INT": 2**31, "LONG": 2**63}
_WHOLE = re.compile(r"[+-]?[0-9]+")
_RANGE = re.compile(r"\[([^,\[\]]+),\.\.\.(?:,([^\]]+))?\](?: or (-?\d+))?")
_CHOICE = re.compile(r"\[([^\[\]]+)\]")
# Keys that the broker hands to plugins or that carry a listener's name: no table can list them.
_OPEN_KEYS = re.compile(
    r"listener\.name\..+|super\.users|allow\.everyone\.if\.no\.acl\.found|authorizer\..+"
    r"|client\.quota\.callback\..+|confluent\..+|rsm\.config\..+|rlmm\.config\..+"
)
# Read by a broker only while `listeners` is not set, and gone in 3.0 (KAFKA-12945).
ADDRESS_KEYS = ("host.name", "port", "advertised.host.name", "advertised.port")


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
        return self.type == "PASSWORD"


@cache
def _table(version: str) -> Mapping[str, BrokerKey]:
    text = files("kprov.spec").joinpath("data", f"broker-keys-{version}.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {row["name"]: BrokerKey(row["name"], row["type"], row["default"], row["valid"]) for row in rows}


def broker_keys(kafka: Version) -> Mapping[str, BrokerKey]:
    """The keys of that Kafka version; between two tables, what either of the neighbours knows."""
    tables = [Version(version) for version in _TABLES]
    below = max((v for v in tables if v <= kafka), default=tables[0])
    above = min((v for v in tables if v >= kafka or v.release == kafka.release[:2]), default=tables[-1])
    keys = dict(_table(str(above)))
    if below != above:
        keys |= _table(str(below))
    return keys


def check_property(name: str, value: str, kafka: Version) -> Problem | None:
    """What is wrong with setting the broker key ``name`` to ``value``; None if nothing is."""
    if not name or re.search(r"[\s=:#!\\]", name):
        return Problem(f"{name!r} is not the name of a property", hint="a name holds no space, '=', ':' or line break")
    if "\n" in value or "\r" in value or "\0" in value:
        return Problem(f"the value {value!r} has a line break in it", hint="write the value on one line")
    if _OPEN_KEYS.fullmatch(name):
        return None
    keys = broker_keys(kafka)
    key = keys.get(name)
    if key is None:
        return _unknown(name, keys, kafka)
    return _check_value(key, value.strip())


def _unknown(name: str, keys: Mapping[str, BrokerKey], kafka: Version) -> Problem:
    if name in ADDRESS_KEYS:
        new = "advertised.listeners" if name.startswith("advertised") else "listeners"
        return Problem(
            f"Kafka {kafka} has no key {name} any more (it went in 3.0)",
            hint=f"set {new} instead, for instance {new}=PLAINTEXT://192.168.78.141:9092",
        )
    near = difflib.get_close_matches(name, [*keys, "super.users"], n=1, cutoff=0.6)
    for version in _TABLES:
        if name in _table(version):
            return Problem(
                f"Kafka {kafka} has no key {name}; Kafka {version} has", hint="choose that version or leave it out"
            )
    return Problem(
        f"Kafka {kafka} has no key {name}",
        hint=f"did you mean {near[0]}?" if near else "the keys are listed in Kafka's documentation, 'Broker Configs'",
    )


def _check_value(key: BrokerKey, value: str) -> Problem | None:
    if key.type == "BOOLEAN":
        if value.lower() not in {"true", "false"}:
            return Problem(f"{value!r} is not a boolean", hint="write true or false")
        return None
    if key.type in _INTEGER_BOUNDS:
        bound = _INTEGER_BOUNDS[key.type]
        if not _WHOLE.fullmatch(value) or not -bound <= int(value) < bound:
            return Problem(
                f"{value!r} is not a whole number of type {key.type}",
                hint=f"write digits without a suffix, from {-bound} to {bound - 1}",
            )
        return _check_range(key, int(value))
    if key.type == "DOUBLE":
        try:
            number = float(value)
        except ValueError:
            return Problem(f"{value!r} is not a number", hint="write it with a decimal point, for instance 0.5")
        return _check_range(key, number)
    return _check_choice(key, value)


def _check_range(key: BrokerKey, number: float) -> Problem | None:
    if key.valid == "-1 or greater than 0":
        fits = number == -1 or number > 0
    elif match := _RANGE.fullmatch(key.valid):
        low, high, or_value = match.groups()
        fits = float(low) <= number and (high is None or number <= float(high))
        fits = fits or (or_value is not None and number == float(or_value))
    elif match := _CHOICE.fullmatch(key.valid):
        fits = number in {float(choice) for choice in match[1].split(",")}
    else:
        fits = True
    return None if fits else Problem(f"{number:g} is out of range", hint=f"{key.name} takes {describe(key.valid)}")


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
    near = difflib.get_close_matches(wrong[0], choices, n=1)
    return Problem(
        f"{wrong[0]!r} is not allowed",
        hint=(f"did you mean {near[0]}? " if near else "") + f"{key.name} takes {describe(key.valid)}",
    )


def describe(valid: str) -> str:
    """A table's valid values in words: ``[1,...]`` as ``1 or more``."""
    if match := _RANGE.fullmatch(valid):
        low, high, or_value = match.groups()
        return (f"{low} to {high}" if high else f"{low} or more") + (f", or {or_value}" if or_value else "")
    if match := _CHOICE.fullmatch(valid):
        return "one of " + match[1]
    return valid
