"""What a machine lacks for a lab."""

from __future__ import annotations

from dataclasses import replace

from kprov.lab.requirements import PROGRAMS, Machine, missing

COMPLETE = Machine(system="linux", user_id=0, programs=frozenset(PROGRAMS), has_overlayfs=True)


def test_a_machine_that_has_all() -> None:
    assert missing(COMPLETE) == ()


def test_everything_that_is_missing_is_reported_at_once_with_the_fix() -> None:
    machine = replace(
        COMPLETE,
        user_id=1000,
        programs=frozenset(PROGRAMS) - {"ssh", "ssh-keygen", "debootstrap", "systemd-nspawn"},
        has_overlayfs=False,
    )
    root, programs, overlay = missing(machine)
    assert "root" in root.what
    assert "sudo" in root.hint
    assert programs.what == "4 programs are missing: debootstrap, ssh, ssh-keygen, systemd-nspawn"
    assert programs.hint == "apt-get install debootstrap openssh-client systemd-container"
    assert "overlayfs" in overlay.what


def test_only_the_programs_that_are_needed_are_asked_for() -> None:
    machine = replace(COMPLETE, programs=frozenset({"umount"}))
    (problem,) = missing(machine, ("ip", "umount"))
    assert problem.what == "1 program is missing: ip"
    assert problem.hint == "apt-get install iproute2"


def test_a_system_other_than_linux_is_the_only_problem_reported() -> None:
    (problem,) = missing(replace(COMPLETE, system="darwin", user_id=501, programs=frozenset()))
    assert problem.what == "a lab cannot run on darwin"
    assert "Vagrant" in problem.hint
