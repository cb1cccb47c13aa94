#!/bin/bash
# Sends a signal to every broker on this host and does not wait for it to end.
# Part of a stand-in made by `kprov lab archives`, see STAND-IN.txt.

# By the process list and not by pgrep, as Kafka's script does, whose blind spot this shall share: a
# broker is not found where the process list cuts the command line before the class name.
# shellcheck disable=SC2009
pids=$(ps ax | grep -i '@BROKER_PATTERN@' | grep java | grep -v grep | awk '{print $1}')

if [[ -z $pids ]]; then
  echo "No kafka server to stop"
  exit 1
fi
# shellcheck disable=SC2086 # one word per process
kill -s "@STOP_SIGNAL@" $pids
