"""Deletions on their way, their repetition, and what is forgotten when the last owner has confirmed."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.access_control.domain.changes import Confirmed
from services.access_control.domain.deletion import Because, Deletion
from shared.contracts.envelope import Message, named_id
from shared.database import Database, Transaction
from shared.database.record_keys import RecordKeys
from shared.messaging import Outbox, lock_partitions
from shared.observability import logger

AT_ONCE: Final = 100
Clock = Callable[[Transaction], Awaitable[datetime]]
"""What time it is: the database's own clock, unless a test says otherwise."""

_FORGET: Final = """
    WITH person AS (DELETE FROM person WHERE record = ANY($1::uuid[])),
         identity AS (DELETE FROM identity WHERE record = ANY($1::uuid[])),
         delegate AS (DELETE FROM delegate WHERE record = ANY($1::uuid[])),
         delegation AS (DELETE FROM delegation WHERE record = ANY($1::uuid[])),
         rights AS (DELETE FROM professional_right WHERE record = ANY($1::uuid[])),
         sessions AS (DELETE FROM session_consent WHERE record = ANY($1::uuid[])),
         teams AS (DELETE FROM care_team WHERE record = ANY($1::uuid[])),
         apps AS (DELETE FROM app_agreement WHERE record = ANY($1::uuid[])),
         past AS (DELETE FROM past_right WHERE record = ANY($1::uuid[])),
         emergencies AS (DELETE FROM emergency WHERE record = ANY($1::uuid[])),
         confirmations AS (DELETE FROM emergency_confirmation WHERE record = ANY($1::uuid[])),
         cases AS (DELETE FROM contest WHERE record = ANY($1::uuid[])),
         extracts AS (DELETE FROM extract_case WHERE record = ANY($1::uuid[])),
         texts AS (DELETE FROM written WHERE record = ANY($1::uuid[])),
         majorities AS (DELETE FROM majority_foreseen WHERE record = ANY($1::uuid[])),
         declarations AS (DELETE FROM declaration_untold WHERE record = ANY($1::uuid[])),
         opt_outs AS (DELETE FROM opt_out_untold WHERE record = ANY($1::uuid[]))
    UPDATE record
    SET treating_doctor = NULL, break_glass = false, regulation = false, masked_in_emergency = false, opted_out = '{}',
        activated = false, suspended = false, suspended_at = NULL, objected = false, held = false, foreseen_at = NULL,
        heirs_opposed = false, masks_by_default = false
    WHERE id = ANY($1::uuid[])
"""
"""Forgets whose records they were and what was decided on them. What stays says that there was a record."""

_log = logger(__name__)


class Confirmations:
    """What the lane of confirmations loads and saves."""

    def __init__(self, keys: RecordKeys) -> None:
        self._keys = keys

    async def load(self, tx: Transaction, messages: Sequence[Message[Any]]) -> Mapping[str, Deletion | None]:
        """The deletions of these records; None where there is none."""
        found: dict[str, Deletion | None] = dict.fromkeys((message.key for message in messages), None)
        found |= {str(record): one for record, one in (await _load(tx, {one.record for one in messages})).items()}
        return found

    async def save(self, tx: Transaction, changes: Sequence[Confirmed]) -> None:
        """Write how far they are; forget the holders of those that have ended."""
        last = {change.record: change.deletion for change in changes}
        if not last:
            return
        await _save(tx, last)
        ended = [record for record, deletion in last.items() if deletion.ended_at is not None]
        if ended:
            await tx.execute(_FORGET, ended)
            await self._keys.destroy(tx, ended)


class Announcements:
    """Tells deletions again to those who are still to confirm."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        partition: Callable[[UUID], int],
        *,
        every: timedelta,
        clock: Clock = Transaction.clock,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._partition = partition
        self._every = every
        self._clock = clock

    async def once(self) -> bool:
        """One bounded turn: chosen without locks, told under those of the records. True where more may be waiting."""
        async with self._database.transaction() as tx:
            rows = await tx.fetch(
                "SELECT record FROM deletion WHERE ended_at IS NULL AND announced_at <= $1 "
                "ORDER BY announced_at LIMIT $2",
                await self._clock(tx) - self._every,
                AT_ONCE,
            )
        if rows:
            async with self._database.transaction() as tx:
                await lock_partitions(tx, {self._partition(row["record"]) for row in rows})
                await self._repeat(tx, [row["record"] for row in rows])
        return len(rows) == AT_ONCE

    async def _repeat(self, tx: Transaction, records: Sequence[UUID]) -> None:
        now = await self._clock(tx)
        found = await _load(tx, records)
        due = {
            record: one.repeated(now)
            for record, one in found.items()
            if one.ended_at is None and one.announced_at <= now - self._every
        }
        if not due:
            return
        await _save(tx, due)
        outgoing = []
        for record, one in due.items():
            if one.latest <= now:
                _log.error("deletion_late", record=record, reason=f"confirmed by {', '.join(sorted(one.confirmed))}")
            cause = named_id(record, f"deletion/{len(one.confirmed)}/{one.round}")
            outgoing += self._outbox.root((one.told(),), cause=cause, key=record)
        await self._outbox.append(tx, outgoing)


async def begin(tx: Transaction, deletions: Mapping[UUID, Deletion]) -> None:
    """Note deletions that were announced now."""
    await tx.execute(
        """
        INSERT INTO deletion (record, round, announced_at, confirmed)
        SELECT record, round, announced_at, '{}' FROM unnest($1::uuid[], $2::int[], $3::timestamptz[])
            AS n (record, round, announced_at)
        """,
        list(deletions),
        [one.round for one in deletions.values()],
        [one.announced_at for one in deletions.values()],
    )


async def _load(tx: Transaction, records: Iterable[UUID]) -> dict[UUID, Deletion]:
    rows = await tx.fetch(
        """
        SELECT d.record, r.deleted_because, r.deletion_due, d.announced_at, d.round, d.confirmed, d.ended_at
        FROM deletion d JOIN record r ON r.id = d.record WHERE d.record = ANY($1::uuid[])
        """,
        list(records),
    )
    return {
        record: Deletion(Because(because), latest, announced_at, told, frozenset(confirmed), ended_at)
        for record, because, latest, announced_at, told, confirmed, ended_at in rows
    }


async def _save(tx: Transaction, deletions: Mapping[UUID, Deletion]) -> None:
    rows = list(deletions.values())
    await tx.execute(
        """
        UPDATE deletion AS d
        SET round = n.round, announced_at = n.announced_at, confirmed = string_to_array(n.confirmed, ','),
            ended_at = n.ended_at
        FROM unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::text[], $5::timestamptz[])
             AS n (record, round, announced_at, confirmed, ended_at)
        WHERE d.record = n.record
        """,
        list(deletions),
        [one.round for one in rows],
        [one.announced_at for one in rows],
        [",".join(sorted(one.confirmed)) for one in rows],
        [one.ended_at for one in rows],
    )
