"""Publishes batches of lines as an insurer's software does: a batch that was not confirmed is sent again, whole."""

import asyncio
import itertools
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

import confluent_kafka

from deploy.local.system import LocalSystem
from deploy.proof.checker.clients import Published
from deploy.proof.load.client import AGAIN_S, GIVE_UP_S
from deploy.proof.load.lines import WRONG, Batch, Kind, Line
from deploy.proof.load.target import kafka, settings
from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.topics import REIMBURSEMENTS, of_insurer, principal_of_insurer

SEND_TIMEOUT_S: Final = 8.0
_kafka: Any = confluent_kafka


class _Sent(NamedTuple):
    """A line under its message id."""

    identity: UUID
    line: Line


class Insurer:
    """One insurer's software."""

    def __init__(self, system: LocalSystem, published: Published) -> None:
        self._principal = principal_of_insurer(published.insurer)
        self._topic = of_insurer(REIMBURSEMENTS, published.insurer)
        own = {"message.timeout.ms": int(SEND_TIMEOUT_S * 1000), "linger.ms": 5}
        self._producer = _kafka.Producer(settings(kafka(system, self._principal)) | own)
        self._published = published

    async def run(self, planned: Iterable[Batch]) -> None:
        """Publish batches, each at its time or as soon after it as those before are confirmed."""
        began = time.monotonic()
        for batch in planned:
            await asyncio.sleep(max(0.0, began + batch.at_s - time.monotonic()))
            sent = [_Sent(uuid4(), line) for line in batch.lines]
            await self._insist(sent)
            if batch.again:
                self._published.again += 1
                await self._insist(sent if batch.same_ids else [_Sent(uuid4(), line) for line in batch.lines])

    async def _insist(self, sent: Sequence[_Sent]) -> None:
        self._published.wrong |= {one.identity: WRONG[one.line.kind] for one in sent if one.line.kind in WRONG}
        end = time.monotonic() + GIVE_UP_S
        while not await asyncio.to_thread(self._publish, sent):
            if time.monotonic() > end:
                self._published.given_up.append(f"a batch of {len(sent)} lines was never confirmed")
                return
            await asyncio.sleep(AGAIN_S)

    def _publish(self, sent: Sequence[_Sent]) -> bool:
        """Publish them all; gives whether all were confirmed."""
        confirmed = itertools.count()

        def told(one: _Sent, error: Any) -> None:
            if error is None:
                next(confirmed)
                if one.line.kind is not Kind.NO_ENVELOPE:
                    self._published.confirmed.add(one.identity)

        for one in sent:
            key = one.line.body.line.encode()
            self._producer.produce(
                self._topic,
                one.line.value,
                key,
                headers=self._headers(one),
                on_delivery=lambda error, _message, one=one: told(one, error),
            )
        self._producer.flush(SEND_TIMEOUT_S * 2)
        return next(confirmed) == len(sent)

    def _headers(self, one: _Sent) -> list[tuple[str, bytes]]:
        if one.line.kind is Kind.NO_ENVELOPE:
            return []
        name = "carnet.insurance.invoice.v9" if one.line.kind is Kind.UNKNOWN_TYPE else one.line.body.type_name
        return to_headers(Envelope(one.identity, name, self._principal, datetime.now(UTC), one.identity))
