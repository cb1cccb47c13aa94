"""What is timed: each scene, its rivals, and what brings the host back to where a rival begins."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bench.host import HERE, BenchHost, archive

Act = Callable[[BenchHost], float | str | None]


def nothing(_host: BenchHost) -> None:
    """Does nothing."""


@dataclass(frozen=True)
class Rival:
    """One way to do it. Only ``act`` is timed, unless it returns the seconds itself; a text is what it counted.

    before, after: prepare the host, and clean it up.
    """

    act: Act
    before: Act = nothing
    after: Act = nothing


@dataclass(frozen=True)
class Scene:
    """One task, and several ways to do it, by name. base: the one that the others are compared with.

    before, after: once for all rounds. delays: round-trip times in milliseconds at which it is timed. goals: by delay,
    the most that kprov's time divided by that of the base should be.
    """

    name: str
    rivals: Mapping[str, Rival]
    base: str
    before: Act = nothing
    after: Act = nothing
    delays: tuple[int, ...] = (0,)
    goals: Mapping[int, float] = field(default_factory=dict)


def install(*words: str) -> Act:
    """Kprov install with the lab's archives."""
    folder = archive("kafka_2.12-1.0.0.tgz").parent

    def act(host: BenchHost) -> str:
        # Behind the delay proxy, the address that kprov connects to is not the one for clients.
        options = ("--archives", str(folder), "--java", "temurin-11", "--advertised", host.address, "--yes")
        return host.kprov("install", *options, *words)

    return act


def by_hand(smoke: str) -> Act:
    """Scp, then the whole article in one ssh."""

    def act(host: BenchHost) -> None:
        archives = map(archive, ("kafka_2.12-1.0.0.tgz", "zookeeper-3.5.3-beta.tar.gz", "OpenJDK11U-jre_*.tar.gz"))
        script = HERE / "by_hand/install.sh"
        host.run(["bash", script, host.ssh_config, host.name, host.address, *archives, smoke])

    return act


def removed_by_hand(host: BenchHost) -> None:
    """Undo ``by_hand``."""
    host.ssh("bash", "-s", stdin=HERE / "by_hand/remove.sh")


def uninstall(host: BenchHost) -> str:
    """Undo ``install``."""
    return host.kprov("uninstall", "--purge", "--yes", "--force")


def restart_by_hand(host: BenchHost) -> None:
    """Only the restart that a changed property needs, until the port is bound again."""
    host.ssh("systemctl restart kafka; until (exec 3<>/dev/tcp/localhost/9092) 2>/dev/null; do sleep 0.1; done")


class Property:
    """A property that has another value each time."""

    def __init__(self) -> None:
        self._value = 3

    def act(self, host: BenchHost) -> float | str | None:
        """Change it."""
        self._value += 1
        return install("--no-smoke-test", "--set", f"num.network.threads={self._value}")(host)


def together(count: int) -> Act:
    """The status as often as that, at the same time."""

    def act(host: BenchHost) -> None:
        with ThreadPoolExecutor(count) as pool:
            for run in [pool.submit(host.kprov, "status") for _ in range(count)]:
                run.result()

    return act


def payload() -> Path:
    """150 MB that do not compress."""
    path = Path("/var/tmp/kprov-bench-payload")  # noqa: S108 (not secret, and larger than a memory file system likes)
    if not path.exists() or path.stat().st_size != 150_000_000:
        path.write_bytes(secrets.token_bytes(150_000_000))
    return path


def scp(host: BenchHost) -> None:
    """OpenSSH's scp."""
    host.run(["scp", "-q", "-F", host.ssh_config, payload(), f"root@{host.name}:/var/tmp/payload"])


def ssh_cat(host: BenchHost) -> None:
    """Ssh with cat."""
    host.ssh("cat >/var/tmp/payload", stdin=payload())


def push(host: BenchHost) -> float:
    """Kprov's own login and push, without the start of Python and the checksum of the file."""
    return float(host.run([sys.executable, "-m", "bench.push", host.ssh_config, host.name, payload()])[0])


def python(*words: str) -> Act:
    """Python itself, or a program in it, on this machine."""

    def act(host: BenchHost) -> None:
        host.run([sys.executable, *words])

    return act


HEAPS = ("--heap", "256m", "--zookeeper-heap", "128m")
# From protocol 2.7 on, replicas in sync are known at once; with the article's release, the roll waits for that.
NEWER = ("--kafka-version", "2.8.2", "--zookeeper-version", "3.5.10")


def of_three(command: str, *words: str) -> Act:
    """A kprov command for the three hosts of a cluster."""
    folder = archive("kafka_2.12-1.0.0.tgz").parent

    def act(host: BenchHost) -> str:
        options = ("--archives", str(folder), "--java", "temurin-11", *HEAPS) if command == "install" else ()
        answered = ("--yes",) if command != "restart" else ()
        return host.kprov(command, *options, *words, *answered, hosts=host.others)

    return act


