#!/bin/bash
# Runs a class of Kafka: kafka-run-class.sh [-daemon] [-name NAME] [-loggc] CLASS [ARGUMENT]...
#
# Part of a stand-in made by `kprov lab archives`: written anew to behave as Kafka's script of that
# name does, see STAND-IN.txt. Words between two @ are filled in per release when the archive is made.

if (($# < 1)); then
  echo "USAGE: $0 [-daemon] [-name servicename] [-loggc] classname [opts]"
  exit 1
fi

# The folder above the one this was called from. A link is not followed to the file behind it, so a
# folder of links to these scripts is a Kafka home with its own config/ and logs/.
base_dir=$(dirname "$0")/..

if [[ -n ${JAVA_HOME-} ]]; then
  java=$JAVA_HOME/bin/java
else
  java=java
fi

# One entry per jar, as Kafka's script has it: the command line is long, and on old kernels
# /proc/PID/cmdline ends before the class name.
for jar in "$base_dir"/libs/*.jar; do
  CLASSPATH=${CLASSPATH:+$CLASSPATH:}$jar
done

: "${LOG_DIR:=$base_dir/logs}"

if [[ -z ${KAFKA_LOG4J_OPTS-} ]]; then
  # A tool: it logs to standard error and leaves no files, so the folder is not needed.
  KAFKA_LOG4J_OPTS="-Dlog4j.configuration=file:$base_dir/config/tools-log4j.properties"
else
  [[ -d $LOG_DIR ]] || mkdir -p "$LOG_DIR"
fi
KAFKA_LOG4J_OPTS="-Dkafka.logs.dir=$LOG_DIR $KAFKA_LOG4J_OPTS"

if [[ -z ${KAFKA_JMX_OPTS-} ]]; then
  KAFKA_JMX_OPTS="-Dcom.sun.management.jmxremote -Dcom.sun.management.jmxremote.authenticate=false"
  KAFKA_JMX_OPTS+=" -Dcom.sun.management.jmxremote.ssl=false"
fi
if [[ -n ${JMX_PORT-} ]]; then
  KAFKA_JMX_OPTS+=" @JMX_PORT_OPTIONS@"
fi

: "${KAFKA_HEAP_OPTS:=-Xmx256M}"
: "${KAFKA_JVM_PERFORMANCE_OPTS:=@JVM_PERFORMANCE@}"

if [[ -n ${KAFKA_DEBUG-} ]]; then
  debug="-agentlib:jdwp=transport=dt_socket,server=y,suspend=${DEBUG_SUSPEND_FLAG:-n},address=${JAVA_DEBUG_PORT:-5005}"
  KAFKA_OPTS="${JAVA_DEBUG_OPTS:-$debug} ${KAFKA_OPTS-}"
fi

daemon=
name=
log_gc=
while (($# > 0)); do
  case $1 in
    -name)
      name=$2
      shift 2
      ;;
    -loggc)
      [[ -n ${KAFKA_GC_LOG_OPTS-} ]] || log_gc=yes
      shift
      ;;
    -daemon)
      daemon=yes
      shift
      ;;
    *) break ;;
  esac
done

if [[ -n $log_gc ]]; then
  gc_log=$LOG_DIR/$name-gc.log
  java_major=$("$java" -version 2>&1 | sed -n '@JAVA_MAJOR@')
  # A version that is no number is an error here that counts as "no". That is the trap of Kafka up to 1.1.0
  # with Java 10 and newer, kept: the JVM gets the options of Java 8 and refuses.
  if [[ $java_major -ge 9 ]]; then
    KAFKA_GC_LOG_OPTS="-Xlog:gc*:file=$gc_log:time,tags:filecount=10,filesize=@GC_LOG_BYTES@"
  else
    KAFKA_GC_LOG_OPTS="-Xloggc:$gc_log -verbose:gc -XX:+PrintGCDetails -XX:+PrintGCDateStamps"
    KAFKA_GC_LOG_OPTS+=" -XX:+PrintGCTimeStamps -XX:+UseGCLogFileRotation"
    KAFKA_GC_LOG_OPTS+=" -XX:NumberOfGCLogFiles=10 -XX:GCLogFileSize=100M"
  fi
fi

# These hold several options each and are split at blanks, so none of them can carry a blank.
# shellcheck disable=SC2206
options=($KAFKA_HEAP_OPTS $KAFKA_JVM_PERFORMANCE_OPTS ${KAFKA_GC_LOG_OPTS-} $KAFKA_JMX_OPTS
  $KAFKA_LOG4J_OPTS -cp "$CLASSPATH" ${KAFKA_OPTS-})

if [[ -n $daemon ]]; then
  nohup "$java" "${options[@]}" "$@" >"$LOG_DIR/$name.out" 2>&1 </dev/null &
else
  exec "$java" "${options[@]}" "$@"
fi
