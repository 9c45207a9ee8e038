"""What an operator does with parked messages: look, have one handled again, or give one up.

A replay is a batch of one: it waits for the turn on the message's partition, goes through the same handler, and writes
what comes of it, its messages and its resolution in one transaction; the service's relay sends them. So a replay
happens once however often it is asked for, and a crash leaves either all of it or nothing.

Order: of one record (or other key) the messages that are open are replayed in the order in which they stood. What was
handled since they were parked came before them; handlers decide on the state that they find, as always.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from aiokafka import ConsumerRecord

from shared.contracts.envelope import Envelope, MalformedError, from_headers
from shared.contracts.topics import Topic
from shared.database import Database, Transaction, is_transient
from shared.messaging import parked
from shared.messaging._batch import AgainError, BatchHandler
from shared.messaging.effects import Consumer, Failed, Unreadable
from shared.messaging.outbox import KEEP, Outbox, Outgoing
from shared.messaging.parked import Parked, Resolution, Seal, Unseal
from shared.observability import logger
from shared.security import SecurityError

_log = logger("carnet.messaging")


class Fate(StrEnum):
    """What became of a replay or a discarding that was asked for."""

    DONE = "done"
    WOULD_BE = "would be done"
    """A rehearsal: nothing was changed."""
    BEFORE = "was done before"
    REFUSED = "refused"
    """Nothing was changed; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one message."""

    fate: Fate
    sentence: str


class ParkedMessages:
    """The parked messages of one service."""

    def __init__(
        self,
        *,
        database: Database,
        topics: Mapping[str, Topic],
        consumers: Sequence[Consumer[Any, Any]],
        outbox: Outbox,
        seal: Seal,
        unseal: Unseal,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._unseal = unseal
        self._consumers = {consumer.name: consumer for consumer in consumers}
        self._lanes = {
            name: BatchHandler(consumer, database=database, outbox=outbox, topics=topics, seal=seal)
            for name, consumer in self._consumers.items()
        }
        self._keys: dict[UUID, bytes | None] = {}

    async def listed(self, *, resolved: bool = False, topic: str = "", most: int = 200) -> list[Parked]:
        """Messages in the order in which they are to be replayed: the open ones of each partition, first ones first."""
        return await parked.listed(self._database, resolved=resolved, topic=topic, most=most)

    async def shown(self, identity: UUID) -> tuple[Parked, Envelope | None] | None:
        """A message's row and its envelope, never its body; no envelope where it can't be read."""
        row = await parked.found(self._database, identity)
        if row is None:
            return None
        try:
            return row, from_headers((await self._restored(row)).headers)
        except (SecurityError, MalformedError):
            return row, None

    async def replay(self, identity: UUID, by: str, why: str, *, rehearse: bool) -> Told:
        """Have a message handled once more.

        Args:
            identity: its row.
            by: the operator's code.
            why: in the operator's words; stays in the row.
            rehearse: do everything but commit, and say what would come of it.

        Raises:
            Exception: a transient fault of the database (`is_transient`): all or nothing was done, ask again.
        """
        try:
            row, record = await self._replayable(identity)
            outcome = _sends(await self._replayed(row, record, by, why, rehearse=rehearse))
        except AgainError as error:
            return Told(Fate.REFUSED, str(error))
        except _RehearsedError as rehearsed:
            return Told(Fate.WOULD_BE, _sends(rehearsed.outgoing))
        except _ResolvedError as error:
            return _told_before(error.row, Resolution.REPLAYED)
        _log.info("parked_replayed", message=row.id, topic=row.topic, partition=row.partition, principal=by)
        return Told(Fate.DONE, outcome)

    async def discard(self, identity: UUID, by: str, why: str) -> Told:
        """Give a message up: it is kept, and never replayed."""
        row = await parked.found(self._database, identity)
        if row is None:
            return Told(Fate.REFUSED, _UNKNOWN)
        async with self._database.transaction() as tx:
            resolved = await parked.resolve(tx, identity, Resolution.DISCARDED, by, why)
        if not resolved:
            return _told_before(await parked.found(self._database, identity) or row, Resolution.DISCARDED)
        _log.info("parked_discarded", message=row.id, topic=row.topic, partition=row.partition, principal=by)
        return Told(Fate.DONE, "given up")

    async def _replayable(self, identity: UUID) -> tuple[Parked, ConsumerRecord]:
        """A message that is open, can be decrypted, has a lane, and is the first of its key."""
        row = await parked.found(self._database, identity)
        if row is None:
            raise AgainError(_UNKNOWN)
        if row.resolved_at is not None:
            raise _ResolvedError(row)
        if row.consumer not in self._lanes:
            raise AgainError(f"this service has no consumer {row.consumer} any more: discard it")
        try:
            record = await self._restored(row)
        except SecurityError as error:
            raise AgainError(f"it can't be decrypted ({type(error).__name__}: {error}): discard it") from None
        for earlier in await parked.before(self._database, row):
            if await self._key(earlier) in {record.key, None}:
                raise AgainError(f"{earlier} stands before it, of the same key: replay or discard that one first")
        return row, record

    async def _replayed(
        self, row: Parked, record: ConsumerRecord, by: str, why: str, *, rehearse: bool
    ) -> Sequence[Outgoing]:
        """Replay in one transaction; what handler or `save` raise that doesn't pass by itself refuses it."""
        try:
            async with self._lanes[row.consumer].turn([(row.topic, row.partition)]) as tx:
                outgoing = await self._applied(tx, row, record, by, why)
                await self._outbox.append(tx, outgoing)
                _end(outgoing, rehearse=rehearse)
        except (AgainError, _RehearsedError, _ResolvedError):
            raise
        except Exception as error:
            if is_transient(error):
                raise
            await self._failed(row, error, rehearse=rehearse)
            text = f"handling it raised {type(error).__name__}: mend the service first, see the log"
            raise AgainError(text) from None
        return outgoing

    async def _applied(
        self, tx: Transaction, row: Parked, record: ConsumerRecord, by: str, why: str
    ) -> Sequence[Outgoing]:
        """Resolve and handle a message that is open; gives what it sends."""
        if not await parked.resolve(tx, row.id, Resolution.REPLAYED, by, why):
            raise _ResolvedError(await parked.found(self._database, row.id) or row)
        outgoing = await self._lanes[row.consumer].again(tx, record)
        if outgoing and (self._forgotten(row, await tx.clock()) or await parked.answered(tx, row, outgoing)):
            raise AgainError(_ANSWERED)
        return outgoing

    def _forgotten(self, row: Parked, now: datetime) -> bool:
        """True where the lane may have answered it and the outbox, which would tell, is that old no more."""
        handlers = self._consumers[row.consumer].handlers
        return (Failed in handlers or Unreadable in handlers) and now - row.first_seen > KEEP

    async def _failed(self, row: Parked, error: Exception, *, rehearse: bool) -> None:
        _log.error("message_failed", message=row.id, topic=row.topic, partition=row.partition, exc_info=error)
        if not rehearse:
            async with self._database.transaction() as tx:
                await parked.tried(tx, row.id)

    async def _restored(self, row: Parked) -> ConsumerRecord:
        return parked.restored(row, self._unseal(await parked.content(self._database, row.id), row.id))

    async def _key(self, identity: UUID) -> bytes | None:
        """The key of an open message, None where it can't be told; asked for again when its neighbours are replayed."""
        if identity not in self._keys:
            row = await parked.found(self._database, identity)
            try:
                self._keys[identity] = ((await self._restored(row)).key or b"") if row is not None else b""
            except SecurityError:
                self._keys[identity] = None
        return self._keys[identity]


