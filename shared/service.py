"""One process of a service: how it starts, proves that it lives, and stops.

It listens from the first moment (`/live`, `/ready`, `/metrics`), waits with back-off for PostgreSQL and Kafka, says so,
becomes ready when both are there, and ends itself when it makes no progress. A termination signal finishes the
batches under way.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import UUID

import uvloop
from fastapi import FastAPI

from shared.contracts.topics import Topic, registry
from shared.database import Database, is_refusal, is_transient
from shared.http import Report, Server, probes
from shared.loops import Loop
from shared.messaging import (
    Consumer,
    Engine,
    Kafka,
    KafkaError,
    Outbox,
    ParkedMessages,
    Precedence,
    Producer,
    Replies,
    Sealed,
    TopicMissingError,
    check_partitions,
    check_topics,
    inputs,
    keep_days,
    outputs,
    partition_of,
    prepare_tables,
)
from shared.observability import configure_logging, logger
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
from shared.statistics import publish_statistics
from shared.watchdog import Watchdog

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)
BACK_OFF_S = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0)
HTTP_STOP_S = 5.0
_WAITING = {
    "database": "it does not answer or refuses: see CARNET_DATABASE_URL and its password; were the migrations run?",
    "kafka": "it does not answer or refuses the credentials: see CARNET_KAFKA_BOOTSTRAP, principal and password",
}

_log = logger("carnet.service")


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
        file = self.settings.database_password_file
        password = file.read_text().strip() if file else None
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
            raise ValueError("no keys: set CARNET_KEYS_DIR to the folder with this service's <kek id>.key files")
        return FileKeyProvider(self.settings.keys_dir, self.settings.keys_current)

    @cached_property
    def jwks(self) -> dict[str, Any]:
        """The public keys of all services, and of access_control's permits."""
        if self.settings.service_jwks_file is None:
            raise ValueError("no public keys: set CARNET_SERVICE_JWKS_FILE to the JWKS of all services")
        return read_jwk(self.settings.service_jwks_file)

    @cached_property
    def identity(self) -> ServiceIdentity:
        """Who this service is to others."""
        if self.settings.service_key_file is None:
            raise ValueError("no key: set CARNET_SERVICE_KEY_FILE to this service's private JWK")
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


