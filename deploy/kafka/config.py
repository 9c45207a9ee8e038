"""The broker's settings for one machine: one node that is broker and controller, SASL on both listeners.

Kafka's own log is the only store: `acks=all` of one replica means "in the page cache of this machine". A country runs
three nodes with two replicas in sync; nothing else in these settings changes what a client sees.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ADMIN = "admin"
"""The super user: makes topics, users and ACLs, and is the broker's own principal."""


@dataclass(frozen=True)
class Node:
    """What differs from one local broker to another."""

    data: Path
    port: int
    controller_port: int
    password: str
    """Of the super user."""
    session_timeout_ms: int = 3_000
    """After kill -9 the broker comes back no sooner than this; its heartbeats go four times as often."""


def settings(node: Node) -> dict[str, str]:
    """All settings of the node, as they stand in `server.properties`."""
    return _place(node) | _security(node) | _behaviour(node)


def _place(node: Node) -> dict[str, str]:
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{node.controller_port}",
        "listeners": f"CLIENTS://127.0.0.1:{node.port},CONTROLLER://127.0.0.1:{node.controller_port}",
        "advertised.listeners": f"CLIENTS://127.0.0.1:{node.port},CONTROLLER://127.0.0.1:{node.controller_port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENTS",
        "log.dirs": str(node.data),
    }


def _security(node: Node) -> dict[str, str]:
    security = "org.apache.kafka.common.security"
    who = f'required username="{ADMIN}" password="{node.password}"'
    return {
        "listener.security.protocol.map": "CLIENTS:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.clients.scram-sha-512.sasl.jaas.config": f"{security}.scram.ScramLoginModule {who};",
        "listener.name.controller.plain.sasl.jaas.config": (
            f'{security}.plain.PlainLoginModule {who} user_{ADMIN}="{node.password}";'
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": f"User:{ADMIN}",
    }


def _behaviour(node: Node) -> dict[str, str]:
    return {
        "auto.create.topics.enable": "false",
        "broker.session.timeout.ms": str(node.session_timeout_ms),
        "broker.heartbeat.interval.ms": str(node.session_timeout_ms // 4),
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "min.insync.replicas": "1",
        "default.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
        "log.segment.delete.delay.ms": "1000",
    }


def text(values: Mapping[str, str]) -> str:
    """The settings in the form of a Java properties file. A backslash there is an escape, so it is doubled."""
    return "".join(f"{name}={value}\n".replace("\\", "\\\\") for name, value in values.items())
