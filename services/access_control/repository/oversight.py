"""What stands beside records, by batch: each statement is sent only where a message of the batch needs it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from services.access_control.domain.changes import CaseBegan, Change, EmergencyBegan, EmergencyConfirmed, ExtractKept
from services.access_control.domain.oversight import NOTHING, Case, Confirmation, Emergency, Oversight
from services.access_control.repository import extracts, register
from shared.contracts.common import AccessMode, Actor, ActorKind
from shared.contracts.envelope import Message
from shared.contracts.record_documents import Delete
from shared.contracts.record_oversight import ConfirmEmergency, Contest
from shared.contracts.record_requests import AgreeApp, Consult
from shared.database import Transaction

_SUSPENDABLE: Final = frozenset({ActorKind.PROFESSIONAL, ActorKind.STRUCTURE})
_URGENT: Final = """
    SELECT record, 'emergency' AS what, professional, mode, request, reason AS said, until
    FROM emergency WHERE record = ANY($1::uuid[]) AND until > clock_timestamp() - interval '1 minute'
    UNION ALL
    SELECT record, 'confirmation', professional, NULL, NULL, colleague, until
    FROM emergency_confirmation WHERE record = ANY($1::uuid[]) AND until > clock_timestamp() - interval '1 minute'
    UNION ALL
    SELECT record, 'text', NULL, NULL, subject, NULL, NULL FROM written WHERE subject = ANY($2::uuid[])
"""
_TODAY: Final = """
    -- takes the turn on each professional's day, in one order, so that two processes don't both count the last one
    INSERT INTO emergency_day AS d (professional, mode, day, accesses)
    SELECT professional, $2, (clock_timestamp() AT TIME ZONE 'Europe/Paris')::date, 0
    FROM unnest($1::text[]) AS professional ORDER BY professional
    ON CONFLICT (professional, mode, day) DO UPDATE SET accesses = d.accesses
    RETURNING professional, accesses
"""
_CONTESTED: Final = """
    SELECT 'case' AS what, id, record, request, NULL AS actor
    FROM contest WHERE record = ANY($1::uuid[]) OR id = ANY($2::uuid[])
    UNION ALL
    SELECT 'decision', request, record, request, actor FROM decision WHERE request = ANY($3::uuid[])
"""
_ERASING: Final = """
    SELECT id, record, request, professional, structure, opened_at, due, by_representative,
           coalesce(finding = 'founded', false) AS founded, answered_by
    FROM contest WHERE id = ANY($1::uuid[])
"""
_BEGIN: Final = """
    WITH asked AS MATERIALIZED (
        SELECT *, (since AT TIME ZONE 'Europe/Paris')::date AS day
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
                    $8::boolean[], $9::int[])
             AS a (request, record, professional, mode, reason, since, until, secret, usual)
    ), began AS (
        -- no ON CONFLICT: a request begins one emergency, and a second one must not be committed
        INSERT INTO emergency (request, record, professional, mode, reason, since, until, secret)
        SELECT request, record, professional, mode, reason, since, until, secret FROM asked
    ), counted AS (
        INSERT INTO emergency_day AS d (professional, mode, day, accesses)
        SELECT professional, mode, day, count(*) FROM asked GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (professional, mode, day) DO UPDATE SET accesses = d.accesses + excluded.accesses
        RETURNING professional, mode, day, accesses
    )
    INSERT INTO review AS r (kind, actor, period, counted, usual)
    SELECT c.mode || '.day', c.professional, c.day::timestamp AT TIME ZONE 'Europe/Paris', c.accesses, u.usual
    FROM counted AS c JOIN (SELECT mode, max(usual) AS usual FROM asked GROUP BY mode) AS u USING (mode)
    WHERE c.accesses > u.usual ORDER BY 2, 1, 3
    ON CONFLICT (kind, actor, period) DO UPDATE SET counted = excluded.counted
