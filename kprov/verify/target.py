"""A host under verification: what its receipt promises, and its actual state."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from posixpath import basename, dirname
from typing import TypeVar

import javaproperties
from testinfra.host import Host

from kprov import receipt as receipts
from kprov.errors import PreflightError
from kprov.kinds import labels
from kprov.kinds.base import Entry, PathEntry
from kprov.kinds.file import FileEntry
from kprov.kinds.link import LinkEntry
from kprov.kinds.links import LinksEntry
from kprov.kinds.release import ReleaseEntry
from kprov.kinds.service import ServiceEntry, limit
from kprov.receipt import Receipt
from kprov.roles.common import JMX_OFF
from kprov.roles.of_node import roles_of
from kprov.spec.model import Cluster
from kprov.topology import Node, node_at

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
_CLEAN = ("env", "-i", "HOME=/", "LC_ALL=C", "LANG=C", f"PATH={_PATH}")
# The arguments are Kafka's home, standard input, the home of Java, and the command.
_TOOL = f"""
cd "$1" || exit
input=$2
export JAVA_HOME="$3" KAFKA_OPTS=-XX:-UsePerfData KAFKA_JMX_OPTS={JMX_OFF}
shift 3
printf %s "$input" | timeout -k 5 60 "$@"
"""
_PROPERTIES = "ActiveState,MainPID,UnitFileState,NeedDaemonReload,LimitNOFILE"


E = TypeVar("E", bound=Entry)


@dataclass(frozen=True)
class CommandResult:
    """The result of a command on the host."""

    code: int
    out: str
    errors: str

    @property
    def how(self) -> str:
        """How a tool ended, as the end of a sentence; 124 and 137 come from timeout(1)."""
        return "did not end in time" if self.code in {124, 137} else f"ended with exit code {self.code}"


@dataclass(frozen=True)
class Stat:
    """The file at a path: its kind as ``stat`` prints it, and its mode as four octal digits."""

    kind: str
    owner: str
    group: str
    mode: str


def _literal(path: str) -> str:
    """Escape a path for restorecon, which treats its arguments as patterns."""
    return re.sub(r"[][*?{}~\\]", r"\\\g<0>", path)


class VerifiedHost:
    """One host. Its state is read once, in few commands that cover all paths."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.name: str = host.backend.get_pytest_id()

    def run(self, *words: str) -> CommandResult:
        """Run one command as root, in a clean environment whatever variables the login sets."""
        return self.run_script('exec "$@"', *words)

    def run_script(self, script: str, *words: str) -> CommandResult:
        """Run a shell script likewise; it reads ``words`` as ``"$1"`` and so on, so no value is part of its text."""
        command = shlex.join([*_CLEAN, "/bin/sh", "-c", script, "sh", *words])
        if self._is_root:
            done = self._host.run(command)
        else:
            with self._host.sudo():
                done = self._host.run(command)
        return CommandResult(done.rc, done.stdout, done.stderr)

    @cached_property
    def _is_root(self) -> bool:
        return bool(self._host.run("id -u").stdout.strip() == "0")

    # ------------------------------------------------------------ what was promised

    @cached_property
    def receipt(self) -> Receipt:
        """The receipt on the host. Raises PreflightError if there is none that this kprov can read."""
        found = self.run("cat", str(receipts.PATH))
        if found.code != 0:
            raise PreflightError(
                f"{receipts.PATH} cannot be read",
                where=self.name,
                cause=found.errors.strip(),
                hint="check that kprov has installed this host, and that this user can become root",
            )
        receipt = receipts.parse(found.out, self.name)
        if receipt.spec is None:
            raise PreflightError(
                "Kafka was uninstalled from this host", where=self.name, hint="install it again: kprov install HOST"
            )
        return receipt

    def entries(self, kind: type[E]) -> list[E]:
        """The receipt's entries of one kind."""
        return [entry for entry in self.receipt.made.values() if isinstance(entry, kind)]

    @cached_property
    def node(self) -> Node:
        """The node that the receipt describes."""
        releases = self.receipt.releases
        node = node_at(Cluster.model_validate(self.receipt.spec), self.receipt.address)
        return node.with_java(releases.get("java_home", ""), releases.get("java", ""))

    @cached_property
    def ports(self) -> list[tuple[str, int]]:
        """Each port that should be open, with its unit."""
        return [(role.unit, port) for role in roles_of(self.node) for port in role.ports]

    @cached_property
    def promised_properties(self) -> Mapping[str, str]:
        return self.node.broker.properties if self.node.broker_config is not None else {}

    # ------------------------------------------------------------ what is there

    @cached_property
    def stats(self) -> Mapping[str, Stat]:
        """The existing files by path."""
        paths = [entry.path for entry in self.entries(PathEntry)]
        found = self.run("stat", "-c", "%n|%F|%U|%G|%a", "--", *paths)
        rows = [line.rsplit("|", 4) for line in found.out.splitlines()]
        return {path: Stat(kind, owner, group, mode.rjust(4, "0")) for path, kind, owner, group, mode in rows}

    @cached_property
    def sums(self) -> Mapping[str, str]:
        """The SHA-256 of every file, by path."""
        paths = [entry.path for entry in self.entries(FileEntry)]
        found = self.run("sha256sum", "--", *paths)
        return {path: digest for digest, path in (line.split("  ", 1) for line in found.out.splitlines())}

    @cached_property
    def targets(self) -> Mapping[str, str]:
        """The targets of links, by path: of links in the receipt, and of all in its directories of links."""
        places = [entry.path for entry in (*self.entries(LinkEntry), *self.entries(LinksEntry))]
        found = self.run("find", *places, "-maxdepth", "1", "-type", "l", "-printf", "%p|%l\\n")
        return dict(line.rsplit("|", 1) for line in found.out.splitlines())

    @cached_property
    def units(self) -> Mapping[str, Mapping[str, str]]:
        """The properties of each unit, from systemd."""
        shown = {}
        for entry in self.entries(ServiceEntry):
            lines = self.run("systemctl", "show", "-p", _PROPERTIES, entry.unit).out.splitlines()
            shown[entry.unit] = dict(line.split("=", 1) for line in lines)
        return shown

    @cached_property
    def listening(self) -> Mapping[int, set[str]]:
        """The inodes of the listening TCP sockets by port."""
        found: dict[int, set[str]] = {}
        for line in self.run("cat", "/proc/net/tcp", "/proc/net/tcp6").out.splitlines():
            words = line.split()
            if len(words) > 9 and words[3] == "0A":
                found.setdefault(int(words[1].rpartition(":")[2], 16), set()).add(words[9])
        return found

    @cached_property
    def properties(self) -> Mapping[str, str]:
        """server.properties as the broker reads it."""
        text = self.run("cat", f"{self.node.broker.home}/config/server.properties").out
        return javaproperties.loads(text)

    @cached_property
    def selinux(self) -> bool:
        return self.run("selinuxenabled").code == 0

    @cached_property
    def labels(self) -> Mapping[str, str] | None:
        """The labels that restorecon would change, by the entry's id; None if restorecon fails."""
        entries = [entry for entry in self.entries(PathEntry) if labels.is_own(entry) and entry.path in self.stats]
        trees = [entry.path for entry in entries if isinstance(entry, ReleaseEntry)]
        paths = [entry.path for entry in entries if not isinstance(entry, ReleaseEntry)]
        looked = [
            self.run("restorecon", *options, "--", *map(_literal, some))
            for options, some in ((("-R", "-n", "-v"), trees), (("-n", "-v"), [*paths, *self.targets]))
        ]
        if any(found.code for found in looked):
            return None
        folders = [entry.path if isinstance(entry, LinksEntry) else dirname(entry.path) for entry in entries]
        real = self.run("realpath", "-m", "--", *folders).out.splitlines()
        names = [entry.pattern if isinstance(entry, LinksEntry) else basename(entry.path) for entry in entries]
        places = (f"{entry.id}\t{folder}/{name}" for entry, folder, name in zip(entries, real, names, strict=True))
        said = "\n".join(found.out for found in looked)
        seen = {entry.id: {"status": "present"} for entry in entries}
        answer = {"status": "present", "said": said, "real": "\n".join(places)}
        merged = labels.with_labels({**seen, labels.ID: answer})
        return {id_: fields["label"] for id_, fields in merged.items() if "label" in fields}

    def holds(self, unit: str, inodes: set[str]) -> bool:
        """Whether the main process of a unit holds one of these sockets."""
        fds = self.run("ls", "-l", f"/proc/{self.units[unit]['MainPID']}/fd").out
        return any(f"socket:[{inode}]" in fds for inode in inodes)

    def open_files(self, unit: str) -> int | None:
        """How many files the main process of a unit may open; None if unknown."""
        found = self.run("grep", "^Max open files", f"/proc/{self.units[unit]['MainPID']}/limits").out.split()
        return limit(found[3]) if len(found) > 3 else None

    @cached_property
    def most_open_files(self) -> int | None:
        """How many files systemd itself may open: the most that it can grant if it may not raise limits."""
        found = self.run("grep", "^Max open files", "/proc/1/limits").out.split()
        return limit(found[4]) if len(found) > 4 else None

    def tool(self, command: Iterable[str], stdin: str = "") -> CommandResult:
        """Run one of Kafka's own tools in its home."""
        return self.run_script(_TOOL, self.node.broker.home, stdin, self.node.java_home, *command)
