"""SELinux and the firewall, both of which stay on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kprov.checks.result import Finding, advice, bad, good, unseen
from kprov.checks.subject import Policy, Subject

ENFORCING, PERMISSIVE = "Enforcing", "Permissive"
# systemd starts an ordinary program in one of these, and none is held to particular ports (docs/security.md).
_FREE_DOMAINS = frozenset({"unconfined_service_t", "unconfined_t", "initrc_t", "init_t"})
# What makes Java's memory executable again, by the boolean and the value that refuses it: Fedora and EL, refpolicy.
_EXECMEM = {("deny_execmem", True): "deny_execmem off", ("allow_execmem", False): "allow_execmem on"}


def selinux(host: Subject) -> Iterator[Finding]:
    """The tools to label files are there, and the policy lets an ordinary service do what Java, Kafka and ZooKeeper do.

    kprov changes neither the policy nor its booleans.
    """
    mode = host.selinux
    if mode not in {ENFORCING, PERMISSIVE}:
        if mode == "unknown":
            yield unseen("SELinux is on and its mode cannot be read", "look with getenforce")
        else:
            yield good(f"SELinux is {mode.lower() or 'not there'}: nothing is labelled")
        return
    stops = bad if mode == ENFORCING else advice
    found = [*_labels(host), *_ports(host), *_java(host, stops), *_places(host, stops)]
    domain = host.policy.java or host.policy.service
    what = f"files are labelled; {domain} may bind the ports as they are, and Java may make memory executable there"
    yield from found or [good(f"SELinux is {mode.lower()}: {what}")]


def _labels(host: Subject) -> Iterator[Finding]:
    if "restorecon" not in host.policy.tools:
        what = f"SELinux is {host.selinux.lower()} and there is no restorecon to label files with"
        yield advice(what, "install policycoreutils")


def _ports(host: Subject) -> Iterator[Finding]:
    mode, domain = host.selinux.lower(), host.policy.java or host.policy.service
    if not domain:
        what = f"SELinux is {mode}; the services' domain is not known, nor what Java may do there"
        yield unseen(what, "install libselinux-utils, or look at ps -Z once they run")
    elif domain not in _FREE_DOMAINS:
        numbers = ", ".join(str(port.number) for port in host.ports)
        there = "semanage" in host.policy.tools
        how = "semanage port -a -t TYPE -p tcp PORT" if there else "semanage, which is missing"
        what = f"SELinux is {mode} and its policy starts services in {domain}, which may not bind every port"
        yield advice(what, f"allow the ports {numbers} there as your policy names them: {how}")


def _java(host: Subject, stops: Callable[[str, str], Finding]) -> Iterator[Finding]:
    """Java compiles what it runs, so it cannot do without executable memory (execmem)."""
    policy = host.policy
    if not policy.java and not policy.service:
        return  # told by _ports
    relabel = f"semanage fcontext -a -t bin_t {_java_home(host)}/bin/java, then restorecon {_java_home(host)}/bin/java"
    kept = f"its label {policy.label} is for {policy.wanted}, which NoNewPrivileges does not let it enter"
    if policy.starts is False:
        what = f"SELinux does not let {policy.service} execute Java, which has the label {policy.label}"
        yield stops(what, f"give it the label of an ordinary program: {relabel}")
    if policy.execmem is False:
        why = f" ({kept})" if policy.wanted != policy.java else ""
        what = f"SELinux refuses Java executable memory in the domain {policy.java}{why}: it would not start"
        yield stops(what, _allow_execmem(policy))
    elif policy.execmem is None:
        what = "whether SELinux lets Java make memory executable is not known"
        values = ", ".join(f"{name} {'on' if on else 'off'}" for name, on in policy.booleans.items())
        yield unseen(
            f"{what} ({values})" if values else what,
            "look with getsebool -a | grep execmem: deny_execmem must be off, or allow_execmem on",
        )
    elif policy.wanted != policy.java and policy.starts is not False:
        what = f"Java runs in the domain {policy.java}: {kept}; each start logs a denial (nnp_transition)"
        yield advice(what, f"it works as it is; to avoid the denials: {relabel}")


def _java_home(host: Subject) -> str:
    return (host.java.home if host.java else "") or "JAVA_HOME"


def _allow_execmem(policy: Policy) -> str:
    for (name, refuses), setting in _EXECMEM.items():
        if policy.booleans.get(name) is refuses:
            return f"setsebool -P {setting} (for all programs that the boolean is about; kprov leaves it to you)"
    domain = policy.java
    return f"allow it in the policy; sesearch -A -s {domain} -t {domain} -c process -p execmem names a boolean, if any"


def _places(host: Subject, stops: Callable[[str, str], Finding]) -> Iterator[Finding]:
    for path, label in host.policy.barred.items():
        what = f"SELinux does not let {host.policy.java} write to {path}, which has the label {label}"
        other = f"semanage fcontext -a -t TYPE '{path}(/.*)?' with a type that {host.policy.java} may write to"
        yield stops(what, f"restorecon -R {path} if that is a wrong label; else {other}, or choose another directory")


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
