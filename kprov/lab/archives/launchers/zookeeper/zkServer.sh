#!/bin/bash
# Starts, stops and asks a ZooKeeper server: zkServer.sh [--config DIR] VERB [CONFIGURATION FILE]
#
# Part of a stand-in made by `kprov lab archives`: written anew to behave as ZooKeeper's script of that
# name does, see STAND-IN.txt. Words between two @ are filled in per release when the archive is made.

# What differs between releases.
verbs="@VERBS@"
stop_signal=@STOP_SIGNAL@
stop_pause=@STOP_PAUSE@               # seconds
running_status=@RUNNING_STATUS@       # exit code of start when there is a server already
looks_after_start=@LOOKS_AFTER_START@

ZOOBINDIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=zkEnv.sh
. "$ZOOBINDIR/zkEnv.sh"

# As an argument, the configuration is a name inside ZOOCFGDIR or a path of its own. A path that comes by
# the environment is lost, as it is in ZooKeeper's script.
if [[ -n ${2-} ]]; then
  case $2 in
    */*) ZOOCFG=$2 ;;
    *) ZOOCFG=$ZOOCFGDIR/$2 ;;
  esac
elif [[ $(dirname "$ZOOCFG") != "$ZOOCFGDIR" ]]; then
  ZOOCFG=
fi

jmx=()
if [[ ${JMXDISABLE-} != true ]]; then
  echo "ZooKeeper JMX enabled by default" >&2
  jmx+=(-Dcom.sun.management.jmxremote "-Dcom.sun.management.jmxremote.local.only=${JMXLOCALONLY:-false}")
  if [[ -n ${JMXPORT-} ]]; then
    echo "ZooKeeper remote JMX Port set to $JMXPORT" >&2
    jmx+=("-Dcom.sun.management.jmxremote.port=$JMXPORT"
      "-Dcom.sun.management.jmxremote.authenticate=${JMXAUTH:-false}"
      "-Dcom.sun.management.jmxremote.ssl=${JMXSSL:-false}")
    [[ ${JMXLOG4J:-true} == true ]] || jmx+=(-Dzookeeper.jmx.log4j.disable=true)
  fi
else
  echo "JMX disabled by user request" >&2
fi
echo "Using config: $ZOOCFG" >&2

# The value of a key in the configuration, untrimmed: "dataDir = /data" is the folder " /data".
configured() {
  sed -n "/^[[:space:]]*$1[[:space:]]*=/s/.*=//p" "$ZOOCFG"
}

data_dir=
if [[ -z ${ZOOPIDFILE-} ]]; then
  data_dir=$(configured dataDir)
  [[ -n ${ZOO_DATADIR_AUTOCREATE_DISABLE-} || -z $data_dir || -d $data_dir ]] || mkdir -p "$data_dir"
  ZOOPIDFILE=$data_dir/zookeeper_server.pid
else
  mkdir -p "$(dirname "$ZOOPIDFILE")"
fi
[[ -w $ZOO_LOG_DIR ]] || mkdir -p "$ZOO_LOG_DIR"

ZOO_LOG_FILE=@LOG_FILE@
console_file=$ZOO_LOG_DIR/@CONSOLE_FILE@

# -XX:TieredStopAtLevel=1 is the lab's own, see kprov/lab/archives/recipes.yaml.
# shellcheck disable=SC2206 # the flags hold several options each
command=("$JAVA"
  "-Dzookeeper.log.dir=$ZOO_LOG_DIR" "-Dzookeeper.log.file=$ZOO_LOG_FILE"
  @LOGGER_OPTION@
  @OUT_OF_MEMORY_OPTIONS@
  ${ZOO_DATADIR_AUTOCREATE_DISABLE:+-Dzookeeper.datadir.autocreate=false}
  -XX:TieredStopAtLevel=1 -cp "$CLASSPATH" ${SERVER_JVMFLAGS-} ${JVMFLAGS-}
  "${jmx[@]}" org.apache.zookeeper.server.quorum.QuorumPeerMain "$ZOOCFG")

start() {
  local pid
  echo -n "Starting zookeeper ... "
  if [[ -f $ZOOPIDFILE ]] && kill -0 "$(cat "$ZOOPIDFILE")" 2>/dev/null; then
    echo "already running as process $(cat "$ZOOPIDFILE")."
    exit "$running_status"
  fi
  nohup "${command[@]}" >"$console_file" 2>&1 </dev/null &
  pid=$!
  if ! echo -n "$pid" >"$ZOOPIDFILE"; then
    echo FAILED TO WRITE PID
    exit 1
  fi
  sleep 1
  if [[ $looks_after_start == yes ]] && ! kill -0 "$pid" 2>/dev/null; then
    echo FAILED TO START
    exit 1
  fi
  echo STARTED
}

stop() {
  echo -n "Stopping zookeeper ... "
  if [[ ! -f $ZOOPIDFILE ]]; then
    echo "no zookeeper to stop (could not find file $ZOOPIDFILE)"
    return 0
  fi
  kill -s "$stop_signal" "$(cat "$ZOOPIDFILE")"
  rm "$ZOOPIDFILE"
  sleep "$stop_pause"
  echo STOPPED
}

# The client port, from the configuration or, where a cluster keeps it, from this server's line in the
# dynamic configuration: server.ID=HOST:PORT:PORT[:ROLE];[ADDRESS:]CLIENT_PORT
client_port() {
  local port dynamic id
  port=$(configured clientPort)
  dynamic=$(configured dynamicConfigFile)
  if [[ -z $port && -n $dynamic ]]; then
    id=$(cat "$(configured dataDir)/myid")
    port=$(sed -n "s/^server\.$id=.*;\(.*:\)\{0,1\}//p" "$dynamic")
  fi
  echo "$port"
}

status() {
  local host answer
  host=$(configured clientPortAddress)
  # shellcheck disable=SC2086 # the flags hold several options each
  if answer=$("$JAVA" "-Dzookeeper.log.dir=$ZOO_LOG_DIR" -cp "$CLASSPATH" ${CLIENT_JVMFLAGS-} ${JVMFLAGS-} \
    org.apache.zookeeper.client.FourLetterWordMain "${host:-localhost}" "$(client_port)" srvr 2>/dev/null |
    grep Mode); then
    echo "$answer"
  else
    echo "Error contacting service. It is probably not running."
    exit 1
  fi
}

verb=${1-}
if [[ $verbs != *" $verb "* ]]; then
  verb=usage
fi
case $verb in
  start) start ;;
  start-foreground)
    [[ -n ${ZOO_NOEXEC-} ]] || exec "${command[@]}"
    "${command[@]}"
    ;;
  print-cmd) echo "\"${command[*]}\" > \"$console_file\" 2>&1 < /dev/null" ;;
  stop) stop ;;
  restart)
    shift
    "$0" stop "$@"
    sleep 3
    "$0" start "$@"
    ;;
  status) status ;;
  upgrade)
    shift
    echo "upgrading the servers to 3.*"
    "$JAVA" -cp "$CLASSPATH" org.apache.zookeeper.server.upgrade.UpgradeMain "$@"
    ;;
  version) "$JAVA" -cp "$CLASSPATH" org.apache.zookeeper.version.VersionInfoMain ;;
  usage) # ends with 0, as ZooKeeper's script does
    choices=${verbs# }
    choices=${choices% }
    echo "Usage: $0 [--config <conf-dir>] {${choices// /|}}" >&2
    ;;
esac
