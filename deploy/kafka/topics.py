"""Topics, users and rights in a broker, as the registry wants them. Repeating it changes nothing.

Uses confluent-kafka: the services' client cannot make ACLs.
"""

import secrets
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from enum import Enum, auto
from typing import Any

import confluent_kafka.admin
from confluent_kafka import KafkaError, KafkaException

from deploy.kafka import acls
from deploy.kafka.acls import Right
from shared.contracts.topics import Topic

_kafka: Any = confluent_kafka.admin  # its own annotations refuse what it documents
_TIMEOUT_S = 30.0
_ITERATIONS = 4096
"""The least that Kafka takes. Passwords are random 192 bits, so more would only make connecting slower."""
_ANY_HOST = "*"
_AGAIN_S = 0.03


class Keep(Enum):
    """What stays of users and rights in a broker that the registry does not have."""

    ALL = auto()
    """Everything: several of our systems share the broker, as in tests."""
    OTHERS = auto()
    """What belongs to others: the broker is somebody's, and only what our own principals have is as we want it."""
    NOTHING = auto()
    """The broker is ours alone: whoever else has a right in it, also everybody (`User:*`), loses it."""


class TopicError(RuntimeError):
    """The broker's topics are not as the registry wants them, and can't be made so. The text has the next step."""


