"""Extracts: the oracle decides them, the checker finds each fault that is planted into what was told of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from deploy.proof.checker import extracts
from deploy.proof.checker.facts import Deletion, Delivery, Read
from deploy.proof.checker.oracle import Asked, Oracle
from deploy.proof.load.people import HOLDER, INSURER, OPERATOR, SECOND_OPERATOR
from shared.contracts.access_decisions import Decided, LifeChanged, Outcome
from shared.contracts.access_extracts import ExtractChanged
from shared.contracts.common import Act, Owner
from shared.contracts.document_events import Consulted
from shared.contracts.reasons import Reason
from shared.contracts.record_extracts import (
    AnswerExtract,
    ExtractKind,
    ExtractPurpose,
    OpposeHeirs,
    RequestExtract,
)
from shared.contracts.record_requests import Close, Consult, Decease, RequestDeletion, Suspend
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT, DOCUMENT_EVENTS
from tests.unit.proof.test_checker import NOW, R, told, whole

CASE, OTHER_CASE = UUID(int=60), UUID(int=61)
YES, NO, OUT = Reason.OPERATOR_DUTY, Reason.NO_BRANCH, Reason.RECORD_CLOSED
LATER = NOW + timedelta(days=90)
DAY = timedelta(days=1)
HEIR = {"kind": ExtractKind.HEIR, "purpose": ExtractPurpose.MEMORY}
DEAD = Decease(actor=INSURER)


def opening(actor=OPERATOR, case=CASE, **changes):
    given = {"kind": ExtractKind.COURT_EXPERT, "purpose": ExtractPurpose.COURT_MISSION, "types": frozenset({"11502-2"})}
    return RequestExtract(actor=actor, case=case, **(given | changes))


def answer(actor=SECOND_OPERATOR, accepted=True, taken=0, case=CASE):
    return AnswerExtract(actor=actor, case=case, accepted=accepted, taken=taken)


def taking(actor=OPERATOR, owner=Owner.DOCUMENT, deadline=LATER, case=CASE):
    return Consult(actor=actor, owner=owner, deadline=deadline, case=case)


def played(*bodies, every=timedelta(hours=1), texts=(CASE,)):
    """Reasons of requests that come one after the other, and the record's life."""
    oracle = Oracle([R], texts)
    requests = [Asked(UUID(int=at), R, body.type_name, body) for at, body in enumerate(bodies, 1)]
    found = oracle.run(requests, {one.request: NOW + at * every for at, one in enumerate(requests)})
    return [next(iter(one.reasons)) if len(one.reasons) == 1 else one.reasons for one in found], oracle.life(R)


def reasons(*bodies, **more):
    return played(*bodies, **more)[0]


def test_ar_065_each_extract_is_approved_by_another_operator_for_itself():
    story = [opening(), taking(), answer(), taking(), taking(), answer(), answer(taken=1), taking()]
    found, life = played(*story)
    assert found == [YES, NO, YES, YES, NO, NO, YES, YES]
    assert (life.extracts[CASE].taken, life.version) == (2, 0)


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([opening(HOLDER)], [NO]),
        ([opening(OPERATOR.model_copy(update={"authenticated": False}))], [Reason.NOT_AUTHENTICATED]),
        ([opening(types=frozenset())], [NO]),
        ([opening(types=frozenset(), since=NOW, until=NOW)], [NO]),
        ([opening(types=frozenset(), since=NOW, until=LATER)], [YES]),
        ([opening(since=NOW)], [NO]),
        ([opening(purpose=ExtractPurpose.MEMORY)], [NO]),
        ([opening(case=OTHER_CASE)], [NO]),  # without its paper
        ([opening(), opening()], [YES, YES]),
        ([opening(), opening(SECOND_OPERATOR)], [YES, NO]),
        ([opening(), opening(types=frozenset({"other"}))], [YES, NO]),
        ([answer()], [NO]),
        ([opening(), answer(OPERATOR)], [YES, NO]),
        ([opening(), answer(HOLDER)], [YES, NO]),
        ([opening(), answer(taken=1)], [YES, NO]),
        ([opening(), answer(), taking(SECOND_OPERATOR)], [YES, YES, NO]),
        ([opening(), answer(), taking(HOLDER)], [YES, YES, NO]),
        ([opening(), answer(), taking(owner=Owner.AUDIT), taking()], [YES, YES, NO, YES]),
        ([opening(), answer(), taking(case=OTHER_CASE)], [YES, YES, NO]),
        ([opening(), answer(), taking(deadline=NOW)], [YES, YES, Reason.LATE]),
        ([opening(), answer(accepted=False), answer(), taking()], [YES, YES, NO, NO]),
        ([opening(), answer(), answer(accepted=False), taking()], [YES, YES, YES, NO]),
        ([opening(**HEIR)], [NO]),
        ([DEAD, opening(**HEIR), answer(), taking()], [Reason.INSURANCE_DECLARATION, YES, YES, YES]),
        (
            [DEAD, opening(**HEIR), answer(), Decease(actor=INSURER, undone=True), taking()],
            [Reason.INSURANCE_DECLARATION, YES, YES, Reason.INSURANCE_DECLARATION, NO],
        ),
        (
            [OpposeHeirs(actor=HOLDER, rights_version=0, opposed=True), DEAD, opening(**HEIR), opening()],
            [Reason.HOLDER, Reason.INSURANCE_DECLARATION, NO, YES],
        ),
        ([Close(actor=HOLDER, rights_version=0), opening(), answer(), taking()], [Reason.HOLDER, YES, YES, YES]),
        ([opening(), answer(), Suspend(actor=OPERATOR), taking()], [YES, YES, YES, Reason.RECORD_SUSPENDED]),
    ],
)
def test_ar_058_065_what_is_asked_of_an_extract(bodies, expected):
    assert reasons(*bodies) == expected


