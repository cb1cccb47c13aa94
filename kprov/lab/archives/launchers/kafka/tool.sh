#!/bin/bash
# One of Kafka's tools. Part of a stand-in made by `kprov lab archives`, see STAND-IN.txt.

exec "$(dirname "$0")/kafka-run-class.sh" @CLASS@ "$@"
