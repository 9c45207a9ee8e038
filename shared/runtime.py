"""What a service stands on: its parts, and what its settings and keys give it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar
from uuid import UUID

from fastapi import FastAPI

from shared.contracts.topics import Topic, registry
from shared.database import Database
from shared.errors import SettingError, secret_in
from shared.loops import Loop
from shared.messaging import (
    Consumer,
    Kafka,
    Outbox,
    Precedence,
    Producer,
    Replies,
    Sealed,
    partition_of,
)
from shared.security import (
    FileKeyProvider,
    KeyProvider,
    ServiceIdentity,
    ServiceVerifier,
    Wrapped,
    context,
    decrypt,
    encrypt,
    new_key,
    read_jwk,
)
from shared.settings import ServiceSettings

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


@dataclass
class Parts:
    """What a service consists of; its composition root says so."""

    consumers: Sequence[Consumer[Any, Any]] = ()
    loops: Sequence[Loop] = ()
    api: FastAPI | None = None
    close: Callable[[], Awaitable[None]] | None = None
    """Called at the end, to close clients."""


class Runtime(Generic[SettingsT]):
    """What a composition root builds its parts from."""

    def __init__(self, name: str, settings: SettingsT) -> None:
        self.name = name
        self.settings = settings
        self.topics: dict[str, Topic] = registry(settings.insurer_codes, settings.partitions)
        self.kafka = Kafka.of(settings, name)
        self.producer = Producer(name, self.kafka)
        self.database = self._database(durable=True, pool=settings.database_pool)
        self.outbox = Outbox(name, self.topics, self._wake)
        self.precedence = Precedence()
        self.relay_wake: Callable[[Any], None] | None = None
        self.all_replies: list[Replies] = []
        self.ready: Callable[[], str | None] = lambda: "starting"

    def _wake(self, places: Any) -> None:
        if self.relay_wake is not None:  # before the start nobody sends; the first sweep does
            self.relay_wake(places)

    def _database(self, *, durable: bool, pool: int) -> Database:
        password = secret_in(self.settings.database_password_file, "CARNET_DATABASE_PASSWORD_FILE")
        return Database(self.settings.database_url, password, pool=pool, durable=durable)

    def relay_database(self) -> Database:
        """The relay's own connections: its cursor may be repeated, so its commits need not wait for the disk."""
        return self._database(durable=False, pool=2)

    @property
    def has_database(self) -> bool:
        """False for the gateway and the portal, which own nothing durable."""
        return bool(self.settings.database_url)

    @cached_property
    def keys(self) -> KeyProvider:
        """The key-encryption keys of this service."""
        if self.settings.keys_dir is None:
            raise SettingError("no keys: set CARNET_KEYS_DIR to the folder with this service's <kek id>.key files")
        return FileKeyProvider(self.settings.keys_dir, self.settings.keys_current)

    @cached_property
    def jwks(self) -> dict[str, Any]:
        """The public keys of all services, and of access_control's permits."""
        if self.settings.service_jwks_file is None:
            raise SettingError("no public keys: set CARNET_SERVICE_JWKS_FILE to the JWKS of all services")
        return read_jwk(self.settings.service_jwks_file)

    @cached_property
    def identity(self) -> ServiceIdentity:
        """Who this service is to others."""
        if self.settings.service_key_file is None:
            raise SettingError("no key: set CARNET_SERVICE_KEY_FILE to this service's private JWK")
        return ServiceIdentity(self.name, read_jwk(self.settings.service_key_file))

    def verifier(self, *allowed: str) -> ServiceVerifier:
        """Checks the service tokens of callers."""
        return ServiceVerifier(self.jwks, self.name, allowed)

    def replies(self, *names: str) -> Replies:
        """Reads topics along, to be woken up by what a request causes."""
        replies = Replies(self.kafka, self.topics, names)
        self.all_replies.append(replies)
        return replies

    def partition(self, record: UUID) -> int:
        """The partition number of a record, the same in every record-keyed topic."""
        return partition_of(str(record), self.settings.partitions)

    def seal(self, data: bytes, row: UUID) -> Sealed:
        """Encrypt what is parked under a key of its own."""
        key = new_key()
        wrapped = self.keys.wrap(key)
        return Sealed(wrapped.kek, wrapped.key, encrypt(key, data, context(self.name, "parked", "original", row)))

    def unseal(self, sealed: Sealed, row: UUID) -> bytes:
        """Decrypt what was parked.

        Raises:
            SecurityError: its key-encryption key is gone, or it was altered.
        """
        key = self.keys.unwrap(Wrapped(sealed.key_id, sealed.wrapped_key))
        return decrypt(key, sealed.ciphertext, context(self.name, "parked", "original", row))

    def used_topics(self) -> list[Topic]:
        """The topics that this service writes or reads."""
        return [topic for topic in self.topics.values() if self.name in topic.writers or self.name in topic.readers]


Compose = Callable[[Runtime[SettingsT]], Parts]