"""


async def load(
    tx: Transaction, messages: Sequence[Message[Any]], *, count_today: bool = False
) -> dict[UUID, Oversight]:
    """What stands beside the records of these messages; a record without anything is left out.

    Args:
        tx: The batch's transaction.
        messages: The batch, in order.
        count_today: Count each professional's bris de glace of today, because something is decided on it.
    """
    found: defaultdict[UUID, Oversight] = defaultdict(lambda: NOTHING)
    urgent = [message for message in messages if _is_urgent(message.body)]
    if urgent:
        await _load_urgent(tx, urgent, found)
        if count_today:
            await _load_today(tx, urgent, found)
    await _load_apps(tx, messages, found)
    await _load_contested(tx, messages, found)
    await _load_erasing(tx, messages, found)
    await extracts.load(tx, messages, found)
    return found


async def save(tx: Transaction, changes: Sequence[Change]) -> None:
    """Write what began and was confirmed."""
    began = [change for change in changes if isinstance(change, EmergencyBegan)]
    if began:
        await _save_emergencies(tx, began)
    confirmed = {
        (change.record, change.professional): change.confirmation
        for change in changes
        if isinstance(change, EmergencyConfirmed)
    }
    if confirmed:
        await _save_confirmations(tx, confirmed)
    opened = [change for change in changes if isinstance(change, CaseBegan)]
    if opened:
        await _save_cases(tx, opened)
    if kept := {change.id: (change.record, change.extract) for change in changes if isinstance(change, ExtractKept)}:
        await extracts.save(tx, kept)


def _is_urgent(body: Any) -> bool:
    kind = type(body)  # compared, not asked of by isinstance, which for models costs ten times as much
    return kind is ConfirmEmergency or (kind is Consult and body.mode is not AccessMode.NORMAL)


async def _load_urgent(tx: Transaction, urgent: Sequence[Message[Any]], found: defaultdict[UUID, Oversight]) -> None:
    told = [message.id for message in urgent if isinstance(message.body, Consult) and message.body.reason_told]
    for row in await tx.fetch(_URGENT, list({message.record for message in urgent}), told):
        known = found[row["record"]]
        found[row["record"]] = _with(known, row)


def _with(known: Oversight, row: Any) -> Oversight:
    match row["what"]:
        case "emergency":
            key = row["professional"], AccessMode(row["mode"])
            emergency = Emergency(row["request"], row["said"], row["until"])
            before = known.emergencies.get(key)
            if before is not None and before.until > emergency.until:
                return known
            return replace(known, emergencies={**known.emergencies, key: emergency})
        case "confirmation":
            given = Confirmation(row["said"], row["until"])
            return replace(known, confirmations={**known.confirmations, row["professional"]: given})
        case _:
            return replace(known, texts=known.texts | {row["request"]})


async def _load_today(tx: Transaction, urgent: Sequence[Message[Any]], found: defaultdict[UUID, Oversight]) -> None:
    """The counts of today as each record is to see them.

    One batch may hold emergencies of one professional on several records, which don't see each other: those that come
    before count as if they began, so that the number is never passed.
    """
    asked = [
        (message.record, message.body.actor.number)
        for message in urgent
        if isinstance(message.body, Consult) and message.body.mode is AccessMode.EMERGENCY and message.body.actor.number
    ]
    mode = AccessMode.EMERGENCY.value
    rows = await tx.fetch(_TODAY, sorted({number for _, number in asked}), mode)
    counts: dict[str, int] = {row["professional"]: row["accesses"] for row in rows}
    for record, number in dict.fromkeys(asked):
        known = found[record]
        found[record] = replace(known, today={**known.today, number: counts[number]})
        if (number, AccessMode.EMERGENCY) not in known.emergencies:
            counts[number] += 1


async def _load_contested(
    tx: Transaction, messages: Sequence[Message[Any]], found: defaultdict[UUID, Oversight]
) -> None:
    """The cases of these records, and whether what is contested belongs to them."""
    asked = [(message.record, message.body) for message in messages if type(message.body) is Contest]
    if not asked:
        return
    cases, requests = [body.case for _, body in asked], [body.request for _, body in asked]
    rows = [
        *await tx.fetch(_CONTESTED, [record for record, _ in asked], cases, requests),
        *_decided_before(messages),
    ]
    for record in {record for record, _ in asked}:
        found[record] = _with_contested(found[record], record, rows)


def _decided_before(messages: Sequence[Message[Any]]) -> Iterator[dict[str, Any]]:
    """The rows of decisions that are contested further on in their own batch, which are not written yet."""
    asked: dict[UUID, Message[Any]] = {}
    for message in messages:
        body = message.body
        if type(body) is Contest and (contested := asked.get(body.request)) is not None:
            row = {"id": contested.id, "record": contested.record, "request": contested.id}
            yield row | {"what": "decision", "actor": _reader(contested.body)}
        asked.setdefault(message.id, message)


def _reader(body: Any) -> str | None:
    """The professional who asks to read: whom the decision's row names."""
    reads = type(body) is Consult and body.actor.kind is ActorKind.PROFESSIONAL
    return body.actor.number if reads else None


