"""The delivery ledger: which notices are begun, and what was told before."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.notification.domain.deliveries import (
    Change,
    Death,
    Delivery,
    ExtractCase,
    Leaving,
    Opened,
    Reach,
    Waiting,
)
from services.notification.domain.rules import ACCESSES, TO_OTHERS, about_an_extract
from shared.contracts.envelope import Message
from shared.contracts.notification_events import Silence
from shared.database import Transaction

_UNKNOWN = Reach(contact=False)
_KNOWN = Reach(contact=True)


class Ledger:
    """Begins notices: what the consumer loads and saves."""

    def __init__(self, window: timedelta) -> None:
        """Name how long what one professional reads of a record counts as one access."""
        self._window = window

    async def load(self, tx: Transaction, messages: Sequence[Message[Any]]) -> Mapping[str, Reach]:
        """Who of the records' people has an address; where something was read, what was told of late and may not be."""
        keys = {message.key for message in messages}
        rows = await tx.fetch("SELECT record FROM contact WHERE record = ANY($1::uuid[])", [UUID(key) for key in keys])
        reach = dict.fromkeys(keys, _UNKNOWN) | {str(row["record"]): _KNOWN for row in rows}
        if others := {message.record for message in messages if type(message.body) in TO_OTHERS}:
            await _add_others(tx, others, reach)
        if accesses := [message for message in messages if type(message.body) in ACCESSES]:
            since = min(message.envelope.time for message in accesses) - self._window
            await _add_told(tx, {message.record for message in accesses}, since, reach)
        if extracts := {message.record for message in messages if about_an_extract(message.body)}:
            await _add_extracts(tx, extracts, reach)
        return reach

    async def save(self, tx: Transaction, changes: Sequence[Change]) -> None:
        """Begin notices; one that stands there already is left as it is. Note opened documents and deleted records."""
        begun, opened = _in_order(changes)
        if opened:
            await _speak(tx, opened)
        if begun:
            await self._begin(tx, begun)
        await _note(tx, changes)
        leaving = {change.record: change.cause for change in changes if isinstance(change, Leaving)}
        if leaving:
            await tx.execute(
                """
                INSERT INTO leaving (record, cause) SELECT * FROM unnest($1::uuid[], $2::uuid[])
                ON CONFLICT (record) DO UPDATE SET cause = excluded.cause
                """,
                list(leaving),
                list(leaving.values()),
            )

    @staticmethod
    async def _begin(tx: Transaction, changes: Sequence[Delivery]) -> None:
        """Copied, which costs less per row; the records' partitions are locked, so that nobody else begins the same."""
        notices: dict[UUID, Delivery] = {}
        for item in changes:
            notices.setdefault(item.notice, item)
        rows = await tx.fetch("SELECT notice FROM delivery WHERE notice = ANY($1::uuid[])", list(notices))
        for row in rows:
            del notices[row["notice"]]
        if notices:
            columns = (*Delivery._fields, "next_attempt_at")
            await tx.copy("delivery", columns, [(*item, item.not_before) for item in notices.values()])


def _in_order(changes: Sequence[Change]) -> tuple[list[Delivery], set[Opened]]:
    """The notices as they stand after what opened behind them, and all that opened."""
    begun: list[Delivery] = []
    opened: set[Opened] = set()
    for change in reversed(changes):
        if isinstance(change, Opened):
            opened.add(change)
        elif isinstance(change, Delivery):
            begun.append(change._replace(subject=None) if _is_over(change, opened) else change)
    return begun[::-1], opened


def _is_over(notice: Delivery, opened: set[Opened]) -> bool:
    """Whether it kept silent about a document that opened since."""
    return (
        bool(opened)
        and notice.silence is not None
        and notice.subject is not None
        and Opened(notice.record, notice.subject) in opened
    )


async def _speak(tx: Transaction, opened: Collection[Opened]) -> None:
    """Notices that kept silent of these documents say so to later events no more; what stands there is history."""
    await tx.execute(
        """
        UPDATE delivery AS d SET subject = NULL
        FROM unnest($1::uuid[], $2::uuid[]) AS o (record, document)
        WHERE d.record = o.record AND d.subject = o.document AND d.channel = 'none'
        """,
        [one.record for one in opened],
        [one.document for one in opened],
    )


