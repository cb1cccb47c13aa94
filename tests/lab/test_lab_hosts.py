"""Real hosts of a lab: booted, logged in to, broken in many ways, and removed without a trace."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from support.sites import alone, lab_of

from kprov.errors import PreflightError, StepError, UsageError
from kprov.events import ignore
from kprov.lab import container, mounts, network, processes
from kprov.lab.image import BASE, FIREWALLD, Images
from kprov.lab.lab import Lab, LabHost
from kprov.lab.layout import Layout, Slot
from kprov.lab.steps import Steps

pytestmark = pytest.mark.lab

NAME = "ktest"
SUBNET = IPv4Network("10.78.77.0/24")
BESIDE = IPv4Network("10.78.79.0/24")
PATIENCE = 30.0  # seconds; only a failing test waits that long


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lab") / "state"


@pytest.fixture(scope="module")
def layout(state_dir: Path) -> Layout:
    return Layout(NAME, SUBNET, state_dir)


@pytest.fixture(scope="module")
def lab(layout: Layout) -> Iterator[Lab]:
    """The lab in the state that the previous test left; each test calls up() or down() as it needs."""
    with alone(layout, Layout("ktest-beside", BESIDE, layout.state_dir)):
        the_lab = Lab(NAME, subnet=SUBNET, state_dir=layout.state_dir)
        the_lab.down()
        yield the_lab
        the_lab.down()
        assert traces(layout) == []


def traces(layout: Layout) -> list[str]:
    """Everything that is left of a lab, found without the lab's own code."""
    marks = (str(layout.state_dir), f"{layout.name}-kafka-", layout.bridge, layout.slot(1).veth.removesuffix("1"))
    found = [f"mount {line}" for line in _lines("cat", "/proc/mounts") if any(mark in line for mark in marks)]
    found += [f"namespace {line}" for line in _lines("ip", "netns", "list") if line.startswith(marks[1])]
    found += [f"link {line}" for line in _lines("ip", "-brief", "link") if line.startswith(marks[2:])]
    found += [f"file {path}" for path in Path("/run").glob(f"*/nspawn/*/{layout.name}-*")]
    found += [f"file {path}" for path in (layout.state_dir,) if path.exists()]
    found += [f"group {path}" for path in Path("/sys/fs/cgroup").glob(f"**/*{layout.name}-kafka-*")]
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            texts = [(process / name).read_text(errors="replace") for name in ("cmdline", "mountinfo")]
        except OSError:
            continue  # it ended meanwhile
        if any(f"{layout.state_dir}/" in text for text in texts):
            found.append(f"process {process.name} {texts[0]}")
    return found


def _lines(*argv: str) -> list[str]:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()


def login(lab: Lab, host: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        lab.ssh_command(host, *words), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def answer(lab: Lab, host: str, *words: str) -> str:
    done = login(lab, host, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def leaders(hosts: tuple[LabHost, ...]) -> list[int]:
    found = [host.leader for host in hosts if host.leader is not None]
    assert len(found) == len(hosts)
    return found


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.005)


def kill(match: processes.Match) -> None:
    """Kill a process as a user of the machine would."""
    pid = processes.find(match)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: processes.find(lambda other: other == pid and match(other)) is None)


def go_up(layout: Layout) -> subprocess.Popen[bytes]:
    """Run `up` for two hosts in another process."""
    program = (
        "import sys; from ipaddress import *; from pathlib import Path; from kprov.lab.lab import Lab; "
        "Lab(sys.argv[1], subnet=IPv4Network(sys.argv[2]), state_dir=Path(sys.argv[3])).up(2)"
    )
    return subprocess.Popen([sys.executable, "-c", program, layout.name, str(layout.subnet), str(layout.state_dir)])


def nspawn_of(slot: Slot) -> processes.Match:
    keeps, supervises = processes.keeps(slot), processes.supervises(slot)
    return lambda pid: supervises(pid) and not keeps(pid)


