"""The checker finds each fault that is planted into what became of reimbursed lines."""

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from deploy.proof.checker.clients import Histories, Kept, Published
from deploy.proof.checker.facts import Parked, Record
from deploy.proof.checker.lines import check
from deploy.proof.load.people import person
from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.history_events import HistoryUpdated
from shared.contracts.insurance import (
    CareSection,
    LineAction,
    LineFate,
    LineReceipt,
    LineReceipts,
    ReimbursedCare,
)
from shared.contracts.reasons import Reason
from shared.contracts.topics import HISTORY, HISTORY_EVENTS, RECEIPTS, REIMBURSEMENTS, of_insurer
from tests.unit.proof.test_checker import R, told, whole

INSURER = "amo-test"
TOPIC = of_insurer(REIMBURSEMENTS, INSURER)
ANSWERS = of_insurer(RECEIPTS, INSURER)
SENT = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOLDER = person(1, 1)
STRANGER = person(1, 2)
OTHER = UUID(int=77)


def body(line, version=1, who=HOLDER, **changes):
    told = {
        "line": line,
        "version": version,
        "matricule": who.ins.number,
        "oid": who.ins.oid,
        "care_date": (SENT - timedelta(days=30)).date(),
        "section": CareSection.MEDICINES,
        "code_system": "CIP13",
        "code": "3400935955838",
        "label": f"{line} v{version}",
    }
    return ReimbursedCare(**told | changes)


def record(offset, line, *, identity=None, value=None, kind=None, key=b"k", headers=None):
    envelope = Envelope(identity or UUID(int=100 + offset), kind or line.type_name, "x", SENT, R)
    raw = line.model_dump_json(exclude_none=True).encode() if value is None else value
    return Record(offset, key, tuple(to_headers(envelope)) if headers is None else headers, raw)


CAME = [
    record(0, body("A")),
    record(1, body("B")),
    record(2, body("A", 2, action=LineAction.CORRECT)),
    record(3, body("A")),  # stale
    record(4, body("B")),  # published again
    record(5, body("B"), identity=UUID(int=101)),  # the same message again
    record(6, body("C", care_date=(SENT - timedelta(days=1200)).date())),
    record(7, body("D", matricule=f"{HOLDER.ins.number[:13]}{(int(HOLDER.ins.number[13:]) + 1) % 98:02d}")),
    record(8, body("E", care_date=(SENT + timedelta(days=90)).date())),
    record(9, body("F", code="0")),
    record(10, body("G"), value=b'{"line": '),
    record(11, body("H"), kind="carnet.insurance.invoice.v9"),
    record(12, body("I"), headers=()),
    record(13, body("K"), key=None),
    record(14, body("L", who=STRANGER)),
    record(15, body("M")),
    record(16, body("M", 2, action=LineAction.CANCEL)),
]
FATES = [
    (LineFate.ACCEPTED, None),
    (LineFate.ACCEPTED, None),
    (LineFate.ACCEPTED, None),
    (LineFate.REJECTED, Reason.STALE_VERSION),
    (LineFate.DUPLICATE, None),
    None,
    (LineFate.OUTSIDE_WINDOW, Reason.OUTSIDE_WINDOW),
    (LineFate.REJECTED, Reason.BAD_NIR),
    (LineFate.REJECTED, Reason.BAD_DATE),
    (LineFate.REJECTED, Reason.BAD_CODE),
    (LineFate.REJECTED, Reason.MALFORMED),
    (LineFate.REJECTED, Reason.UNKNOWN_TYPE),
    (LineFate.REJECTED, Reason.MALFORMED),
    None,
    (LineFate.ACCEPTED, None),
    (LineFate.ACCEPTED, None),
    (LineFate.ACCEPTED, None),
]
READABLE = [*range(10), 14, 15, 16]


def receipt(offset, fate=None):
    if FATES[offset] is None and fate is None:
        return None
    one = fate or FATES[offset]
    named = ReimbursedCare.model_validate_json(CAME[offset].value) if offset in READABLE else None
    return LineReceipt(
        offset=offset,
        line=named.line if named else None,
        version=named.version if named else None,
        fate=one[0],
        reason=one[1],
    )


def answers(receipts):
    return [told(1, LineReceipts(partition=0, receipts=tuple(receipts)), "receipts")]


def updated(cause, key=R):
    envelope = Envelope(UUID(int=9), HistoryUpdated.type_name, HISTORY, SENT, R, cause, 1)
    return Record(0, str(key).encode(), tuple(to_headers(envelope)), b"{}")


def parked(offset, reason):
    return Parked(HISTORY, TOPIC, 0, offset, reason)


def facts():
    found = whole()
    receipts = [one for one in map(receipt, range(len(CAME))) if one]
    return replace(
        found,
        topics=dict(found.topics) | {(TOPIC, 0): CAME, (HISTORY_EVENTS, 0): [updated(UUID(int=100))]},
        outboxes=dict(found.outboxes) | {(ANSWERS, 0): answers(receipts)},
        parked=[
            *found.parked,
            *(parked(offset, "malformed") for offset in (10, 12, 13)),
            parked(11, "unknown_type"),
        ],
    )


def kept(line, version, **changes):
    content = {"code_system": "CIP13", "code": "3400935955838", "label": f"{line} v{version}"}
    return Kept(INSURER, line, R, version, "2025-12-02", "medicines", content)._replace(**changes)


