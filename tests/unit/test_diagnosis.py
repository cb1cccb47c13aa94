"""Advice for failures: real log lines of Kafka, ZooKeeper, the JVM and systemd, and the advice for each."""

# ruff: noqa: E501 (lines of logs stay whole)

from __future__ import annotations

import re

import pytest

from kprov.diagnosis import _REMEDIES, known_remedy, last_lines, passes, remedy

# A log as Kafka, ZooKeeper, Java, bash or systemd writes it, and parts of the advice.
LOGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "java.lang.UnsatisfiedLinkError: /tmp/snappy-1.1.4-x.so: failed to map segment from shared object: Operation not permitted",
        ("noexec",),
    ),
    ("java.lang.NoClassDefFoundError: Could not initialize class org.xerial.snappy.Snappy", ("noexec",)),
    # ---- SELinux
    (
        "[warning] OpenJDK 64-Bit Server VM warning: Failed to mark memory page as executable - check if grsecurity/PaX is enabled",
        ("setsebool -P deny_execmem off",),
    ),
    (
        'audit: type=1400 audit(1795654004.359:15): avc:  denied  { execmem } for  pid=862 comm="java" scontext=system_u:system_r:initrc_t:s0 tcontext=system_u:system_r:initrc_t:s0 tclass=process permissive=0',
        ("allow_execmem on",),
    ),
    (
        'type=AVC msg=audit(1795654004.359:15): avc:  denied  { write } for  pid=862 comm="java" name="local" ino=36 scontext=system_u:system_r:kafka_t:s0 tcontext=system_u:object_r:usr_t:s0 tclass=dir\n'
        "java.io.FileNotFoundException: /usr/local/x (Permission denied)",
        ("audit2why",),
    ),
    ("stat: /x: Permission denied (SELinux is enforcing, and root runs in the domain staff_t)", ("ROLE=sysadm_r",)),
    ("cp: /x: Permission denied (SELinux is enforcing, and root runs in the domain unconfined_t)", ("root",)),
    # ---- systemd 219 and 252
    (
        "Failed at step EXEC spawning /usr/local/single_kafka/bin/kafka-server-start.sh: No such file or directory\n"
        "kafka.service: main process exited, code=exited, status=203/EXEC",
        ("could not start /usr/local/single_kafka/bin/kafka-server-start.sh (No such file or directory)",),
    ),
    (
        "kafka.service: Failed to locate executable /opt/my java/run.sh: No such file or directory\n"
        "kafka.service: Failed at step EXEC spawning /opt/my java/run.sh: No such file or directory",
        ("could not start /opt/my java/run.sh (No such",),
    ),
    (
        "kafka.service: Unable to locate executable '/opt/run.sh': No such file or directory",
        ("could not start /opt/run.sh (No such",),
    ),
    (
        "kafka.service: Failed at step EXEC spawning /data/java/bin/java: Permission denied",
        ("may not start /data/java/bin/java", "noexec", "SELinux"),
    ),
    ("A dependency job for kafka.service failed. See 'journalctl -xe' for details.", ("mount", "systemctl --failed")),
    ("cp: cannot create '/x': No space left on device\nno inodes left on /usr/local", ("no inodes", "df -i")),
    ("kafka.service: Main process exited, code=exited, status=203/EXEC", ("ExecStart=", "systemctl cat")),
    ("Failed at step USER spawning /usr/bin/x: No such process", ("user or group", "kprov install")),
    ("kafka.service: Failed to determine user credentials: No such process", ("user or group",)),
    (
        "kafka.service: Failed to set up mount namespacing: /run/systemd/unit-root/data/kafka: No such file or directory",
        ("needs /data/kafka (No such", "mount its disk"),
    ),
    ("Failed at step NAMESPACE spawning /usr/bin/x: No such file or directory", ("226/NAMESPACE",)),
    ("Failed at step CHDIR spawning /usr/bin/x: No such file or directory", ("working directory",)),
    (
        "kafka.service: Failed to load environment files: No such file or directory\n"
        "kafka.service: Failed to run 'start' task: No such file or directory",
        ("environment file", "(No such file or directory)"),
    ),
    ("kafka.service failed to run 'start' task: Permission denied", ("could not prepare the start (Permission",)),
    (
        "Job for kafka.service failed because a configured resource limit was exceeded. See "
        '"systemctl status kafka.service" and "journalctl -xe" for details.',
        ("environment file or a directory",),
    ),
    (
        "Job for kafka.service failed because of unavailable resources or another system error.",
        ("environment file or a directory",),
    ),
    ("kafka.service still around after SIGKILL. Ignoring.", ("even after SIGKILL", "network file system")),
    ("kafka.service: Processes still around after SIGKILL. Ignoring.", ("even after SIGKILL",)),
    ("kafka.service stop-sigterm timed out. Killing.", ("within its time limit",)),
    ("kafka.service: State 'stop-sigterm' timed out. Killing.", ("within its time limit",)),
    ("kafka.service: Failed with result 'oom-kill'.", ("host ran out of memory",)),
    ("kernel: Out of memory: Kill process 812 (java) score 501 or sacrifice child", ("host ran out of memory",)),
    ("kafka.service: main process exited, code=killed, status=9/KILL", ("SIGKILL", "by someone")),
    # ---- Java
    (
        "/usr/local/single_kafka/bin/kafka-run-class.sh: line 309: exec: /usr/local/java/x/bin/java: not found",
        ("could not start /usr/local/java/x/bin/java (not found)", "JAVA_HOME"),
    ),
    (
        "/usr/local/k/bin/kafka-run-class.sh: line 306: /opt/my jdk/bin/java: No such file or directory",
        ("could not start /opt/my jdk/bin/java (No such",),
    ),
    (
        "bin/kafka-run-class.sh: line 306: /x/bin/java: cannot execute binary file: Exec format error",
        ("/x/bin/java (cannot execute binary file",),
    ),
    ("Error: JAVA_HOME is not set and java could not be found in PATH.", ("JAVA_HOME",)),
    (
        "Error: A JNI error has occurred, please check your installation and try again\n"
        'Exception in thread "main" java.lang.UnsupportedClassVersionError: kafka/Kafka has been compiled by a more '
        "recent version of the Java Runtime (class file version 55.0), this version of the Java Runtime only recognizes "
        "class file versions up to 52.0",
        ("Java is too old", "kafka/Kafka needs Java 11"),
    ),
    (
        "java.lang.UnsupportedClassVersionError: org/apache/zookeeper/X : Unsupported major.minor version 52.0",
        ("org/apache/zookeeper/X needs Java 8",),
    ),
    ("java.lang.UnsupportedClassVersionError: kafka/Kafka", ("Java is too old",)),
    ("Unrecognized VM option 'PrintGCDateStamps'", ("Java does not support", ": PrintGCDateStamps")),
    ("Unrecognized option: --add-modules", (": --add-modules",)),
    ("Invalid -Xlog option '-Xlog:gc*:file=/x/kafkaServer-gc.log'", ("Java does not support",)),
    ("Conflicting collector combinations in option list; please refer to the release notes", ("options that conflict",)),
    (
        "Exception in thread \"main\" java.lang.OutOfMemoryError: unable to create new native thread",
        ("LimitNPROC=", "not of the heap"),
    ),
    (
        "[0.311s][warning][os,thread] Failed to start thread - pthread_create failed (EAGAIN) for attributes: "
        "stacksize: 1024k, guardsize: 0k, detached.\njava.lang.OutOfMemoryError: unable to create native thread: "
        "possibly out of memory or process/resource limits reached",
        ("LimitNPROC=", "TasksMax="),
    ),
    ("/x/bin/kafka-run-class.sh: fork: retry: Resource temporarily unavailable", ("LimitNPROC=",)),
    (
        "java.io.IOException: Map failed\n\tat sun.nio.ch.FileChannelImpl.map(FileChannelImpl.java:938)\n"
        "Caused by: java.lang.OutOfMemoryError: Map failed",
        ("vm.max_map_count", "not of the heap"),
    ),
    ("java.lang.OutOfMemoryError: Direct buffer memory", ("MaxDirectMemorySize", "not the heap")),
    ("java.lang.OutOfMemoryError: Metaspace", ("MaxMetaspaceSize", "not of the heap")),
    ("java.lang.OutOfMemoryError: Requested array size exceeds VM limit", ("damaged file",)),
    ("java.lang.OutOfMemoryError: Java heap space", ("heap is too small", "--heap")),
    ("java.lang.OutOfMemoryError: GC overhead limit exceeded", ("heap is too small",)),
    (
        "java.lang.OutOfMemoryError: Java heap space\nzookeeper.service: main process exited, code=killed, status=9/KILL",
        ("heap is too small",),
    ),
    ("java.lang.OutOfMemoryError: reason of a later Java", ("of which kind", "reason of a later Java")),
    (
        "OpenJDK 64-Bit Server VM warning: INFO: os::commit_memory(0x00000000c0000000, 1073741824, 0) failed; "
        "error='Cannot allocate memory' (errno=12)",
        ("smaller --heap", "vm.max_map_count", "from the line: OpenJDK"),
    ),
    (
        "OpenJDK 64-Bit Server VM warning: INFO: os::commit_memory(0x0000000700000000, 4294967296, 0) failed; "
        "error='Not enough space' (errno=12)\n#\n# There is insufficient memory for the Java Runtime Environment to "
        "continue.\n# Native memory allocation (mmap) failed to map 4294967296 bytes for committing reserved memory.",
        ("smaller --heap", "from the line: OpenJDK"),
    ),
    ("# There is insufficient memory for the Java Runtime Environment to continue.", ("smaller --heap",)),
    (
        "Error occurred during initialization of VM\nCould not reserve enough space for 8388608KB object heap",
        ("smaller --heap",),
    ),
    ("Invalid maximum heap size: -Xmx1x", ("with --heap",)),
    ("Error occurred during initialization of VM\nToo small maximum heap", ("with --heap",)),
    ("Error occurred during initialization of VM\nToo small initial heap", ("with --heap",)),
    (
        "java.io.IOException: Too many open files\n\tat sun.nio.ch.ServerSocketChannelImpl.accept0(Native Method)",
        ("LimitNOFILE=", "/proc/PID/limits"),
    ),
    (
        "[2026-01-01 00:00:00,000] ERROR Error while accepting connection (kafka.network.Acceptor)\n"
        "java.nio.file.FileSystemException: /data/t-0/00000000000000000000.log: Too many open files",
        ("LimitNOFILE=",),
    ),
    (
        "# A fatal error has been detected by the Java Runtime Environment:\n#\n#  SIGBUS (0x7) at pc=0x00007f, pid=1",
        ("disk is full or failing",),
    ),
    (
        "java.lang.UnsatisfiedLinkError: /tmp/snappy-1.1.4-x-libsnappyjava.so: failed to map segment from shared object: "
        "Operation not permitted",
        ("noexec", "from the line: java.lang.UnsatisfiedLinkError"),
    ),
    (
        "Error: Could not find or load main class kafka.Kafka\nCaused by: java.lang.ClassNotFoundException: kafka.Kafka",
        ("does not find kafka.Kafka", "kprov status"),
    ),
    (
        "Error: Could not find or load main class org.apache.zookeeper.server.quorum.QuorumPeerMain",
        ("does not find org.apache.zookeeper.server.quorum.QuorumPeerMain",),
    ),
    (
        'Exception in thread "main" java.lang.NoClassDefFoundError: org/apache/log4j/Logger',
        ("does not find org/apache/log4j/Logger, a class of the release",),
    ),
    ("java.lang.ClassNotFoundException: scala.collection.Seq", ("does not find scala.collection.Seq, a class of the release",)),
    (
        "org.apache.kafka.common.KafkaException: ClassNotFoundException exception occurred\n"
        "Caused by: java.lang.ClassNotFoundException: com.example.Nothing",
        ("a class that a property names does not exist", "com.example.Nothing"),
    ),
    ("ClassNotFoundException exception occurred", ("a class that a property names does not exist",)),
    # ---- ports and names
    (
        "org.apache.zookeeper.server.admin.AdminServer$AdminServerException: Problem starting AdminServer on address "
        "0.0.0.0, port 8080 and command URL /commands\nCaused by: java.net.BindException: Address already in use",
        ("AdminServer", "admin.serverPort"),
    ),
    (
        "Error: Exception thrown by the agent : java.rmi.server.ExportException: Port already in use: 9999; nested "
        "exception is:\n\tjava.net.BindException: Address already in use (Bind failed)",
        ("port 9999", "--jmx-port"),
    ),
    (
        "kafka.common.KafkaException: Socket server failed to bind to 0.0.0.0:9092: Address already in use.",
        ("uses port 9092",),
    ),
    (
        "[2026-01-01 00:00:00,000] INFO binding to port 0.0.0.0/0.0.0.0:2181 (org.apache.zookeeper.X)\n"
        "java.net.BindException: Address already in use",
        ("uses port 2181",),
    ),
    ("java.net.BindException: Problem binding to 0.0.0.0:2181", ("uses the port",)),
    (
        "kafka.common.KafkaException: Socket server failed to bind to 10.9.9.9:9092: Cannot assign requested address.",
        ("does not belong to this host",),
    ),
    (
        "org.apache.kafka.common.KafkaException: Socket server failed to bind to 0.0.0.0:80: Permission denied.",
        ("below 1024",),
    ),
    ("java.net.UnknownHostException: kafka-1: kafka-1: Name or service not known", ("resolve the name kafka-1:",)),
    ("java.nio.channels.UnresolvedAddressException", ("resolve a name",)),
    # ---- Kafka's data
    (
        "ERROR There was an error in one of the threads during logs loading: org.apache.kafka.common.KafkaException: Found "
        "directory /data/lost+found, 'lost+found' is not in the form of topic-partition or topic-partition.uniqueId-delete "
        "(if marked for deletion).",
        ("/data/ is the top of a file system", "below it"),
    ),
    (
        "kafka.common.KafkaException: Found directory /data/old logs, 'old logs' is not in the form of topic-partition",
        ("/data/old logs is not a partition", "move it"),
    ),
    (
        "org.apache.kafka.common.KafkaException: Failed to acquire lock on file .lock in /home/temp/kafka_logs. A Kafka "
        "instance in another process or thread is using this directory.",
        ("another Kafka process uses /home/temp/kafka_logs:",),
    ),
    (
        "kafka.common.InconsistentBrokerIdException: Configured broker.id 1 doesn't match stored broker.id 0 in "
        "meta.properties.",
        ("another broker's messages (broker.id 0)",),
    ),
    (
        "kafka.common.InconsistentBrokerIdException: Configured broker.id 1 doesn't match stored broker.id Some(7) in "
        "meta.properties. If you moved your data, make sure your configured broker.id matches.",
        ("another broker's messages (broker.id 7)",),
    ),
    ("doesn't match stored broker.id", ("another broker's messages",)),
    (
        "kafka.common.InconsistentBrokerIdException: Failed to match broker.id across log.dirs. This could happen if "
        "multiple brokers shared a log directory (log.dirs)",
        ("several brokers",),
    ),
    (
        "kafka.common.InconsistentClusterIdException: The Cluster ID kQ8m2Z3oQ1ePa-9rXyZ7Q doesn't match stored clusterId "
        "Some(7Rt4uVwXyZaBcDeFgHiJkL) in meta.properties. The broker is trying to join the wrong cluster.",
        ("different clusters", "lost its data", "keep meta.properties"),
    ),
    (
        "java.lang.IllegalStateException: Failed to enqueue ISR change state LeaderAndIsr(leader=2, leaderEpoch=26, isr=List(2, 0), zkVersion=49) for partition t-13",
        ("in sync", "systemctl restart kafka"),
    ),
    (
        "java.lang.IllegalArgumentException: Duplicate log directories found: /a/t-0, /b/t-0!",
        ("two directories", "/a/t-0, /b/t-0"),
    ),
    (
        "java.lang.IllegalArgumentException: requirement failed: Corrupt index found, index file (/data/t-1/"
        "00000000000006911940.index) has non-zero size but the last offset is 6911940 and the base offset is 6911940",
        ("index of a partition is damaged", ".timeindex"),
    ),
    (
        "ERROR Found a corrupted index file corresponding to log file /data/t-0/00000000000000000000.log due to Corrupt "
        "index found",
        ("index of a partition is damaged",),
    ),
    (
        "java.io.IOException: Malformed line in checkpoint file (/data/replication-offset-checkpoint): '",
        ("checkpoint file", "/data/replication-offset-checkpoint"),
    ),
    (
        "java.lang.IllegalStateException: Unknown group metadata version 3",
        ("newer Kafka",),
    ),
    ("java.lang.IllegalArgumentException: Version `3.9-IV0` is not a valid version", ("does not support",)),
    ("Shutdown broker because all log dirs in /data/a, /data/b have failed", ("no directory of log.dirs",)),
    (
        "FATAL Shutdown broker because none of the specified log dirs from /data/a can be created or validated",
        ("no directory of log.dirs",),
    ),
    # ---- ZooKeeper's data and settings
    ("java.io.IOException: No snapshot found, but there are log entries. Something is broken!", ("snapshot",)),
    (
        "FATAL [main:QuorumPeer@400] - Unable to load database on disk\njava.io.IOException: Unreasonable length = 6559049"
        "\n\tat org.apache.jute.BinaryInputArchive.checkLength(BinaryInputArchive.java:166)",
        ("damaged or truncated", "jute.maxbuffer", "Unreasonable length = 6559049"),
    ),
    (
        "ERROR Unexpected exception, exiting abnormally (org.apache.zookeeper.server.ZooKeeperServerMain)\n"
        "java.io.EOFException\n\tat java.io.DataInputStream.readInt(DataInputStream.java:392)\n"
        "\tat org.apache.jute.BinaryInputArchive.readInt(BinaryInputArchive.java:63)\n"
        "\tat org.apache.zookeeper.server.persistence.FileHeader.deserialize(FileHeader.java:66)",
        ("damaged or truncated",),
    ),
    (
        "java.io.IOException: Failed to process transaction type: 1 error: KeeperErrorCode = NoNode for /brokers/x",
        ("damaged or truncated", "copy its data"),
    ),
    ("java.io.IOException: The accepted epoch, 4 is less than the current epoch, 5", ("epoch files",)),
    ("java.io.IOException: The current epoch, 5, is older than the last zxid, 25769803776", ("epoch files",)),
    ("java.io.IOException: Leaders epoch, 1 is less than accepted epoch, 2", ("epoch files",)),
    (
        'java.lang.NumberFormatException: For input string: ""\n\tat java.lang.Long.parseLong(Long.java:601)\n'
        "\tat org.apache.zookeeper.server.quorum.QuorumPeer.readLongFromFile(QuorumPeer.java:1232)",
        ("epoch files", "copy the data"),
    ),
    (
        "org.apache.zookeeper.server.quorum.QuorumPeerConfig$ConfigException: Error processing /x/zoo.cfg\n"
        "Caused by: java.lang.IllegalArgumentException: /var/lib/zookeeper/data/myid file is missing",
        ("valid myid",),
    ),
    ("Caused by: java.lang.IllegalArgumentException: serverid one is not a number", ("valid myid",)),
    (
        "org.apache.zookeeper.server.persistence.FileTxnSnapLog$LogDirContentCheckException: Log directory has snapshot "
        "files. Check if dataLogDir and dataDir configuration is correct.",
        ("contain each other's files",),
    ),
    (
        "org.apache.zookeeper.server.persistence.FileTxnSnapLog$DatadirException: Cannot write to data directory "
        "/var/lib/zookeeper/data/version-2",
        ("Cannot write to data directory /var/lib/zookeeper/data/version-2",),
    ),
    (
        "org.apache.zookeeper.server.quorum.QuorumPeerConfig$ConfigException: Error processing /x/zoo.cfg\n"
        "Caused by: java.lang.IllegalArgumentException: dataDir is not set",
        ("settings in /x/zoo.cfg",),
    ),
    # ---- the broker and ZooKeeper
    ("java.lang.RuntimeException: A broker is already registered on the path /brokers/ids/0.", ("this id",)),
    (
        "ERROR Error while creating ephemeral at /brokers/ids/0, node already exists and owner '72057' does not match "
        "current session '72058' (kafka.zk.KafkaZkClient$CheckedEphemeral)\n"
        "org.apache.zookeeper.KeeperException$NodeExistsException: KeeperErrorCode = NodeExists",
        ("this id",),
    ),
    (
        "org.apache.zookeeper.KeeperException$NoAuthException: KeeperErrorCode = NoAuth for /brokers/ids",
        ("access to /brokers/ids", "ACLs"),
    ),
    (
        "kafka.zookeeper.ZooKeeperClientTimeoutException: Timed out waiting for connection while in state: CONNECTING",
        ("ZooKeeper does not answer",),
    ),
    (
        "org.I0Itec.zkclient.exception.ZkTimeoutException: Unable to connect to zookeeper server 'x' with timeout of 6000",
        ("ZooKeeper does not answer",),
    ),
    # ---- files and disks
    ("java.io.IOException: No space left on device", ("disk is full", "df -i")),
    ("cp: cannot create regular file 'x': Disk quota exceeded", ("disk is full", "quota")),
    ("cp: cannot create 'x': Read-only file system", ("mounted read-only",)),
    ("java.io.IOException: Input/output error", ("dmesg",)),
    ("ls: cannot access /data: Structure needs cleaning", ("damaged",)),
    ("java.io.IOException: Stale file handle", ("network file system",)),
    ("useradd: cannot lock /etc/passwd; try again later.", ("remove that lock file",)),
    (
        "java.nio.file.AccessDeniedException: /home/temp/kafka_logs/.lock",
        ("no access to /home/temp/kafka_logs/.lock:", "every directory above", "root", "from the line"),
    ),
    ("java.io.FileNotFoundException: /x y/server.log (Permission denied)", ("no access to /x y/server.log:", "root")),
    ("mkdir: cannot create directory '/data/x': Permission denied", ("from the line: mkdir: cannot create",)),
    # ---- settings
    (
        'org.apache.kafka.common.config.ConfigException: Missing required configuration "zookeeper.connect" which has no '
        "default value.",
        ("zookeeper.connect is required",),
    ),
    (
        "org.apache.kafka.common.config.ConfigException: Invalid value 0 for configuration num.io.threads: Value must be "
        "at least 1",
        ("value of num.io.threads",),
    ),
    ("org.apache.kafka.common.config.ConfigException: no such thing", ("property",)),
    (
        "java.lang.IllegalArgumentException: Could not find a 'KafkaServer' or 'sasl_plaintext.KafkaServer' entry in the "
        "JAAS configuration. System property 'java.security.auth.login.config' is not set",
        ("JAAS", "KafkaServer"),
    ),
    ("java.io.IOException: Keystore was tampered with, or password was incorrect", ("keystore",)),
    (
        "org.apache.kafka.common.KafkaException: Failed to load SSL keystore /x.jks of type JKS",
        ("keystore",),
    ),
    (
        "java.lang.IllegalArgumentException: requirement failed: inter.broker.listener.name must be a listener name "
        "defined in advertised.listeners.",
        ("settings of the broker conflict: inter.broker.listener.name must",),
    ),
    # ---- while it runs
    (
        "ERROR [KafkaApi-0] Number of alive brokers '1' does not meet the required replication factor '3' for the offsets "
        "topic (configured via 'offsets.topic.replication.factor').",
        ("offsets.topic.replication.factor",),
    ),
    (
        "WARN [SocketServer brokerId=0] Unexpected error from /10.0.0.1; closing connection\n"
        "org.apache.kafka.common.network.InvalidReceiveException: Invalid receive (size = 1195725856 larger than 104857600)",
        ("not Kafka's protocol", "1195725856"),
    ),
    ("something about JAVA_HOME", ("does not find Java",)),
)  # fmt: skip


