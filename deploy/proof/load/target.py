"""How the load reaches a local system: as the gateway in Kafka and over internal HTTP, as an insurer in Kafka."""

import itertools
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import confluent_kafka

from deploy.local.system import LocalSystem
from shared.contracts.topics import (
    ACCESS_CONTROL,
    ACCESS_DECISIONS,
    DOCUMENT,
    GATEWAY,
    HISTORY,
    NOTIFICATION,
    Topic,
    principal_of_insurer,
    registry,
)
from shared.http.client import InternalClient
from shared.messaging import Kafka, Producer, Replies
from shared.security import ServiceIdentity, read_jwk

_PRODUCERS = 3
_CALLED = (ACCESS_CONTROL, DOCUMENT, HISTORY, NOTIFICATION)
_confluent: Any = confluent_kafka


@dataclass
class Target:
    """Connections to one system."""

    partitions: int
    topics: dict[str, Topic]
    admin_url: str
    insurer: str
    producers: list[Producer]
    """Several, as several gateways send."""
    insurer_producer: Producer
    poisoner: Any
    """A plain client with the gateway's right to write, for what `Producer` would never send."""
    clients: dict[str, list[InternalClient]]
    """By service, one per replica."""
    replies: Replies

    def __post_init__(self) -> None:
        self._turns: dict[str, Iterator[InternalClient]] = {
            service: itertools.cycle(clients) for service, clients in self.clients.items()
        }

    def client(self, service: str) -> InternalClient:
        """A client of one replica; the replicas take turns."""
        return next(self._turns[service])


@asynccontextmanager
async def connected(system: LocalSystem) -> Any:
    """A target for a system that runs; closed at the end."""
    target = of(system)
    try:
        yield target
    finally:
        for producer in (*target.producers, target.insurer_producer):
            await producer.stop()
        for clients in target.clients.values():
            for client in clients:
                await client.close()


def of(system: LocalSystem) -> Target:
    """A target for a system that runs; connects when it is used."""
    places, options = system.places, system.options
    secrets = places.secrets
    identity = ServiceIdentity(GATEWAY, read_jwk(secrets.service_key_file(GATEWAY)))
    insurer = options.insurers[0]
    topics = registry(options.insurers, options.partitions)
    as_gateway = kafka(system, GATEWAY)
    return Target(
        partitions=options.partitions,
        topics=topics,
        admin_url=places.postgres_admin_url,
        insurer=insurer,
        producers=[Producer(GATEWAY, as_gateway) for _ in range(_PRODUCERS)],
        insurer_producer=Producer(principal_of_insurer(insurer), kafka(system, principal_of_insurer(insurer))),
        poisoner=_confluent.Producer(settings(as_gateway)),
        clients={
            service: [
                InternalClient(places.url(service, replica), identity, service)
                for replica in range(1, options.replicas + 1)
            ]
            for service in _CALLED
            if service in options.services
        },
        replies=Replies(as_gateway, topics, (ACCESS_DECISIONS,)),
    )


def kafka(system: LocalSystem, principal: str) -> Kafka:
    """The broker as one principal reaches it."""
    password = system.places.secrets.kafka_password_file(principal).read_text()
    return Kafka(system.places.kafka, principal, password, None)


def settings(connection: Kafka) -> dict[str, object]:
    """What a plain client of this connection is made with."""
    return {
        "bootstrap.servers": connection.bootstrap,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": connection.username,
        "sasl.password": connection.password,
        "acks": "all",
        "message.timeout.ms": 60_000,
        "log_level": 0,
    }
