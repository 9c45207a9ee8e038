"""Traces and notices: each event one leaf that can't have been altered, each notice one row and one word."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from uuid import UUID

import orjson

from deploy.proof.checker.facts import Claims, Facts, Leaf, Place, Sent
from deploy.proof.checker.verdict import Finding, finding
from shared.contracts.access_decisions import Decided
from shared.contracts.common import ActorKind
from shared.contracts.document_events import Deposited
from shared.contracts.notification_events import Failed, Suppressed
from shared.contracts.notification_events import Sent as Told
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT_EVENTS, HISTORY_EVENTS, NOTIFICATION_EVENTS

_TRACED = (ACCESS_DECISIONS, DOCUMENT_EVENTS, HISTORY_EVENTS, NOTIFICATION_EVENTS)
_NOTICES = {Told.type_name: "sent", Failed.type_name: "failed", Suppressed.type_name: "suppressed"}
_LEAF = b"\x00"
_SALT = 32


def check(facts: Facts, claims: Claims) -> list[Finding]:
    """The findings about the audit log and the ledger."""
    opened = [leaf for leaf in facts.leaves if leaf.event is not None or leaf.broken]
    leaves, events = len(facts.leaves), _events(facts)
    readable = sum(leaf.record not in facts.deleted for leaf in facts.leaves)
    told = sum(row.type == Deposited.type_name and UUID(row.key) not in facts.deleted for _, row in _rows(facts))
    sent = sum(delivery.status == "sent" for delivery in facts.deliveries)
    return [
        finding("C5", "every event has exactly one leaf", events, _untraced(facts), needed=True),
        finding("C5", "indices of leaves run without a gap", leaves, _index_gaps(facts), produced=events),
        finding(
            "C5",
            "leaves verify against the events they commit to",
            len(opened),
            _altered(facts, opened),
            produced=readable,
        ),
        finding("C6", "leaves keep each record's order", leaves, _disordered(facts), produced=events),
        finding("C2", "one ledger row per event and recipient", len(facts.deliveries), _ledger(facts), produced=told),
        finding(
            "C2",
            "one word on each notice, and its e-mail under one id",
            len(facts.mails),
            _notices(facts),
            produced=max(sent, claims.mails),
        ),
    ]


def _rows(facts: Facts) -> Iterator[tuple[Place, Sent]]:
    for place, rows in facts.outboxes.items():
        if place[0] in _TRACED:
            for row in rows:
                yield place, row


def _events(facts: Facts) -> int:
    return sum(len(rows) for (topic, _), rows in facts.outboxes.items() if topic in _TRACED)


def _untraced(facts: Facts) -> Iterator[str]:
    counts = Counter((leaf.place, leaf.number, leaf.event_id) for leaf in facts.leaves if leaf.place)
    known: set[object] = set()
    for place, row in _rows(facts):
        key: tuple[Place, int | None, UUID] = (place, row.number, row.id)
        known.add(key)
        if counts[key] != 1:
            yield f"{place[0]}/{place[1]} number {row.number} has {counts[key]} leaves"
    for place, number, _ in counts.keys() - known:
        yield f"a leaf tells of {place} number {number}, which was never sent"


def _index_gaps(facts: Facts) -> Iterator[str]:
    for expected, leaf in enumerate(facts.leaves):
        if leaf.position != expected:
            yield f"leaf {expected} is missing, {leaf.position} stands there"
            break
    if facts.tree_size != len(facts.leaves):
        yield f"the tree has {facts.tree_size} leaves and {len(facts.leaves)} are there"


def _altered(facts: Facts, opened: list[Leaf]) -> Iterator[str]:
    rows = {(place, row.number): row for place, row in _rows(facts)}
    for leaf in facts.leaves:
        if hashlib.sha256(_LEAF + leaf.commitment).digest() != leaf.leaf_hash:
            yield f"leaf {leaf.position}: its hash is not the one of its commitment"
    for leaf in opened:
        if leaf.broken or leaf.event is None:
            yield f"leaf {leaf.position}: its event does not decrypt"
            continue
        if hashlib.sha256(leaf.event).digest() != leaf.commitment:
            yield f"leaf {leaf.position}: its commitment is to another event"
        row = rows.get((leaf.place, leaf.number)) if leaf.place and leaf.number else None
        if row is not None and leaf.event[_SALT:].partition(b"\n")[2] != row.payload:
            yield f"leaf {leaf.position}: the event is not the one that was sent"


def _disordered(facts: Facts) -> Iterator[str]:
    last: dict[Place, int] = {}
    for leaf in facts.leaves:
        if leaf.place is None or leaf.number is None:
            continue
        if leaf.number <= last.get(leaf.place, 0):
            yield f"leaf {leaf.position}: {leaf.place} number {leaf.number} stands behind a later one"
        last[leaf.place] = leaf.number


def _ledger(facts: Facts) -> Iterator[str]:
    known = {row.id for _, row in _rows(facts)}
    counts: dict[UUID, int] = defaultdict(int)
    """Notices to the holder, by event."""
    others = Counter((delivery.about, delivery.recipient) for delivery in facts.deliveries if delivery.recipient)
    for delivery in facts.deliveries:
        counts[delivery.about] += delivery.recipient is None
        if delivery.about not in known:
            yield f"notice {delivery.notice} is about an event that was never sent"
    for about, count in counts.items():
        if count > 1:
            yield f"event {about} was told {count} times to one recipient"
    for (about, recipient), count in others.items():
        if count > 1:
            yield f"event {about} was told {count} times to {recipient}"
    yield from _unnoticed(facts, counts, others)


def _unnoticed(facts: Facts, counts: Mapping[UUID, int], others: Mapping[tuple[UUID, str], int]) -> Iterator[str]:
    """Events that the ledger has to have; with a deleted record its ledger goes."""
    for _, row in _rows(facts):
        if UUID(row.key) in facts.deleted:
            continue
        if row.type == Deposited.type_name and counts.get(row.id, 0) != 1:
            yield f"deposit event {row.id} has {counts.get(row.id, 0)} ledger rows"
        for recipient in _alarmed(row):
            if (others.get((row.id, recipient), 0) if recipient else counts.get(row.id, 0)) != 1:
                yield f"the emergency of decision {row.id} was not told once to {recipient or 'the holder'}"


def _alarmed(row: Sent) -> tuple[str | None, ...]:
    """Who has to be told of an emergency that this decision begins: None is the holder, then the médecin traitant."""
    if row.type != Decided.type_name or b'"mode":"normal"' in row.payload:
        return ()
    body = Decided.model_validate_json(row.payload)
    professional = body.actor is not None and body.actor.kind is ActorKind.PROFESSIONAL
    if body.emergency is None or body.emergency.first is not None or not professional:
        return ()
    return (None, body.emergency.tell) if body.emergency.tell is not None else (None,)


def _notices(facts: Facts) -> Iterator[str]:
    told: Counter[tuple[UUID, str]] = Counter()
    for (topic, _), rows in facts.outboxes.items():
        if topic == NOTIFICATION_EVENTS:
            ends_told = [row for row in rows if row.type in _NOTICES and UUID(row.key) not in facts.deleted]
            told.update((UUID(orjson.loads(row.payload)["notice"]), _NOTICES[row.type]) for row in ends_told)
    mailed = {mail.message_id.strip("<>").partition("@")[0] for mail in facts.mails}
    ends = {
        (delivery.notice, delivery.status)
        for delivery in facts.deliveries
        if delivery.status != "planned" and delivery.record not in facts.deleted
    }
    for notice, status in ends | told.keys():
        if told[notice, status] != 1 or (notice, status) not in ends:
            yield f"notice {notice}: {status} was told {told[notice, status]} times"
        if status == "sent" and str(notice) not in mailed:
            yield f"notice {notice} counts as sent and no e-mail of that Message-ID left"
    receivers: dict[str, set[str]] = defaultdict(set)
    for mail in facts.mails:
        receivers[mail.message_id].add(mail.to)
    for message_id, to in receivers.items():
        if len(to) > 1:
            yield f"the Message-ID {message_id} went to {len(to)} addresses"
