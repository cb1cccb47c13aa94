#!/bin/bash
# What ZooKeeper's scripts share; they set ZOOBINDIR and source this, and it may take their --config.
#
# Part of a stand-in made by `kprov lab archives`: written anew to behave as ZooKeeper's script of that
# name does, see STAND-IN.txt. Words between two @ are filled in per release when the archive is made.

# What differs between releases.
takes_config_option=@TAKES_CONFIG_OPTION@
names_java=@NAMES_JAVA@     # "type -p java" is left to write on standard output
server_heap=@SERVER_HEAP@   # in MB; 0: the JVM's own choice
client_heap=@CLIENT_HEAP@

ZOOKEEPER_PREFIX=$ZOOBINDIR/..

if [[ $takes_config_option == yes && $# -gt 1 && $1 == --config ]]; then
  ZOOCFGDIR=$2
  shift 2
fi
if [[ -z ${ZOOCFGDIR-} ]]; then
  if [[ -d $ZOOKEEPER_PREFIX/conf ]]; then
    ZOOCFGDIR=$ZOOKEEPER_PREFIX/conf
  else
    ZOOCFGDIR=$ZOOKEEPER_PREFIX/etc/zookeeper
  fi
fi

# shellcheck disable=SC1091 # the user's files
[[ ! -f $ZOOCFGDIR/zookeeper-env.sh ]] || . "$ZOOCFGDIR/zookeeper-env.sh"

# A value from the environment may name a file elsewhere; zkServer.sh then insists on an argument.
ZOOCFG=$ZOOCFGDIR/${ZOOCFG:-zoo.cfg}

# shellcheck disable=SC1091
[[ ! -f $ZOOCFGDIR/java.env ]] || . "$ZOOCFGDIR/java.env"

: "${ZOO_LOG_DIR:=@LOG_DIR@}"
: "${ZOO_LOG4J_PROP:=INFO,CONSOLE}"

# shellcheck disable=SC2034 # JAVA is for the scripts that source this
if [[ -n ${JAVA_HOME-} && -x $JAVA_HOME/bin/java ]]; then
  JAVA=$JAVA_HOME/bin/java
elif java_path=$(type -p java); then
  [[ $names_java != yes ]] || echo "$java_path"
  JAVA=java
else
  echo "Error: JAVA_HOME is not set and java could not be found in PATH." >&2
  exit 1
fi

# The configuration first, for log4j.properties or logback.xml; 3.4 and 3.5.3 have their own jar at the top.
for jar in "$ZOOKEEPER_PREFIX"/zookeeper-*.jar "$ZOOKEEPER_PREFIX"/lib/*.jar; do
  [[ ! -f $jar ]] || CLASSPATH=$jar${CLASSPATH:+:$CLASSPATH}
done
CLASSPATH=$ZOOCFGDIR:$CLASSPATH

if ((server_heap > 0)); then
  SERVER_JVMFLAGS="-Xmx${ZK_SERVER_HEAP:-$server_heap}m ${SERVER_JVMFLAGS-}"
  CLIENT_JVMFLAGS="-Xmx${ZK_CLIENT_HEAP:-$client_heap}m ${CLIENT_JVMFLAGS-}"
fi
export SERVER_JVMFLAGS CLIENT_JVMFLAGS