class TestUp:
    def test_hosts_have_the_first_addresses_and_run(self, lab: Lab) -> None:
        hosts = lab.up(2)
        assert [(host.name, str(host.address)) for host in hosts] == [
            ("kafka-1", "10.78.77.141"),
            ("kafka-2", "10.78.77.142"),
        ]
        assert len(set(leaders(hosts))) == 2

    def test_its_traces_can_be_seen(self, lab: Lab, layout: Layout) -> None:
        """Otherwise tests that expect no traces would prove nothing."""
        lab.up(1)
        kinds = {trace.split()[0] for trace in traces(layout)}
        assert kinds == {"mount", "namespace", "link", "file", "group", "process"}

    def test_a_second_time_changes_nothing(self, lab: Lab, layout: Layout) -> None:
        before = lab.up(2)
        files = {path: path.stat().st_mtime_ns for path in layout.state_dir.iterdir()}
        told: list[object] = []
        assert lab.up(2, emit=told.append) == before
        assert lab.up() == before
        assert told == []
        assert {path: path.stat().st_mtime_ns for path in layout.state_dir.iterdir()} == files

    def test_more_hosts_are_added_and_all_know_each_other(self, lab: Lab) -> None:
        before = lab.up(2)
        hosts = lab.up(3)
        assert hosts[:2] == before
        knows = "hostname; getent hosts kafka-1 kafka-2 kafka-3 | xargs echo"
        for host in hosts:
            assert answer(lab, host.name, knows).splitlines() == [
                host.name,
                " ".join(f"{known.address} {known.name}" for known in hosts),
            ]
        assert "SSH-2.0" in answer(lab, "kafka-1", "bash -c 'read line </dev/tcp/kafka-3/22; echo $line'")

    def test_asking_for_fewer_hosts_removes_none(self, lab: Lab) -> None:
        before = lab.up(2)
        assert lab.up(1) == before

    def test_each_host_has_its_own_identity_and_control_group(self, lab: Lab) -> None:
        hosts = lab.up(2)
        assert len({(host.root / "etc/machine-id").read_text() for host in hosts}) == len(hosts)
        groups = [Path(f"/proc/{leader}/cgroup").read_text() for leader in leaders(hosts)]
        assert len(set(groups)) == len(hosts)
        lab.down()

    def test_two_runs_at_once_wait_for_each_other(self, lab: Lab, layout: Layout) -> None:
        lab.down()
        both = [go_up(layout) for _ in range(2)]
        assert [process.wait(PATIENCE) for process in both] == [0, 0]
        hosts = lab.hosts()
        assert len(leaders(hosts)) == 2
        assert lab.up(2) == hosts
        lab.down()

    def test_a_subnet_or_name_in_use_is_refused(self, lab: Lab, layout: Layout, tmp_path: Path) -> None:
        lab.up(1)
        with pytest.raises(PreflightError, match=f"already in use on this machine: {layout.bridge} leads to"):
            Lab("ktest-other", subnet=SUBNET, state_dir=tmp_path / "state").up(1)
        with pytest.raises(UsageError, match=f"{layout.bridge} is already in use: .*{layout.state_dir}"):
            Lab(NAME, subnet=SUBNET, state_dir=tmp_path / "state").up(1)
        with pytest.raises(UsageError, match=f"{layout.bridge} is already in use"):
            Lab(NAME, subnet=SUBNET, state_dir=tmp_path / "state").down()
        assert not (tmp_path / "state").exists()

    def test_a_lab_that_is_up_cannot_change_its_settings(self, lab: Lab, layout: Layout) -> None:
        lab.up(1)
        with pytest.raises(UsageError, match="is up without firewalld"):
            lab.up(1, firewalld=True)
        with pytest.raises(UsageError, match="is up with the subnet"):
            Lab(NAME, subnet=BESIDE, state_dir=layout.state_dir)

    def test_two_labs_live_side_by_side(self, lab: Lab, tmp_path: Path) -> None:
        hosts = lab.up(1)
        other = Lab("ktest-beside", subnet=BESIDE, state_dir=tmp_path / "state")
        try:
            (there,) = other.up(1)
            assert answer(other, "kafka-1", "hostname", "-i") == "10.78.79.141"
        finally:
            other.down()
        assert there.leader not in leaders(hosts)
        assert lab.hosts() == hosts
        assert traces(Layout("ktest-beside", BESIDE, tmp_path / "state")) == []


@pytest.fixture(scope="class")
def _fresh(lab: Lab) -> None:
    lab.down()