def _with_contested(known: Oversight, record: UUID, rows: Sequence[Any]) -> Oversight:
    own = [row for row in rows if row["record"] == record]
    cases = [row for row in own if row["what"] == "case"]
    return replace(
        known,
        cases={**known.cases, **{row["id"]: None for row in cases}},
        contested=known.contested | {row["request"] for row in cases},
        readers={row["request"]: row["actor"] for row in own if row["what"] == "decision"},
        foreign=frozenset(row["id"] for row in rows if row["record"] != record),
    )


async def _load_erasing(tx: Transaction, messages: Sequence[Message[Any]], found: defaultdict[UUID, Oversight]) -> None:
    """The cases by which something is to be erased, with their answers (AR-068)."""
    asked = {(message.record, message.body.case) for message in messages if type(message.body) is Delete}
    cases = [case for _, case in asked if case is not None]
    if not cases:
        return
    for row in await tx.fetch(_ERASING, cases):
        case, record, *told = row
        if (record, case) in asked:
            known = found[record]
            found[record] = replace(known, cases={**known.cases, case: Case(*told)})


async def _load_apps(tx: Transaction, messages: Sequence[Message[Any]], found: defaultdict[UUID, Oversight]) -> None:
    """The register as it is in this transaction: what was suspended before it is denied in every process."""
    named = [(message.record, app) for message in messages if (app := _app(message.body)) is not None]
    if not named:
        return
    apps = await register.load(tx, {app for _, app in named})
    for record, app in named:
        if app in apps:
            found[record] = replace(found[record], apps={**found[record].apps, app: apps[app]})


def _app(body: Any) -> str | None:
    """The app by which somebody acts, or with which he agrees."""
    if type(body) is AgreeApp:
        return body.app
    actor: Actor | None = getattr(body, "actor", None)
    return actor.app if actor is not None else None


async def _save_emergencies(tx: Transaction, began: Sequence[EmergencyBegan]) -> None:
    await tx.execute(
        _BEGIN,
        [one.emergency.request for one in began],
        [one.record for one in began],
        [one.professional for one in began],
        [one.mode.value for one in began],
        [one.emergency.reason for one in began],
        [one.since for one in began],
        [one.emergency.until for one in began],
        [one.secret for one in began],
        [one.limit for one in began],
    )


async def _save_confirmations(tx: Transaction, confirmed: Mapping[tuple[UUID, str], Confirmation]) -> None:
    await tx.execute(
        """
        INSERT INTO emergency_confirmation (record, professional, colleague, until)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[])
        ON CONFLICT (record, professional) DO UPDATE SET colleague = excluded.colleague, until = excluded.until
        """,
        [record for record, _ in confirmed],
        [professional for _, professional in confirmed],
        [given.colleague for given in confirmed.values()],
        [given.until for given in confirmed.values()],
    )


async def _save_cases(tx: Transaction, opened: Sequence[CaseBegan]) -> None:
    await tx.execute(
        """
        INSERT INTO contest (id, record, request, professional, structure, by_representative, opened_at, due)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::boolean[],
                             $7::timestamptz[], $8::timestamptz[])
        """,
        [one.id for one in opened],
        [one.record for one in opened],
        [one.case.request for one in opened],
        [one.case.professional for one in opened],
        [one.case.structure for one in opened],
        [one.case.by_representative for one in opened],
        [one.case.opened for one in opened],
        [one.case.due for one in opened],
    )


def actors_of(messages: Sequence[Message[Any]]) -> list[str]:
    """Directory numbers of the professionals and structures that ask, and of the structures in which they act."""
    found: set[str | None] = set()
    for message in messages:
        actor: Actor | None = getattr(message.body, "actor", None)
        if actor is not None and actor.kind in _SUSPENDABLE:
            found |= {actor.number, actor.structure}
    return [number for number in found if number is not None]
