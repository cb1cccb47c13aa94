"""SELinux and the firewall, both of which stay on."""

from __future__ import annotations

from collections.abc import Iterator

from kprov.checks.result import Finding, advice, good, unseen
from kprov.checks.subject import Subject

# systemd starts an ordinary program in one of these, and none is held to particular ports (docs/security.md).
_FREE_DOMAINS = frozenset({"unconfined_service_t", "unconfined_t", "initrc_t", "init_t"})


def selinux(host: Subject) -> Iterator[Finding]:
    """The tools to label files are there, and the policy lets an ordinary service bind its ports."""
    mode = host.selinux
    if mode not in {"Enforcing", "Permissive"}:
        yield good(f"SELinux is {mode.lower() or 'not there'}: nothing is labelled")
        return
    domain = host.selinux_domain.split(":")[2] if host.selinux_domain.count(":") >= 2 else ""
    if "restorecon" not in host.selinux_tools:
        what = f"SELinux is {mode.lower()} and there is no restorecon to label files with"
        yield advice(what, "install policycoreutils")
    elif not domain:
        what = f"SELinux is {mode.lower()}; files will be labelled, the services' domain is not known"
        yield unseen(what, "install libselinux-utils, or look at ps -Z once they run")
    elif domain not in _FREE_DOMAINS:
        numbers = ", ".join(str(port.number) for port in host.ports)
        how = (
            "semanage port -a -t TYPE -p tcp PORT" if "semanage" in host.selinux_tools else "semanage, which is missing"
        )
        what = f"SELinux is {mode.lower()} and its policy starts services in {domain}, which may not bind every port"
        yield advice(what, f"allow the ports {numbers} there as your policy names them: {how}")
    else:
        yield good(f"SELinux is {mode.lower()}: files are labelled; {domain} may bind the ports as they are")


def firewall(host: Subject) -> Iterator[Finding]:
    """firewalld is looked after; any other packet filter is its owner's."""
    if host.firewalld and host.zone:
        yield good(f"firewalld runs: the broker's ports are opened in its zone {host.zone}")
    elif host.firewalld:
        yield unseen("firewalld runs and does not tell its zones", "look with firewall-cmd --list-all-zones")
    elif _closes(host.filters):
        numbers = ", ".join(str(port.number) for port in host.ports if not port.unit.startswith("zookeeper"))
        yield advice(
            "packet filter rules are there and firewalld does not run: kprov leaves them as they are",
            f"see that clients may reach port {numbers}, and nobody else ZooKeeper's",
        )
    else:
        yield good("no firewall on the host: put one in front of it, ZooKeeper asks for no password")


def _closes(rules: str) -> bool:
    """Whether rules of iptables -S or nft list ruleset turn anything away."""
    words = rules.lower()
    return any(word in words for word in ("drop", "reject"))
