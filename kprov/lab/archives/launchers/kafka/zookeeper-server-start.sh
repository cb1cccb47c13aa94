#!/bin/bash
# Starts the ZooKeeper in Kafka's libs/ in the foreground, or with -daemon in the background.
# Part of a stand-in made by `kprov lab archives`, see STAND-IN.txt.

if (($# < 1)); then
  echo "USAGE: $0 [-daemon] zookeeper.properties"
  exit 1
fi
base_dir=$(dirname "$0")

export KAFKA_LOG4J_OPTS=${KAFKA_LOG4J_OPTS:--Dlog4j.configuration=file:$base_dir/../config/log4j.properties}
export KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xmx512M -Xms512M}

# shellcheck disable=SC2206 # several words, and an empty EXTRA_ARGS stays empty
extra=(${EXTRA_ARGS--name zookeeper -loggc})
if [[ $1 == -daemon ]]; then
  extra=(-daemon "${extra[@]}")
  shift
fi

exec "$base_dir/kafka-run-class.sh" "${extra[@]}" org.apache.zookeeper.server.quorum.QuorumPeerMain "$@"
