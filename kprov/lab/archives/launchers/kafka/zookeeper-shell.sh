#!/bin/bash
# ZooKeeper's command line. Part of a stand-in made by `kprov lab archives`, see STAND-IN.txt.

if (($# < 1)); then
  echo "USAGE: $0 zookeeper_host:port[/path] [args...]"
  exit 1
fi

exec "$(dirname "$0")/kafka-run-class.sh" @ZOOKEEPER_SHELL@ -server "$@"
