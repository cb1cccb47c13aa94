#!/bin/bash
# Removes old snapshots and transaction logs: zkCleanup.sh -n COUNT
# Part of a stand-in made by `kprov lab archives`, see STAND-IN.txt.

ZOOBINDIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=zkEnv.sh
. "$ZOOBINDIR/zkEnv.sh"

data_dir=$(sed -n '/^[[:space:]]*dataDir[[:space:]]*=/s/.*=//p' "$ZOOCFG")
log_dir=$(sed -n '/^[[:space:]]*dataLogDir[[:space:]]*=/s/.*=//p' "$ZOOCFG")

# shellcheck disable=SC2086 # the flags hold several options each
"$JAVA" "-Dzookeeper.log.dir=$ZOO_LOG_DIR" "-Dzookeeper.root.logger=$ZOO_LOG4J_PROP" \
  -cp "$CLASSPATH" ${JVMFLAGS-} org.apache.zookeeper.server.PurgeTxnLog "${log_dir:-$data_dir}" "$data_dir" "$@"
