#!/bin/bash
# ZooKeeper's command line. Part of a stand-in made by `kprov lab archives`, see STAND-IN.txt.

ZOOBINDIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=zkEnv.sh
. "$ZOOBINDIR/zkEnv.sh"

# shellcheck disable=SC2086 # the flags hold several options each
"$JAVA" "-Dzookeeper.log.dir=$ZOO_LOG_DIR" "-Dzookeeper.root.logger=$ZOO_LOG4J_PROP" \
  -cp "$CLASSPATH" ${CLIENT_JVMFLAGS-} ${JVMFLAGS-} org.apache.zookeeper.ZooKeeperMain "$@"
