"""Records, rights and decisions by batch: one statement per table, whatever the size of the batch."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any, Final, NamedTuple
from uuid import UUID

from services.access_control.domain.branches.deposits import DIRECTIVES
from services.access_control.domain.changes import (
    Change,
    DecisionMade,
    DeletionBegun,
    Kept,
    RecordChanged,
    RightChanged,
)
from services.access_control.domain.decide import needs_rights
from services.access_control.domain.deletion import Because
from services.access_control.domain.oversight import NOTHING, Oversight
from services.access_control.domain.record import ABSENT, Record, Right, State
from services.access_control.domain.requests import may_restrict, named
from services.access_control.repository import majorities, oversight, past, relations, rights
from services.access_control.repository.deletions import begin
from services.access_control.repository.relations import Relations, joined
from services.access_control.repository.rights import Rights
from shared.contracts.access_decisions import Outcome
from shared.contracts.common import Act, Actor, Wishes
from shared.contracts.envelope import Message
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_documents import Hide
from shared.contracts.record_requests import DelegationKind, Function, Invite
from shared.database import Database, Transaction
from shared.database.record_keys import RecordKeys
from shared.security import PERMIT_LIFETIME

KEEP_DECISIONS: Final = timedelta(days=31)
"""Longer than `record.requests` keeps a request that could come again."""
FORGET_AT_ONCE: Final = 2000
_WISHES: Final = {
    answers: Wishes(break_glass=answers[0], regulation=answers[1], masked=answers[2])
    for answers in product((True, False), repeat=3)
}
"""The eight combinations, so that a record's load builds no model."""
_STATES: Final = {state.value: state for state in State}
_UNRELATED: Final = Relations()
_NOTHING_OPTED_OUT: Final[frozenset[Function]] = frozenset()
_COLUMNS: Final = """
    id, state, activated, suspended, suspended_at, objected, deceased, closed_at, foreseen_at, deletion_due,
    deleted_because, held, rights_version, treating_doctor, break_glass, regulation, masked_in_emergency, opted_out,
    heirs_opposed, masks_by_default,
    (SELECT array_agg(actor) FROM actor_suspension
     WHERE ended_at IS NULL AND actor = ANY($2::text[])) AS suspended_actors
"""
"""In the order in which `_record` takes them: by their names they cost as much again."""
_LOAD: Final = f"""
    SELECT {_COLUMNS}, NULL::timestamptz AS permits_until FROM record WHERE id = ANY($1::uuid[])
"""  # noqa: S608 - put together of constants
_LOAD_WITH_PERMITS: Final = f"""
    SELECT {_COLUMNS}, out.permits_until
    FROM record LEFT JOIN (
        SELECT record, max(decided_at) + interval '{PERMIT_LIFETIME}' AS permits_until FROM decision
        WHERE decided_at > now() - interval '{PERMIT_LIFETIME}' AND record = ANY($1::uuid[])
          AND act = '{Act.CONSULT}' AND outcome = '{Outcome.PERMIT}'
        GROUP BY record
    ) AS out ON out.record = id
    WHERE id = ANY($1::uuid[])
"""  # noqa: S608 - put together of constants
"""Permits live for seconds and each is a decision that is kept: those that are out are found by the index of decisions
by age. A column of the record would be written at every read, and with millions of records each time in another page.
Lifetimes are constants of the statement, so that the planner knows how few rows are meant.
"""


class Beside(NamedTuple):
    """What a load adds to records."""

    of: Mapping[UUID, Oversight]
    actors: Sequence[str]
    """Directory numbers of those who ask: which of them are suspended is read with the records."""


_NOTHING_BESIDE: Final = Beside({}, ())


class _Records:
    """What both lanes save, and how they load records."""

    def __init__(self, keys: RecordKeys) -> None:
        self._keys = keys

    async def save(self, tx: Transaction, changes: Sequence[Change]) -> None:
        """Write a batch's changes; of several of one row the last counts."""
        by_kind: defaultdict[type[Change], list[Any]] = defaultdict(list)
        for change in changes:
            by_kind[type(change)].append(change)
        if records := {change.id: change.record for change in by_kind[RecordChanged]}:
            await _save_records(tx, records)
        if changed := {(change.record, change.professional): change.right for change in by_kind[RightChanged]}:
            await rights.save(tx, changed)
        await relations.save(tx, changes)
        if kept := by_kind[Kept]:
            await past.save(tx, kept)
        await oversight.save(tx, changes)
        if deletions := {change.record: change.deletion for change in by_kind[DeletionBegun]}:
            await begin(tx, deletions)
        if decisions := by_kind[DecisionMade]:
            await _save_decisions(tx, decisions)