def test_an_approval_runs_out_after_a_week():
    assert reasons(opening(), answer(), taking(), every=3 * DAY) == [YES, YES, YES]
    assert reasons(opening(), answer(), taking(), every=7 * DAY) == [YES, YES, NO]


def test_of_a_deleted_record_the_cases_may_be_forgotten():
    gone = RequestDeletion(actor=HOLDER, rights_version=0)
    assert reasons(opening(), answer(), gone, taking()) == [YES, YES, Reason.HOLDER, frozenset({OUT, NO})]


# what was told


TAKEN = UUID(int=70)


def change(number, state, actor=SECOND_OPERATOR, kind="court_expert", case=CASE):
    told_of = {"case": case, "kind": kind, "purpose": "court_mission", "state": state}
    return told(number, ExtractChanged(act="answer_extract", actor=actor, **told_of), f"case {number}")


def permit(number, request=TAKEN, actor=OPERATOR, case=CASE):
    more = {"owner": Owner.DOCUMENT, "permit": "a.b.c", "expires": datetime(2026, 2, 1, tzinfo=UTC), "case": case}
    why = {"act": Act.CONSULT, "outcome": Outcome.PERMIT, "reasons": (YES,), "rights_version": 0}
    return told(number, Decided(request=request, actor=actor, **why, **more), f"permit {number}")


def given(number, document=1, request=TAKEN, case=CASE):
    body = Consulted(request=request, actor=OPERATOR, document=UUID(int=document), case=case)
    return told(number, body, f"given {number}")


def notice(row, status="sent"):
    return Delivery(UUID(int=500 + row.number), R, "ACCES_DMP_PS", row.id, "email", status)


OPENED, APPROVED, PERMIT = change(1, "waiting", OPERATOR), change(2, "approved"), permit(3)
FIRST, SECOND = given(1, 1), given(2, 2)


def facts(decided=(OPENED, APPROVED, PERMIT), shown=(FIRST, SECOND), notices=None, **changes):
    rows = notices if notices is not None else [notice(APPROVED), notice(FIRST), notice(SECOND, "suppressed")]
    outboxes = {(ACCESS_DECISIONS, 0): list(decided), (DOCUMENT_EVENTS, 0): list(shown)}
    reads = {DOCUMENT: [Read(TAKEN, R, NOW)]}
    return replace(whole(), outboxes=outboxes, deliveries=rows, **({"reads": reads} | changes))


def wrong(found):
    return [one.claim for one in extracts.check(found) if not one.ok]


def test_extracts_that_were_approved_traced_and_told_have_no_fault():
    assert wrong(facts()) == []
    assert [one.looked_at for one in extracts.check(facts())] == [1, 1, 2]


HEIRS = (change(1, "waiting", OPERATOR, "heir"), change(2, "approved", kind="heir"), PERMIT)
APPROVAL, TRACED, TELLING = "each extract was approved", "each extract is traced", "experts' extracts are told"
PLANTED = {
    "nobody approved": (APPROVAL, facts((OPENED, PERMIT))),
    "he approved it himself": (APPROVAL, facts((OPENED, change(2, "approved", OPERATOR), PERMIT))),
    "the other one took it": (APPROVAL, facts((OPENED, APPROVED, permit(3, actor=SECOND_OPERATOR)))),
    "two on one approval": (APPROVAL, facts((OPENED, APPROVED, PERMIT, permit(4, UUID(int=71))))),
    "it was refused before": (APPROVAL, facts((OPENED, APPROVED, change(3, "refused"), permit(4)))),
    "another case was approved": (APPROVAL, facts((OPENED, APPROVED, permit(3, case=OTHER_CASE)))),
    "no permit": (TRACED, facts((OPENED, APPROVED))),
    "told under another case": (TRACED, facts(shown=(FIRST, given(2, 2, case=OTHER_CASE)))),
    "told under no permit": (TRACED, facts(shown=(FIRST, SECOND, given(3, 3, UUID(int=71))))),
    "a document twice": (TRACED, facts(shown=(FIRST, given(2, 1)))),
    "taken and not told": (TRACED, facts(shown=())),
    "an approval is not told": (TELLING, facts(notices=[notice(FIRST)])),
    "an extract is not told": (TELLING, facts(notices=[notice(APPROVED), notice(FIRST, "suppressed")])),
    "an extract is told twice": (TELLING, facts(notices=[notice(APPROVED), notice(FIRST), notice(SECOND)])),
    "heirs' is told": (TELLING, facts(HEIRS, notices=[notice(FIRST, "suppressed")])),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name):
    claim, plant = PLANTED[name]
    assert any(one.startswith(claim) for one in wrong(plant))


def test_what_is_no_fault():
    assert wrong(facts(HEIRS, notices=[notice(OPENED)])) == []
    dead = told(4, LifeChanged(act="decease", actor=OPERATOR, rights_version=1), "death")
    assert wrong(facts((OPENED, APPROVED, PERMIT, dead), notices=[notice(APPROVED)])) == []
    gone = {R: Deletion(frozenset(), ended=True, because="request")}
    assert wrong(facts(notices=[notice(OPENED)], deletions=gone)) == []
    assert wrong(facts(notices=[])) == []


def test_nothing_looked_at_is_a_fault_where_something_was_taken():
    missing = [one.missing for one in extracts.check(facts(shown=()))]
    assert any("1 were produced" in told_of for told_of in missing)
