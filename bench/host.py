"""The lab host that everything is timed on, directly or through a delayed line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from pathlib import Path

from platformdirs import user_cache_path

from bench.proxy import DelayProxy
from kprov.events import ignore
from kprov.lab.archives import default_directory
from kprov.lab.image import BASE, Images, Recipe
from kprov.lab.lab import Lab
from kprov.lab.steps import Steps

HERE = Path(__file__).parent
_SUBNET = IPv4Network("10.77.9.0/24")
# Ansible's modules run on the host, in Python; kprov and the script need none.
_PYTHON = Recipe(
    title="python",
    suite=BASE.suite,
    packages=("python3",),
    commands=(("apt-get", "clean"),),
    files={"etc/resolv.conf": BASE.files["etc/resolv.conf"]},
    upon=BASE,
)


@dataclass(frozen=True)
class BenchHost:
    """A host with sshd and nothing else.

    name: as ssh_config has it. address: its own, for clients of Kafka. others: the names of three more, for a cluster.
    """

    name: str
    address: str
    ssh_config: Path
    others: tuple[str, ...] = ()

    def run(self, words: Sequence[str | Path], stdin: Path | None = None) -> tuple[str, str]:
        """Run a command here, and return its two outputs; they are shown only if it fails."""
        source = stdin.open("rb") if stdin else subprocess.DEVNULL
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ANSIBLE_CONFIG": str(HERE / "ansible/ansible.cfg"),
        }
        done = subprocess.run(list(map(str, words)), stdin=source, capture_output=True, check=False, env=environment)
        output, errors = (data.decode("utf-8", "replace") for data in (done.stdout, done.stderr))
        if done.returncode:
            raise RuntimeError(f"{' '.join(map(str, words))}: exit code {done.returncode}\n{output}{errors}")
        return output, errors

    def ssh(self, *command: str, stdin: Path | None = None) -> None:
        """Run a command on the host with ssh."""
        self.run(["ssh", "-F", self.ssh_config, f"root@{self.name}", *command], stdin)

    def kprov(self, command: str, *words: str, hosts: Sequence[str] = ()) -> str:
        """Run kprov as its users do; what it counts of the traffic with the host, of several with the first."""
        login = ("--ssh-config", self.ssh_config, "-vv")
        named = [f"root@{name}" for name in hosts or [self.name]]
        _, told = self.run([sys.executable, "-m", "kprov", command, *named, *login, *words])
        return next(line.partition("traffic: ")[2] for line in told.splitlines() if "traffic: " in line)

    def playbook(self, name: str) -> None:
        """Run one of the rival's playbooks."""
        variables = {
            "address": self.address,
            "kafka_archive": str(archive("kafka_2.12-1.0.0.tgz")),
            "zookeeper_archive": str(archive("zookeeper-3.5.3-beta.tar.gz")),
            "java_archive": str(archive("OpenJDK11U-jre_*.tar.gz")),
            "ansible_user": "root",
            "ansible_ssh_common_args": f"-F {self.ssh_config}",
        }
        book = HERE / f"ansible/{name}.yml"
        self.run(["ansible-playbook", "-i", f"{self.name},", "-e", json.dumps(variables), book])


def archive(pattern: str) -> Path:
    """One of the lab's archives."""
    return next(default_directory().glob(pattern))


@contextmanager
def bench_host() -> Iterator[BenchHost]:
    """A new lab host with Python on it; removed afterwards, and so is one that a killed run left behind."""
    lab = Lab("bench", subnet=_SUBNET)
    lab.down()
    try:
        host, *others = lab.up(4)
        layer = Images(user_cache_path("kprov") / "lab").ensure(_PYTHON, Steps(ignore, 2), ignore)[0]
        subprocess.run(["cp", "-a", f"{layer}/usr", f"{layer}/etc", str(host.root)], check=True)
        yield BenchHost(host.name, str(host.address), lab.ssh_config, tuple(other.name for other in others))
    finally:
        lab.down()


@contextmanager
def delayed(host: BenchHost, seconds: float) -> Iterator[BenchHost]:
    """The same host behind a line with a longer round trip; 0: as it is."""
    if not seconds:
        yield host
        return
    with ExitStack() as stack:
        proxy = stack.enter_context(DelayProxy(host.address, 22, seconds))
        config = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kprov-bench-"))) / "ssh_config"
        config.write_text(
            f"Host {host.name}\n  HostName 127.0.0.1\n  Port {proxy.port}\n  HostKeyAlias {host.address}\n"
            + host.ssh_config.read_text()
        )
        yield replace(host, ssh_config=config)