PUBLISHED = Published(
    INSURER,
    confirmed={UUID(int=100 + offset) for offset in range(5)},
    wrong={UUID(int=109): Reason.BAD_CODE},
    again=1,
    settled={(HOLDER.ins.oid, HOLDER.ins.number): R},
)
STAND = Histories((kept("A", 2), kept("B", 1)), frozenset(), frozenset())


def without(offset):
    def plant(found):
        receipts = [one for one in map(receipt, range(len(CAME))) if one and one.offset != offset]
        return replace(found, outboxes=dict(found.outboxes) | {(ANSWERS, 0): answers(receipts)})

    return plant


def with_receipt(one):
    def plant(found):
        rows = [*found.outboxes[ANSWERS, 0], *answers([one])]
        return replace(found, outboxes=dict(found.outboxes) | {(ANSWERS, 0): rows})

    return plant


def with_parked(change):
    return lambda found: replace(found, parked=change(list(found.parked)))


def with_update(cause):
    return lambda found: replace(found, topics=dict(found.topics) | {(HISTORY_EVENTS, 0): [updated(cause)]})


FACTS = {
    "a line is lost": ("every line that Kafka", lambda f: replace(f, topics={(TOPIC, 0): CAME[1:]})),
    "a line is not answered": ("every line is answered exactly", without(1)),
    "a line is answered twice": ("every line is answered exactly", with_receipt(receipt(1))),
    "what nobody sent is answered": (
        "every line is answered exactly",
        with_receipt(LineReceipt(offset=99, fate=LineFate.ACCEPTED)),
    ),
    "a repeat is accepted": ("every line is answered as", with_receipt(receipt(5, (LineFate.ACCEPTED, None)))),
    "a bad line is accepted": (
        "every line is answered as",
        lambda f: with_receipt(receipt(9, (LineFate.ACCEPTED, None)))(without(9)(f)),
    ),
    "a reason is wrong": (
        "every line is answered as",
        lambda f: with_receipt(receipt(7, (LineFate.REJECTED, Reason.BAD_DATE)))(without(7)(f)),
    ),
    "a receipt names another line": (
        "every line is answered as",
        lambda f: with_receipt(receipt(1).model_copy(update={"line": "Z"}))(without(1)(f)),
    ),
    "a broken line is not parked": ("lines that can't", with_parked(lambda p: p[:-1])),
    "a broken line is parked twice": ("lines that can't", with_parked(lambda p: [*p, p[-1]])),
    "a good line is parked": ("lines that can't", with_parked(lambda p: [*p, parked(0, "internal_error")])),
    "the reason of parking is wrong": (
        "lines that can't",
        with_parked(lambda p: [*p[:-1], p[-1]._replace(reason="too_large")]),
    ),
    "a repeat told an update": ("what was published again", with_update(UUID(int=104))),
    "a bad line told an update": ("what was published again", with_update(UUID(int=109))),
    "nothing told an update": ("what was published again", with_update(None)),
}
ROWS = {
    "a line is missing": (kept("A", 2),),
    "a line stands twice": (kept("A", 2), kept("B", 1), kept("B", 1)),
    "an old version stands": (kept("A", 1), kept("B", 1)),
    "another's line stands": (kept("A", 2), kept("B", 1), kept("L", 1)),
    "nobody's line stands": (kept("A", 2), kept("B", 1), kept(None, 1)),
    "a cancelled line stands": (kept("A", 2), kept("B", 1), kept("M", 1)),
    "a line stands in another's history": (kept("A", 2), kept("B", 1, record=OTHER)),
    "a line's content is another's": (kept("A", 2), kept("B", 1, content={"label": "?"})),
    "a line does not open": (kept("A", 2), kept("B", 1, content=None)),
}


def wrong(found):
    return [one.claim for one in found if not one.ok]


def test_whole_lines_have_no_fault():
    assert wrong(check(facts(), PUBLISHED, STAND)) == []


@pytest.mark.parametrize("name", FACTS)
def test_a_planted_fact_is_found(name):
    claim, plant = FACTS[name]
    assert any(one.startswith(claim) for one in wrong(check(plant(facts()), PUBLISHED, STAND)))


@pytest.mark.parametrize("name", ROWS)
def test_a_planted_row_is_found(name):
    (claim,) = wrong(check(facts(), PUBLISHED, STAND._replace(kept=ROWS[name])))
    assert claim == "accepted lines stand once in their history"


def test_a_line_that_came_under_an_id_for_the_second_time_may_be_answered_as_a_repeat():
    found = with_receipt(receipt(5, (LineFate.DUPLICATE, None)))(facts())
    assert wrong(check(found, PUBLISHED, STAND)) == []


def test_a_batch_that_was_never_confirmed_is_a_fault():
    published = deepcopy(PUBLISHED)
    published.given_up.append("a batch of 3 lines was never confirmed")
    assert wrong(check(facts(), published, STAND)) == ["every batch was confirmed in the end"]


@pytest.mark.parametrize("again", [0, 1])
def test_a_run_that_published_nothing_again_proves_nothing_of_it(again):
    claims = wrong(check(facts(), replace(PUBLISHED, again=again), STAND))
    assert ("what was published again changed nothing" in claims) is (again == 0)
