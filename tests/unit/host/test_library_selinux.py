"""What the library asks and does about SELinux, in dash and in bash, with stand-ins of its tools.

The kernel's answers are those that Linux 6.1 gave with Debian's refpolicy; ``ask_policy`` itself needs that kernel.
"""

from __future__ import annotations

import hashlib
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.local_host import LIBRARY, SHELLS, LocalHost

from kprov.diagnosis import known_remedy
from kprov.logs import findings, journal_entries

OWNER = ("root", "root") if os.geteuid() == 0 else (str(os.geteuid()), str(os.getegid()))
SUM = hashlib.sha256(b"text\n").hexdigest()


@pytest.fixture(params=SHELLS, ids=lambda shell: shell[0])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> LocalHost:
    """A host with SELinux on which restorecon finds every label correct."""
    (tmp_path / "host").mkdir()
    host = LocalHost(tmp_path / "host", shell=request.param)
    host.stand_in("selinuxenabled")
    host.stand_in("getenforce", "echo Enforcing")
    host.stand_in("restorecon")
    return host


def restored(host: LocalHost) -> list[str]:
    """How restorecon was called."""
    return [line for line in host.log if line.startswith("restorecon")]


# ---------------------------------------------------------------- labels are given


@pytest.mark.parametrize(
    ("call", "labelled"),
    [
        (("make_directory", "{}/new", *OWNER, "0750"), "-- {}/new"),
        (("put_file", SUM, "{}/file", *OWNER, "0640"), "-- {}/file"),
        (("set_mode", "{}/here", *OWNER, "0640"), "-- {}/here"),
        (("put_link", "{}/link", "/somewhere"), "-- {}/link"),
        (("put_links", "{}/links", "{}/folder", "*"), "-- {0}/links {0}/links/a {0}/links/b"),
        (("own_tree", "{}/folder", *OWNER), "-R -- {}/folder"),
        (("back_up", "{}/here", "{}/here.edited-1"), "-- {}/here.edited-1"),
        (("set_aside", "{}/folder", "{}/folder.edited-1"), "-R -- {}/folder.edited-1"),
        (("put_back", "{}/here", "{}/there"), "-R -- {}/there"),
        (("label_tree", "{}/folder"), "-R -- {}/folder"),
        (("label", "{}/a*b"), "-- {}/a\\*b"),
        (("label", "{}/[x]{{y,z}} ~?"), "-- {}/\\[x\\]\\{{y,z\\}} \\~\\?"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_every_change_of_a_path_labels_it(host: LocalHost, call: tuple[str, ...], labelled: str) -> None:
    """Backups are labelled as well. restorecon treats its arguments as patterns."""
    place = host.folder / "place"
    (place / "folder").mkdir(parents=True)
    for name in ("here", "folder/a", "folder/b", "a*b"):
        (place / name).touch()
    (host.state / "stage").mkdir()
    (host.state / "stage" / SUM).write_text("text\n")
    reply = host.exchange([("step", "0", *(word.format(place) for word in call))])
    assert [record.kind for record in reply.records] == ["begin", "end"], reply
    assert restored(host) == [f"restorecon {labelled.format(place)}"]


def test_a_failing_restorecon_fails_the_step(host: LocalHost) -> None:
    host.stand_in("restorecon", 'echo "restorecon: Could not set context for /x: Permission denied" >&2; exit 255')
    place = host.folder / "new"
    reply = host.exchange([("step", "0", "make_directory", str(place), *OWNER, "0750")])
    assert reply.records[-1].kind == "failed"
    assert "Could not set context" in reply.records[-1]["output"]


@pytest.mark.parametrize("off", ["selinuxenabled", "restorecon"])
def test_nothing_is_labelled_without_selinux_or_its_tool(host: LocalHost, off: str) -> None:
    if off == "restorecon":
        (host.bin / off).unlink()
    else:
        host.stand_in(off, "exit 1")
    reply = host.exchange([("step", "0", "make_directory", str(host.folder / "new"), *OWNER, "0750")])
    assert reply.records[-1].kind == "end"
    assert restored(host) == []


# ---------------------------------------------------------------- labels are compared


def test_labels_are_compared_in_two_calls(host: LocalHost) -> None:
    """One call is for paths, one for the trees of releases; missing paths are omitted."""
    place = host.folder / "place"
    (place / "real/data").mkdir(parents=True)
    (place / "bin").mkdir()
    (place / "release").mkdir()
    (place / "file[1]").touch()
    (place / "bin/own").touch()
    (place / "bin/tool").symlink_to("/nowhere")
    (place / "linked").symlink_to("real")
    host.stand_in("restorecon", "case $* in *-R*) echo of trees ;; *) echo of paths ;; esac")
    names = ("release:{}/release", "release:{}/gone", "file:{}/file[1]", "file:{}/gone", "links:{}/bin/*")
    ids = [name.format(place) for name in (*names, "data:{}/linked/data", "link:{}/linked")]
    record = host.one("probe_labels", "labels", *ids)
    paths = "{0}/file\\[1\\] {0}/bin/tool {0}/bin {0}/linked/data {0}/linked"
    assert restored(host) == [
        f"restorecon -n -v -- {paths.format(place)}",
        f"restorecon -R -n -v -- {place}/release",
    ]
    assert record["said"] == "of paths\nof trees"
    real = dict(line.split("\t") for line in record["real"].splitlines())
    assert real[f"data:{place}/linked/data"] == f"{place}/real/data"
    assert real[f"links:{place}/bin/*"] == f"{place}/bin/*"
    assert real[f"link:{place}/linked"] == f"{place}/linked"


def test_labels_that_cannot_be_compared(host: LocalHost) -> None:
    (host.folder / "x").touch()
    call = ("probe_labels", "labels", f"file:{host.folder}/x")
    host.stand_in("restorecon", "echo no policy >&2; exit 255")
    record = host.one(*call)
    assert (record["status"], record["why"]) == ("unknown", "no policy")
    (host.bin / "restorecon").unlink()
    record = host.one(*call)
    assert (record["status"], "restorecon is not installed" in record["why"]) == ("unknown", True)
    host.stand_in("selinuxenabled", "exit 1")
    assert host.one(*call)["status"] == "absent"


# ---------------------------------------------------------------- the mode, and the domain of root


@pytest.mark.parametrize(("enforce", "expected"), [("1", "Enforcing"), ("0", "Permissive"), (None, "unknown")])
def test_the_mode_without_getenforce(host: LocalHost, enforce: str | None, expected: str) -> None:
    """A minimal host may have SELinux without libselinux-utils."""
    (host.bin / "getenforce").unlink()
    host.before = f"selinux_fs={host.folder}"
    if enforce is not None:
        (host.folder / "enforce").write_text(enforce)
    assert host.one("probe_facts")["selinux"] == expected
    host.stand_in("selinuxenabled", "exit 1")
    assert host.one("probe_facts")["selinux"] == "Disabled"
    (host.bin / "selinuxenabled").unlink()
    assert host.one("probe_facts")["selinux"] == "Disabled", "selinuxfs is not mounted here"


def test_a_path_that_root_may_not_read_names_root_s_domain(host: LocalHost) -> None:
    host.stand_in("stat", 'echo "stat: cannot stat /x: Permission denied"; exit 1')
    host.before = "own_context() { printf staff_u:sysadm_r:staff_t:s0-s0:c0.c1023; }; id() { echo 0; }"
    record = host.one("probe_path", "x", "/x")
    assert (
        record["why"]
        == "stat: cannot stat /x: Permission denied (SELinux is enforcing, and root runs in the domain staff_t)"
    )
    host.stand_in("getenforce", "echo Permissive")
    assert host.one("probe_path", "x", "/x")["why"] == "stat: cannot stat /x: Permission denied"
    host.stand_in("getenforce", "echo Enforcing")
    host.stand_in("stat", "echo stat: Input/output error; exit 1")
    assert "SELinux" not in host.one("probe_path", "x", "/x")["why"]


# ---------------------------------------------------------------- what the policy allows

INIT, INITRC, JAVA, UNCONFINED = (
    f"system_u:system_r:{name}:s0" for name in ("init_t", "initrc_t", "unconfined_java_t", "unconfined_service_t")
)
BIN, JAVA_EXEC, USR = (f"system_u:object_r:{name}:s0" for name in ("bin_t", "java_exec_t", "usr_t"))
ALL, NONE = "ffffffff ffffffff 0 ffffffff 1 0", "0 ffffffff 0 ffffffff 1 0"
# process of initrc_t, as it was answered with the boolean off: every permission but execmem (bit 26) and a few.
NO_EXECMEM = "717fffff ffffffff 0 ffa3ff7f 1 0"


def policy(host: LocalHost, answers: dict[str, str], *, nnp: bool = True, booleans: tuple[str, ...] = ()) -> None:
    """A kernel that gives these answers to ``FILE SUBJECT OBJECT CLASS``, and allows everything else."""
    fs = host.folder / "selinux"
    permissions = {"process/perms/execmem": 26, "process2/perms/nnp_transition": 1}
    permissions |= {"file/perms/execute_no_trans": 18, "dir/perms/add_name": 18}
    for path, bit in permissions.items():
        (fs / "class" / path).parent.mkdir(parents=True, exist_ok=True)
        (fs / "class" / path).write_text(str(bit))
    for folder in ("policy_capabilities", "booleans"):
        (fs / folder).mkdir()
    (fs / "policy_capabilities/nnp_nosuid_transition").write_text(str(int(nnp)))
    for boolean in booleans:
        name, value = boolean.split("=")
        (fs / "booleans" / name).write_text(f"{value} {value}")
    cases = "\n".join(f"'{question}') printf '%s' '{answer}' ;;" for question, answer in answers.items())
    host.before = f"""selinux_fs={fs}
own_context() {{ printf system_u:system_r:me_t:s0; }}
context_of() {{ case $1 in */bin/java) printf {JAVA_EXEC} ;; *) printf {BIN} ;; esac; }}
init_context() {{ printf {INIT}; }}
ask_policy() {{ case "$*" in
{cases}
'access '*) printf '%s' '{ALL}' ;;
'create '*) printf '%s' "$2" ;;
esac; }}"""


DEBIAN = {f"create {INIT} {BIN} process": INITRC, f"create {INITRC} {JAVA_EXEC} process": JAVA}


def test_java_with_a_label_of_its_own_stays_in_the_scripts_domain(host: LocalHost) -> None:
    """Without nnp_transition, as in Debian's policy; and what that domain may do counts."""
    denied = {f"access {INITRC} {JAVA} process2": NONE, f"access {INITRC} {INITRC} process": NO_EXECMEM}
    policy(host, DEBIAN | denied, booleans=("allow_execmem=0", "unrelated=1"))
    record = host.one("probe_selinux", "x", "/java")
    assert [record[key] for key in ("service", "wanted", "java", "label")] == [INITRC, JAVA, INITRC, JAVA_EXEC]
    assert (record["starts"], record["execmem"], record["booleans"].strip()) == ("yes", "no", "allow_execmem=0")


def test_java_enters_its_domain_if_the_policy_allows_it(host: LocalHost) -> None:
    policy(host, DEBIAN)
    record = host.one("probe_selinux", "x", "/java")
    assert (record["java"], record["execmem"], record["starts"]) == (JAVA, "yes", "")


def test_on_el7_services_stay_in_init_t(host: LocalHost) -> None:
    """Its policy has no nnp_transition."""
    policy(host, {f"create {INIT} {BIN} process": UNCONFINED}, nnp=False, booleans=("deny_execmem=0",))
    record = host.one("probe_selinux", "x", "/java")
    assert (record["service"], record["java"], record["execmem"]) == (INIT, INIT, "yes")


def test_a_permissive_domain_is_refused_nothing(host: LocalHost) -> None:
    policy(host, DEBIAN | {f"access {JAVA} {JAVA} process": "0 ffffffff 0 ffffffff 1 1"})
    assert host.one("probe_selinux", "x", "/java")["execmem"] == "yes"


def test_directories_in_which_nothing_may_be_created(host: LocalHost) -> None:
    refused = {f"access {JAVA} {BIN} dir": NONE, f"access system_u:system_r:me_t:s0 {BIN} dir": NONE}
    policy(host, DEBIAN | refused)
    record = host.one("probe_selinux", "x", "/java", "/data/a b")
    assert record["barred"] == "/data/a b bin_t"
    assert record["closed"].splitlines() == ["/usr/local bin_t", "/etc/systemd/system bin_t", "/var/lib bin_t"]


def test_questions_that_the_kernel_does_not_answer_are_unknown(host: LocalHost) -> None:
    """selinuxexeccon reports only the domain."""
    host.stand_in("selinuxexeccon", f"echo {UNCONFINED}")
    record = host.one("probe_selinux", "x", "/java")
    keys = ("service", "java", "wanted", "starts", "execmem", "barred", "closed")
    assert [record[key] for key in keys] == [UNCONFINED, "", "", "", "", "", ""]


# ---------------------------------------------------------------- denials


def test_the_log_of_a_service_ends_with_what_selinux_denied_it(host: LocalHost, tmp_path: Path) -> None:
    """Since it was started, to Java or a start script, and only where it was enforced."""
    kernel = 'audit: type=1400 audit({when}.229:15): avc:  denied  {{ execmem }} for  pid=8 comm="{comm}" {rest}'
    lines = [
        kernel.format(when=1700000000, comm="java", rest="permissive=0"),
        kernel.format(when=1800000000, comm="crond", rest="permissive=0"),
        kernel.format(when=1800000001, comm="java", rest="permissive=1"),
        kernel.format(when=1800000002, comm="java", rest="tclass=process"),
        kernel.format(when=1800000003, comm="kafka-server-st", rest="permissive=0"),
    ]
    (tmp_path / "kernel").write_text("\n".join(lines) + "\n")
    host.stand_in("systemctl", "echo ExecMainStartTimestamp=@1750000000")
    host.stand_in("journalctl", f"case $* in *-k*) /bin/cat {tmp_path}/kernel ;; *) echo the journal ;; esac")
    text = host.one("probe_log", "x", "kafka.service", "10")["text"]
    assert text.strip().splitlines() == ["the journal", "--- SELinux", lines[3], lines[4]]
    call = ("probe_unit_log", "x", "kafka.service", "10")
    *denied, own = host.one(*call)["text"].splitlines()
    entries = journal_entries("kafka journal", "\n".join(denied))
    assert (len(entries), own) == (3, "the journal")  # without a moment to begin at the oldest counts as well
    assert entries[1].time == datetime.fromtimestamp(1800000002, UTC)
    problems = findings(entries)
    assert [problem.entry.level for problem in problems] == ["ERROR"] * 3
    assert all("allow_execmem" in problem.remedy for problem in problems)
    host.stand_in("selinuxenabled", "exit 1")
    assert host.one("probe_log", "x", "kafka.service", "10")["text"].strip() == "the journal"
    assert host.one(*call)["text"] == "the journal"


def test_a_step_and_a_lock_that_a_confined_root_may_not_take_name_the_domain(host: LocalHost) -> None:
    host.before = "own_context() { printf staff_u:sysadm_r:staff_t:s0; }; id() { echo 0; }"
    host.stand_in("chown", "echo 'chown: x: Permission denied' >&2; exit 1")
    failed = host.exchange([("step", "0", "set_mode", "/x", "a", "b", "0640")]).records[-1]
    assert failed["output"] == "chown: x: Permission denied (SELinux is enforcing, and root runs in the domain staff_t)"
    assert "ROLE=sysadm_r" in known_remedy(failed["output"])
    host.stand_in("mkdir", "echo 'mkdir: x: Permission denied' >&2; exit 1")
    reply = host.exchange([("take_lock", host.session, "me", "install")])
    assert reply.records == ()
    assert reply.errors.strip().endswith(
        "Permission denied (SELinux is enforcing, and root runs in the domain staff_t)"
    )


def test_every_function_that_puts_a_file_in_place_labels_it() -> None:
    """Judged by their text: after a rename, a copy with attributes or a change of owner, the label may be wrong."""
    changes = LIBRARY.partition("# ---------------------------------------------------------------- changes")[2]
    bodies = dict(re.findall(r"^([a-z_]+)\(\) (\{.*?^\})", changes, re.MULTILINE | re.DOTALL))
    placing = {name for name, body in bodies.items() if re.search(r"\b(?:mv -f?T|cp -a|chown)\b", body)}
    assert {"put_file", "put_links", "set_aside", "put_back", "back_up", "unpack_release"} <= placing
    assert {name for name in placing if not re.search(r"\blabel(?:_tree|_links)?\b", bodies[name])} == set()