async def _note(tx: Transaction, changes: Sequence[Change]) -> None:
    """What decides later whether extracts are told; of a record the last word on a death holds."""
    deaths = {change.record: change.undone for change in changes if isinstance(change, Death)}
    if deaths:
        await tx.execute(
            """
            WITH told AS (SELECT * FROM unnest($1::uuid[], $2::bool[]) AS t (record, undone)),
                 undone AS (DELETE FROM deceased WHERE record IN (SELECT record FROM told WHERE undone))
            INSERT INTO deceased (record) SELECT record FROM told WHERE NOT undone ON CONFLICT DO NOTHING
            """,
            list(deaths),
            list(deaths.values()),
        )
    cases = {(change.record, change.case): change.experts for change in changes if isinstance(change, ExtractCase)}
    waiting = [change for change in changes if isinstance(change, Waiting)]
    if waiting:
        await tx.execute(
            """
            INSERT INTO extract_waiting (record, case_id, request, about, correlation, occurred_at)
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::timestamptz[])
            ON CONFLICT DO NOTHING
            """,
            *map(list, zip(*waiting, strict=True)),
        )
    if cases:
        await tx.execute(
            """
            WITH told AS (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bool[]) AS t (record, case_id, experts)),
                 over AS (DELETE FROM extract_waiting AS w USING told AS t
                          WHERE w.record = t.record AND w.case_id = t.case_id)
            INSERT INTO extract_case (record, case_id, experts) SELECT * FROM told ON CONFLICT DO NOTHING
            """,
            [record for record, _ in cases],
            [case for _, case in cases],
            list(cases.values()),
        )


async def _add_extracts(tx: Transaction, records: Collection[UUID], reach: dict[str, Reach]) -> None:
    waiting: dict[str, list[Waiting]] = defaultdict(list)
    rows = await tx.fetch(
        """
        SELECT record, NULL::uuid AS case_id, NULL::bool AS experts FROM deceased WHERE record = ANY($1::uuid[])
        UNION ALL
        SELECT record, case_id, experts FROM extract_case WHERE record = ANY($1::uuid[])
        """,
        list(records),
    )
    for row in rows:
        key = str(row["record"])
        if row["case_id"] is None:
            reach[key] = replace(reach[key], deceased=True)
        else:
            reach[key] = replace(reach[key], cases={**reach[key].cases, row["case_id"]: row["experts"]})
    rows = await tx.fetch(
        """
        SELECT record, case_id, request, about, correlation, occurred_at FROM extract_waiting
        WHERE record = ANY($1::uuid[]) ORDER BY occurred_at, request
        """,
        list(records),
    )
    for row in rows:
        waiting[str(row["record"])].append(Waiting(*row))
    for key, found in waiting.items():
        reach[key] = replace(reach[key], waiting=tuple(found))


async def _add_others(tx: Transaction, records: Collection[UUID], reach: dict[str, Reach]) -> None:
    found: dict[str, set[str]] = defaultdict(set)
    rows = await tx.fetch(
        "SELECT record, recipient FROM other_contact WHERE record = ANY($1::uuid[])",
        list(records),
    )
    for row in rows:
        found[str(row["record"])].add(row["recipient"])
    for key, others in found.items():
        reach[key] = replace(reach[key], others=frozenset(others))


async def _add_told(tx: Transaction, records: Collection[UUID], since: datetime, reach: dict[str, Reach]) -> None:
    told: dict[str, dict[UUID, datetime]] = defaultdict(dict)
    silent: dict[str, dict[UUID, Silence]] = defaultdict(dict)
    rows = await tx.fetch(
        """
        SELECT record, subject, occurred_at, silence FROM delivery
        WHERE record = ANY($1::uuid[]) AND subject IS NOT NULL AND channel = 'none'
          AND silence IN ('withheld', 'hidden_from_representatives', 'secret_connection')
        UNION ALL
        SELECT record, subject, occurred_at, silence FROM delivery
        WHERE record = ANY($1::uuid[]) AND subject IS NOT NULL AND channel = 'email'
          AND status <> 'failed' AND occurred_at > $2
        ORDER BY occurred_at
        """,
        list(records),
        since,
    )
    for row in rows:
        if row["silence"] is None:
            told[str(row["record"])][row["subject"]] = row["occurred_at"]
        else:
            silent[str(row["record"])][row["subject"]] = Silence(row["silence"])
    for key in told.keys() | silent.keys():
        reach[key] = replace(reach[key], told=told[key], silent=silent[key])
