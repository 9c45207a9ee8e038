"""The account at the end: what was sent, decided, stored, told and traced, counted where it stands. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson

from deploy.proof.checker.decisions import Told, told_decisions
from deploy.proof.checker.facts import Facts, Sent
from shared.contracts.access_decisions import Outcome, RightsChanged
from shared.contracts.common import Act, Owner
from shared.contracts.document_events import Consulted, Deposited
from shared.contracts.history_events import HistoryUpdated
from shared.contracts.notification_events import Silence
from shared.contracts.topics import (
    ACCESS_DECISIONS,
    DOCUMENT_EVENTS,
    HISTORY_EVENTS,
    RECORD_DEPOSITS,
    REIMBURSEMENTS,
)

_RIGHTS: Final = frozenset({Act.AUTHORISE, Act.BLOCK})


@dataclass(frozen=True)
class Sending:
    """What the demonstration sent, as it counted itself."""

    since: datetime
    records: frozenset[UUID]
    deposits: frozenset[UUID]
    """Deposits that were stored, of now and of earlier runs."""
    reads: int
    """Reads of documents that were answered with content or a list."""
    refused: int
    """Reads of documents that were refused."""
    changes: int
    """Authorisations and blocks."""
    repeated: int
    """Requests that were sent again: so many more may have been decided."""
    lines: int = 0
    answered: int = 0
    """Lines with a receipt."""
    kept: int = 0
    """Lines that stand in the database of history now and did not before."""
    due: int = 0
    """Good lines of the records' holders, which are to be kept."""
    unreadable: int = 0
    """Lines that can only be parked."""
    line_ids: frozenset[UUID] = frozenset()
    """Of the messages with lines."""
    line_places: frozenset[tuple[int, int]] = frozenset()
    """Partition and offset of every line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of act, counted at each station; None where the kind has no such station."""

    kind: str
    sent: int
    decided: int | None
    stored: int | None
    told: int | None
    traced: int | None
    wrong: tuple[str, ...] = field(default=())


