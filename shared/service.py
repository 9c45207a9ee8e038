"""One process of a service: how it starts, proves that it lives, and stops.

It listens from the first moment (`/live`, `/ready`, `/metrics`), waits with back-off for PostgreSQL and Kafka, says so,
becomes ready when both are there, and ends itself when it makes no progress. A termination signal finishes the
batches under way.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

import uvloop
from fastapi import FastAPI
from pydantic import ValidationError

from shared.database import Database, is_refusal, is_transient
from shared.errors import refused_settings, secret_in
from shared.http import Report, Server, probes
from shared.loops import Loop
from shared.messaging import (
    Engine,
    KafkaError,
    ParkedMessages,
    TopicMissingError,
    check_partitions,
    check_topics,
    inputs,
    keep_days,
    outputs,
    prepare_tables,
)
from shared.observability import configure_logging, logger
from shared.runtime import Compose, Parts, Runtime, SettingsT
from shared.statistics import publish_statistics
from shared.watchdog import Watchdog

BACK_OFF_S = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0)
HTTP_STOP_S = 5.0
_WAITING = {
    "database": "it does not answer or refuses: see CARNET_DATABASE_URL and its password; were the migrations run?",
    "kafka": "it does not answer or refuses the credentials: see CARNET_KAFKA_BOOTSTRAP, principal and password",
}

_log = logger("carnet.service")


@dataclass
class _Process(Generic[SettingsT]):
    runtime: Runtime[SettingsT]
    parts: Parts
    engine: Engine | None = None
    why_not_ready: str = "starting"
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    watchdog: Watchdog = field(init=False)

    def __post_init__(self) -> None:
        self.watchdog = Watchdog(self._stuck, patience_s=self.runtime.settings.stall_timeout_s)

    async def run(self, stopping: asyncio.Event) -> None:
        settings = self.runtime.settings
        self.runtime.ready = self._not_ready
        app = self.parts.api or FastAPI(openapi_url=None)
        app.include_router(probes(self._live, self._readiness))
        server = Server(app, settings.http_host, settings.http_port)
        port = await server.start()
        _log.info("listening", port=port)
        starting = asyncio.create_task(self._start(stopping))
        ending = asyncio.create_task(self._until_stopped(stopping))  # from the start: a task may fail before it is over
        try:
            await asyncio.wait({starting, ending}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
            await ending
        finally:
            self.why_not_ready = "stopping"
            starting.cancel()
            ending.cancel()
            await server.stop(HTTP_STOP_S)
            await self._stop()

    async def _start(self, stopping: asyncio.Event) -> None:
        runtime, parts = self.runtime, self.parts
        self._spawn(self.watchdog.run())
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
            self.loops.append(Loop("outbox-days", 3600.0, self._keep_days))
        self.loops += parts.loops
        for loop in self.loops:
            self._spawn(loop.run())
        self.why_not_ready = ""  # what still keeps it from being ready, tells by itself
        for replies in runtime.all_replies:
            await replies.ready.wait()  # it tries until it is; a try that hangs is seen by the watchdog
        self._spawn(publish_statistics(runtime.producer, runtime.name, runtime.settings.instance, self.engine))
        if not stopping.is_set():
            _log.info("ready")

    def _open_databases(self, relay_database: Database) -> Callable[[], Awaitable[None]]:
        runtime, consumers = self.runtime, self.parts.consumers

        async def opened() -> None:
            await runtime.database.open()
            async with runtime.database.transaction() as tx:
                await keep_days(tx)
                await prepare_tables(
                    tx,
                    partitions=runtime.settings.partitions,
                    inputs=inputs(consumers, runtime.topics),
                    outputs=outputs(runtime.name, runtime.topics),
                )
            await relay_database.open()  # last: who waits for migrations holds one connection

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
                async with asyncio.timeout(1):
                    await stopping.wait()
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
        """What makes no progress: a lane, the relay, the reader of replies, a loop; None where all do."""
        patience_s = self.runtime.settings.stall_timeout_s
        if self.engine is not None and (found := self.engine.stuck(patience_s)):
            return found
        if any(replies.stuck(patience_s) for replies in self.runtime.all_replies):
            return "replies"
        return next((loop.name for loop in self.loops if loop.stuck()), None)

    def _live(self) -> Report:
        stuck = self.watchdog.verdict
        return Report(ok=stuck is None, details={"stuck": stuck} if stuck else {})

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
    configure_logging(name)  # before the settings are read: what is wrong with them is told in the log
    settings = _read(settings_type)
    if sys.argv[1:2] == ["parked"]:
        from shared.parked import verbs  # noqa: PLC0415 - a service that runs never needs it

        configure_logging(name, settings.instance, stream=sys.stderr)
        verbs(name, lambda: parked_messages(Runtime(name, settings), compose))(sys.argv[2:], prog_name="parked")
        return
    configure_logging(name, settings.instance)
    if sys.argv[1:] == ["migrate"]:
        if migrations is not None:
            from shared.database.migrations import upgrade  # noqa: PLC0415 - a service that runs never needs it

            password = secret_in(settings.database_password_file, "CARNET_DATABASE_PASSWORD_FILE")
            upgrade(migrations, settings.database_url, password)
        return
    # A batch makes many objects that live as long as it does, and no cycles: the collector's default pace costs a fifth
    # of the time, and a young generation that one batch fills still a fiftieth
    gc.freeze()
    gc.set_threshold(500_000, 50, 100)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(name, settings, compose))


def _read(settings_type: type[SettingsT]) -> SettingsT:
    try:
        return settings_type()
    except ValidationError as error:
        raise refused_settings(error, str(settings_type.model_config.get("env_prefix", ""))) from None


@asynccontextmanager
async def parked_messages(runtime: Runtime[SettingsT], compose: Compose[SettingsT]) -> AsyncIterator[ParkedMessages]:
    """A service's parked messages with its own lanes, beside the processes that run: no broker is needed.

    Raises:
        SettingError: the database was made for another number of partitions.
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