class Requests(_Records):
    """The lane of reads and rights: records with the rights of those whom its messages name."""

    def __init__(self, keys: RecordKeys, *, count_today: bool = False) -> None:
        """Name what is needed.

        Args:
            keys: Of records.
            count_today: Emergencies of one day are counted before something is decided, since a setting asks for it.
        """
        super().__init__(keys)
        self._count_today = count_today

    async def load(self, tx: Transaction, messages: Sequence[Message[Any]]) -> Mapping[str, Record]:
        """The records of these messages; one that does not exist is `ABSENT`."""
        ids = {message.record for message in messages}
        minors = {message.record for message in messages if _needs_majority(message.body)}
        beside = await oversight.load(tx, messages, count_today=self._count_today)
        actors = oversight.actors_of(messages)
        permits = any(may_restrict(message.body) for message in messages)
        return await _load(
            tx,
            self._keys,
            ids,
            ids,
            whose=named_in(messages),
            represented=minors,
            beside=Beside(beside, actors),
            permits=permits,
        )

    async def done(self, tx: Transaction, messages: Sequence[Message[Any]]) -> set[UUID]:
        """Which of these requests have their decision."""
        rows = await tx.fetch(
            "SELECT request FROM decision WHERE request = ANY($1::uuid[])", [message.id for message in messages]
        )
        return {row["request"] for row in rows}


class Deposits(_Records):
    """The lane of deposits: rights and relations are loaded only where a deposit is decided on them."""

    async def load(self, tx: Transaction, messages: Sequence[Message[Any]]) -> Mapping[str, Record]:
        """The records of these messages; one that does not exist is `ABSENT`."""
        asked = {
            message.record for message in messages if type(message.body) is Deposit and needs_rights(message.body.actor)
        }
        beside = Beside(await oversight.load(tx, messages), oversight.actors_of(messages))
        records = {message.record for message in messages}
        minors = {message.record for message in messages if _needs_majority(message.body)}
        whose = named_in(messages)
        return await _load(tx, self._keys, records, asked, whose=whose, represented=minors, beside=beside)


def named_in(messages: Sequence[Message[Any]]) -> set[str]:
    """Whose rights these messages are decided on: of all others a batch loads none, however many a record has."""
    return {number for message in messages for number in named(message.body)}


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


async def load_one(tx: Transaction, keys: RecordKeys, record: UUID, *, with_majority: bool = False) -> Record:
    """One record with all its rights and relations, for a view; `with_majority` also where nothing ends at that day."""
    return (await _load(tx, keys, {record}, {record}, represented={record} if with_majority else ()))[str(record)]


async def load_all(tx: Transaction, keys: RecordKeys, records: Collection[UUID]) -> dict[str, Record]:
    """These records with all their rights and relations, and how long permits on them are out."""
    return await _load(tx, keys, records, records, permits=True)


async def _load(
    tx: Transaction,
    keys: RecordKeys,
    ids: Collection[UUID],
    related: Collection[UUID],
    *,
    whose: Collection[str] | None = None,
    represented: Collection[UUID] = (),
    beside: Beside = _NOTHING_BESIDE,
    permits: bool = False,
) -> dict[str, Record]:
    """The records of these ids.

    Args:
        tx: the batch's transaction.
        keys: of records, for those that need the day of majority.
        ids: all of them.
        related: those whose rights and relations are needed.
        whose: directory numbers of whose rights on them are needed; None: of everybody.
        represented: those whose day of majority is needed, whatever their relations are.
        beside: what stands beside them.
        permits: something may be decided that takes access away, and is told when the last permit has run out.
    """
    decided = await rights.load(tx, related, whose) if related else {}
    others = await relations.load(tx, related) if related else {}
    minors = {*represented, *(record for record in related if _ends_at_majority(record, decided, others))}
    of_age = await majorities.load(tx, keys, minors)
    rows = await tx.fetch(_LOAD_WITH_PERMITS if permits else _LOAD, list(ids), beside.actors)
    found = dict.fromkeys(map(str, ids), ABSENT)
    for row in rows:
        record = row["id"]
        loaded = _record(row, decided.get(record, {}), others.get(record) or _UNRELATED, of_age.get(record))
        found[str(record)] = _overseen(loaded, beside.of.get(record), row["suspended_actors"])
    return found


def _overseen(record: Record, beside: Oversight | None, suspended: Sequence[str] | None) -> Record:
    """With what stands beside it, which mostly is nothing."""
    if suspended:
        beside = replace(beside or NOTHING, suspended=frozenset(suspended))
    return record if beside is None else replace(record, oversight=beside)


