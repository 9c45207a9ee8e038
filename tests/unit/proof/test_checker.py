"""The checker finds each fault that is planted into facts which are otherwise whole."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import UUID, uuid5

import pytest
from rich.console import Console

from deploy.proof.checker import Acknowledged, check
from deploy.proof.checker.facts import (
    Decision,
    Delivery,
    Document,
    Facts,
    Leaf,
    Mail,
    Parked,
    Read,
    Record,
    RecordRow,
    Sent,
    Sightings,
    Spot,
)
from deploy.proof.load.people import HOLDER, professional
from shared.contracts.access_decisions import Decided, Outcome, RecordOpened
from shared.contracts.common import Act, Owner
from shared.contracts.document_events import Deposited
from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.notification_events import Channel
from shared.contracts.notification_events import Sent as SentNotice
from shared.contracts.reasons import Reason
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_requests import Authorise, Consult
from shared.contracts.topics import (
    ACCESS_CONTROL,
    ACCESS_DECISIONS,
    AUDIT,
    BACKFILL_REQUESTS,
    DOCUMENT_EVENTS,
    NOTIFICATION_EVENTS,
    RECORD_DEPOSITS,
    RECORD_REQUESTS,
    of_insurer,
    registry,
)

TOPICS = registry(("amo-test",), 1)
ASKED = of_insurer(BACKFILL_REQUESTS, "amo-test")
SEEN = Sightings(words=3, numbers=1, searched=dict.fromkeys(Spot, 100), allowed=1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
R, AUTHORISED, READ, DEPOSIT, NOTICE = (UUID(int=number) for number in range(1, 6))
DOCTOR = professional(1)
HASH = hashlib.sha256(b"content").digest()
EXPIRES = NOW + timedelta(seconds=5)
AT_FIRST = frozenset({"break_glass", "regulation"})
"""Flags of a record of which nobody decided anything."""
NO_FLAG, TEAM = frozenset(), frozenset({("team", "1750000001", "structure")})


def told(number, body, name):
    return Sent(
        number,
        uuid5(R, f"{name}/{number}"),
        body.type_name,
        str(R),
        R,
        body.model_dump_json(exclude_none=True).encode(),
    )


def decision(request, act, reason, **more):
    return Decided(request=request, act=act, outcome=Outcome.PERMIT, reasons=(reason,), actor=HOLDER, **more)


def in_kafka(rows):
    def record(row):
        headers = to_headers(Envelope(row.id, row.type, "x", NOW, R, None, row.number))
        return Record(row.number - 1, row.key.encode(), tuple(headers), row.payload)

    return [record(row) for row in rows]


def asked(offset, request, body):
    headers = to_headers(Envelope(request, body.type_name, "gateway", NOW, request))
    return Record(offset, str(R).encode(), tuple(headers), body.model_dump_json().encode())


def leaf(position, place, row):
    event = b"s" * 32 + b"{}\n" + row.payload
    commitment = hashlib.sha256(event).digest()
    hashed = hashlib.sha256(b"\0" + commitment).digest()
    return Leaf(position, R, place, row.number, row.id, row.type, commitment, hashed, event)


def whole() -> Facts:
    authorise = Authorise(actor=HOLDER, rights_version=0, professional=DOCTOR.number)
    consult = Consult(actor=DOCTOR, owner=Owner.DOCUMENT, deadline=NOW + timedelta(seconds=2))
    decisions = [
        told(1, decision(AUTHORISED, Act.AUTHORISE, Reason.HOLDER, rights_version=1, in_force_at=NOW), "decided"),
        told(
            2,
            decision(
                READ,
                Act.CONSULT,
                Reason.AUTHORISED,
                rights_version=1,
                owner=Owner.DOCUMENT,
                permit="a.b.c",
                expires=EXPIRES,
            ),
            "decided",
        ),
        told(3, decision(DEPOSIT, Act.DEPOSIT, Reason.FEEDING_DUTY, rights_version=1), "decided"),
    ]
    decisions.append(told(4, RecordOpened(actor=HOLDER), "opened"))
    deposits = [told(1, Deposit(deposit=DEPOSIT, actor=DOCTOR, type_code="11502-2"), "deposit")]
    stored = [
        told(1, Deposited(deposit=DEPOSIT, document=DEPOSIT, actor=DOCTOR, type_code="a", class_code="b"), "stored")
    ]
    notices = [told(1, SentNotice(notice=NOTICE, event="AJOUT", channel=Channel.EMAIL, about=stored[0].id), "notice")]
    outboxes = {
        (ACCESS_DECISIONS, 0): decisions,
        (RECORD_DEPOSITS, 0): deposits,
        (DOCUMENT_EVENTS, 0): stored,
        (NOTIFICATION_EVENTS, 0): notices,
    }
    traced = [(place, row) for place, rows in outboxes.items() if place[0] != RECORD_DEPOSITS for row in rows]
    last = {place: len(rows) for place, rows in outboxes.items()}
    requests = [
        asked(0, AUTHORISED, authorise),
        asked(1, READ, consult),
        asked(2, READ, consult),
        Record(3, b"?", (), b""),
    ]
    return Facts(
        partitions=1,
        topics={place: in_kafka(rows) for place, rows in outboxes.items()} | {(RECORD_REQUESTS, 0): requests},
        outboxes=outboxes,
        counters=last,
        cursors=last,
        progress={(ACCESS_CONTROL, RECORD_REQUESTS, 0): (0, 3), (AUDIT, ACCESS_DECISIONS, 0): (4, 3)},
        records={R: RecordRow(False, False, 1, None, {DOCTOR.number: None}, frozenset(), AT_FIRST)},
        decisions={
            AUTHORISED: Decision(R, "permit", "holder", 1, NOW),
            READ: Decision(R, "permit", "authorised", 1, NOW),
        },
        documents={DEPOSIT: Document(R, "current", "1.2.3", "professional:1", False, HASH, None, UUID(int=9))},
        leaves=[leaf(at, place, row) for at, (place, row) in enumerate(traced)],
        tree_size=6,
        deliveries=[Delivery(NOTICE, R, "AJOUT", stored[0].id, "email", "sent")],
        reads={"document": [Read(READ, R, NOW)]},
        parked=[Parked(ACCESS_CONTROL, RECORD_REQUESTS, 0, 3, "malformed")],
        mails=[Mail("a@example.test", f"<{NOTICE}@carnet.test>", "something changed")],
        canaries=SEEN,
        contents_checked=1,
        acknowledged=Acknowledged(frozenset({READ}), {DEPOSIT: HASH}, frozenset({HASH})),
    )


def without(facts, name, key):
    return replace(facts, **{name: {at: value for at, value in getattr(facts, name).items() if at != key}})


def with_rows(facts, topic, change):
    rows = change(list(facts.outboxes[topic, 0]))
    return replace(facts, outboxes=dict(facts.outboxes) | {(topic, 0): rows})


def with_topic(facts, topic, change):
    return replace(facts, topics=dict(facts.topics) | {(topic, 0): change(list(facts.topics[topic, 0]))})


def with_decision(facts, request, **changes):
    return replace(facts, decisions=dict(facts.decisions) | {request: facts.decisions[request]._replace(**changes)})


def with_document(facts, **changes):
    return replace(facts, documents={DEPOSIT: facts.documents[DEPOSIT]._replace(**changes)})


def with_leaf(facts, at, **changes):
    leaves = list(facts.leaves)
    leaves[at] = leaves[at]._replace(**changes)
    return replace(facts, leaves=leaves)


def reworded(row, **changes):
    body = Decided.model_validate_json(row.payload).model_copy(update=changes)
    return row._replace(payload=body.model_dump_json(exclude_none=True).encode())


PLANTED: dict[str, tuple[str, Callable[[Facts], Facts]]] = {
    "a number is missing": (
        "numbers of every outbox",
        lambda f: with_rows(f, ACCESS_DECISIONS, lambda r: [r[0], *r[2:]]),
    ),
    "the counter is ahead": (
        "numbers of every outbox",
        lambda f: replace(f, counters=dict(f.counters) | {(ACCESS_DECISIONS, 0): 5}),
    ),
    "the topic lacks its end": ("every topic holds", lambda f: with_topic(f, ACCESS_DECISIONS, lambda r: r[:3])),
    "the topic lacks its start": ("every topic holds", lambda f: with_topic(f, ACCESS_DECISIONS, lambda r: r[1:])),
    "the topic is out of order": (
        "every topic holds",
        lambda f: with_topic(f, ACCESS_DECISIONS, lambda r: [r[1], r[0], *r[2:]]),
    ),
    "the topic holds another body": (
        "every topic holds",
        lambda f: with_topic(f, DOCUMENT_EVENTS, lambda r: [r[0]._replace(value=b"{}")]),
    ),
    "the relay is behind": ("everything was sent", lambda f: replace(f, cursors={})),
    "a reader is behind": (
        "everything was sent",
        lambda f: replace(f, progress={(AUDIT, ACCESS_DECISIONS, 0): (2, 1)}),
    ),
    "a request was not read": (
        "everything was sent",
        lambda f: replace(f, progress={(ACCESS_CONTROL, RECORD_REQUESTS, 0): (0, 1)}),
    ),
    "a deposit still waits": ("nothing staged waits", lambda f: with_document(f, status="staged")),
    "a notice was taken by nobody": (
        "nothing staged waits",
        lambda f: replace(f, deliveries=[f.deliveries[0]._replace(status="planned")]),
    ),
    "a decision is lost": ("every acknowledged request", lambda f: without(f, "decisions", READ)),
    "a request has no decision": ("every request has exactly", lambda f: without(f, "decisions", AUTHORISED)),
    "a decision was told twice": (
        "every request has exactly",
        lambda f: with_rows(f, ACCESS_DECISIONS, lambda r: [*r, r[0]._replace(number=5)]),
    ),
    "a repeated request was decided twice": (
        "requests that came several",
        lambda f: with_rows(f, ACCESS_DECISIONS, lambda r: [*r, r[1]._replace(number=5)]),
    ),
    "a decision was invented": ("every request has exactly", lambda f: with_topic(f, RECORD_REQUESTS, lambda r: r[1:])),
    "a decision is wrong": ("decisions equal", lambda f: with_decision(f, READ, reason="blocked", outcome="deny")),
    "a decision is finer, and wrong": (
        "decisions equal",
        lambda f: with_decision(f, READ, reason="not_administrator", outcome="deny"),
    ),
    "an outcome is wrong": ("decisions equal", lambda f: with_decision(f, READ, outcome="deny")),
    "a version is wrong": ("decisions equal", lambda f: with_decision(f, READ, rights_version=0)),
    "a right is lost": ("records and rights", lambda f: replace(f, records={R: f.records[R]._replace(authorised={})})),
    "a record is not held": ("records and rights", lambda f: replace(f, records={R: f.records[R]._replace(held=True)})),
    "a wish is lost": ("records and rights", lambda f: replace(f, records={R: f.records[R]._replace(flags=NO_FLAG)})),
    "a team is too many": (
        "records and rights",
        lambda f: replace(f, records={R: f.records[R]._replace(relations=TEAM)}),
    ),
    "a record is lost": ("records and rights", lambda f: replace(f, records={})),
    "a record was invented": ("records and rights", lambda f: with_rows(f, ACCESS_DECISIONS, lambda r: r[:3])),
    "a record was opened twice": (
        "records and rights",
        lambda f: with_rows(f, ACCESS_DECISIONS, lambda r: [*r, r[3]._replace(number=5)]),
    ),
    "a block was told too early": (
        "a restriction is told",
        lambda f: with_rows(
            f,
            ACCESS_DECISIONS,
            lambda r: [r[1], reworded(r[0], act=Act.BLOCK, in_force_at=NOW), *r[2:]],
        ),
    ),
    "a read had no permit": ("every read has", lambda f: replace(f, reads={"document": [Read(AUTHORISED, R, NOW)]})),
    "a read came too late": (
        "every read has",
        lambda f: replace(f, reads={"document": [Read(READ, R, EXPIRES + timedelta(seconds=1))]}),
    ),
    "a read was another owner's": ("every read has", lambda f: replace(f, reads={"audit": [Read(READ, R, NOW)]})),
    "poison is not parked": ("what can't be read", lambda f: replace(f, parked=[])),
    "poison is parked twice": ("what can't be read", lambda f: replace(f, parked=[*f.parked, *f.parked])),
    "a good message is parked": (
        "what can't be read",
        lambda f: replace(f, parked=[f.parked[0]._replace(offset=0), *f.parked]),
    ),
    "an event is parked": (
        "what can't be read",
        lambda f: replace(f, parked=[*f.parked, Parked(AUDIT, ACCESS_DECISIONS, 0, 1, "internal_error")]),
    ),
    "a deposit is lost": ("every acknowledged deposit", lambda f: replace(f, documents={})),
    "a deposit has another content": ("every acknowledged deposit", lambda f: with_document(f, sha256=b"?")),
    "a deposit has two decisions": (
        "every deposit has exactly",
        lambda f: with_rows(f, ACCESS_DECISIONS, lambda r: [*r, r[2]._replace(number=5)]),
    ),
    "a deposit was decided wrongly": (
        "decisions on deposits",
        lambda f: with_rows(f, ACCESS_DECISIONS, lambda r: [*r[:2], reworded(r[2], outcome=Outcome.DENY), r[3]]),
    ),
    "a denied deposit was stored": (
        "outcomes of deposits",
        lambda f: with_rows(f, ACCESS_DECISIONS, lambda r: [*r[:2], reworded(r[2], outcome=Outcome.DENY), r[3]]),
    ),
    "a permitted deposit was refused": (
        "outcomes of deposits",
        lambda f: with_document(f, status="refused", reason="denied"),
    ),
    "an outcome was told twice": (
        "every deposit's outcome",
        lambda f: with_rows(f, DOCUMENT_EVENTS, lambda r: [*r, r[0]._replace(number=2)]),
    ),
    "a content was invented": ("nothing stored", lambda f: with_document(f, sha256=b"?")),
    "a content is broken": ("stored contents", lambda f: replace(f, contents_broken=1)),
    "a leaf is missing": ("every event has", lambda f: replace(f, leaves=f.leaves[:-1])),
    "a leaf is there twice": ("every event has", lambda f: replace(f, leaves=[*f.leaves, f.leaves[0]])),
    "an index is missing": ("indices of leaves", lambda f: with_leaf(f, 2, position=9)),
    "the tree is larger": ("indices of leaves", lambda f: replace(f, tree_size=7)),
    "a leaf's hash is wrong": ("leaves verify", lambda f: with_leaf(f, 1, leaf_hash=b"?")),
    "a leaf commits to another event": ("leaves verify", lambda f: with_leaf(f, 1, event=b"?")),
    "a leaf does not decrypt": ("leaves verify", lambda f: with_leaf(f, 1, event=None, broken=True)),
    "leaves are out of order": ("leaves keep", lambda f: replace(f, leaves=[f.leaves[1], f.leaves[0], *f.leaves[2:]])),
    "a notice is there twice": ("one ledger row", lambda f: replace(f, deliveries=[f.deliveries[0], f.deliveries[0]])),
    "a notice to another is there twice": (
        "one ledger row",
        lambda f: replace(f, deliveries=[f.deliveries[0], *[f.deliveries[0]._replace(recipient="8100")] * 2]),
    ),
    "a notice is missing": ("one ledger row", lambda f: replace(f, deliveries=[])),
    "an e-mail did not leave": ("one word on each", lambda f: replace(f, mails=[])),
    "an e-mail went to two": (
        "one word on each",
        lambda f: replace(f, mails=[*f.mails, f.mails[0]._replace(to="b@example.test")]),
    ),
    **{
        f"a canary was seen in {spot}": (
            f"nothing of a person in {spot}",
            lambda f, spot=spot: replace(f, canaries=replace(SEEN, found={(spot, "somewhere"): 1})),
        )
        for spot in Spot
    },
    **{
        f"nobody looked into {spot}": (
            f"nothing of a person in {spot}",
            lambda f, spot=spot: replace(f, canaries=replace(SEEN, searched=dict(SEEN.searched) | {spot: 0})),
        )
        for spot in Spot
        if spot is not Spot.PROBLEMS
    },
    "only some topics were looked into": (
        "nothing of a person in topics",
        lambda f: replace(f, canaries=replace(SEEN, searched=dict(SEEN.searched) | {Spot.TOPICS: 1})),
    ),
    "the load had no canary": ("nothing of a person in logs", lambda f: replace(f, canaries=Sightings())),
    "a number that was asked for is not found": (
        "a person's number is found",
        lambda f: replace(
            f,
            canaries=replace(SEEN, allowed=0),
            topics=dict(f.topics) | {(ASKED, 0): [Record(0, None, (), b"{}")]},
        ),
    ),
}


def test_whole_facts_have_no_fault():
    verdict = check(whole(), TOPICS)
    assert verdict.ok, verdict.reasons
    assert verdict.counts["requests"] == 2


def test_a_finer_code_of_the_expected_reason_is_no_fault():
    verdict = check(with_decision(whole(), READ, reason=FurtherReason.CARE_TEAM.value), TOPICS)
    assert verdict.ok, verdict.reasons


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name):
    claim, plant = PLANTED[name]
    verdict = check(plant(whole()), TOPICS)
    wrong = [found.claim for found in verdict.findings if not found.ok]
    assert not verdict.ok
    assert any(found.startswith(claim) for found in wrong), wrong


def test_a_topic_sent_again_is_whole():
    def again(records):
        return [
            records[2]._replace(offset=0),
            *(one._replace(offset=at) for at, one in enumerate([*records, *records], 1)),
        ]

    assert check(with_topic(whole(), ACCESS_DECISIONS, again), TOPICS).ok


def test_a_verdict_can_be_printed():
    out = StringIO()
    Console(file=out, width=200).print(check(replace(whole(), tree_size=8), TOPICS))
    assert "FAULTS" in out.getvalue()
    assert "the tree has 8 leaves" in out.getvalue()
