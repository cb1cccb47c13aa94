#!/bin/bash
# What an operator without a tool does: scp, then one ssh with the whole article.
#   install.sh SSH-CONFIG HOST ADDRESS KAFKA ZOOKEEPER JAVA SMOKE
set -eu
config=$1 host=$2 address=$3
scp -q -F "$config" "$4" "root@$host:/tmp/kafka.tgz"
scp -q -F "$config" "$5" "root@$host:/tmp/zookeeper.tar.gz"
scp -q -F "$config" "$6" "root@$host:/tmp/java.tar.gz"
ssh -F "$config" "root@$host" bash -s "$address" "$7" <"$(dirname "$0")/article.sh"