def three_times(act: Act) -> Act:
    """The same three times, one after the other."""

    def acts(host: BenchHost) -> None:
        for _ in range(3):
            act(host)

    return acts


def one_and_three(*words: str) -> Act:
    """An installation on the single host, and the same on three as a cluster."""

    def act(host: BenchHost) -> None:
        install("--no-smoke-test", *HEAPS, *words)(host)
        of_three("install", "--no-smoke-test", *words)(host)

    return act


def removed_from_all(host: BenchHost) -> None:
    """Undo ``one_and_three``."""
    uninstall(host)
    of_three("uninstall", "--purge", "--force")(host)


def dropped(host: BenchHost) -> None:
    """Remove what was pushed."""
    host.ssh("rm -rf /var/tmp/payload /var/lib/kprov")


DELAYS = (0, 20, 50, 150)

SCENES = (
    Scene(
        "first install with smoke test",
        {
            "by hand": Rival(by_hand("yes"), after=removed_by_hand),
            "kprov": Rival(install(), after=uninstall),
        },
        "by hand",
        delays=DELAYS,
        goals={0: 1.0, 50: 1.1},
    ),
    Scene(
        "first install without smoke test",
        {
            "by hand": Rival(by_hand("no"), after=removed_by_hand),
            "kprov": Rival(install("--no-smoke-test"), after=uninstall),
            "Ansible": Rival(lambda host: host.playbook("install"), after=lambda host: host.playbook("remove")),
        },
        "by hand",
        goals={0: 1.2},
    ),
    Scene(
        "nothing to do",
        {
            "Ansible": Rival(
                lambda host: host.playbook("install"),
                before=lambda host: host.playbook("install"),
                after=lambda host: host.playbook("remove"),
            ),
            "kprov": Rival(install("--no-smoke-test"), before=install("--no-smoke-test"), after=uninstall),
        },
        "Ansible",
        goals={0: 0.1},
    ),
    Scene(
        "nothing to do, by distance",
        {
            "ssh true": Rival(lambda host: host.ssh("true")),
            "kprov": Rival(install("--no-smoke-test")),
            "kprov status": Rival(lambda host: host.kprov("status")),
        },
        "ssh true",
        before=install("--no-smoke-test"),
        after=uninstall,
        delays=DELAYS,
    ),
    Scene(
        "several at the same time",
        {"kprov status": Rival(together(1)), "kprov": Rival(together(8))},
        "kprov status",
        before=install("--no-smoke-test"),
        after=uninstall,
        delays=(150,),
    ),
    Scene(
        "one property changed",
        {"bare restart": Rival(restart_by_hand), "kprov": Rival(Property().act)},
        "bare restart",
        before=install("--no-smoke-test"),
        after=uninstall,
    ),
    Scene(
        "smoke test and uninstall",
        {
            "kprov smoke-test": Rival(lambda host: host.kprov("smoke-test"), before=install("--no-smoke-test")),
            "kprov uninstall": Rival(uninstall, before=install("--no-smoke-test")),
        },
        "kprov smoke-test",
    ),
    Scene(
        "three hosts, first install without smoke test",
        {
            "one host": Rival(install("--no-smoke-test", *HEAPS), after=uninstall),
            "kprov": Rival(of_three("install", "--no-smoke-test"), after=of_three("uninstall", "--purge", "--force")),
        },
        "one host",
        goals={0: 1.6},
    ),
    Scene(
        "three hosts, nothing to do",
        {
            "one host": Rival(install("--no-smoke-test", *HEAPS)),
            "kprov": Rival(of_three("install", "--no-smoke-test")),
        },
        "one host",
        before=one_and_three(),
        after=removed_from_all,
        goals={0: 1.3},
    ),
    Scene(
        "three hosts, rolling restart of Kafka 2.8.2",
        {
            "one host, three times": Rival(three_times(lambda host: host.kprov("restart"))),
            "kprov": Rival(of_three("restart")),
        },
        "one host, three times",
        before=one_and_three(*NEWER),
        after=removed_from_all,
        goals={0: 1.2},
    ),
    Scene(
        "push of 150 MB",
        {
            "scp": Rival(scp, after=dropped),
            "ssh cat": Rival(ssh_cat, after=dropped),
            "kprov": Rival(push, after=dropped),
        },
        "scp",
        delays=(0, 50),
        goals={0: 1.1, 50: 0.67},
    ),
    Scene(
        "help",
        {
            "import click": Rival(python("-c", "import click")),
            "kprov --help": Rival(python("-m", "kprov", "--help")),
        },
        "import click",
    ),
)