_UNKNOWN = "this service has no parked message of that id: see `list`"
_ANSWERED = (
    "it was answered when it was parked (or so long ago that nobody knows), and a second answer would contradict "
    "the first: discard it"
)


class _ResolvedError(Exception):
    """Somebody resolved the message before."""

    def __init__(self, row: Parked) -> None:
        super().__init__(str(row.id))
        self.row = row


class _RehearsedError(Exception):
    """Rolls a rehearsal back."""

    def __init__(self, outgoing: Sequence[Outgoing]) -> None:
        super().__init__()
        self.outgoing = outgoing


def _end(outgoing: Sequence[Outgoing], *, rehearse: bool) -> None:
    """The end of a replay's transaction: a rehearsal leaves nothing behind."""
    if rehearse:
        raise _RehearsedError(outgoing)


def _sends(outgoing: Sequence[Outgoing]) -> str:
    """What a replay sends, by types."""
    return f"sends {', '.join(message.type for message in outgoing) or 'nothing'}"


def _told_before(row: Parked, wanted: Resolution) -> Told:
    when = f"{row.resolution} by {row.resolved_by} at {row.resolved_at:%Y-%m-%d %H:%M:%S} UTC"
    return Told(Fate.BEFORE if row.resolution is wanted else Fate.REFUSED, f"it was {when}")