@pytest.mark.parametrize(("log", "told"), LOGS, ids=range(len(LOGS)))
def test_a_log_and_its_remedy(log: str, told: tuple[str, ...]) -> None:
    advice = remedy(f"[2026-01-01 00:00:00,000] INFO starting (kafka.server.KafkaServer)\n{log}\nbye")
    for part in told:
        assert part in advice
    assert "{" not in advice


def test_every_row_is_the_first_match_of_some_log() -> None:
    """A row that another one always hides, or that matches no known log, would be dead."""
    used = {next(pattern for pattern, _ in _REMEDIES if re.search(pattern, log)) for log, _ in LOGS}
    assert [pattern for pattern, _ in _REMEDIES if pattern not in used] == []


@pytest.mark.parametrize("log", ["something else altogether", "", "[x] INFO [KafkaServer id=0] started (kafka.X)"])
def test_an_unrecognised_failure_gets_general_advice(log: str) -> None:
    assert "read the log lines above" in remedy(log)


def test_uncertain_advice_quotes_the_line_that_it_is_based_on() -> None:
    """Shortened, and only that line."""
    long = f"mv: /data/{'x' * 500}: Permission denied"
    advice = remedy(f"INFO before\n  {long}\nINFO after")
    assert advice.endswith(f"(from the line: {long[:200]})")


