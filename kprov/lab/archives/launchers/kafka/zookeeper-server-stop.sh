#!/bin/bash
# Sends a signal to every ZooKeeper on this host, a standalone one too, and does not wait for its end.
# Part of a stand-in made by `kprov lab archives`, see STAND-IN.txt.

# shellcheck disable=SC2009 # for the same reason as in kafka-server-stop.sh
pids=$(ps ax | grep java | grep -i QuorumPeerMain | grep -v grep | awk '{print $1}')

if [[ -z $pids ]]; then
  echo "No zookeeper server to stop"
  exit 1
fi
# shellcheck disable=SC2086 # one word per process
kill -s "@STOP_SIGNAL@" $pids
