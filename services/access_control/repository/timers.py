"""What the clock does: due records are found without locks, and looked at again under those of their partitions."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from services.access_control.domain.events import foreseen_majority
from services.access_control.domain.policy import Policy
from services.access_control.domain.timers import majority_nears
from services.access_control.handlers import struck
from services.access_control.repository.deletions import Clock
from services.access_control.repository.records import Requests, load_all
from shared.contracts.envelope import named_id
from shared.database import Database, Transaction
from shared.database.record_keys import RecordKeys
from shared.messaging import Outbox, lock_partitions

AT_ONCE: Final = 100
_NOBODY: Final = UUID(int=0)

_DUE: Final = """
    (SELECT id FROM record
     WHERE suspended AND state = 'open' AND deletion_due IS NULL AND NOT objected AND NOT deceased
           AND suspended_at <= $1::timestamptz - $2::interval
     ORDER BY suspended_at LIMIT $5)
    UNION
    (SELECT id FROM record
     WHERE state = 'closed' AND deletion_due IS NULL AND NOT held AND foreseen_at IS NULL
           AND closed_at <= $1::timestamptz + $4::interval - make_interval(years => $3)
     ORDER BY closed_at LIMIT $5)
    UNION
    (SELECT id FROM record
     WHERE state = 'closed' AND deletion_due IS NULL AND NOT held AND foreseen_at <= $1::timestamptz - $4::interval
           AND closed_at <= $1::timestamptz - make_interval(years => $3)
     ORDER BY closed_at LIMIT $5)
    UNION
    (SELECT d.record FROM delegation d JOIN record r ON r.id = d.record
     WHERE d.state = 'PENDING' AND d.expires <= $1::timestamptz
           AND r.state = 'open' AND r.deletion_due IS NULL AND NOT r.suspended AND NOT r.deceased
     ORDER BY d.expires LIMIT $5)
    UNION
    (SELECT d.record FROM delegation d JOIN record r ON r.id = d.record
     WHERE d.state = 'ACCEPTED' AND d.until <= $1::timestamptz
           AND r.state = 'open' AND r.deletion_due IS NULL AND NOT r.suspended AND NOT r.deceased
     ORDER BY d.until LIMIT $5)
"""
"""Records on which something may be due; whether it is, the rules say."""

_REPRESENTED: Final = """
    (SELECT record FROM delegation
     WHERE kind = 'LEGAL_REPRESENTATION' AND state IN ('PENDING', 'ACCEPTED') AND record > $1 ORDER BY record LIMIT $2)
    UNION
    (SELECT record FROM professional_right WHERE by_representative AND record > $1 ORDER BY record LIMIT $2)
    UNION
    (SELECT record FROM care_team WHERE by_representative AND record > $1 ORDER BY record LIMIT $2)
    UNION
    (SELECT record FROM app_agreement WHERE by_representative AND record > $1 ORDER BY record LIMIT $2)
    ORDER BY record LIMIT $2
"""
"""Records on which something ends at majority: the day stands encrypted, so they are looked at one after another."""

_MAJORITY: Final = "clock/foresee_majority"
_FORESEE: Final = """
    INSERT INTO majority_foreseen (record, told_at) SELECT record, clock_timestamp() FROM unnest($1::uuid[]) AS record
    ON CONFLICT (record) DO NOTHING RETURNING record
"""


class Timers:
    """The loops of one process; several of them do nothing twice."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        keys: RecordKeys,
        partition: Callable[[UUID], int],
        *,
        policy: Policy,
        clock: Clock = Transaction.clock,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._keys = keys
        self._requests = Requests(keys)
        self._partition = partition
        self._policy = policy
        self._clock = clock
        self._reached = _NOBODY

    async def once(self) -> bool:
        """Do what is due on a bounded number of records; True where more may be waiting."""
        policy = self._policy
        async with self._database.transaction() as tx:
            now = await self._clock(tx)
            limits = (policy.objection, policy.archive_years, policy.archive_notice)
            rows = await tx.fetch(_DUE, now, *limits, AT_ONCE)
        acted = await self._act([row[0] for row in rows])
        return acted and len(rows) >= AT_ONCE

    async def majorities(self) -> bool:
        """Look at the next records on which something ends at majority (AR-045); True until all were looked at."""
        async with self._database.transaction() as tx:
            rows = await tx.fetch(_REPRESENTED, self._reached, AT_ONCE)
            records = [row["record"] for row in rows]
            now = await self._clock(tx)
            found = await load_all(tx, self._keys, records)
        await self._act([one for one in records if struck(one, found[str(one)], now, self._policy)])
        await self._foresee([one for one in records if majority_nears(found[str(one)], now, self._policy)])
        more = len(records) == AT_ONCE
        self._reached = records[-1] if more else _NOBODY
        return more

    async def _foresee(self, records: Sequence[UUID]) -> None:
        """Tell once that these holders will come of age."""
        if not records:
            return
        async with self._database.transaction() as tx:
            await lock_partitions(tx, {self._partition(record) for record in records})
            rows = await tx.fetch(_FORESEE, sorted(records))
            new = [row["record"] for row in rows]
            found = await load_all(tx, self._keys, new)
            outgoing = [
                message
                for record in new
                for message in self._outbox.root(
                    (foreseen_majority(found[str(record)]),), cause=named_id(record, _MAJORITY), key=record
                )
            ]
            await self._outbox.append(tx, outgoing)

    async def _act(self, records: Sequence[UUID]) -> bool:
        """Do what is due on these records; True where there was anything."""
        if not records:
            return False
        async with self._database.transaction() as tx:
            await lock_partitions(tx, {self._partition(record) for record in records})
            return await self._strike(tx, records, await self._clock(tx))

    async def _strike(self, tx: Transaction, records: Sequence[UUID], now: datetime) -> bool:
        found = await load_all(tx, self._keys, records)
        done = [(one, act) for one in records for act in struck(one, found[str(one)], now, self._policy)]
        if not done:
            return False
        await self._requests.save(tx, [change for _, act in done for change in act.changes])
        outgoing = [
            message
            for record, act in done
            for message in self._outbox.root(act.emits, cause=named_id(record, act.name), key=record)
        ]
        await self._outbox.append(tx, outgoing)
        return True
