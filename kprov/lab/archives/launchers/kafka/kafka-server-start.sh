#!/bin/bash
# Starts the broker in the foreground, or with -daemon as first argument in the background.
# Part of a stand-in made by `kprov lab archives`, see STAND-IN.txt.

if (($# < 1)); then
  echo "USAGE: $0 [-daemon] server.properties [--override property=value]*"
  exit 1
fi
base_dir=$(dirname "$0")

export KAFKA_LOG4J_OPTS=${KAFKA_LOG4J_OPTS:--Dlog4j.configuration=file:$base_dir/../config/log4j.properties}
export KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xmx1G -Xms1G}

# An empty EXTRA_ARGS stays empty: that is how a caller does without the garbage collector's log.
# shellcheck disable=SC2206
extra=(${EXTRA_ARGS--name kafkaServer -loggc})
if [[ $1 == -daemon ]]; then
  extra=(-daemon "${extra[@]}")
  shift
fi

exec "$base_dir/kafka-run-class.sh" "${extra[@]}" kafka.Kafka "$@"