class Account:
    """Counts what stands in the facts of what was sent."""

    def __init__(self, facts: Facts, sending: Sending) -> None:
        self._facts = facts
        self._sending = sending
        self._decided = told_decisions(facts)
        self._traced = {leaf.event_id for leaf in facts.leaves}
        self._notices: Mapping[UUID, str] = {
            delivery.about: "sent" if delivery.silence == Silence.SAME_ACCESS else delivery.status
            for delivery in facts.deliveries
            if delivery.recipient is None
        }
        """What became of each event's notice to the holder; a read of an access that was told counts as told."""

    def rows(self) -> list[Row]:
        """All kinds of acts."""
        return [self._deposits(), self._reads(), self._refused(), self._rights(), self._lines()]

    def _deposits(self) -> Row:
        deposits = self._sending.deposits
        asked = {
            UUID(orjson.loads(row.payload)["deposit"])
            for row in self._outbox(RECORD_DEPOSITS)
            if UUID(row.key) in self._sending.records
        }
        decided = [one for one in self._decided if UUID(one["request"]) in deposits]
        permitted = sum(one["outcome"] == Outcome.PERMIT for one in decided)
        stored = sum(document.status == "current" for key, document in self._facts.documents.items() if key in deposits)
        events = [row for row in self._outbox(DOCUMENT_EVENTS, Deposited.type_name) if row.correlation in deposits]
        return _row(
            "documents",
            len(deposits),
            permitted,
            stored,
            self._told(events),
            self._leaves(events),
            asked=len(asked & deposits),
        )

    def _reads(self) -> Row:
        permits = self._consultations(Outcome.PERMIT)
        requests = {UUID(one["request"]) for one in permits}
        happened = sum(read.request in requests for read in self._facts.reads[Owner.DOCUMENT])
        events = [row for row in self._outbox(DOCUMENT_EVENTS, Consulted.type_name) if row.correlation in requests]
        by_others = [row for row in events if orjson.loads(row.payload)["actor"]["kind"] != "patient"]
        row = _row(
            "reads permitted", self._sending.reads, len(permits), happened, None, self._leaves(events), more=self._more
        )
        told = self._told(by_others)
        wrong = () if told == len(by_others) else (f"{told} of {len(by_others)} reads by professionals were told",)
        return Row(row.kind, row.sent, row.decided, row.stored, told, row.traced, row.wrong + wrong)

    def _refused(self) -> Row:
        refusals = self._consultations(Outcome.DENY)
        decisions = {UUID(one["request"]) for one in refusals}
        events = [row for row in self._outbox(ACCESS_DECISIONS) if row.correlation in decisions]
        shown = sum(read.request in decisions for read in self._facts.reads[Owner.DOCUMENT])
        row = _row(
            "reads refused", self._sending.refused, len(refusals), None, None, self._leaves(events), more=self._more
        )
        wrong = (f"{shown} refused reads happened",) if shown else ()
        return Row(row.kind, row.sent, row.decided, shown, None, row.traced, row.wrong + wrong)

    def _rights(self) -> Row:
        decided = [one for one in self._ours() if one["act"] in _RIGHTS and one["outcome"] == Outcome.PERMIT]
        requests = {UUID(one["request"]) for one in decided}
        events = [row for row in self._outbox(ACCESS_DECISIONS, RightsChanged.type_name) if row.correlation in requests]
        counts = (len(decided), len(events), self._told(events), self._leaves(events))
        return _row("changes of rights", self._sending.changes, *counts, more=self._more)

    def _lines(self) -> Row:
        sending = self._sending
        in_kafka = sum(
            (partition, record.offset) in sending.line_places
            for (topic, partition), records in self._facts.topics.items()
            if topic.startswith(REIMBURSEMENTS)
            for record in records
        )
        parked = sum(
            (row.partition, row.offset) in sending.line_places and row.topic.startswith(REIMBURSEMENTS)
            for row in self._facts.parked
        )
        updates = self._outbox(HISTORY_EVENTS, HistoryUpdated.type_name)
        news = [row for row in updates if row.correlation in sending.line_ids]
        first = [row for row in news if orjson.loads(row.payload).get("first")]
        traced, told = self._leaves(news), self._told(first)
        wrong = [f"{in_kafka} of {sending.lines} lines stand in Kafka"] if in_kafka != sending.lines else []
        wrong += [f"{sending.answered} of {sending.lines} were answered"] if sending.answered != sending.lines else []
        wrong += [f"{sending.kept} lines were kept, {sending.due} are due"] if sending.kept != sending.due else []
        wrong += [f"{parked} are parked, {sending.unreadable} can't be read"] if parked != sending.unreadable else []
        wrong += [f"{traced} of {len(news)} updates of histories were traced"] if traced != len(news) else []
        wrong += [f"{told} of {len(first)} new histories were told"] if told != len(first) else []
        kind = "lines (traced: updates; told: new histories)"
        return Row(kind, sending.lines, sending.answered, sending.kept, told, traced, tuple(wrong))

    @property
    def _more(self) -> int:
        return self._sending.repeated

    def _ours(self) -> Iterator[Told]:
        """Decisions of this run on the demonstration's records."""
        for one in self._decided:
            row = self._facts.decisions.get(UUID(one["request"]))
            if row is not None and row.record in self._sending.records and row.decided_at >= self._sending.since:
                yield one

    def _consultations(self, outcome: Outcome) -> list[Told]:
        return [
            one
            for one in self._ours()
            if one["act"] == Act.CONSULT and one.get("owner", Owner.DOCUMENT) == Owner.DOCUMENT
            if one["outcome"] == outcome
        ]

    def _outbox(self, topic: str, kind: str = "") -> Iterator[Sent]:
        for (name, _), rows in self._facts.outboxes.items():
            if name == topic:
                yield from (row for row in rows if not kind or row.type == kind)

    def _leaves(self, events: Sequence[Sent]) -> int:
        return sum(row.id in self._traced for row in events)

    def _told(self, events: Sequence[Sent]) -> int:
        return Counter(self._notices.get(row.id) for row in events)["sent"]


def _row(  # noqa: PLR0917 - the stations in their order
    kind: str,
    sent: int,
    decided: int,
    stored: int | None,
    told: int | None,
    traced: int,
    *,
    asked: int | None = None,
    more: int = 0,
) -> Row:
    """A row whose stations have to agree; `more` may be decided, since what was unanswered was sent again."""
    stations = {"asked in Kafka": asked, "decided": decided, "stored": stored, "told": told, "traced": traced}
    wrong = tuple(
        f"{count} {station} of {sent}"
        for station, count in stations.items()
        if count is not None and not sent <= count <= sent + more
    )
    return Row(kind, sent, decided, stored, told, traced, wrong)
