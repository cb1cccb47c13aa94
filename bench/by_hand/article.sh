#!/bin/bash
# The whole article as one script, for `ssh root@HOST bash -s ADDRESS SMOKE < article.sh`: three archives in /tmp become a
# running ZooKeeper and Kafka. SMOKE is yes or no: whether to run the steps A10 to A14.
set -eu
address=$1 smoke=$2
home=/usr/local/single_kafka

mkdir -p /usr/local/java "$home" /usr/local/zookeeper /home/temp/kafka_logs /var/lib/zookeeper
tar -xzf /tmp/java.tar.gz -C /usr/local/java --strip-components=1
tar -xzf /tmp/zookeeper.tar.gz -C /usr/local/zookeeper --strip-components=1
tar -xzf /tmp/kafka.tgz -C "$home" --strip-components=1
rm /tmp/java.tar.gz /tmp/zookeeper.tar.gz /tmp/kafka.tgz

export JAVA_HOME=/usr/local/java
echo "export JAVA_HOME=$JAVA_HOME" >/etc/profile.d/java.sh
cat >/usr/local/zookeeper/conf/zoo.cfg <<EOF
dataDir=/var/lib/zookeeper
clientPort=2181
tickTime=2000
EOF
cat >"$home/config/server.properties" <<EOF
broker.id=0
listeners=PLAINTEXT://:9092
advertised.listeners=PLAINTEXT://$address:9092
zookeeper.connect=localhost:2181
log.dirs=/home/temp/kafka_logs
num.partitions=1
offsets.topic.replication.factor=1
delete.topic.enable=true
EOF

# The start script takes Java 11 for Java 8 and gives it options for a GC log that Java 11 refuses; this replaces them.
export KAFKA_GC_LOG_OPTS=-Dgc.log=off
/usr/local/zookeeper/bin/zkServer.sh start >/dev/null 2>&1
until (exec 3<>/dev/tcp/localhost/2181) 2>/dev/null; do sleep 0.1; done
cd "$home"
bin/kafka-server-start.sh -daemon config/server.properties
until (exec 3<>/dev/tcp/localhost/9092) 2>/dev/null; do sleep 0.1; done
[ "$smoke" = yes ] || exit 0

topic=msg.$$
bin/kafka-topics.sh --zookeeper localhost:2181 --create --replication-factor 1 --partitions 1 --topic "$topic" >/dev/null
bin/kafka-topics.sh --zookeeper localhost:2181 --list | grep -qx "$topic"
printf '%s\n' one two three four five | bin/kafka-console-producer.sh --broker-list "$address:9092" --topic "$topic" >/dev/null
got=$(bin/kafka-console-consumer.sh --bootstrap-server "$address:9092" --topic "$topic" --from-beginning \
    --max-messages 5 --timeout-ms 20000 2>/dev/null)
[ "$got" = "$(printf '%s\n' one two three four five)" ]
bin/kafka-topics.sh --zookeeper localhost:2181 --delete --topic "$topic" >/dev/null
