"""The broker's configuration keys of each version, and whether a value is valid for its key.

A broker silently ignores an unknown key, so nobody would notice a misspelling. Therefore kprov checks names, types
and ranges against tables that were read from each version's own definition of its configuration
(``data/broker-keys-VERSION.tsv``: name, type, default, valid, importance).
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from packaging.version import Version

from kprov.errors import Problem, did_you_mean
from kprov.spec.broker_values import VALID, check_meaning
from kprov.spec.slips import slip_of
from kprov.spec.value import shown

_TABLES = ("1.0.0", "1.1.1", "2.8.2", "3.5.2", "3.9")
_INTEGER_BOUNDS = {"SHORT": 2**15, "INT": 2**31, "LONG": 2**63}
_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_RANGE = re.compile(r"\[([^,\[\]]+),\.\.\.(?:,([^\]]+))?\](?: or (-?\d+))?")
_CHOICE = re.compile(r"\[([^\[\]]+)\]")
# Keys that the broker passes to plugins, or that contain the name of a listener: no table can list them.
_OPEN_KEYS = re.compile(
    r"listener\.name\..+|super\.users|allow\.everyone\.if\.no\.acl\.found|authorizer\..+"
    r"|client\.quota\.callback\..+|confluent\..+|rsm\.config\..+|rlmm\.config\..+"
)
PROTOCOL = "inter.broker.protocol.version"
MESSAGE_FORMAT = "log.message.format.version"
# Read by a broker only if `listeners` is not set, and removed in 3.0 (KAFKA-12945).
ADDRESS_KEYS = ("host.name", "port", "advertised.host.name", "advertised.port")
# Removed in 3.0 (docs/upgrade.html of 3.0). There is no table of 3.0, and the one before it still has them.
_REMOVED_IN_3 = (*ADDRESS_KEYS, "quota.consumer.default", "quota.producer.default")
_UNLIMITED = "-1 or greater than 0"
_LISTENER = re.compile(r"listener\.name\.[^.]+\.(?P<key>(?:[^.]+\.)*[^.]+)")
PLUGIN_HINT = "if a plugin reads it, pass it with --set-plugin KEY=VALUE, or as plugin_properties in kprov.yaml"

# How the names of all keys of type PASSWORD end.
_SECRET = re.compile(
    r"(password|secret|secret\.key|master\.key|jaas\.config|keystore\.key|certificate\.chain|certificates)$"
)
# Words in the names of keys that plugins read; the types of these keys are unknown.
_SUSPICIOUS = re.compile(
    r"pass(word|wd|phrase)|secret|token|credential|jaas|(api|access|private|license|master)[._-]?key|user[._-]?info"
    r"|license$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class BrokerKey:
    """One configuration key: its name, and Kafka's type, default and valid values as in the table."""

    name: str
    type: str
    default: str
    valid: str

    @property
    def secret(self) -> bool:
        """Whether the value must never be shown."""
        return self.type == "PASSWORD" or is_secret(self.name)


# Read by the broker, or by a class that it loads, but not part of its definition: (name, type, default, first
# version). Found in the classes of 1.0.0, 1.1.1, 2.8.2, 3.5.2 and 3.9.2: kafka.metrics.KafkaMetricsConfig and
# KafkaCSVMetricsReporter, org.apache.kafka.common.metrics.JmxReporter (KIP-544, 2.6).
_UNDECLARED = (
    ("kafka.metrics.reporters", "LIST", "", "1.0.0"),
    ("kafka.metrics.polling.interval.secs", "INT", "10", "1.0.0"),
    ("kafka.csv.metrics.reporter.enabled", "BOOLEAN", "false", "1.0.0"),
    ("kafka.csv.metrics.dir", "STRING", "csv_metrics", "1.0.0"),
    ("metrics.jmx.include", "STRING", ".*", "2.6.0"),
    ("metrics.jmx.exclude", "STRING", "", "2.6.0"),
    ("metrics.jmx.whitelist", "STRING", ".*", "2.6.0"),
    ("metrics.jmx.blacklist", "STRING", "", "2.6.0"),
)


def is_secret(name: str) -> bool:
    """Whether a key holds a secret, judged by its name.

    The type of a key that is in no table, such as a plugin's, is unknown; there a suspicious word is enough.
    """
    return _SECRET.search(name) is not None or (_in_no_table(name) and _SUSPICIOUS.search(name) is not None)


def _in_no_table(name: str) -> bool:
    return all(name not in read_keys(Version(version)) for version in _TABLES)


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
    """The keys of that Kafka version; between two tables, the keys of both neighbours."""
    tables = [Version(version) for version in _TABLES]
    below = max((v for v in tables if v <= kafka), default=tables[0])
    above = min((v for v in tables if v >= kafka or v.release == kafka.release[:2]), default=tables[-1])
    keys = dict(_table(str(above)))
    if below != above:
        keys |= _table(str(below))
    if kafka >= Version("3.0.0"):
        for name in _REMOVED_IN_3:
            keys.pop(name, None)
    if kafka < Version("2.1.0"):  # KIP-110
        codec = keys["compression.type"]
        keys[codec.name] = replace(codec, valid=codec.valid.replace("zstd, ", ""))
    return keys


@cache
def read_keys(kafka: Version) -> Mapping[str, BrokerKey]:
    """The keys of that Kafka version, and those that its broker reads but does not declare."""
    undeclared = {
        name: BrokerKey(name, type_, default, "")
        for name, type_, default, first in _UNDECLARED
        if Version(first) <= kafka
    }
    return {**undeclared, **broker_keys(kafka)}


