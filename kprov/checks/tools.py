"""Root privileges, the commands that kprov calls, and the Java that will run."""

from __future__ import annotations

from collections.abc import Iterator

from kprov.checks.result import Finding, bad, good, unseen
from kprov.checks.security import ENFORCING
from kprov.checks.subject import Subject

# User domains that no policy allows to administer a host.
_OF_USERS = frozenset({"staff_t", "user_t", "guest_t", "xguest_t"})
_OTHER_DOMAIN = (
    "add an administrator role to the user's line in sudoers, such as ROLE=sysadm_r TYPE=sysadm_t before NOPASSWD "
    "(or unconfined_r and unconfined_t, if the policy has them), or use a login that is mapped to unconfined_u "
    "(semanage login -l); to try it by hand: newrole -r sysadm_r"
)


def confined(host: Subject) -> str:
    """The SELinux domain that keeps root from installing anything; empty if there is none."""
    policy = host.policy
    held = host.selinux == ENFORCING and (policy.closed or policy.own in _OF_USERS)
    return policy.own if held and not host.uid else ""


def privileges(host: Subject) -> Iterator[Finding]:
    """Commands run as root, directly or through sudo, and SELinux does not confine them."""
    if host.uid:
        yield bad(f"commands run as user {host.uid}", "log in as root, or as a user who can become root with sudo")
    elif domain := confined(host):
        places = ", ".join(f"{path} ({label})" for path, label in host.policy.closed.items())
        may_not = f", which may not write to {places}" if places else ""
        yield bad(f"commands run as root, but SELinux confines them to the domain {domain}{may_not}", _OTHER_DOMAIN)
    else:
        yield good("commands run as root")


def tools(host: Subject) -> Iterator[Finding]:
    """The host has every command that the remote library declares."""
    if host.missing:
        hint = "install coreutils, sed, grep, tar, gzip and the package with useradd (shadow-utils, passwd)"
        yield bad(f"the host lacks {', '.join(host.missing)}", hint)
    else:
        yield good("the host has every command that kprov calls")


def java(host: Subject) -> Iterator[Finding]:
    """The Java is for this architecture; one that is already on the host starts and prints its version."""
    java = host.java
    if java is None:
        return
    if java.home and not java.present:
        yield bad(f"{java.home}/bin/java does not exist", "give the directory that contains bin/java with --java-home")
    elif java.home and not java.version:
        yield bad(f"{java.home}/bin/java does not print its version", "choose another Java with --java-home")
    elif java.machine and java.machine != host.machine:
        hint = f"get the right one: kprov fetch --arch {host.machine} --to DIR; then give that file with --java-archive"
        yield bad(f"{java.label} is for {java.machine}, the host is {host.machine}", hint)
    elif java.home:
        yield good(f"{java.home} is Java {java.version}")
    elif java.unpacked:
        yield good(f"{java.label} is already on the host, in {java.unpacked}")
    elif java.unpacked is None:
        yield unseen(
            f"whether {java.label} is already on the host could not be determined", "check with ls -l /usr/local/java"
        )
    else:
        yield good(f"{java.label} will be copied to the host")
