#!/bin/bash
# One of Kafka's tools that move messages and get a larger heap than the others.
# Part of a stand-in made by `kprov lab archives`, see STAND-IN.txt.

export KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xmx512M}

exec "$(dirname "$0")/kafka-run-class.sh" @CLASS@ "$@"