class Admin:
    """The super user's connection to a broker.

    Args:
        bootstrap: `host:port` of the broker.
        password: of `username`.
        username: a super user.
        replicas: copies of each topic; 1 on one machine.
    """

    def __init__(self, bootstrap: str, password: str, username: str = "admin", replicas: int = 1) -> None:
        self._bootstrap = bootstrap
        self._replicas = replicas
        self._client = _kafka.AdminClient(
            {
                "bootstrap.servers": bootstrap,
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": username,
                "sasl.password": password,
                "log_level": 0,
                "reconnect.backoff.max.ms": 500,
                "socket.timeout.ms": int(_TIMEOUT_S * 1000),
            },
        )

    def ensure(self, registry: Mapping[str, Topic], passwords: Mapping[str, str], keep: Keep = Keep.ALL) -> None:
        """Make the registry's topics, users (name -> password) and rights; returns when all are in force.

        Users that the registry no longer knows, as an insurer who left, keep their password only where `keep` is ALL.
        Raises TopicError where a topic exists with another number of partitions, or the broker does not do it.
        """
        known = acls.principals(registry.values())
        gone = set() if keep is Keep.ALL else passwords.keys() - known
        try:
            self.ensure_topics(registry)
            # a password that nobody knows: Kafka 4.3, started again after a user was removed, refuses the others
            self.ensure_users({**passwords, **{name: secrets.token_urlsafe() for name in gone}})
            self.ensure_rights(acls.rights(registry), self._surplus_of(keep, {*known, *passwords}))
        except (KafkaException, TimeoutError) as error:
            raise TopicError(
                f"Kafka at {self._bootstrap} did not make topics, users and rights ({error}): check that it answers "
                "there and, where CARNET_KAFKA names it, CARNET_KAFKA_ADMIN_USER and its password file.",
            ) from error

    @staticmethod
    def _surplus_of(keep: Keep, ours: Collection[str]) -> Callable[[str], bool]:
        """Whose rights are taken where the registry does not have them."""
        match keep:
            case Keep.ALL:
                return lambda _: False
            case Keep.OTHERS:
                return {f"User:{name}" for name in ours}.__contains__
            case Keep.NOTHING:
                return lambda _: True

    def ensure_topics(self, registry: Mapping[str, Topic]) -> None:
        """Make what is missing; TopicError for another number of partitions than the registry's."""
        existing = self.partitions()
        for topic in registry.values():
            found = existing.get(topic.name)
            if found is not None and found != topic.partitions:
                raise TopicError(
                    f"Topic {topic.name} has {found} partitions, expected {topic.partitions}: the number decides where "
                    f"a record's messages are and can't change. Set CARNET_PARTITIONS={found}, or wipe the system.",
                )
        self._create([topic for topic in registry.values() if topic.name not in existing])

    def ensure_users(self, passwords: Mapping[str, str]) -> None:
        """Give each principal its SCRAM-SHA-512 password."""
        how = _kafka.ScramCredentialInfo(_kafka.ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
        changes = [_kafka.UserScramCredentialUpsertion(name, how, word.encode()) for name, word in passwords.items()]
        if changes:
            self._done(self._client.alter_user_scram_credentials(changes, request_timeout=_TIMEOUT_S))

    def ensure_rights(self, rights: Iterable[Right], taken: Callable[[str], bool] = lambda _: False) -> None:
        """Give the rights that are missing, and take all others of the principals (`User:<name>`) that `taken` tells.

        Returns when it is so.
        """
        wanted = frozenset(map(binding, rights))
        existing = self.bindings()
        missing = wanted - existing
        surplus = {one for one in existing - wanted if taken(one.principal)}
        if missing:
            self._done(self._client.create_acls(list(missing), request_timeout=_TIMEOUT_S))
        if surplus:
            self._done(self._client.delete_acls(list(map(_filter, surplus)), request_timeout=_TIMEOUT_S))
        if missing or surplus:
            self._until(
                lambda: wanted <= (found := self.bindings()) and not found & surplus, "The rights were not in force"
            )

    @staticmethod
    def _until(reached: Callable[[], bool], otherwise: str) -> None:
        """The broker follows its controller with a delay of up to half a second."""
        end = time.monotonic() + _TIMEOUT_S
        while not reached():
            if time.monotonic() > end:
                raise TopicError(f"{otherwise} after {_TIMEOUT_S:g} s: see the broker's log, then start again.")
            time.sleep(_AGAIN_S)

    def bindings(self) -> frozenset[Any]:
        """All rights that the broker has now, whoever gave them, and what it denies: each as Kafka's AclBinding."""
        everything = _kafka.AclBindingFilter(
            _kafka.ResourceType.ANY,
            None,
            _kafka.ResourcePatternType.ANY,
            None,
            None,
            _kafka.AclOperation.ANY,
            _kafka.AclPermissionType.ANY,
        )
        return frozenset(self._client.describe_acls(everything, request_timeout=_TIMEOUT_S).result(_TIMEOUT_S))

    def partitions(self) -> dict[str, int]:
        """The number of partitions of each topic in the broker."""
        listed = self._client.list_topics(timeout=_TIMEOUT_S)
        return {name: len(topic.partitions) for name, topic in listed.topics.items()}

    def wipe(self, topic: Topic) -> None:
        """Delete a topic and make it again, empty: a disaster of tests."""
        self.delete(topic.name)
        self._create([topic])

    def delete(self, *names: str) -> None:
        """Delete topics and wait until they are gone."""
        self._done(self._client.delete_topics(list(names), request_timeout=_TIMEOUT_S))
        self._until(lambda: not self.partitions().keys() & set(names), f"Topics {', '.join(names)} were not gone")

    def _create(self, topics: list[Topic]) -> None:
        if not topics:
            return
        wanted = [
            _kafka.NewTopic(
                topic.name,
                num_partitions=topic.partitions,
                replication_factor=self._replicas,
                config={
                    "retention.ms": str(int(topic.retention.total_seconds() * 1000)),
                    "cleanup.policy": "delete",
                },
            )
            for topic in topics
        ]
        self._done(self._client.create_topics(wanted, request_timeout=_TIMEOUT_S), fine=KafkaError.TOPIC_ALREADY_EXISTS)

    @staticmethod
    def _done(futures: Mapping[Any, "Future[Any]"], fine: int | None = None) -> None:
        for future in futures.values():
            try:
                future.result(_TIMEOUT_S)
            except KafkaException as error:
                if error.args[0].code() != fine:
                    raise


def binding(right: Right) -> Any:
    """A right as Kafka has it."""
    pattern = _kafka.ResourcePatternType.PREFIXED if right.by_prefix else _kafka.ResourcePatternType.LITERAL
    return _kafka.AclBinding(
        _kafka.ResourceType[right.resource.value],
        right.name,
        pattern,
        f"User:{right.principal}",
        _ANY_HOST,
        _kafka.AclOperation[right.operation.value],
        _kafka.AclPermissionType.ALLOW,
    )


def _filter(one: Any) -> Any:
    """What finds this binding and no other."""
    return _kafka.AclBindingFilter(
        one.restype,
        one.name,
        one.resource_pattern_type,
        one.principal,
        one.host,
        one.operation,
        one.permission_type,
    )
