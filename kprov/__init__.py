"""Provision Apache Kafka with ZooKeeper and a JDK over plain SSH."""

__version__ = "0.1.0"