@pytest.mark.usefixtures("_fresh")
class TestHost:
    @pytest.fixture(autouse=True)
    def _up(self, lab: Lab) -> None:
        lab.up(1)

    @pytest.mark.parametrize("host", ["kafka-1", "10.78.77.141"])
    def test_an_ordinary_user_logs_in_and_has_sudo_without_a_password(self, lab: Lab, host: str) -> None:
        assert answer(lab, host, "id -un; sudo -n id -un").split() == ["vagrant", "root"]

    def test_root_logs_in(self, lab: Lab) -> None:
        assert answer(lab, "root@kafka-1", "id", "-u") == "0"

    def test_its_key_is_verified(self, lab: Lab, tmp_path: Path) -> None:
        ssh, *words = lab.ssh_command("kafka-1", "true")
        empty = tmp_path / "known_hosts"
        empty.touch()
        done = subprocess.run(
            [ssh, "-o", f"UserKnownHostsFile={empty}", *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 255
        assert "Host key verification failed" in done.stderr

    def test_systemd_reports_no_failed_unit(self, lab: Lab) -> None:
        assert answer(lab, "kafka-1", "systemctl", "is-system-running", "--wait") == "running"

    def test_it_has_no_python(self, lab: Lab) -> None:
        assert answer(lab, "root@kafka-1", "ls /usr/bin /usr/local/bin /bin | grep -i python || echo none") == "none"

    def test_it_has_no_network_outside_the_lab(self, lab: Lab) -> None:
        assert answer(lab, "kafka-1", "ip route show default") == ""

    def test_sysctls_of_its_network_are_its_own_and_the_machine_s_are_not(self, lab: Lab) -> None:
        assert answer(lab, "root@kafka-1", "sysctl -qw net.core.somaxconn=1017; sysctl -n net.core.somaxconn") == "1017"
        assert Path("/proc/sys/net/core/somaxconn").read_text().strip() != "1017"
        assert login(lab, "root@kafka-1", "sysctl", "-w", "vm.swappiness=1").returncode != 0

    def test_it_reboots(self, lab: Lab) -> None:
        (before,) = lab.hosts()
        boot = answer(lab, "kafka-1", "cat /proc/sys/kernel/random/boot_id; echo here >kept; sudo systemctl reboot")
        eventually(
            lambda: login(lab, "kafka-1", "cat", "/proc/sys/kernel/random/boot_id").stdout.strip() not in ("", boot)
        )
        (after,) = lab.up(1)
        assert after.leader not in (before.leader, None)
        assert after.address == before.address
        assert answer(lab, "kafka-1", "cat", "kept") == "here"
        assert answer(lab, "root@kafka-1", "journalctl --list-boots -q | wc -l") != "1"

    def test_a_host_that_is_powered_off_is_booted_again_with_its_disk(self, lab: Lab, layout: Layout) -> None:
        login(lab, "root@kafka-1", "echo here >/etc/kept; systemctl poweroff")
        eventually(lambda: processes.find(processes.supervises(layout.slot(1))) is None)
        assert [host.leader for host in lab.hosts()] == [None]
        lab.up(1)
        assert answer(lab, "kafka-1", "cat", "/etc/kept") == "here"


VICTIMS = {"leader": processes.leads, "nspawn": nspawn_of, "keeper": processes.keeps}


class TestKilled:
    @pytest.mark.parametrize("victim", VICTIMS)
    def test_up_repairs_a_broken_lab(self, lab: Lab, layout: Layout, victim: str) -> None:
        before = lab.up(2)
        answer(lab, "root@kafka-1", "echo here >/etc/kept; sync")
        kill(VICTIMS[victim](layout.slot(1)))
        after = lab.up(2)
        assert after[0].leader not in (before[0].leader, None)
        assert after[1] == before[1]
        assert answer(lab, "kafka-1", "cat", "/etc/kept") == "here"

    @pytest.mark.parametrize("victim", VICTIMS)
    def test_down_leaves_nothing(self, lab: Lab, layout: Layout, victim: str) -> None:
        lab.up(2)
        kill(VICTIMS[victim](layout.slot(1)))
        lab.down()
        assert traces(layout) == []

    def test_all_at_once(self, lab: Lab, layout: Layout) -> None:
        lab.up(1)
        for match in (processes.keeps, nspawn_of, processes.leads):
            kill(match(layout.slot(1)))
        lab.down()
        assert traces(layout) == []

    @pytest.mark.parametrize("moment", ["bridge", "mount", "namespace", "keeper"])
    def test_while_it_goes_up(self, lab: Lab, layout: Layout, moment: str) -> None:
        lab.down()
        slot = layout.slot(1)
        reached: dict[str, Callable[[], object]] = {
            "bridge": lambda: layout.bridge in network.links(),
            "mount": lambda: mounts.below(layout.state_dir),
            "namespace": lambda: slot.namespace in network.namespaces(),
            "keeper": lambda: processes.find(processes.keeps(slot)),
        }
        going_up = go_up(layout)
        eventually(reached[moment])
        going_up.kill()
        going_up.wait()
        lab.down()
        assert traces(layout) == []
        assert len(leaders(lab.up(1))) == 1


class TestDown:
    def test_nothing_up(self, lab: Lab, layout: Layout) -> None:
        lab.down()
        lab.down()
        assert traces(layout) == []
        assert lab.hosts() == ()

    def test_programs_of_others_in_its_namespace_end_and_shells_in_its_files_do_not(
        self, lab: Lab, layout: Layout
    ) -> None:
        lab.down()
        (host,) = lab.up(1)
        inside = subprocess.Popen(["ip", "netns", "exec", host.namespace, "sleep", "1000"])
        beside = subprocess.Popen(["sleep", "1000"], cwd=host.root / "etc")
        eventually(lambda: processes.shares_network(layout.slot(1))(inside.pid))
        try:
            lab.down()
            assert inside.wait(PATIENCE) == -signal.SIGKILL
            assert beside.poll() is None
            assert traces(layout) == []
        finally:
            beside.kill()
            beside.wait()

    def test_without_its_files(self, lab: Lab, layout: Layout) -> None:
        """Someone removed the state directory by hand."""
        lab.up(1)
        for path in (layout.state_dir / "lab.json", layout.slot(1).directory / "host.json"):
            path.unlink()
        subprocess.run(["umount", "--lazy", str(layout.slot(1).root)], check=True)
        subprocess.run(["rm", "-r", str(layout.state_dir)], check=True)
        lab.down()
        assert traces(layout) == []

    def test_files_of_others_in_its_directory_stay(self, lab: Lab, layout: Layout) -> None:
        lab.up(1)
        kept = layout.state_dir / "notes.txt"
        kept.write_text("mine")
        lab.down()
        assert kept.read_text() == "mine"
        kept.unlink()
        layout.state_dir.rmdir()


def test_a_host_whose_image_is_gone_is_made_again(lab: Lab, layout: Layout) -> None:
    lab.down()
    lab.up(1)
    container.stop(layout.slot(1))
    record = layout.slot(1).directory / "host.json"
    record.write_text('{"version": 1, "layers": ["/nowhere/base-0"]}')
    told: list[object] = []
    assert len(leaders(lab.up(1, emit=told.append))) == 1
    assert "created again" in str(told[0])


def test_a_host_that_does_not_boot_is_reported_with_its_console(lab: Lab, layout: Layout) -> None:
    lab.down()
    (host,) = lab.up(1)
    container.stop(layout.slot(1))
    # Its init is gone: systemd-nspawn says so and ends.
    for path in ("usr/lib/systemd/systemd", "usr/sbin/init"):
        whiteout = layout.slot(1).upper / path
        whiteout.parent.mkdir(parents=True, exist_ok=True)
        whiteout.unlink(missing_ok=True)
        os.mknod(whiteout, 0o600 | 0o020000, 0)
    with pytest.raises(Exception, match=f"{host.name} .* stopped while it was booting"):
        lab.up(1)
    lab.down()
    assert traces(layout) == []


def test_firewalld_filters(lab: Lab) -> None:
    lab.down()
    (host,) = lab.up(1, firewalld=True)
    assert answer(lab, "root@kafka-1", "firewall-cmd", "--list-services").split() == ["dhcpv6-client", "ssh"]
    listener = subprocess.Popen(
        ["ip", "netns", "exec", host.namespace, sys.executable, "-m", "http.server", "9092"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: "9092" in answer(lab, "kafka-1", "ss", "-Hltn"))
        with pytest.raises(OSError, match=r"No route to host|timed out"):
            socket.create_connection((str(host.address), 9092), timeout=2).close()
        answer(lab, "root@kafka-1", "firewall-cmd", "--add-port=9092/tcp")
        socket.create_connection((str(host.address), 9092), timeout=PATIENCE).close()
    finally:
        lab.down()
        listener.wait(PATIENCE)


def test_an_image_that_cannot_be_built_leaves_nothing(tmp_path: Path) -> None:
    nowhere = tmp_path / "no-archive-here"
    images = Images(tmp_path / "cache", mirror=f"file://{nowhere}")
    with pytest.raises(StepError, match="debootstrap"):
        images.ensure(FIREWALLD, Steps(ignore, 2), ignore)
    assert list((tmp_path / "cache").iterdir()) == []
    assert images.unbuilt(BASE) == 1


class TestAKilledRun:
    """What a test run leaves when it is killed must not stand in the way of the next one."""

    def test_its_lab_is_removed(self, tmp_path: Path) -> None:
        theirs = lab_of("kleft", 78, tmp_path / "killed")  # the lock on the name is this process's own
        (host,) = theirs.up(1)
        try:
            ours = lab_of("kleft", 78, tmp_path / "next")
            assert host.leader
            assert not Path(f"/proc/{host.leader}").exists()
            assert ours.up(1)[0].leader != host.leader
        finally:
            lab_of("kleft", 78, tmp_path / "next").down()

    def test_a_lab_whose_directory_is_gone_is_removed(self, tmp_path: Path) -> None:
        """pytest removes the directories of older runs, as far as it can."""
        theirs = lab_of("kleft", 78, tmp_path / "killed")
        (host,) = theirs.up(1)
        shutil.rmtree(tmp_path / "killed", ignore_errors=True)
        ours = lab_of("kleft", 78, tmp_path / "next")
        try:
            ours.up(1)
            assert not Path(f"/proc/{host.leader}").exists()
        finally:
            ours.down()
