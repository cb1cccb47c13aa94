"""SELinux and the firewall. kprov turns off neither."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kprov.checks.result import Finding, advice, bad, good, unseen
from kprov.checks.subject import Policy, Subject

ENFORCING, PERMISSIVE = "Enforcing", "Permissive"
# systemd starts an ordinary program in one of these; none of them is limited to particular ports (docs/security.md).
_FREE_DOMAINS = frozenset({"unconfined_service_t", "unconfined_t", "initrc_t", "init_t"})
# The boolean and value that refuse executable memory -> the setting that allows it: Fedora and EL, refpolicy.
_EXECMEM = {("deny_execmem", True): "deny_execmem off", ("allow_execmem", False): "allow_execmem on"}


def selinux(host: Subject) -> Iterator[Finding]:
    """The labelling tools are installed, and the policy allows what Java, Kafka and ZooKeeper do.

    kprov changes neither the policy nor its booleans.
    """
    mode = host.selinux
    if mode not in {ENFORCING, PERMISSIVE}:
        if mode == "unknown":
            yield unseen("SELinux is on, but its mode could not be read", "check it with getenforce")
        else:
            yield good(f"SELinux is {mode.lower() or 'not installed'}")
        return
    stops = bad if mode == ENFORCING else advice
    found = [*_labels(host), *_ports(host), *_java(host, stops), *_places(host, stops)]
    domain = host.policy.java or host.policy.service
    what = f"kprov labels its files; {domain} may bind the ports, and Java may make memory executable"
    yield from found or [good(f"SELinux is {mode.lower()}: {what}")]


def _labels(host: Subject) -> Iterator[Finding]:
    if "restorecon" not in host.policy.tools:
        what = f"SELinux is {host.selinux.lower()}, but restorecon is not installed, so files cannot be labelled"
        yield advice(what, "install policycoreutils")


def _ports(host: Subject) -> Iterator[Finding]:
    mode, domain = host.selinux.lower(), host.policy.java or host.policy.service
    if not domain:
        what = f"SELinux is {mode}; the domain of the services and its rights are unknown"
        yield unseen(what, "install libselinux-utils, or check the domain with ps -Z once the services run")
    elif domain not in _FREE_DOMAINS:
        numbers = ", ".join(str(port.number) for port in host.ports)
        command = "semanage port -a -t TYPE -p tcp PORT"
        how = command if "semanage" in host.policy.tools else f"install semanage, then {command}"
        what = f"SELinux is {mode} and its policy starts services in {domain}, which may bind only some ports"
        yield advice(what, f"allow {domain} to bind the ports {numbers}, with a TYPE of your policy: {how}")


def _java(host: Subject, stops: Callable[[str, str], Finding]) -> Iterator[Finding]:
    """Java's compiler needs executable memory (execmem)."""
    policy = host.policy
    if not policy.java and not policy.service:
        return  # _ports has reported it
    relabel = f"semanage fcontext -a -t bin_t {_java_home(host)}/bin/java, then restorecon {_java_home(host)}/bin/java"
    kept = f"its label {policy.label} leads to {policy.wanted}, but NoNewPrivileges prevents that"
    if policy.starts is False:
        what = f"SELinux does not let {policy.service} execute Java, which has the label {policy.label}"
        yield stops(what, f"label it as an ordinary program: {relabel}")
    if policy.execmem is False:
        why = f" ({kept})" if policy.wanted != policy.java else ""
        what = f"SELinux denies Java executable memory in the domain {policy.java}{why}, so Java cannot start"
        yield stops(what, _allow_execmem(policy))
    elif policy.execmem is None:
        what = "whether SELinux allows Java executable memory is unknown"
        values = ", ".join(f"{name} {'on' if on else 'off'}" for name, on in policy.booleans.items())
        yield unseen(
            f"{what} ({values})" if values else what,
            "check with getsebool -a | grep execmem: deny_execmem must be off, or allow_execmem on",
        )
    elif policy.wanted != policy.java and policy.starts is not False:
        what = f"Java runs in the domain {policy.java}: {kept}; every start logs a denial (nnp_transition)"
        yield advice(what, f"no action is needed; to avoid the denials: {relabel}")


def _java_home(host: Subject) -> str:
    return (host.java.home if host.java else "") or "JAVA_HOME"


def _allow_execmem(policy: Policy) -> str:
    for (name, refuses), setting in _EXECMEM.items():
        if policy.booleans.get(name) is refuses:
            return f"setsebool -P {setting} (it affects other programs too, so kprov does not set it)"
    domain = policy.java
    search = f"sesearch -A -s {domain} -t {domain} -c process -p execmem"
    return f"allow execmem in the policy; {search} shows the boolean for it, if there is one"


def _places(host: Subject, stops: Callable[[str, str], Finding]) -> Iterator[Finding]:
    for path, label in host.policy.barred.items():
        what = f"SELinux does not let {host.policy.java} write to {path}, which has the label {label}"
        other = f"semanage fcontext -a -t TYPE '{path}(/.*)?' with a type that {host.policy.java} may write to"
        yield stops(what, f"restorecon -R {path} if the label is wrong; else {other}, or choose another directory")


def firewall(host: Subject) -> Iterator[Finding]:
    """kprov opens ports in firewalld; it does not change any other packet filter."""
    if host.firewalld and host.zone:
        yield good(f"firewalld runs; kprov opens the broker's ports in its zone {host.zone}")
    elif host.firewalld:
        yield unseen("firewalld runs, but its zones could not be read", "check them with firewall-cmd --list-all-zones")
    elif _closes(host.filters):
        numbers = ", ".join(str(port.number) for port in host.ports if port.public)
        yield advice(
            "the host has packet filter rules without firewalld; kprov does not change them",
            f"open port {numbers} for clients, and keep ZooKeeper's port closed to other hosts",
        )
    else:
        yield good("no firewall on the host; put one in front of it, because ZooKeeper asks for no password")


def _closes(rules: str) -> bool:
    """Whether the rules of iptables -S or nft list ruleset drop or reject anything."""
    words = rules.lower()
    return any(word in words for word in ("drop", "reject"))