@dataclass
class _Process(Generic[SettingsT]):
    runtime: Runtime[SettingsT]
    parts: Parts
    engine: Engine | None = None
    why_not_ready: str = "starting"
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def run(self, stopping: asyncio.Event) -> None:
        settings = self.runtime.settings
        self.runtime.ready = self._not_ready
        app = self.parts.api or FastAPI(openapi_url=None)
        app.include_router(probes(self._live, self._readiness))
        server = Server(app, settings.http_host, settings.http_port)
        port = await server.start()
        _log.info("listening", port=port)
        starting = asyncio.create_task(self._start(stopping))
        stopped = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await self._until_stopped(stopping)
        finally:
            self.why_not_ready = "stopping"
            starting.cancel()
            stopped.cancel()
            await server.stop(HTTP_STOP_S)
            await self._stop()

    async def _start(self, stopping: asyncio.Event) -> None:
        runtime, parts = self.runtime, self.parts
        watchdog = Watchdog(self._stuck, patience_s=runtime.settings.stall_timeout_s)
        self._spawn(watchdog.run())
        if runtime.has_database:
            relay_database = runtime.relay_database()
            await self._insist(self._open_databases(relay_database), "database")
            self.engine = Engine(
                runtime.name,
                kafka=runtime.kafka,
                topics=runtime.topics,
                database=runtime.database,
                relay_database=relay_database,
                consumers=parts.consumers,
                outbox=runtime.outbox,
                seal=runtime.seal,
                max_batch=runtime.settings.max_batch,
                precedence=runtime.precedence,
            )
            runtime.relay_wake = self.engine.relay.wake
        await self._insist(lambda: check_topics(runtime.kafka, runtime.used_topics()), "kafka")
        for replies in runtime.all_replies:
            self._spawn(replies.run())
        if self.engine is not None:
            await self._insist(self.engine.start, "kafka")
            self._spawn(Loop("outbox-days", 3600.0, self._keep_days).run())
        for loop in parts.loops:
            self._spawn(loop.run())
        for replies in runtime.all_replies:
            await replies.ready.wait()
        self._spawn(publish_statistics(runtime.producer, runtime.name, runtime.settings.instance, self.engine))
        if not stopping.is_set():
            self.why_not_ready = ""
            _log.info("ready")

    def _open_databases(self, relay_database: Database) -> Callable[[], Awaitable[None]]:
        runtime, consumers = self.runtime, self.parts.consumers

        async def opened() -> None:
            await runtime.database.open()
            await relay_database.open()
            async with runtime.database.transaction() as tx:
                await keep_days(tx)
                await prepare_tables(
                    tx,
                    partitions=runtime.settings.partitions,
                    inputs=inputs(consumers, runtime.topics),
                    outputs=outputs(runtime.name, runtime.topics),
                )

        return opened

    async def _insist(self, call: Callable[[], Awaitable[None]], what: str) -> None:
        """Do it until it succeeds; say what is waited for."""
        attempt = 0
        while True:
            try:
                await call()
            except (KafkaError, TopicMissingError, OSError, TimeoutError) as error:
                await self._wait_for(what, error, attempt)
            except Exception as error:
                if not (is_transient(error) or is_refusal(error)):
                    raise
                await self._wait_for(what, error, attempt)
            else:
                return
            attempt += 1

    async def _wait_for(self, what: str, error: Exception, attempt: int) -> None:
        told = str(error) if isinstance(error, TopicMissingError) else _WAITING[what]
        self.why_not_ready = f"waiting for {what}: {told}"
        _log.warning("waiting", loop=what, attempt=attempt, reason=told, exc_info=error)
        await asyncio.sleep(BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)])

    async def _keep_days(self) -> bool:
        async with self.runtime.database.transaction() as tx:
            await keep_days(tx)
        return False

    async def _until_stopped(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            failure = self.engine.failure() if self.engine else None
            for task in self.tasks:
                if task.done():
                    ended = None if task.cancelled() else task.exception()
                    failure = failure or ended or RuntimeError("a task of the process ended by itself")
            if failure is not None:
                raise failure
            try:
                await asyncio.wait_for(stopping.wait(), 1)
            except TimeoutError:
                continue

    async def _stop(self) -> None:
        _log.info("stopping")
        if self.engine is not None:
            await self.engine.stop()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if self.parts.close is not None:
            await self.parts.close()
        await self.runtime.producer.stop()
        if self.runtime.has_database:
            await self.runtime.database.close()
        _log.info("stopped")

    def _spawn(self, work: Any) -> None:
        self.tasks.append(asyncio.ensure_future(work))

    def _stuck(self) -> str | None:
        return self.engine.stuck() if self.engine is not None else None

    def _live(self) -> Report:
        return Report(ok=True, details={})

    def _not_ready(self) -> str | None:
        if self.why_not_ready:
            return self.why_not_ready
        if any(not replies.ready.is_set() for replies in self.runtime.all_replies):
            return "the reader of replies is not connected"
        return self.engine.not_ready() if self.engine is not None else None

    def _readiness(self) -> Report:
        reason = self._not_ready()
        return Report(ok=reason is None, details={"reason": reason} if reason else {})


def main(
    name: str, settings_type: type[SettingsT], compose: Compose[SettingsT], *, migrations: Path | None = None
) -> None:
    """The program of each `__main__`: a service; with `migrate` its migrations; with `parked` its parked messages."""
    settings = settings_type()
    if sys.argv[1:2] == ["parked"]:
        from shared.parked import verbs  # noqa: PLC0415 - a service that runs never needs it

        configure_logging(name, settings.instance, stream=sys.stderr)
        verbs(name, lambda: parked_messages(Runtime(name, settings), compose))(sys.argv[2:], prog_name="parked")
        return
    configure_logging(name, settings.instance)
    if sys.argv[1:] == ["migrate"]:
        if migrations is not None:
            from shared.database.migrations import upgrade  # noqa: PLC0415 - a service that runs never needs it

            file = settings.database_password_file
            upgrade(migrations, settings.database_url, file.read_text().strip() if file else None)
        return
    # Batches make many short-lived objects and no cycles: the collector's default pace costs a fifth of the time
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(name, settings, compose))


@asynccontextmanager
async def parked_messages(runtime: Runtime[SettingsT], compose: Compose[SettingsT]) -> AsyncIterator[ParkedMessages]:
    """A service's parked messages with its own lanes, beside the processes that run: no broker is needed.

    Raises:
        RuntimeError: the database was made for another number of partitions.
        OSError, asyncpg.PostgresError: it is not there or refuses.
    """
    parts = compose(runtime)
    try:
        await runtime.database.open()
        async with runtime.database.transaction() as tx:
            await check_partitions(tx, runtime.settings.partitions)
        yield ParkedMessages(
            database=runtime.database,
            topics=runtime.topics,
            consumers=parts.consumers,
            outbox=runtime.outbox,
            seal=runtime.seal,
            unseal=runtime.unseal,
        )
    finally:
        if parts.close is not None:
            await parts.close()
        await runtime.database.close()


async def _run(name: str, settings: SettingsT, compose: Compose[SettingsT]) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    runtime = Runtime(name, settings)
    await _Process(runtime, compose(runtime)).run(stopping)
