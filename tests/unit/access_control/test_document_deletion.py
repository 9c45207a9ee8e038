"""Who deletes documents: the author in person, his structure, an operator by the holder's case (AR-051 to 053, 068)."""

from dataclasses import replace
from uuid import UUID

import pytest

from services.access_control.domain.oversight import Case, Oversight
from shared.contracts import record_documents as on
from shared.contracts.access_decisions import Outcome
from shared.contracts.common import Scope
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_oversight import Contest
from tests.unit.access_control.cast import (
    AUTHORISING,
    CASE,
    DOCTOR,
    HOLDER,
    HOSPITAL,
    NOW,
    OPEN,
    OPERATOR,
    OTHER_OPERATOR,
    RECORD,
    SOCIAL_WORKER,
    changed,
    decided,
    handle,
)
from tests.unit.access_control.test_document_acts import (
    ACTS,
    ALL,
    BLOCKED,
    DELETE,
    DEPOSITED,
    DOCUMENT,
    TREATED,
    act,
    his,
)

ANSWERED = Case(DOCUMENT, DOCTOR.number, None, NOW, NOW, founded=True, answered_by=OTHER_OPERATOR.number)
FOUNDED = replace(OPEN, oversight=Oversight(cases={CASE: ANSWERED}))


def answered(**more):
    return replace(OPEN, oversight=Oversight(cases={CASE: replace(ANSWERED, **more)}))


def test_ar_051_053_a_certificate_suffices_to_its_structure_to_delete_and_for_nothing_else():
    """The structure takes the place of an author who has left it; consent is not asked about, as for a deposit."""
    for asked in ACTS:
        verdict = act(OPEN, HOSPITAL, asked)
        assert verdict.scope == (his(HOSPITAL) if asked is DELETE else None)
        assert verdict.code is (FurtherReason.AUTHOR if asked is DELETE else Reason.NOT_AUTHENTICATED)
    assert act(OPEN, SOCIAL_WORKER, DELETE).scope == his(SOCIAL_WORKER)


@pytest.mark.parametrize("asked", ACTS)
@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"authenticated": False}, Reason.NOT_AUTHENTICATED),
        ({"authenticated": False, "strength": "certificate"}, Reason.NOT_AUTHENTICATED),
        ({"strength": "certificate"}, FurtherReason.CERTIFICATE_ONLY),
        ({"strength": "air", "structure": None}, FurtherReason.STRUCTURE_MISSING),
    ],
)
def test_ar_016_017_051_nobody_acts_under_a_number_that_a_certificate_alone_claims(asked, told, code):
    """A structure's software could name any author; as the structure itself it deletes what is the structure's."""
    for record in (OPEN, BLOCKED, TREATED, AUTHORISING):
        assert act(record, changed(DOCTOR, **told), asked).code is code
    if told.get("strength") == "air":
        assert act(OPEN, changed(DOCTOR, strength="air"), asked).permitted


def test_ar_051_nobody_deletes_as_nobody():
    for actor in (changed(DOCTOR, number=None), changed(HOSPITAL, number=None)):
        assert act(OPEN, actor, DELETE).code is Reason.NOT_AUTHENTICATED
    for nothing in ({"role": None}, {"sector": None}, {"role": "G15_9999"}):
        assert act(OPEN, changed(DOCTOR, **nothing), DELETE).code is Reason.NO_ROLE


@pytest.mark.parametrize("asked", ACTS)
def test_ar_068_an_operator_erases_by_a_case_that_was_found_justified(asked):
    verdict = act(FOUNDED, OPERATOR, asked, case=CASE)
    if asked is not DELETE:
        assert verdict.code is Reason.NO_BRANCH
        return
    assert (verdict.scope, verdict.code) == (ALL, Reason.OPERATOR_DUTY)


@pytest.mark.parametrize(
    ("record", "case", "code"),
    [
        (FOUNDED, None, FurtherReason.CASE_NEEDED),
        (FOUNDED, UUID(int=42), FurtherReason.CASE_UNKNOWN),
        (OPEN, CASE, FurtherReason.CASE_UNKNOWN),
        (replace(OPEN, oversight=Oversight(foreign=frozenset({CASE}))), CASE, FurtherReason.CASE_UNKNOWN),
        (replace(OPEN, oversight=Oversight(cases={CASE: None})), CASE, FurtherReason.CASE_UNKNOWN),
        (answered(request=UUID(int=78)), CASE, FurtherReason.CASE_UNKNOWN),
        (answered(request=UUID(int=78), founded=False), CASE, FurtherReason.CASE_UNKNOWN),
        (answered(founded=False), CASE, FurtherReason.CASE_NOT_APPROVED),
        (answered(founded=False, answered_by=None), CASE, FurtherReason.CASE_NOT_APPROVED),
        (answered(founded=False, answered_by=OPERATOR.number), CASE, FurtherReason.CASE_NOT_APPROVED),
        (answered(answered_by=OPERATOR.number), CASE, FurtherReason.SAME_OPERATOR),
        (answered(answered_by=None), CASE, FurtherReason.SAME_OPERATOR),
    ],
)
def test_ar_068_without_such_a_case_an_operator_erases_nothing(record, case, code):
    assert act(record, OPERATOR, DELETE, case=case).code is code


def test_ar_068_a_deposit_is_contested_and_the_case_is_about_that_very_document():
    """Deposits leave no row here: what the trace says of its author counts, and the request is the document's id."""
    contest = handle(Contest(actor=HOLDER, case=CASE, request=DOCUMENT, professional=DOCTOR.number), OPEN)
    assert decided(contest).outcome is Outcome.PERMIT
    waiting = contest.state  # the next message of the same batch
    assert act(waiting, OPERATOR, DELETE, case=CASE).code is FurtherReason.CASE_NOT_APPROVED
    assert act(waiting, OPERATOR, DELETE, case=CASE, document=RECORD).code is FurtherReason.CASE_UNKNOWN
    found = replace(waiting.oversight.cases[CASE], founded=True, answered_by=OTHER_OPERATOR.number)
    assert act(replace(OPEN, oversight=Oversight(cases={CASE: found})), OPERATOR, DELETE, case=CASE).scope == ALL


def test_ar_002_068_only_an_operator_who_signed_in_erases():
    for actor in (changed(OPERATOR, authenticated=False), changed(OPERATOR, number=None)):
        assert act(FOUNDED, actor, DELETE, case=CASE).code is Reason.NOT_AUTHENTICATED
    assert act(FOUNDED, changed(OPERATOR, secret=True), DELETE, case=CASE).code is FurtherReason.NOT_A_MINOR
    assert act(FOUNDED, DOCTOR, DELETE, case=CASE).scope == his(DOCTOR), "a case gives nobody else anything"
    assert act(FOUNDED, HOLDER, DELETE, case=CASE).scope == DEPOSITED


def test_ar_068_the_order_reaches_whatever_there_is_and_the_decision_names_the_case():
    request = UUID(int=5)
    body = on.Delete(actor=OPERATOR, document=DOCUMENT, case=CASE)
    erased = decided(handle(body, FOUNDED, identity=request))
    assert (erased.request, erased.case, erased.order.document) == (request, CASE, DOCUMENT)
    assert erased.order.scope == Scope(masked=True, withheld=True)
    denied = decided(handle(body, answered(founded=False)))
    assert (denied.outcome, denied.case, denied.order) == (Outcome.DENY, CASE, None)
