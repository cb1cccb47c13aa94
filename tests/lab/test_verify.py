"""kprov verify on a real host: all passes after an install, and each planted deviation fails where it should."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.machine import Machine, boot, until

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
HOME = "/usr/local/single_kafka"
PROPERTIES = f"{HOME}/config/server.properties"
UNIT = "/etc/systemd/system/kafka.service"
START = "systemctl start kafka; while ! grep -q ':2384 .* 0A ' /proc/net/tcp /proc/net/tcp6; do sleep 0.1; done"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """An installed host."""
    with boot(111, tmp_path_factory.mktemp("verify")) as machine:
        machine.install("--no-smoke-test")
        yield machine


def test_an_installed_host_passes(host: Machine, tmp_path: Path) -> None:
    """Every kind of entry is looked at, clients are served, and the JUnit file says the same."""
    junit = tmp_path / "verify.xml"
    verified = host.kprov("verify", "--json", "--junit", str(junit)).json["verify"]
    assert verified["passed"] is True
    names = {test["name"].partition("[")[0] for test in verified["tests"] if test["status"] == "passed"}
    assert {"test_topics_are_served", "test_zookeeper_answers", "test_unit_runs", "test_port", "test_file"} <= names
    assert {"test_link", "test_folder_of_links", "test_release", "test_user", "test_property"} <= names
    cases = ET.parse(junit).getroot().findall("testsuite/testcase")  # noqa: S314 (our own)
    assert len(cases) == len(verified["tests"]) + 1
    assert "0 failed" in host.kprov("verify", "--no-clients").out


def test_the_suite_runs_under_the_users_own_pytest(host: Machine) -> None:
    """Through testinfra's ssh connection, as a user who is not root."""
    words = ["--pyargs", "kprov.verify", "--hosts=ssh://vagrant@kafka-1?controlpersist=60", "-m", "not clients"]
    config = f"--ssh-config={host.lab.ssh_config}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, config, "-p", "no:cacheprovider", "-c", os.devnull],
        capture_output=True,
        text=True,
        check=False,
        cwd=host.lab.ssh_config.parent,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    # What this repository runs is the same suite.
    thin = [
        sys.executable,
        "-m",
        "pytest",
        "tests/integration",
        f"--hosts=ssh://{host.address}",
        config,
        "-m",
        "not clients",
    ]
    done = subprocess.run(thin, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


RESTART_ZOOKEEPER = (
    "systemctl restart zookeeper; while ! grep -q ':0885 .* 0A ' /proc/net/tcp /proc/net/tcp6; do sleep 0.1; done"
)

# What is planted, how it is put back, and the tests that fail: no others.
DEVIATIONS = {
    "edited file": (
        f"cp -a {HOME}/config/log4j.properties /root/kept; echo '# mine' >> {HOME}/config/log4j.properties",
        f"mv /root/kept {HOME}/config/log4j.properties",
        {f"test_file[{HOME}/config/log4j.properties]"},
    ),
    "changed property": (
        f"cp -a {PROPERTIES} /root/kept; sed -i s/num.partitions=1/num.partitions=7/ {PROPERTIES}",
        f"mv /root/kept {PROPERTIES}",
        {f"test_file[{PROPERTIES}]", "test_property[num.partitions]"},
    ),
    "removed file": (
        f"mv {HOME}/kk_zk_stop.sh /root/kept",
        f"mv /root/kept {HOME}/kk_zk_stop.sh",
        {f"test_file[{HOME}/kk_zk_stop.sh]"},
    ),
    "mode": (
        f"chmod 0666 {PROPERTIES}",
        f"chmod 0640 {PROPERTIES}",
        {f"test_file[{PROPERTIES}]"},
    ),
    "owner": (
        f"chown vagrant {HOME}/config",
        f"chown root {HOME}/config",
        {f"test_directory[{HOME}/config]"},
    ),
    # ZooKeeper's, which it writes to at a snapshot only: a broker that cannot write to its own ends at once.
    "owner of the data": (
        "chown root /var/lib/zookeeper/data",
        "chown zookeeper /var/lib/zookeeper/data",
        {"test_directory[/var/lib/zookeeper/data]"},
    ),
    "owner of something in the data": (
        "chown root /var/lib/zookeeper/data/version-2",
        "chown zookeeper /var/lib/zookeeper/data/version-2",
        {"test_all_data_belong_to_the_service[/var/lib/zookeeper/data]"},
    ),
    "link elsewhere": (
        f"ln -sfn /tmp {HOME}/libs",
        f"ln -sfn /usr/local/kafka_2.12-1.0.0/libs {HOME}/libs",
        {f"test_link[{HOME}/libs]"},
    ),
    "removed link": (
        f"rm {HOME}/bin/kafka-topics.sh",
        f"ln -s /usr/local/kafka_2.12-1.0.0/bin/kafka-topics.sh {HOME}/bin/kafka-topics.sh",
        {f"test_folder_of_links[{HOME}/bin]"},
    ),
    "writable release": (
        "chmod o+w /usr/local/kafka_2.12-1.0.0/libs",
        "chmod o-w /usr/local/kafka_2.12-1.0.0/libs",
        {"test_release[/usr/local/kafka_2.12-1.0.0]"},
    ),
    "login shell": (
        "usermod -s /bin/bash zookeeper",
        "usermod -s /usr/sbin/nologin zookeeper",
        {"test_user[user:zookeeper]"},
    ),
    "disabled unit": (
        "systemctl disable -q kafka",
        "systemctl enable -q kafka",
        {"test_unit_is_enabled[kafka.service]"},
    ),
    "unit edited without a reload": (
        f"cp -a {UNIT} /root/kept; sleep 1; echo '# mine' >> {UNIT}",
        f"mv /root/kept {UNIT}; systemctl daemon-reload",
        {f"test_file[{UNIT}]", "test_unit_is_the_one_that_systemd_has_read[kafka.service]"},
    ),
    "fewer open files than the unit asks for": (
        "mkdir -p /run/systemd/system/zookeeper.service.d; printf '[Service]\\nLimitNOFILE=4096\\n'"
        f" > /run/systemd/system/zookeeper.service.d/own.conf; systemctl daemon-reload; {RESTART_ZOOKEEPER};"
        " rm -r /run/systemd/system/zookeeper.service.d; systemctl daemon-reload",
        RESTART_ZOOKEEPER,
        {"test_unit_may_open_as_many_files_as_it_asks_for[zookeeper.service]"},
    ),
    "stopped unit": ("systemctl stop kafka", START, {"test_unit_runs[kafka.service]"}),
    "another process on the port": (
        "systemctl stop kafka; systemd-run -q --unit=squatter perl -MIO::Socket::INET -e "
        "'my $s = IO::Socket::INET->new(LocalPort => 9092, Listen => 1, ReuseAddr => 1) or die; sleep 999';"
        " while ! grep -q ':2384 .* 0A ' /proc/net/tcp; do sleep 0.1; done",
        f"systemctl stop squatter; {START}",
        {"test_unit_runs[kafka.service]", "test_port[9092]"},
    ),
}


@pytest.mark.parametrize("deviation", DEVIATIONS)
def test_a_planted_deviation_fails_where_it_should(host: Machine, deviation: str) -> None:
    """Exactly the right tests fail; put back, none does."""
    plant, mend, expected = DEVIATIONS[deviation]
    host.ssh(plant)
    try:
        result = host.kprov("verify", "--no-clients", "--json", check=6)
    finally:
        host.ssh(mend)
    failed = {test["name"] for test in result.json["verify"]["tests"] if test["status"] == "failed"}
    assert failed == expected
    assert all(name in result.json["problems"][0]["cause"] for name in expected)


def test_check_notices_a_limit_that_the_host_clamps(host: Machine) -> None:
    """As verify does: by what the process was really given."""
    plant, mend, _ = DEVIATIONS["fewer open files than the unit asks for"]
    host.ssh(plant)
    try:
        results = host.kprov("check", "--json").json["check"]["results"]
    finally:
        host.ssh(mend)
    told = "zookeeper.service runs with a limit of 4096 open files, and its unit sets LimitNOFILE=65536"
    assert [item["status"] for item in results if item["evidence"] == told] == ["warn"]


def test_all_is_put_back(host: Machine) -> None:
    """Nothing of the deviations stays."""
    until(lambda: host.kprov("verify", "--no-clients", check=None).code == 0)


def test_topics_that_are_not_served_fail(host: Machine) -> None:
    """Units run and ports are bound, and yet nobody gets a message through: a jar that the tools need is gone."""
    jar = "/usr/local/kafka_2.12-1.0.0/libs/jopt-simple-*.jar"
    host.ssh(f"mkdir /root/jars && mv {jar} /root/jars")
    try:
        result = host.kprov("verify", "--json", check=6)
    finally:
        host.ssh("mv /root/jars/* /usr/local/kafka_2.12-1.0.0/libs && rmdir /root/jars")
    failed = {test["name"] for test in result.json["verify"]["tests"] if test["status"] == "failed"}
    assert failed == {"test_topics_are_served"}
