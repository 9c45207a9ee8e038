"""Of acts on documents the checker finds each fault that is planted into what otherwise follows the rules."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid5

import pytest

from deploy.proof.checker import documents
from deploy.proof.checker.decisions import told_decisions
from deploy.proof.checker.facts import Decision, Delivery, Facts
from deploy.proof.checker.requests import requests
from deploy.proof.load.people import HOLDER, professional
from shared.contracts import record_documents as on
from shared.contracts.access_decisions import ConsentChanged, Decided, Order, Outcome
from shared.contracts.common import Act, FurtherAct, Scope
from shared.contracts.document_changes import ActRefused, DocumentChanged
from shared.contracts.document_events import Deposited
from shared.contracts.reasons import Reason
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT_EVENTS, RECORD_REQUESTS
from tests.unit.proof.test_checker import DEPOSIT, DOCTOR, NOW, R, asked, told, whole

OTHER = professional(2)
D, W = DEPOSIT, UUID(int=50)
"""A document without a flag, and one that is withheld; both deposited by the doctor."""
SECOND = UUID(int=51)
"""The deposit of the withheld one."""
ALL = Scope(types=None, masked=True)
READING = Scope(types=frozenset({"11502-2"}), own=OTHER.number)
OWN = Scope(types=frozenset(), own=DOCTOR.number)
DELEGATE = str(UUID(int=60))

Step = tuple[on.DocumentCommand, Scope, str | None, dict[str, object]]
"""An act, to what it was permitted, why it was refused, and how the document stands then."""

STEPS: list[Step] = [
    (on.Mask(actor=HOLDER, document=D), ALL, None, {"masked": True, "version": 2}),
    (on.Mask(actor=HOLDER, document=D), ALL, None, {"masked": True, "version": 2, "changed": False}),
    (on.Mask(actor=HOLDER, document=D, version=1), ALL, "version_conflict", {}),
    (on.Mask(actor=HOLDER, document=W), ALL, "unknown_document", {}),
    (on.Mask(actor=HOLDER, document=UUID(int=99)), ALL, "unknown_document", {}),
    (on.Announce(actor=OTHER, document=D), READING, "unknown_document", {}),
    (on.Withhold(actor=DOCTOR, document=D), OWN, "flags_exclude_each_other", {}),
    (on.Announce(actor=DOCTOR, document=W), OWN, None, {"version": 2, "came_into_view": True}),
    (on.Withhold(actor=DOCTOR, document=W), OWN, "already_visible", {}),
    (on.Archive(actor=OTHER, document=W), READING, None, {"version": 3}),
    (on.Delete(actor=DOCTOR, document=W), OWN, None, {"version": 4}),
    (on.Delete(actor=DOCTOR, document=W), OWN, "unknown_document", {}),
]
REQUESTS = [UUID(int=100 + number) for number in range(len(STEPS))]


def word(body):
    return FurtherAct(type(body).__name__.lower())


def order_of(body, scope):
    return Order(document=body.document, version=body.version, scope=scope)


def decided(request, body, scope):
    more = {"document": body.document, "further_act": word(body), "actor": body.actor}
    return Decided(
        request=request,
        act=Act.UNKNOWN,
        outcome=Outcome.PERMIT,
        reasons=(Reason.HOLDER,),
        order=order_of(body, scope),
        **more,
    )


def answered(request, body, reason, stands):
    said = {"act": word(body), "document": body.document, "actor": body.actor, "request": request}
    if reason is not None:
        return ActRefused(**said, reason=reason)
    return DocumentChanged(
        **said, **{"masked": False, "withheld": False, "hidden_from_representatives": False} | stands
    )


def acted() -> Facts:
    facts = whole()
    first = facts.outboxes[DOCUMENT_EVENTS, 0]
    withheld = Deposited(deposit=SECOND, document=W, actor=DOCTOR, type_code="a", class_code="b", withheld=True)
    events, decisions = [*first, told(2, withheld, "stored")], list(facts.outboxes[ACCESS_DECISIONS, 0])
    topic = list(facts.topics[RECORD_REQUESTS, 0])
    rows = dict(facts.decisions)
    for request, (body, scope, reason, stands) in zip(REQUESTS, STEPS, strict=True):
        topic.append(asked(len(topic), request, body))
        decisions.append(told(len(decisions) + 1, decided(request, body, scope), "decided"))
        events.append(told(len(events) + 1, answered(request, body, reason, stands), "done"))
        rows[request] = Decision(R, "permit", "holder", 1, NOW)
    row = facts.documents[D]._replace(
        submitter=f"professional:{DOCTOR.number}", type_code="11502-2", owners=(DOCTOR.number,), masked=True, version=2
    )
    gone = row._replace(status="deleted", unique_id="4", masked=False, version=4)
    silent = Delivery(UUID(int=70), R, "AJOUT", events[1].id, "email", "suppressed", silence="withheld")
    return replace(
        facts,
        topics=dict(facts.topics) | {(RECORD_REQUESTS, 0): topic},
        outboxes=dict(facts.outboxes) | {(ACCESS_DECISIONS, 0): decisions, (DOCUMENT_EVENTS, 0): events},
        decisions=rows,
        documents={D: row, W: gone},
        deliveries=[*facts.deliveries, silent],
    )


def found(facts):
    return documents.check(facts, requests(facts.topics, 1), told_decisions(facts))


def with_events(facts, change):
    rows = change(list(facts.outboxes[DOCUMENT_EVENTS, 0]))
    return replace(facts, outboxes=dict(facts.outboxes) | {(DOCUMENT_EVENTS, 0): rows})


def with_answer(facts, step, body):
    """Another answer to one of the steps; two events come before the first of them."""
    at = step + 2
    return with_events(facts, lambda rows: [*rows[:at], told(at + 1, body, "done"), *rows[at + 1 :]])


def done(facts, step, **stands):
    body, _, _, before = STEPS[step]
    return with_answer(facts, step, answered(REQUESTS[step], body, None, before | stands))


def refused(facts, step, reason):
    return with_answer(facts, step, answered(REQUESTS[step], STEPS[step][0], reason, {}))


def ordered(facts, step, scope, **changes):
    body = STEPS[step][0].model_copy(update=changes)
    rows = list(facts.outboxes[ACCESS_DECISIONS, 0])
    at = len(rows) - len(STEPS) + step
    rows[at] = told(at + 1, decided(REQUESTS[step], body, scope), "decided")
    return replace(facts, outboxes=dict(facts.outboxes) | {(ACCESS_DECISIONS, 0): rows})


def with_row(facts, document, **changes):
    return replace(facts, documents=dict(facts.documents) | {document: facts.documents[document]._replace(**changes)})


def told_at(facts, event, **changes):
    about = facts.outboxes[DOCUMENT_EVENTS, 0][event].id
    notice = Delivery(uuid5(R, "n"), R, "AJOUT", about, "email", "sent")._replace(**changes)
    return replace(facts, deliveries=[*facts.deliveries, notice])


def masking_by_default(facts):
    """The deposits follow on it, as nobody masked them."""
    wish = ConsentChanged(act="mask_by_default", actor=HOLDER, state="masked", rights_version=1)
    rows = [told(0, wish, "wish"), *facts.outboxes[ACCESS_DECISIONS, 0]]
    return replace(facts, outboxes=dict(facts.outboxes) | {(ACCESS_DECISIONS, 0): rows})


DONE, FAR, RULES, STAND = "every permitted act", "orders reach", "acts make of", "documents stand"
PLANTED: dict[str, tuple[str, Callable[[Facts], Facts]]] = {
    "an act was never done": (DONE, lambda f: with_events(f, lambda rows: rows[:-1])),
    "an act was done twice": (DONE, lambda f: with_events(f, lambda rows: [*rows, rows[3]._replace(number=99)])),
    "an act was done that nobody permitted": (
        DONE,
        lambda f: with_events(
            f, lambda rows: [*rows, told(99, answered(UUID(int=1), STEPS[0][0], "unknown_document", {}), "done")]
        ),
    ),
    "the holder's side is let see what is withheld": (FAR, lambda f: ordered(f, 0, Scope(masked=True, withheld=True))),
    "the holder deletes what others deposited": (FAR, lambda f: ordered(f, 10, ALL, actor=HOLDER)),
    "a professional withholds what others deposited": (FAR, lambda f: ordered(f, 6, Scope(masked=True, withheld=True))),
    "a mask is not set": (RULES, lambda f: done(f, 0, masked=False)),
    "another flag changes with it": (RULES, lambda f: done(f, 0, hidden_from_representatives=True)),
    "a version is passed over": (RULES, lambda f: done(f, 0, version=3)),
    "a version is counted for nothing": (RULES, lambda f: done(f, 1, version=3)),
    "nothing changed, and it is told as a change": (RULES, lambda f: done(f, 1, changed=True)),
    "what came into view is not told so": (RULES, lambda f: done(f, 7, came_into_view=False)),
    "an older version is no conflict": (RULES, lambda f: done(f, 2, masked=True, version=2, changed=False)),
    "the holder masks what is withheld": (RULES, lambda f: done(f, 3, masked=True, withheld=True, version=2)),
    "the holder is told that a withheld one is there": (RULES, lambda f: refused(f, 3, "flags_exclude_each_other")),
    "what is masked is announced by who does not see it": (RULES, lambda f: done(f, 5, masked=True, version=3)),
    "what was visible is withheld": (RULES, lambda f: done(f, 8, withheld=True, version=3)),
    "what was visible is told to be masked": (RULES, lambda f: refused(f, 8, "flags_exclude_each_other")),
    "a permitted act is refused": (RULES, lambda f: refused(f, 0, "unknown_document")),
    "what is deleted is deleted again": (RULES, lambda f: done(f, 11, version=5)),
    "a row is not masked": (STAND, lambda f: with_row(f, D, masked=False)),
    "a row is still there": (STAND, lambda f: with_row(f, W, status="archived")),
    "a row has another version": (STAND, lambda f: with_row(f, W, version=1)),
    "a deposit is not masked, though its holder masks": ("what is deposited while", masking_by_default),
    "traces stay concealed": ("traces are concealed", lambda f: replace(f, concealed={D: (True, False)})),
    "the holder is told of what is withheld": ("nobody on the holder's side", lambda f: told_at(f, 1)),
    "a representative is told of what is withheld": (
        "nobody on the holder's side",
        lambda f: told_at(f, 1, recipient=DELEGATE),
    ),
}


def test_what_follows_the_rules_has_no_fault():
    findings = found(acted())
    assert [one.faults for one in findings if not one.ok] == []
    assert sum(one.looked_at > 0 for one in findings) == len(findings) - 1, "nobody masks by default"


@pytest.mark.parametrize("fault", PLANTED)
def test_every_planted_fault_is_found(fault):
    claim, plant = PLANTED[fault]
    faulty = [one for one in found(plant(acted())) if one.fault_count]
    assert claim in " ".join(one.claim for one in faulty), [one.claim for one in faulty]


@pytest.mark.parametrize(
    "allowed",
    [
        lambda f: told_at(f, 1, status="suppressed"),
        lambda f: told_at(f, 1, recipient=OTHER.number),
        lambda f: told_at(f, 9),
        lambda f: masking_by_default(with_events(f, lambda rows: [masked(rows[0]), *rows[1:]])),
    ],
)
def test_what_may_be_is_no_fault(allowed):
    facts = allowed(acted())
    claims = ("nobody on the holder's side", "what is deposited while")
    assert [one.faults for one in found(facts) if one.fault_count and one.claim.startswith(claims)] == []


def masked(row):
    body = Deposited.model_validate_json(row.payload).model_copy(update={"masked": True})
    return row._replace(payload=body.model_dump_json().encode())


def test_acts_that_left_nothing_behind_are_missed():
    facts = acted()
    rows = [row for row in facts.outboxes[ACCESS_DECISIONS, 0] if b'"order"' not in row.payload]
    silent = replace(facts, outboxes=dict(facts.outboxes) | {(ACCESS_DECISIONS, 0): rows})
    assert "nothing looked at" in " ".join(one.missing for one in found(silent) if one.claim.startswith(DONE))