def test_a_java_that_is_not_there() -> None:
    assert "JAVA_HOME" in remedy("bin/kafka-run-class.sh: line 306: /nowhere/bin/java: No such file or directory")


def test_the_end_of_a_log() -> None:
    log = "\n".join(f"line {number}" for number in range(50))
    assert last_lines(log, 3) == "line 47\nline 48\nline 49"
    assert last_lines("") == ""
    assert last_lines("a\n\n  \nb\n") == "a\nb"


@pytest.mark.parametrize(
    "telling",
    ["[2026-01-01] FATAL Fatal error during KafkaServer startup.", "x ERROR y", "Error: no", "java.lang.Exception: no"],
)
def test_the_end_of_a_log_begins_at_the_first_error_in_it(telling: str) -> None:
    log = "\n".join(["INFO early"] * 30 + [telling, "  at kafka.Kafka", "INFO Exiting"])
    assert last_lines(log) == f"{telling}\n  at kafka.Kafka\nINFO Exiting"


def test_an_error_before_the_last_lines_is_omitted() -> None:
    log = "\n".join(["ERROR long ago", *["INFO"] * 30])
    assert "ERROR" not in last_lines(log)


def test_only_a_cause_that_goes_away_by_itself_passes() -> None:
    early = "java.lang.RuntimeException: A broker is already registered on the path /brokers/ids/0. This probably"
    later = "Error while creating ephemeral at /brokers/ids/0, node already exists and owner '7' does not match"
    assert passes(early)
    assert passes(later)
    assert passes("java.net.BindException: Address already in use") == ""


def test_only_a_recognised_failure_has_known_advice() -> None:
    assert known_remedy("cp: cannot create 'x': Read-only file system").startswith("the file system is mounted")
    assert known_remedy("useradd: cannot lock /etc/passwd; try again later.").endswith("remove that lock file")
    assert known_remedy("all is well") == ""


def test_a_denied_transition_leaves_the_service_in_its_domain_and_explains_nothing() -> None:
    denied = (
        'avc:  denied  { nnp_transition } for  pid=1 comm="zkServer.sh" scontext=system_u:system_r:initrc_t:s0 '
        "tcontext=system_u:system_r:unconfined_java_t:s0 tclass=process2 permissive=0"
    )
    assert known_remedy(denied) == ""
