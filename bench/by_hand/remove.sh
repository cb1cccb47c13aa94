#!/bin/bash
# Removes what article.sh made, for `ssh root@HOST bash -s < remove.sh`.
set -u
for class in kafka.Kafka QuorumPeerMain; do
    pids=$(pgrep -f "$class")
    # shellcheck disable=SC2086 # several numbers
    [ -z "$pids" ] || kill $pids
    while pgrep -f "$class" >/dev/null; do sleep 0.1; done
done
rm -rf /usr/local/java /usr/local/zookeeper /usr/local/single_kafka /home/temp /var/lib/zookeeper /etc/profile.d/java.sh