def check_property(name: str, value: str, kafka: Version | None) -> Problem | None:
    """What is wrong with setting the broker key ``name`` to ``value``; None if nothing is.

    kafka: None if the version is not known yet; then a problem is reported only if every version has it.
    """
    if problem := _malformed(name, value):
        return problem
    if kafka is None:
        return _everywhere(check_property, name, value)
    keys = read_keys(kafka)
    key = keys.get(name)
    if key is None:
        return _check_open(name, keys, kafka)
    value = value.strip()
    return _check_value(key, value) or check_meaning(name, value, kafka)


def check_plugin_property(name: str, value: str, kafka: Version | None) -> Problem | None:
    """What is wrong with a key that is meant for a plugin: Kafka's own keys and misspellings of them are refused.

    Kafka silently ignores unknown keys, so nobody would notice a misspelt key of its own.
    """
    if problem := _malformed(name, value):
        return problem
    if kafka is None:
        return _everywhere(check_plugin_property, name, value)
    keys = read_keys(kafka)
    if name in keys:
        return Problem(
            f"{name} is one of Kafka's own keys, not a plugin's", hint=f"use --set {name}=..., or properties"
        )
    if _LISTENER.fullmatch(name):
        return _check_open(name, keys, kafka)
    slip = slip_of(name, keys) if _in_no_table(name) else None
    return _misspelt(name, slip) if slip else None


def _everywhere(check: Callable[[str, str, Version], Problem | None], name: str, value: str) -> Problem | None:
    """The problem if every version has one; None if some version accepts the property."""
    versions = [Version(version) for version in _TABLES]
    problems = {version: check(name, value, version) for version in versions}
    if any(problem is None for problem in problems.values()):
        return None
    return problems[next((version for version in reversed(versions) if name in read_keys(version)), versions[-1])]


def _malformed(name: str, value: str) -> Problem | None:
    if not name or re.search(r"[\s=:#!\\]", name) or not name.isprintable():
        return Problem(
            f"{name!r} is not the name of a property",
            hint="remove spaces, '=', ':', '#', '!', backslashes and line breaks",
        )
    if any(character in value for character in "\n\r\0"):
        said = "the value" if is_secret(name) else f"the value {value!r}"
        return Problem(f"{said} contains a line break", hint="write the value on one line")
    return None


def _check_open(name: str, keys: Mapping[str, BrokerKey], kafka: Version) -> Problem | None:
    """What is wrong with a name that is in no table of this version: a listener's, a plugin's, or a misspelling."""
    if listener := _LISTENER.fullmatch(name):
        # listener.name.NAME.KEY, or listener.name.NAME.MECHANISM.KEY: KEY must not be a misspelling of Kafka's keys.
        rest = listener["key"]
        known = [key for key in (rest, rest.partition(".")[2]) if key and not _in_no_table(key)]
        slip = None if known else slip_of(rest, keys) or slip_of(rest.partition(".")[2], keys)
        return _misspelt(name, f"{name.removesuffix(rest)}{slip}") if slip else None
    if _OPEN_KEYS.fullmatch(name) and not slip_of(name, keys):
        return None
    return _unknown(name, keys, kafka)


def _misspelt(name: str, meant: str) -> Problem:
    return Problem(f"{name} looks like a misspelling of {meant}, and Kafka would ignore it", hint=f"write {meant}")


def _unknown(name: str, keys: Mapping[str, BrokerKey], kafka: Version) -> Problem:
    if name in ADDRESS_KEYS:
        new = "advertised.listeners" if name.startswith("advertised") else "listeners"
        return Problem(
            f"Kafka {kafka} has no key {name}; it was removed in 3.0",
            hint=f"set {new} instead, for instance {new}=PLAINTEXT://192.168.78.141:9092",
        )
    having = [version for version in _TABLES if name in _table(version)]
    if having and Version(having[-1]) < kafka:
        return Problem(
            f"Kafka {kafka} has no key {name}; the last version with it is {having[-1]}",
            hint=f"remove it; {PLUGIN_HINT}",
        )
    if later := next((version for version in having if Version(version) > kafka), None):
        return Problem(
            f"Kafka {kafka} has no key {name}; Kafka {later} has it",
            hint=f"choose that version or remove the key; {PLUGIN_HINT}",
        )
    known = [*keys, "super.users"]
    meant = did_you_mean(name.replace("_", "."), known) or "see 'Broker Configs' in Kafka's documentation"
    return Problem(f"Kafka has no key {name}", hint=meant if slip_of(name, known) else f"{meant}; {PLUGIN_HINT}")


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
            return Problem(
                f"{value} is out of range", hint=f"choose a value for {key.name} from {-bound} to {bound - 1}"
            )
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
    return None if fits else Problem(f"{number} is out of range", hint=f"valid for {key.name}: {describe(key.valid)}")


def _check_choice(key: BrokerKey, value: str) -> Problem | None:
    if key.valid == "non-empty string" and not value:
        return Problem("the value is empty", hint=f"set a value for {key.name}, or remove the key")
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
        hint=f"{near} valid for {key.name}: {describe(key.valid)}".lstrip(),
    )


def describe(valid: str) -> str:
    """The valid values of a table in words: ``[1,...]`` as ``1 or more``."""
    if match := _RANGE.fullmatch(valid):
        low, high, or_value = match.groups()
        return (f"{low} to {high}" if high else f"{low} or more") + (f", or {or_value}" if or_value else "")
    if match := _CHOICE.fullmatch(valid):
        return "one of " + match[1]
    return "-1 or a number above 0" if valid == _UNLIMITED else valid
