"""Who may do what in Kafka, made from the topic registry: each principal just what its part needs.

A writer may WRITE (enough for an idempotent producer) and DESCRIBE its topics, a reader READ and DESCRIBE; groups
belong to the principal whose name, followed by a dot, begins their name, and only who reads in one gets them: the
gateway reads without. A writer with an outbox also reads what it
writes, since its relay verifies that the topic still holds what was sent. All else is refused.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.contracts.topics import GATEWAY, Topic

_WITHOUT_GROUPS = frozenset({GATEWAY})
"""Each replica reads every message that may wake one of its own requests."""


class Operation(StrEnum):
    """The operations that are ever given."""

    READ = "READ"
    WRITE = "WRITE"
    DESCRIBE = "DESCRIBE"


class Resource(StrEnum):
    """What a right is on."""

    TOPIC = "TOPIC"
    GROUP = "GROUP"


@dataclass(frozen=True, order=True)
class Right:
    """One principal may do one thing with one topic, or with all groups that begin with a prefix."""

    principal: str
    operation: Operation
    resource: Resource
    name: str

    @property
    def by_prefix(self) -> bool:
        """True for groups: every name that begins so."""
        return self.resource is Resource.GROUP


def rights(registry: Mapping[str, Topic]) -> frozenset[Right]:
    """All rights that the registry asks for."""
    found: set[Right] = set()
    for topic in registry.values():
        for writer in topic.writers:
            found |= _on(topic, writer, Operation.WRITE, Operation.DESCRIBE)
            if topic.numbered:
                found |= _on(topic, writer, Operation.READ)
        for reader in topic.readers:
            found |= _on(topic, reader, Operation.READ, Operation.DESCRIBE)
    readers = {reader for topic in registry.values() for reader in topic.readers}
    return frozenset(found | {_groups(principal) for principal in readers - _WITHOUT_GROUPS})


def principals(topics: Iterable[Topic]) -> tuple[str, ...]:
    """Everybody who writes or reads a topic, in order of name."""
    return tuple(sorted({name for topic in topics for name in (*topic.writers, *topic.readers)}))


def _on(topic: Topic, principal: str, *operations: Operation) -> set[Right]:
    return {Right(principal, operation, Resource.TOPIC, topic.name) for operation in operations}


def _groups(principal: str) -> Right:
    return Right(principal, Operation.READ, Resource.GROUP, f"{principal}.")
