"""Records, rights and decisions by batch: one statement per table, whatever the size of the batch."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from services.access_control.domain.changes import Change, DecisionMade, RecordChanged, RightChanged
from services.access_control.domain.decide import needs_consent
from services.access_control.domain.record import ABSENT, Record, Right, State
from shared.contracts.envelope import Message
from shared.contracts.record_deposits import Deposit
from shared.database import Database, Transaction

KEEP_DECISIONS: Final = timedelta(days=31)
"""Longer than `record.requests` keeps a request that could come again."""
FORGET_AT_ONCE: Final = 2000
_AUTHORISED: Final = "authorised"
_BLOCKED: Final = "blocked"
_NONE: Final = "none"

Rights = Mapping[UUID, Mapping[str, Right]]


class _Records:
    """What both lanes save, and how they load records."""

    async def save(self, tx: Transaction, changes: Sequence[Change]) -> None:
        """Write a batch's changes; of several of one row the last counts."""
        records: dict[UUID, Record] = {}
        rights: dict[tuple[UUID, str], Right | None] = {}
        decisions: list[DecisionMade] = []
        for change in changes:
            match change:
                case RecordChanged():
                    records[change.id] = change.record
                case RightChanged():
                    rights[change.record, change.professional] = change.right
                case DecisionMade():
                    decisions.append(change)
        if records:
            await _save_records(tx, records)
        if rights:
            await _save_rights(tx, rights)
        if decisions:
            await _save_decisions(tx, decisions)


class Requests(_Records):
    """The lane of reads and rights: records with all their rights."""

    async def load(self, tx: Transaction, messages: Sequence[Message[Any]]) -> Mapping[str, Record]:
        """The records of these messages; one that does not exist is `ABSENT`."""
        ids = {message.record for message in messages}
        return await _load(tx, ids, await _load_rights(tx, ids))

    async def done(self, tx: Transaction, messages: Sequence[Message[Any]]) -> set[UUID]:
        """Which of these requests have their decision."""
        rows = await tx.fetch(
            "SELECT request FROM decision WHERE request = ANY($1::uuid[])", [message.id for message in messages]
        )
        return {row["request"] for row in rows}


class Deposits(_Records):
    """The lane of deposits: rights are loaded only where a deposit needs the holder's consent."""

    async def load(self, tx: Transaction, messages: Sequence[Message[Any]]) -> Mapping[str, Record]:
        """The records of these messages; one that does not exist is `ABSENT`."""
        asked = {
            message.record
            for message in messages
            if isinstance(message.body, Deposit) and needs_consent(message.body.actor)
        }
        rights = await _load_rights(tx, asked) if asked else {}
        return await _load(tx, {message.record for message in messages}, rights)


class Decisions:
    """Forgets decisions on requests that can't come again; what was decided stays in the audit log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def forget_old(self) -> bool:
        """Delete a bounded number of old decisions; True where there may be more."""
        async with self._database.transaction() as tx:
            status = await tx.execute(
                """
                DELETE FROM decision WHERE request = ANY (ARRAY (
                    SELECT request FROM decision WHERE decided_at < clock_timestamp() - $1::interval LIMIT $2
                ))
                """,
                KEEP_DECISIONS,
                FORGET_AT_ONCE,
            )
        return status == f"DELETE {FORGET_AT_ONCE}"


async def load_one(tx: Transaction, record: UUID) -> Record:
    """One record with all its rights, for a view."""
    return (await _load(tx, {record}, await _load_rights(tx, {record})))[str(record)]


async def _load(tx: Transaction, ids: Collection[UUID], rights: Rights) -> dict[str, Record]:
    rows = await tx.fetch(
        """
        SELECT id, state, suspended, held, rights_version, permits_until, treating_doctor
        FROM record WHERE id = ANY($1::uuid[])
        """,
        list(ids),
    )
    found = dict.fromkeys(map(str, ids), ABSENT)
    for row in rows:
        found[str(row["id"])] = Record(
            state=State(row["state"]),
            suspended=row["suspended"],
            held=row["held"],
            rights_version=row["rights_version"],
            permits_until=row["permits_until"],
            treating=row["treating_doctor"],
            rights=rights.get(row["id"], {}),
        )
    return found


async def _load_rights(tx: Transaction, ids: Iterable[UUID]) -> Rights:
    rows = await tx.fetch(
        "SELECT record, professional, standing, until FROM professional_right "
        "WHERE record = ANY($1::uuid[]) AND standing <> $2",
        list(ids),
        _NONE,
    )
    found: dict[UUID, dict[str, Right]] = {}
    for row in rows:
        right = Right(blocked=row["standing"] == _BLOCKED, until=row["until"])
        found.setdefault(row["record"], {})[row["professional"]] = right
    return found


async def _save_records(tx: Transaction, records: Mapping[UUID, Record]) -> None:
    rows = list(records.values())
    await tx.execute(
        """
        UPDATE record AS r
        SET state = n.state, held = n.held, rights_version = n.rights_version, permits_until = n.permits_until,
            treating_doctor = n.treating_doctor
        FROM unnest($1::uuid[], $2::text[], $3::boolean[], $4::int[], $5::timestamptz[], $6::text[])
             AS n (id, state, held, rights_version, permits_until, treating_doctor)
        WHERE r.id = n.id
        """,
        list(records),
        [record.state.value for record in rows],
        [record.held for record in rows],
        [record.rights_version for record in rows],
        [record.permits_until for record in rows],
        [record.treating for record in rows],
    )


async def _save_rights(tx: Transaction, rights: Mapping[tuple[UUID, str], Right | None]) -> None:
    await tx.execute(
        """
        INSERT INTO professional_right (record, professional, standing, until)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[])
        ON CONFLICT (record, professional) DO UPDATE
        SET standing = excluded.standing, until = excluded.until, changed_at = excluded.changed_at
        """,
        [record for record, _ in rights],
        [professional for _, professional in rights],
        [_standing(right) for right in rights.values()],
        [right.until if right is not None else None for right in rights.values()],
    )


def _standing(right: Right | None) -> str:
    if right is None:
        return _NONE
    return _BLOCKED if right.blocked else _AUTHORISED


async def _save_decisions(tx: Transaction, decisions: Sequence[DecisionMade]) -> None:
    # no ON CONFLICT: a second decision on a request is a fault that must not be committed
    await tx.execute(
        """
        INSERT INTO decision (
            request, record, act, outcome, reason, rights_version, decided_at, profession_group, owner, matrix_version
        )
        SELECT * FROM unnest(
            $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::int[], $7::timestamptz[],
            $8::text[], $9::text[], $10::text[]
        )
        """,
        [made.request for made in decisions],
        [made.record for made in decisions],
        [made.act.value for made in decisions],
        [made.outcome.value for made in decisions],
        [made.reason.value for made in decisions],
        [made.rights_version for made in decisions],
        [made.decided_at for made in decisions],
        [made.matrix.group if made.matrix else None for made in decisions],
        [made.matrix.owner.value if made.matrix else None for made in decisions],
        [made.matrix.version if made.matrix else None for made in decisions],
    )
