"""What the last lines of a log say about why a service failed, and what to do. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

# 1.0 says the first, later ones the second (facts of ZkUtils.scala and KafkaZkClient.scala).
_REGISTERED = r"already registered on the path|node already exists and owner"

_LINE = 200  # characters of a line that an advice shows
_CLOSED = (
    "check the owner and the mode of it and of every directory above it (kprov check HOST); if it was run by hand as "
    "root, give the files back: kprov start HOST"
)

# The first row whose pattern is found counts: what is specific stands before what is general. An advice may name the
# groups of its pattern in braces, and {line}: the line that was found, where that line may have another reason, too.
# {java} is the Java release of a class file's version.
_REMEDIES: tuple[tuple[str, str], ...] = (
    # ---- SELinux
    (
        r"Failed to mark memory page as executable|avc: +denied +\{[^}]*\bexecmem\b",
        "SELinux refuses Java executable memory: setsebool -P deny_execmem off (EL and Fedora) or setsebool -P "
        "allow_execmem on (Debian), or PaX does, where SELinux is off; see which: kprov check HOST",
    ),
    (
        r"root runs in the domain (?!unconfined_t\b|sysadm_t\b)\w",
        "SELinux confines root to that domain: give sudo another role for this user (ROLE=sysadm_r TYPE=sysadm_t in "
        "sudoers), or log in as one that is mapped to unconfined_u",
    ),
    # Not process2: a denied nnp_transition leaves the service in its domain.
    (
        r"avc: +denied .*\btclass=(?!process2\b)",
        "SELinux denied what the avc line says: audit2why names the boolean or the rule that is missing; if the label "
        "in tcontext is a wrong one, repair it: kprov install HOST",
    ),
    # ---- systemd, before anything of the service runs (exit-status.h names the numbers)
    (
        r"(?:Failed at step EXEC spawning|Failed to locate executable|Unable to locate executable) "
        r"'?(?P<path>/[^\n]*?)'?: Permission denied",
        "systemd may not start {path}: check its mode, whether its file system is mounted noexec, and SELinux",
    ),
    (
        r"(?:Failed at step EXEC spawning|Failed to locate executable|Unable to locate executable) "
        r"'?(?P<path>/[^\n]*?)'?: (?P<why>[^\n]+)",
        "systemd could not start {path} ({why}): the file is missing, its link leads nowhere, or the interpreter in "
        "its first line is missing; what differs from the receipt: kprov status HOST",
    ),
    (
        r"status=203\b|203/EXEC",
        "systemd could not start the program in ExecStart= (203/EXEC): 'systemctl cat' shows the unit and its drop-ins",
    ),
    (
        r"Failed at step (?:USER|GROUP)\b|status=21[67]\b|Failed to determine (?:user|group) credentials",
        "the user or the group that the unit names does not exist on the host; create kprov's own: kprov install HOST",
    ),
    (
        r"Failed to set up mount namespacing: (?:/run/systemd/unit-root)?(?P<path>/[^\n]*?): (?P<why>[^\n]+)",
        "the unit needs {path} ({why}): is a disk not mounted, or was the directory removed?",
    ),
    (
        r"Failed at step NAMESPACE\b|status=226\b",
        "a directory that the unit names as writable is missing (226/NAMESPACE): is a disk not mounted?",
    ),
    (
        r"Failed at step CHDIR\b|status=200/CHDIR|Changing to the requested working directory failed",
        "the unit's working directory is missing or closed to the service's user",
    ),
    (
        r"Failed to load environment files: (?P<why>[^\n]+)",
        "the unit's environment file cannot be read ({why}): what differs from the receipt: kprov status HOST",
    ),
    (
        r"Dependency failed for|A dependency job for",
        "a mount that the unit requires did not start (systemctl --failed names it): mount it; then kprov start HOST",
    ),
    (
        r"[Ff]ailed to run 'start' task: (?P<why>[^\n]+)",
        "systemd could not prepare the start ({why}): a file or a directory that the unit names cannot be used",
    ),
    (
        # The second is 219's wording of the same result.
        r"failed because (?:of unavailable resources|a configured resource limit was exceeded)",
        "systemd could not prepare the start: mostly the unit's environment file or a directory is missing; "
        "the unit's journal says which",
    ),
    (
        r"still around after (?:final )?SIGKILL",
        "a process does not end even when it is killed: it waits for a disk or a network file system (ps -o pid,stat,"
        "wchan,cmd; dmesg)",
    ),
    (
        r"oom-kill|Out of memory: Kill|killed by the OOM killer",
        "the kernel killed the process because the host ran out of memory: set a smaller --heap, or add memory",
    ),
    # ---- Java itself
    (
        r"(?P<path>/[^\n:]*/java): (?P<why>No such file or directory|not found|Permission denied"
        r"|cannot execute[^\n]*|Exec format error)",
        "the start script could not start {path} ({why}): check JAVA_HOME in the unit's environment file",
    ),
    (
        r"JAVA_HOME is incorrectly set|JAVA_HOME is not set",
        "the start script finds no Java: check JAVA_HOME in the unit's environment file",
    ),
    (
        r"UnsupportedClassVersionError: (?P<name>\S+) has been compiled by a more recent version of the Java Runtime "
        r"\(class file version (?P<class_version>\d+)",
        "this Java does not fit this release: {name} needs Java {java} or later",
    ),
    (
        r"UnsupportedClassVersionError: (?P<name>\S+) : Unsupported major.minor version (?P<class_version>\d+)",
        "this Java does not fit this release: {name} needs Java {java} or later",
    ),
    (r"UnsupportedClassVersionError", "this Java does not fit this release: it needs a later Java"),
    (
        r"Unrecognized VM option '(?P<option>[^'\n]*)'|Unrecognized option: (?P<other>\S+)",
        "this Java does not fit this release, or a drop-in sets an option that it does not know: {option}{other}",
    ),
    (
        r"Invalid -Xlog option|Conflicting collector combinations|Multiple garbage collectors selected",
        "this Java does not fit this release, or a drop-in sets options that do not go together",
    ),
    (
        r"unable to create (?:new )?native thread|pthread_create failed"
        r"|fork: (?:retry: )?Resource temporarily unavailable",
        "the process may not have more threads, which is a limit and not the heap: compare LimitNPROC= and TasksMax= "
        "of the unit, kernel.threads-max and kernel.pid_max with 'ps -eLf | wc -l', and look for free memory",
    ),
    (
        r"Map failed",
        "the kernel gives the process no more memory maps, which is a limit and not the heap: raise vm.max_map_count "
        "(each segment of a partition takes two) in /etc/sysctl.d",
    ),
    (
        r"OutOfMemoryError: Direct buffer memory",
        "Java's direct buffers are used up, not the heap: set a larger -XX:MaxDirectMemorySize, or a larger --heap, "
        "which it follows by default",
    ),
    (
        r"OutOfMemoryError: (?:Metaspace|Compressed class space|PermGen space)",
        "Java has no room left for classes, which is a limit and not the heap: remove or raise -XX:MaxMetaspaceSize",
    ),
    (
        r"OutOfMemoryError: Requested array size exceeds VM limit",
        "something asked for one impossibly large array, which no heap can hold: a damaged file, or a request that is "
        "not Kafka's protocol; the stack trace shows which",
    ),
    (r"OutOfMemoryError: (?:Java heap space|GC overhead limit exceeded)", "the heap is too small: set a larger --heap"),
    (r"OutOfMemoryError(?:: (?P<what>[^\n]+))?", "Java ran out of memory; which kind the log says: {line}"),
    (
        r"commit_memory|insufficient memory for the Java|error='(?:Cannot allocate memory|Not enough space)'"
        r"|Could not reserve enough space|Cannot allocate memory",
        "the host did not give Java the memory that it asked for: set a smaller --heap or free memory; if 'free -m' "
        "shows enough, the limit is vm.max_map_count, vm.overcommit_memory or MemoryLimit= of the unit "
        "(from the line: {line})",
    ),
    (
        r"Invalid maximum heap|[Ii]nitial heap size|Too small|GC triggered before VM initialization"
        r"|Incompatible minimum and maximum heap",
        "the heap does not suit Java: set --heap",
    ),
    (
        r"Too many open files",
        "the process has reached its limit of open files: compare LimitNOFILE= of the unit with /proc/PID/limits "
        "(kprov check HOST); each segment of a partition takes two, each connection one",
    ),
    (
        r"SIGBUS \(0x7\)",
        "Java crashed on a file that it had mapped: the disk is full or failing, or the file was cut off (df, dmesg)",
    ),
    (
        r"failed to map segment from shared object",
        "Java could not load a native library: its temporary directory (java.io.tmpdir) is mounted noexec (from the "
        "line: {line})",
    ),
    (
        r"UnsatisfiedLinkError|NoClassDefFoundError: Could not initialize class (?:org\.xerial|com\.github\.luben)",
        "Java could not load a codec's native library: java.io.tmpdir must be the service's own and not noexec",
    ),
    (
        r"Could not find or load main class (?P<name>kafka\.\S+|org\.apache\.zookeeper\.\S+)",
        "Java does not find {name}: the release's jars are missing where the start script looks for them (libs or lib "
        "of the home); what differs from the receipt: kprov status HOST",
    ),
    (
        r"(?:NoClassDefFoundError|ClassNotFoundException): (?P<name>(?:kafka|scala|org[./]apache[./](?:kafka|zookeeper"
        r"|log4j|yetus|commons)|org[./]slf4j|com[./]yammer)[./][\w./$]+)",
        "{name} belongs to the release and is not found: a jar is missing, or jars of two releases are mixed",
    ),
    (
        r"ClassNotFoundException: (?P<name>[\w.$]+)",
        "a class that a property names is not there: check the name {name}, and that its jar is in libs",
    ),
    (
        r"ClassNotFoundException",
        "a class that a property names is not there: check its name, and that its jar is in libs",
    ),
    # ---- ports and names
    (
        r"Unable to start AdminServer|Problem starting AdminServer",
        "ZooKeeper's AdminServer did not get its port, 8080 by default: set admin.serverPort or "
        "admin.enableServer=false",
    ),
    (
        r"Port already in use: (?P<port>\d+)",
        "another process has port {port}, which is JMX's: stop it, or choose another with --jmx-port",
    ),
    (
        r"(?:bind to|binding to:?) [^\n]*?:(?P<port>\d+)[:\s][^\n]*(?:\n[^\n]*)?Address already in use",
        "another process has the port {port}: stop it, or choose another port",
    ),
    (r"Address already in use|Problem binding", "another process has the port: stop it, or choose another port"),
    (
        r"Cannot assign requested address",
        "an address in listeners (ZooKeeper: clientPortAddress) is not one of this host's: name one that it has",
    ),
    (
        r"(?:bind to|SocketException)[^\n]*Permission denied",
        "the service may not bind that port: only root may bind ports below 1024; choose a higher one",
    ),
    (
        r"UnknownHostException: (?P<name>[^\s:]+)",
        "the host cannot resolve the name {name}: check /etc/hosts and DNS there",
    ),
    (r"UnknownHostException|UnresolvedAddressException", "the host cannot resolve a name, which the log shows"),
    # ---- Kafka's data
    (
        r"Found directory (?P<path>[^\n]*/)lost\+found,",
        "{path} is the top of a file system, which keeps lost+found there, and Kafka takes only topics: give log.dirs "
        "a directory below it",
    ),
    (
        r"Found directory (?P<path>[^\n]*?), '[^\n]*' is not in the form of topic-partition",
        "{path} is no partition of a topic, and Kafka starts with nothing else in log.dirs: move it elsewhere",
    ),
    (
        r"Failed to acquire lock on file \.lock in (?P<path>[^\n]+?)\. A Kafka",
        "another Kafka process uses {path}: stop it; two brokers cannot share a directory",
    ),
    (
        r"doesn't match stored broker\.id (?:Some\()?(?P<stored>-?\d+)",
        "log.dirs holds another broker's messages (broker.id {stored}): use that id, or other directories",
    ),
    (r"doesn't match stored broker\.id", "log.dirs holds another broker's messages: use its id, or other directories"),
    (
        r"Failed to match broker\.id across log\.dirs",
        "the directories of log.dirs hold messages of several brokers: use only those of one",
    ),
    (
        r"doesn't match stored clusterId",
        "log.dirs belongs to another cluster than ZooKeeper: zookeeper.connect leads to another one, or ZooKeeper has "
        "lost its data; bring the right ZooKeeper back, and keep meta.properties until you know",
    ),
    (
        r"Duplicate log directories found: (?P<what>[^\n]+)",
        "a partition lies in two directories of log.dirs ({what}): move the older copy elsewhere",
    ),
    (
        r"[Cc]orrupt(?:ed)? index found|corrupted index file|CorruptIndexException",
        "an index of a partition is damaged, mostly by an unclean stop: Kafka builds it again by itself; if it ends "
        "instead, stop it and move the .index and .timeindex files that the log names away",
    ),
    (
        r"Malformed line in (?:offset )?checkpoint file|entries in checkpoint file",
        "a checkpoint file of Kafka is damaged, mostly by a disk that was full: stop Kafka and move it away "
        "(from the line: {line})",
    ),
    (
        r"Unknown (?:group metadata|offset|message) .*version|is not a valid version",
        "a newer Kafka has written these data, or a setting names a version that this one does not know",
    ),
    # ---- ZooKeeper's data and settings
    (
        r"No snapshot found, but there are log entries",
        "ZooKeeper's data directory lacks a snapshot",
    ),
    (
        r"Unreasonable length|CRC check failed|CRC corruption|Failed to process transaction type"
        r"|EOFException(?:\n[^\n]*){0,12}(?:FileTxnLog|FileHeader|FileSnap)",
        "a snapshot or transaction log of ZooKeeper is damaged or cut off (a full disk, a power cut), or a node is "
        "larger than jute.maxbuffer: keep a copy of its data before you try anything (from the line: {line})",
    ),
    (
        r"[Ee]poch[^\n]*(?:is less than|is older than)|QuorumPeer\.readLongFromFile",
        "ZooKeeper's epoch files (acceptedEpoch, currentEpoch in version-2) do not fit its data, mostly after a full "
        "disk: keep a copy of all; in an ensemble this server may then begin anew from the others",
    ),
    (
        r"myid file is missing|serverid \S* ?is not a number",
        "dataDir lacks a valid myid: it holds one line, the number of this server as in server.N",
    ),
    (
        r"(?:Log|Snap)DirContentCheckException",
        "dataDir and dataLogDir of ZooKeeper are mixed up: one holds files of the other",
    ),
    (
        r"DatadirException: (?P<what>[^\n]+)",
        "ZooKeeper cannot use its data directory: {what}",
    ),
    (
        r"QuorumPeerConfig\$ConfigException: Error processing (?P<path>[^\n]+)",
        "ZooKeeper does not take its settings in {path}: the line below 'Caused by' says why",
    ),
    # ---- the broker and ZooKeeper
    (_REGISTERED, "a broker with this id runs, or did until just now"),
    (
        r"KeeperErrorCode = NoAuth for (?P<path>\S+)",
        "ZooKeeper does not let the broker use {path}: its nodes have ACLs of another user (zookeeper.set.acl, JAAS)",
    ),
    # ---- files and disks
    (
        r"no inodes left on /",
        "the file system has space and no inodes: remove files there that nobody needs (df -i counts them)",
    ),
    (
        r"No space left on device|Disk quota exceeded",
        "the disk is full, its inodes are used up or a quota is (df -h, df -i): make room",
    ),
    (r"Read-only file system", "the file system is mounted read-only: see why (dmesg), and mount it writable"),
    (
        r"Structure needs cleaning|Input/output error",
        "the disk or its file system is damaged: dmesg says more; stop the services and check it",
    ),
    (r"Stale (?:NFS )?file handle", "a network file system went away under the service: mount it again, then restart"),
    (r"cannot lock /etc/|existing lock file /etc/", "a tool that changes users was killed: remove that lock file"),
    (
        r"AccessDeniedException: (?P<path>/[^\n]*)",
        "the service's user may not use {path}: " + _CLOSED + " (from the line: {line})",
    ),
    (
        r"FileNotFoundException: (?P<path>/[^\n]*?) \(Permission denied\)",
        "the service's user may not use {path}: " + _CLOSED + " (from the line: {line})",
    ),
    (
        r"Permission denied|not writable",
        "the service's user may not use a file: " + _CLOSED + " (from the line: {line})",
    ),
    (
        r"Timed out waiting for connection|Unable to connect to zookeeper",
        "ZooKeeper does not answer: see its log (kprov logs HOST), and whether zookeeper.connect is right",
    ),
    # ---- settings
    (
        r'Missing required configuration "?(?P<key>[\w.]+)',
        "the property {key} is required and not set",
    ),
    (
        r"Invalid value (?P<value>[^\n]*?) for configuration (?P<key>[\w.]+)",
        "the property {key} does not suit the broker: the log says why",
    ),
    (
        r"Could not find a '(?P<name>[^'\n]*)' .*entry in the JAAS configuration",
        "the JAAS configuration has no section {name}, which a SASL listener needs",
    ),
    (
        r"[Kk]eystore password was incorrect|Keystore was tampered with|Failed to load SSL keystore",
        "the keystore or truststore cannot be opened: check its path, type and password",
    ),
    (r"ConfigException", "a property does not suit the broker: the log names it"),
    (
        r"IllegalArgumentException: requirement failed: (?P<why>[^\n]+)",
        "settings of the broker do not go together: {why}",
    ),
    # ---- while it runs
    (
        r"[Rr]eplication [Ff]actor: \d+ larger than available brokers|does not meet the required replication factor",
        "a replication factor is larger than the number of brokers: lower it, offsets.topic.replication.factor among "
        "others",
    ),
    (
        r"Invalid receive \(size = (?P<size>\d+)",
        "a client sent something that is not Kafka's protocol to this listener, such as TLS or HTTP (size {size})",
    ),
    (
        r"Shutdown broker because (?:all log dirs|none of the specified log dirs)",
        "no directory of log.dirs can be used: the lines before say why of each",
    ),
    (
        r"stop-sigterm.{0,3} timed out|stop-final-sigterm.{0,3} timed out|start operation timed out",
        "the service did not end within its time and was killed: its log says what it waited for",
    ),
    (
        r"status=9/KILL",
        "the process was killed (SIGKILL): by the kernel if memory ran out (journalctl -k says so), or by somebody",
    ),
    (
        r"java: No such file or directory|JAVA_HOME",
        "the start script finds no Java: check JAVA_HOME (from the line: {line})",
    ),
)


def remedy(log: str) -> str:
    """What to do about the failure that the log shows; a general advice where nothing is recognised."""
    return known_remedy(log) or "read the log lines above, fix the cause and run the same command again"


def known_remedy(log: str) -> str:
    """What to do about a failure that is recognised; empty where none is."""
    for pattern, advice in _REMEDIES:
        if match := re.search(pattern, log):
            return advice.format_map(_fields(match, log))
    return ""


def _fields(match: re.Match[str], log: str) -> dict[str, str]:
    """What an advice may name: the groups, the line that was found, the Java of a class file's version."""
    groups = {name: text or "" for name, text in match.groupdict().items()}
    begin = log.rfind("\n", 0, match.start()) + 1
    fields = {**groups, "line": log[begin:].partition("\n")[0].strip()[:_LINE]}
    if version := groups.get("class_version"):
        # Java 1.1 wrote 45, and each release one more (JVM specification, 4.1).
        fields["java"] = str(int(version) - 44)
    return fields


def passes(log: str) -> str:
    """Why a service ended, where that passes by itself and its next start may well succeed; empty otherwise."""
    if re.search(_REGISTERED, log):
        return "ZooKeeper still lists the broker that ran before, until its session has timed out"
    return ""


def drop_in_note(paths: Sequence[str]) -> str:
    """What an advice says of the drop-ins in force that kprov did not write: what they set may be the cause."""
    return f"; drop-ins that kprov did not write are in force: {', '.join(paths)}" if paths else ""


def last_lines(log: str, count: int = 20) -> str:
    """The end of a log, from the last error on if that lies within reach."""
    lines = tail(log, count).splitlines()
    for index, line in enumerate(lines):
        if re.search(r"\b(FATAL|ERROR)\b|^Error|Exception", line):
            return "\n".join(lines[index:])
    return "\n".join(lines)


def tail(text: str, count: int) -> str:
    """The last lines of a text that are not empty."""
    return "\n".join([line for line in text.splitlines() if line.strip()][-count:])