def _record(row: Any, decided: Mapping[str, Right], others: Relations, of_age: datetime | None) -> Record:
    _, state, activated, suspended, suspended_at, objected, deceased, closed_at, foreseen_at, *more = row
    deletion_due, because, held, version, treating, *more = more
    break_glass, regulation, masked, opted_out, heirs_opposed, masks_by_default, _, permits_until = more
    return Record(
        state=_STATES[state],
        activated=activated,
        suspended=suspended,
        suspended_at=suspended_at,
        objected=objected,
        deceased=deceased,
        closed_at=closed_at,
        foreseen_at=foreseen_at,
        deletion_due=deletion_due,
        deleted_because=Because(because) if because else None,
        held=held,
        rights_version=version,
        permits_until=permits_until,
        treating=treating,
        majority=of_age,
        wishes=_WISHES[break_glass, regulation, masked],
        opted_out=frozenset(map(Function, opted_out)) if opted_out else _NOTHING_OPTED_OUT,
        masks_by_default=masks_by_default,
        heirs_opposed=heirs_opposed,
        rights=decided,
        sessions=others.sessions,
        teams=others.teams,
        delegations=others.delegations,
        apps=others.apps,
    )


def _ends_at_majority(record: UUID, decided: Rights, others: Mapping[UUID, Relations]) -> bool:
    by_right = any(right.by_representative for right in decided.get(record, {}).values())
    return by_right or (record in others and others[record].need_majority())


def _needs_majority(body: Any) -> bool:
    """True for what is decided on the day of majority, whatever the record's relations are."""
    kind = type(body)  # compared, not asked of by isinstance, which for models costs ten times as much
    return (
        (kind is Deposit and body.type_code == DIRECTIVES)
        or kind is Hide
        or (kind is Invite and body.kind is DelegationKind.LEGAL_REPRESENTATION)
        or _is_secret(body)
    )


def _is_secret(body: Any) -> bool:
    """True under a minor's secret connection (AR-042)."""
    actor: Actor | None = getattr(body, "actor", None)
    return actor is not None and actor.secret


async def _save_records(tx: Transaction, records: Mapping[UUID, Record]) -> None:
    rows = list(records.values())
    await tx.execute(
        """
        UPDATE record AS r
        SET state = n.state, held = n.held, rights_version = n.rights_version, treating_doctor = n.treating_doctor,
            activated = n.activated, suspended = n.suspended, suspended_at = n.suspended_at, objected = n.objected,
            deceased = n.deceased, deletion_due = n.deletion_due, break_glass = n.break_glass,
            regulation = n.regulation, masked_in_emergency = n.masked_in_emergency,
            opted_out = string_to_array(n.opted_out, ','), closed_at = n.closed_at, foreseen_at = n.foreseen_at,
            deleted_because = n.deleted_because, heirs_opposed = n.heirs_opposed,
            masks_by_default = n.masks_by_default
        FROM unnest($1::uuid[], $2::text[], $3::boolean[], $4::int[], $5::text[], $6::boolean[], $7::boolean[],
                    $8::timestamptz[], $9::boolean[], $10::boolean[], $11::timestamptz[], $12::boolean[],
                    $13::boolean[], $14::boolean[], $15::text[], $16::timestamptz[], $17::timestamptz[], $18::text[],
                    $19::boolean[], $20::boolean[])
             AS n (id, state, held, rights_version, treating_doctor, activated, suspended, suspended_at, objected,
                   deceased, deletion_due, break_glass, regulation, masked_in_emergency, opted_out, closed_at,
                   foreseen_at, deleted_because, heirs_opposed, masks_by_default)
        WHERE r.id = n.id
        """,
        list(records),
        [record.state for record in rows],
        [record.held for record in rows],
        [record.rights_version for record in rows],
        [record.treating for record in rows],
        [record.activated for record in rows],
        [record.suspended for record in rows],
        [record.suspended_at for record in rows],
        [record.objected for record in rows],
        [record.deceased for record in rows],
        [record.deletion_due for record in rows],
        [record.wishes.break_glass for record in rows],
        [record.wishes.regulation for record in rows],
        [record.wishes.masked for record in rows],
        [joined(record.opted_out) for record in rows],
        [record.closed_at for record in rows],
        [record.foreseen_at for record in rows],
        [record.deleted_because for record in rows],
        [record.heirs_opposed for record in rows],
        [record.masks_by_default for record in rows],
    )


async def _save_decisions(tx: Transaction, decisions: Sequence[DecisionMade]) -> None:
    # no ON CONFLICT: a second decision on a request is a fault that must not be committed
    await tx.execute(
        """
        INSERT INTO decision (
            request, record, act, outcome, reason, rights_version, decided_at, profession_group, owner, matrix_version,
            actor
        )
        SELECT * FROM unnest(
            $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::int[], $7::timestamptz[],
            $8::text[], $9::text[], $10::text[], $11::text[]
        )
        """,
        [made.request for made in decisions],
        [made.record for made in decisions],
        [made.act for made in decisions],
        [made.outcome for made in decisions],
        [made.reason for made in decisions],
        [made.rights_version for made in decisions],
        [made.decided_at for made in decisions],
        [made.matrix.group if made.matrix else None for made in decisions],
        [made.matrix.owner if made.matrix else None for made in decisions],
        [made.matrix.version if made.matrix else None for made in decisions],
        [made.actor for made in decisions],
    )
