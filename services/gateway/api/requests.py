"""Requests to access_control through Kafka, and the wait for what they cause.

The gateway reads `access.decisions` and `document.events` along and keeps nothing of them. Where a reply does not come
the outcome is unknown, and the answer says so: every request may be repeated.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeVar
from uuid import UUID, uuid4

from shared.contracts.access_decisions import Decided, Outcome
from shared.contracts.common import Body
from shared.contracts.document_changes import ActRefused, DocumentChanged
from shared.contracts.document_events import DocumentHeld
from shared.contracts.record_documents import DocumentCommand
from shared.contracts.topics import ACCESS_DECISIONS, RECORD_REQUESTS
from shared.http import Problem
from shared.messaging import Producer, Replies, UnsentError, Waiting
from shared.observability import logger
from shared.together import Together

LINGER_S: Final = 0.012
"""How long a request waits at most for others that come with it, in seconds. What is sent together is decided and
read together: each batch costs one more in every process behind, and who comes after one waits for its end."""

Told = Decided | DocumentChanged | ActRefused | DocumentHeld
"""How an act on a document ended: denied, done, refused by document, or hurt by an unexpected error."""
AnswerT = TypeVar("AnswerT")
Answer = Callable[[Waiting, UUID], Awaitable[AnswerT]]
"""Picks the answer to a request from all that it causes."""

_log = logger(__name__)


class _Request(NamedTuple):
    """What is asked about a record, under an id."""

    record: UUID
    body: Body
    identity: UUID


class Requests:
    """Asks, and waits for decisions and outcomes."""

    def __init__(self, producer: Producer, replies: Replies, partitions: int) -> None:
        self._producer = producer
        self._replies = replies
        self._partitions = partitions
        self._together: Together[_Request, asyncio.Task[UUID]] = Together(self._begin, linger_s=LINGER_S)

    @contextmanager
    def waiting(self, correlation: UUID, topic: str | None = None) -> Iterator[Waiting]:
        """Wait, inside the block, for what the request or deposit of this id causes in a topic, or in any.

        Raises:
            Problem: 503 while the reader of replies is not connected: an answer could be missed.
        """
        if not self._replies.ready.is_set():
            raise Problem(503, "replies_not_ready", "The gateway is not connected to Kafka.", "Repeat in a moment.")
        with self._replies.waiting(correlation, topic) as waiting:
            yield waiting

    async def decide(self, record: UUID, body: Body, timeout_s: float, identity: UUID | None = None) -> Decided:
        """Put a request on the record's lane and wait for its decision.

        Args:
            record: The record.
            body: What is asked.
            timeout_s: How long to wait, in seconds.
            identity: The request's id where something stands under it already; None: a new one.

        Raises:
            Problem: 503 where Kafka does not take the request, 504 where no decision came in time.
        """
        asked = _Request(record, body, identity or uuid4())
        return await self._answer(asked, _decision, timeout_s, ACCESS_DECISIONS)

    async def act(self, record: UUID, body: DocumentCommand, timeout_s: float) -> Told:
        """Put an act on a document on the record's lane and wait until it is denied, refused or done.

        The decision and what document did stand in two topics, of which the second may be read first; then it tells
        enough.

        Raises:
            Problem: 503 where Kafka does not take the request, 504 where its outcome is not known in time.
        """
        return await self._answer(_Request(record, body, uuid4()), _outcome, timeout_s)

    async def _answer(
        self, asked: _Request, until: Answer[AnswerT], timeout_s: float, topic: str | None = None
    ) -> AnswerT:
        """Send a request, once its answer can't be missed any more, and wait for that."""
        with self.waiting(asked.identity, topic) as waiting:
            await self._send(asked)
            try:
                async with asyncio.timeout(timeout_s):
                    return await until(waiting, asked.identity)
            except TimeoutError:
                _log.warning("undecided", request=asked.identity, record=asked.record, type=asked.body.type_name)
                told = f"No answer came within {timeout_s:g} s; whether the request is decided is unknown."
                raise Problem(504, "undecided", told, "Repeat it: a repeat is safe.") from None

    async def _send(self, asked: _Request) -> None:
        try:
            await (await self._together.do(asked))
        except UnsentError as error:
            _log.warning("request_unsent", request=asked.identity, exc_info=error)
            told = "The request could not be handed over to Kafka; whether it is there is unknown."
            raise Problem(503, "unsent", told, "Repeat it: a repeat is safe.") from None

    async def _begin(self, batch: list[_Request]) -> list[asyncio.Task[UUID]]:
        """Hand requests to the producer in one turn; each is confirmed by itself, so that nobody waits for another."""
        return [
            asyncio.create_task(
                self._producer.send(
                    RECORD_REQUESTS,
                    one.body,
                    key=str(one.record),
                    partitions=self._partitions,
                    identity=one.identity,
                )
            )
            for one in batch
        ]


async def _decision(waiting: Waiting, request: UUID) -> Decided:
    """The decision on this request, among all that it caused."""
    while True:
        message = await waiting.next()
        if isinstance(message.body, Decided) and message.body.request == request:
            return by_our_clock(message.body, message.envelope.time)


async def _outcome(waiting: Waiting, request: UUID) -> Told:
    """The denial of this request, or what document says of it; a decision to permit alone is no outcome."""
    while True:
        body = (await waiting.next()).body
        match body:
            case Decided(request=asked, outcome=Outcome.DENY) if asked == request:
                return body
            case DocumentChanged(request=asked) | ActRefused(request=asked) if asked == request:
                return body
            case DocumentHeld():
                return body


def by_our_clock(decided: Decided, told_at: datetime) -> Decided:
    """A decision that comes into force as long after now as it said when it was told.

    Both of its moments are of access_control's clock. By one of ours that is ahead, a patient would be told "blocked"
    while permits are out.
    """
    if decided.in_force_at is None:
        return decided
    return decided.model_copy(update={"in_force_at": datetime.now(UTC) + (decided.in_force_at - told_at)})
