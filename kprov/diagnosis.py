"""Find out from the last lines of a log why a service failed and how to fix it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

# The wording of Kafka 1.0, and that of later versions (ZkUtils.scala, KafkaZkClient.scala).
_REGISTERED = r"already registered on the path|node already exists and owner"

_LINE = 200  # characters of a log line to quote
_CLOSED = (
    "check its owner and mode, and those of every directory above it (kprov check HOST); if the service was run by "
    "hand as root, give the files back to its user: kprov start HOST"
)

# The first row whose pattern is found applies, so specific patterns come before general ones. Advice may contain the
# groups of its pattern in braces; {line}, the line that matched, if that line may have other causes too; and {java},
# the Java release of a class file's version.
_REMEDIES: tuple[tuple[str, str], ...] = (
    # ---- SELinux
    (
        r"Failed to mark memory page as executable|avc: +denied +\{[^}]*\bexecmem\b",
        "SELinux denies Java executable memory: setsebool -P deny_execmem off (EL and Fedora) or setsebool -P "
        "allow_execmem on (Debian); if SELinux is off, PaX denies it; check which it is: kprov check HOST",
    ),
    (
        r"root runs in the domain (?!unconfined_t\b|sysadm_t\b)\w",
        "SELinux confines root to that domain: give this user another role in sudoers (ROLE=sysadm_r TYPE=sysadm_t), "
        "or log in as a user who is mapped to unconfined_u",
    ),
    # Not process2: a denied nnp_transition leaves the service in its domain.
    (
        r"avc: +denied .*\btclass=(?!process2\b)",
        "SELinux denied the access in the avc line: audit2why shows the missing boolean or rule; if the label in "
        "tcontext is wrong, repair it: kprov install HOST",
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
        "systemd could not start {path} ({why}): the file, the target of its link, or the interpreter in its first "
        "line is missing; see what differs from the receipt: kprov status HOST",
    ),
    (
        r"status=203\b|203/EXEC",
        "systemd could not start the program in ExecStart= (203/EXEC): check the unit and its drop-ins with 'systemctl "
        "cat'",
    ),
    (
        r"Failed at step (?:USER|GROUP)\b|status=21[67]\b|Failed to determine (?:user|group) credentials",
        "the unit's user or group does not exist on the host; create those of kprov: kprov install HOST",
    ),
    (
        r"Failed to set up mount namespacing: (?:/run/systemd/unit-root)?(?P<path>/[^\n]*?): (?P<why>[^\n]+)",
        "the unit needs {path} ({why}): mount its disk, or restore the directory if it was removed",
    ),
    (
        r"Failed at step NAMESPACE\b|status=226\b",
        "a directory in the unit's ReadWritePaths= is missing (226/NAMESPACE): check that its disk is mounted",
    ),
    (
        r"Failed at step CHDIR\b|status=200/CHDIR|Changing to the requested working directory failed",
        "the unit's working directory is missing, or the service's user may not enter it: check its path and mode",
    ),
    (
        r"Failed to load environment files: (?P<why>[^\n]+)",
        "the unit's environment file cannot be read ({why}); see what differs from the receipt: kprov status HOST",
    ),
    (
        r"Dependency failed for|A dependency job for",
        "a mount that the unit requires failed (systemctl --failed shows it): mount it, then start: kprov start HOST",
    ),
    (
        r"[Ff]ailed to run 'start' task: (?P<why>[^\n]+)",
        "systemd could not prepare the start ({why}): check the files and directories that the unit names",
    ),
    (
        # The second is 219's wording of the same result.
        r"failed because (?:of unavailable resources|a configured resource limit was exceeded)",
        "systemd could not prepare the start: usually the unit's environment file or a directory is missing; the "
        "unit's journal shows which",
    ),
    (
        r"still around after (?:final )?SIGKILL",
        "a process does not end even after SIGKILL: it is waiting for a disk or a network file system (check with "
        "dmesg and ps -o pid,stat,wchan,cmd)",
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
        "the start script does not find Java: check JAVA_HOME in the unit's environment file",
    ),
    (
        r"UnsupportedClassVersionError: (?P<name>\S+) has been compiled by a more recent version of the Java Runtime "
        r"\(class file version (?P<class_version>\d+)",
        "this Java is too old for this release: {name} needs Java {java} or later",
    ),
    (
        r"UnsupportedClassVersionError: (?P<name>\S+) : Unsupported major.minor version (?P<class_version>\d+)",
        "this Java is too old for this release: {name} needs Java {java} or later",
    ),
    (r"UnsupportedClassVersionError", "this Java is too old for this release: install a later one"),
    (
        r"Unrecognized VM option '(?P<option>[^'\n]*)'|Unrecognized option: (?P<other>\S+)",
        "this Java does not support an option of this release or of a drop-in: {option}{other}",
    ),
    (
        r"Invalid -Xlog option|Conflicting collector combinations|Multiple garbage collectors selected",
        "this Java does not support the options of this release, or a drop-in sets options that conflict",
    ),
    (
        r"unable to create (?:new )?native thread|pthread_create failed"
        r"|fork: (?:retry: )?Resource temporarily unavailable",
        "the process has reached a limit of threads, not of the heap: compare the unit's LimitNPROC= and TasksMax=, "
        "kernel.threads-max and kernel.pid_max with 'ps -eLf | wc -l', and check the free memory",
    ),
    (
        r"Map failed",
        "the process has reached the limit of memory maps, not of the heap: raise vm.max_map_count in /etc/sysctl.d "
        "(each segment of a partition needs two)",
    ),
    (
        r"OutOfMemoryError: Direct buffer memory",
        "Java's direct buffers are used up, not the heap: set a larger -XX:MaxDirectMemorySize, or a larger --heap, "
        "which it follows by default",
    ),
    (
        r"OutOfMemoryError: (?:Metaspace|Compressed class space|PermGen space)",
        "Java has reached the limit of memory for classes, not of the heap: remove or raise -XX:MaxMetaspaceSize",
    ),
    (
        r"OutOfMemoryError: Requested array size exceeds VM limit",
        "Java was asked for an array that is too large for any heap: the cause is a damaged file, or a request that is "
        "not Kafka's protocol; the stack trace shows which",
    ),
    (r"OutOfMemoryError: (?:Java heap space|GC overhead limit exceeded)", "the heap is too small: set a larger --heap"),
    (r"OutOfMemoryError(?:: (?P<what>[^\n]+))?", "Java ran out of memory; the log says of which kind: {line}"),
    (
        r"commit_memory|insufficient memory for the Java|error='(?:Cannot allocate memory|Not enough space)'"
        r"|Could not reserve enough space|Cannot allocate memory",
        "the host did not provide the memory that Java asked for: set a smaller --heap or free memory; if enough is "
        "free, check vm.max_map_count, vm.overcommit_memory and the unit's MemoryLimit= (from the line: {line})",
    ),
    (
        r"Invalid maximum heap|[Ii]nitial heap size|Too small|GC triggered before VM initialization"
        r"|Incompatible minimum and maximum heap",
        "Java does not accept this heap size: set another one with --heap",
    ),
    (
        r"Too many open files",
        "the process has reached its limit of open files: compare the unit's LimitNOFILE= with /proc/PID/limits "
        "(kprov check HOST); each segment of a partition needs two, each connection one",
    ),
    (
        r"SIGBUS \(0x7\)",
        "Java crashed on a memory-mapped file: the disk is full or failing, or the file was truncated (df, dmesg)",
    ),
    (
        r"failed to map segment from shared object",
        "Java could not load a native library: its temporary directory is mounted noexec; set java.io.tmpdir to "
        "another one (from the line: {line})",
    ),
    (
        r"UnsatisfiedLinkError|NoClassDefFoundError: Could not initialize class (?:org\.xerial|com\.github\.luben)",
        "Java could not load a codec's native library: java.io.tmpdir must be writable for the service and not noexec",
    ),
    (
        r"Could not find or load main class (?P<name>kafka\.\S+|org\.apache\.zookeeper\.\S+)",
        "Java does not find {name}: the release's jars are missing from libs or lib of the home; see what differs from "
        "the receipt: kprov status HOST",
    ),
    (
        r"(?:NoClassDefFoundError|ClassNotFoundException): (?P<name>(?:kafka|scala|org[./]apache[./](?:kafka|zookeeper"
        r"|log4j|yetus|commons)|org[./]slf4j|com[./]yammer)[./][\w./$]+)",
        "Java does not find {name}, a class of the release: a jar is missing, or jars of two releases are mixed",
    ),
    (
        r"ClassNotFoundException: (?P<name>[\w.$]+)",
        "a class that a property names does not exist: check the name {name}, and that its jar is in libs",
    ),
    (
        r"ClassNotFoundException",
        "a class that a property names does not exist: check its name, and that its jar is in libs",
    ),
    # ---- ports and names
    (
        r"Unable to start AdminServer|Problem starting AdminServer",
        "ZooKeeper's AdminServer could not bind its port, 8080 by default: set admin.serverPort or "
        "admin.enableServer=false",
    ),
    (
        r"Port already in use: (?P<port>\d+)",
        "another process uses the JMX port {port}: stop it, or choose another port with --jmx-port",
    ),
    (
        r"(?:bind to|binding to:?) [^\n]*?:(?P<port>\d+)[:\s][^\n]*(?:\n[^\n]*)?Address already in use",
        "another process uses port {port}: stop it, or choose another port",
    ),
    (r"Address already in use|Problem binding", "another process uses the port: stop it, or choose another port"),
    (
        r"Cannot assign requested address",
        "an address in listeners (ZooKeeper: clientPortAddress) does not belong to this host: use one of its own",
    ),
    (
        r"(?:bind to|SocketException)[^\n]*Permission denied",
        "the service may not bind that port: only root may bind ports below 1024; choose a higher port",
    ),
    (
        r"UnknownHostException: (?P<name>[^\s:]+)",
        "the host cannot resolve the name {name}: check /etc/hosts and DNS there",
    ),
    (
        r"UnknownHostException|UnresolvedAddressException",
        "the host cannot resolve a name that the log shows: check /etc/hosts and DNS there",
    ),
    # ---- Kafka's data
    (
        r"Found directory (?P<path>[^\n]*/)lost\+found,",
        "{path} is the top of a file system and contains lost+found, where Kafka allows only partitions: set log.dirs "
        "to a directory below it",
    ),
    (
        r"Found directory (?P<path>[^\n]*?), '[^\n]*' is not in the form of topic-partition",
        "{path} is not a partition of a topic, and Kafka does not start with other entries in log.dirs: move it "
        "elsewhere",
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
        "the directories of log.dirs hold messages of several brokers: use only those of one broker",
    ),
    (
        r"doesn't match stored clusterId",
        "log.dirs and ZooKeeper belong to different clusters: zookeeper.connect points to another ensemble, or "
        "ZooKeeper has lost its data; restore the right ZooKeeper, and keep meta.properties until then",
    ),
    (
        r"Duplicate log directories found: (?P<what>[^\n]+)",
        "a partition is in two directories of log.dirs ({what}): move the older copy elsewhere",
    ),
    (
        r"[Cc]orrupt(?:ed)? index found|corrupted index file|CorruptIndexException",
        "an index of a partition is damaged, usually by an unclean stop: Kafka rebuilds it; if Kafka exits instead, "
        "move away the .index and .timeindex files that the log names",
    ),
    (
        r"Malformed line in (?:offset )?checkpoint file|entries in checkpoint file",
        "a checkpoint file of Kafka is damaged, usually by a full disk: stop Kafka and move the file away "
        "(from the line: {line})",
    ),
    (
        r"Unknown (?:group metadata|offset|message) .*version|is not a valid version",
        "a newer Kafka wrote this data, or a setting names a version that this Kafka does not support: use the newer "
        "release",
    ),
    (
        r"Failed to enqueue ISR change",
        "the broker no longer changes which replicas are in sync, a defect of Kafka 2.7 and 2.8 when the controller "
        "moves: restart it on its host with systemctl restart kafka",
    ),
    # ---- ZooKeeper's data and settings
    (
        r"No snapshot found, but there are log entries",
        "ZooKeeper's data directory lacks a snapshot",
    ),
    (
        r"Unreasonable length|CRC check failed|CRC corruption|Failed to process transaction type"
        r"|EOFException(?:\n[^\n]*){0,12}(?:FileTxnLog|FileHeader|FileSnap)",
        "a snapshot or transaction log of ZooKeeper is damaged or truncated (a full disk, a power cut), or a znode is "
        "larger than jute.maxbuffer: copy its data before you change anything (from the line: {line})",
    ),
    (
        r"[Ee]poch[^\n]*(?:is less than|is older than)|QuorumPeer\.readLongFromFile",
        "ZooKeeper's epoch files (acceptedEpoch, currentEpoch in version-2) do not match its data, usually after a "
        "full disk: copy the data; in an ensemble, this server can then start empty and copy the others",
    ),
    (
        r"myid file is missing|serverid \S* ?is not a number",
        "dataDir lacks a valid myid file: write one line with the number of this server in server.N",
    ),
    (
        r"(?:Log|Snap)DirContentCheckException",
        "ZooKeeper's dataDir and dataLogDir contain each other's files: check that the settings are not swapped",
    ),
    (
        r"DatadirException: (?P<what>[^\n]+)",
        "ZooKeeper cannot use its data directory: {what}",
    ),
    (
        r"QuorumPeerConfig\$ConfigException: Error processing (?P<path>[^\n]+)",
        "ZooKeeper rejected its settings in {path}: fix what the line below 'Caused by' names",
    ),
    # ---- the broker and ZooKeeper
    (
        _REGISTERED,
        "a broker with this id is running, or was until a moment ago: stop it, or wait for its ZooKeeper session to "
        "expire",
    ),
    (
        r"KeeperErrorCode = NoAuth for (?P<path>\S+)",
        "ZooKeeper denies the broker access to {path}: its ACLs belong to another user (check zookeeper.set.acl and "
        "JAAS)",
    ),
    # ---- files and disks
    (
        r"no inodes left on /",
        "the file system has space but no inodes: remove files that are not needed (check df -i)",
    ),
    (
        r"No space left on device|Disk quota exceeded",
        "the disk is full, its inodes are used up, or a quota is exceeded: free some space (check df -h, df -i)",
    ),
    (r"Read-only file system", "the file system is mounted read-only: find out why (dmesg), and mount it writable"),
    (
        r"Structure needs cleaning|Input/output error",
        "the disk or its file system is damaged: stop the services and check the disk (dmesg shows more)",
    ),
    (
        r"Stale (?:NFS )?file handle",
        "a network file system is gone: mount it again, then restart the service",
    ),
    (
        r"cannot lock /etc/|existing lock file /etc/",
        "a tool that changes users was killed and left its lock file: remove that lock file",
    ),
    (
        r"AccessDeniedException: (?P<path>/[^\n]*)",
        "the service's user has no access to {path}: " + _CLOSED + " (from the line: {line})",
    ),
    (
        r"FileNotFoundException: (?P<path>/[^\n]*?) \(Permission denied\)",
        "the service's user has no access to {path}: " + _CLOSED + " (from the line: {line})",
    ),
    (
        r"Permission denied|not writable",
        "the service's user has no access to a file: " + _CLOSED + " (from the line: {line})",
    ),
    (
        r"Timed out waiting for connection|Unable to connect to zookeeper",
        "ZooKeeper does not answer: check its log (kprov logs HOST) and the property zookeeper.connect",
    ),
    # ---- settings
    (
        r'Missing required configuration "?(?P<key>[\w.]+)',
        "the property {key} is required: set it",
    ),
    (
        r"Invalid value (?P<value>[^\n]*?) for configuration (?P<key>[\w.]+)",
        "the broker rejects the value of {key}: fix it as the log says",
    ),
    (
        r"Could not find a '(?P<name>[^'\n]*)' .*entry in the JAAS configuration",
        "the JAAS configuration has no section {name}, which a SASL listener needs: add it",
    ),
    (
        r"[Kk]eystore password was incorrect|Keystore was tampered with|Failed to load SSL keystore",
        "the keystore or truststore cannot be opened: check its path, type and password",
    ),
    (r"ConfigException", "the broker rejects a property: fix the one that the log names"),
    (
        r"IllegalArgumentException: requirement failed: (?P<why>[^\n]+)",
        "settings of the broker conflict: {why}",
    ),
    # ---- while it runs
    (
        r"[Rr]eplication [Ff]actor: \d+ larger than available brokers|does not meet the required replication factor",
        "a replication factor is larger than the number of brokers: lower it (for instance "
        "offsets.topic.replication.factor)",
    ),
    (
        r"Invalid receive \(size = (?P<size>\d+)",
        "a client sent something that is not Kafka's protocol to this listener, such as TLS or HTTP (size {size})",
    ),
    (
        r"Shutdown broker because (?:all log dirs|none of the specified log dirs)",
        "no directory of log.dirs is usable: the lines before show why; fix the disks or directories",
    ),
    (
        r"stop-sigterm.{0,3} timed out|stop-final-sigterm.{0,3} timed out|start operation timed out",
        "the service did not start or stop within its time limit and was killed: its log shows what it waited for",
    ),
    (
        r"status=9/KILL",
        "the process was killed (SIGKILL): by the kernel if memory ran out (check journalctl -k), or by someone",
    ),
    (
        r"java: No such file or directory|JAVA_HOME",
        "the start script does not find Java: check JAVA_HOME (from the line: {line})",
    ),
)


def remedy(log: str) -> str:
    """How to fix the failure that the log shows; general advice if it is not recognised."""
    return known_remedy(log) or "read the log lines above, fix the cause and run the same command again"


def known_remedy(log: str) -> str:
    """How to fix a recognised failure; empty if none is recognised."""
    for pattern, advice in _REMEDIES:
        if match := re.search(pattern, log):
            return advice.format_map(_fields(match, log))
    return ""


def _fields(match: re.Match[str], log: str) -> dict[str, str]:
    """The fields of an advice: the groups, the line that matched, the Java release of a class file's version."""
    groups = {name: text or "" for name, text in match.groupdict().items()}
    begin = log.rfind("\n", 0, match.start()) + 1
    fields = {**groups, "line": log[begin:].partition("\n")[0].strip()[:_LINE]}
    if version := groups.get("class_version"):
        # Java 1.1 used 45, and each release adds one (JVM specification, 4.1).
        fields["java"] = str(int(version) - 44)
    return fields


def passes(log: str) -> str:
    """The reason why a service ended, if it goes away by itself so that the next start may succeed; else empty."""
    if re.search(_REGISTERED, log):
        return "ZooKeeper still lists the previous broker until its session expires"
    return ""


def drop_in_note(paths: Sequence[str]) -> str:
    """A note for an advice about active drop-ins that kprov did not write: their settings may be the cause."""
    return f"; check these drop-ins, which kprov did not write: {', '.join(paths)}" if paths else ""


def last_lines(log: str, count: int = 20) -> str:
    """The last lines of a log, starting at the first error among them."""
    lines = tail(log, count).splitlines()
    for index, line in enumerate(lines):
        if re.search(r"\b(FATAL|ERROR)\b|^Error|Exception", line):
            return "\n".join(lines[index:])
    return "\n".join(lines)


def tail(text: str, count: int) -> str:
    """The last non-empty lines of a text."""
    return "\n".join([line for line in text.splitlines() if line.strip()][-count:])
