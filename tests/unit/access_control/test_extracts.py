"""Extracts for heirs and court experts: an operator's case, another's approval, one extract (AR-058, AR-065)."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.access_control.domain import decide
from services.access_control.domain.changes import ExtractKept
from services.access_control.domain.extracts import Applied
from services.access_control.domain.oversight import Oversight
from services.access_control.domain.policy import Policy
from services.access_control.domain.record import ABSENT, State
from shared.contracts.access_decisions import ConsentChanged, Outcome
from shared.contracts.access_extracts import ExtractChanged
from shared.contracts.common import AccessMode, Capacity, FurtherAct, Owner
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_extracts import (
    AnswerExtract,
    ExtractKind,
    ExtractPurpose,
    OpposeHeirs,
    RequestExtract,
)
from shared.contracts.record_requests import Consult
from shared.security import Permit
from tests.unit.access_control.cast import (
    CASE,
    DEAD,
    DOCTOR,
    EXPERT,
    GUARDIAN,
    HEIR,
    HOLDER,
    INSURER,
    MATRIX,
    MINOR,
    MOTHER,
    NOW,
    OPEN,
    OPERATOR,
    OTHER_OPERATOR,
    POLICY,
    REPRESENTATIVE,
    SOON,
    changed,
    consult,
    decided,
    do,
    fail,
    handle,
    with_case,
)

TEXT_KEPT = Oversight(texts=frozenset({CASE}))
WEEK = timedelta(days=7)
HEIRS = tuple(kind for kind in ExtractKind if kind is not ExtractKind.COURT_EXPERT)
NOBODY = (
    HOLDER,
    DOCTOR,
    REPRESENTATIVE,
    INSURER,
    changed(OPERATOR, authenticated=False),
    changed(OPERATOR, number=None),
)


def request(applied=HEIR, record=DEAD, actor=OPERATOR, oversight=TEXT_KEPT):
    return do(replace(record, oversight=oversight), FurtherAct.REQUEST_EXTRACT, actor, case=CASE, applied=applied)


def answer(record, actor=OTHER_OPERATOR, *, accepted=True, taken=0, now=NOW, **more):
    return do(record, FurtherAct.ANSWER_EXTRACT, actor, now, case=CASE, accepted=accepted, taken=taken, **more)


def take(record, actor=OPERATOR, case=CASE, now=NOW, **more):
    body = Consult(actor=actor, owner=Owner.DOCUMENT, deadline=now + timedelta(seconds=2), case=case, **more)
    return handle(body, record, now)


def code(effects):
    told = decided(effects)
    return next(iter(told.further_reasons), told.reasons[0])


@pytest.mark.parametrize("kind", HEIRS)
@pytest.mark.parametrize("purpose", [one for one in ExtractPurpose if one is not ExtractPurpose.COURT_MISSION])
def test_ar_058_heirs_apply_for_one_of_three_purposes_after_a_death(kind, purpose):
    done = request(replace(HEIR, kind=kind, purpose=purpose))
    assert (done.verdict.code, done.happened) == (Reason.OPERATOR_DUTY, True)
    extract = done.record.oversight.extracts[CASE]
    assert (extract.state(NOW), extract.opened_by, extract.taken) == ("waiting", OPERATOR.number, 0)
    assert done.record.rights_version == DEAD.rights_version


@pytest.mark.parametrize(
    ("kind", "purpose"),
    [(kind, ExtractPurpose.COURT_MISSION) for kind in HEIRS]
    + [(ExtractKind.COURT_EXPERT, one) for one in ExtractPurpose if one is not ExtractPurpose.COURT_MISSION],
)
def test_ar_058_065_a_purpose_of_somebody_else_is_none(kind, purpose):
    assert request(replace(EXPERT, kind=kind, purpose=purpose)).verdict.code is FurtherReason.CASE_PURPOSE


@pytest.mark.parametrize("kind", HEIRS)
def test_ar_058_nothing_while_the_holder_lives_or_where_he_opposed(kind):
    applied = replace(HEIR, kind=kind)
    opposed = replace(DEAD, heirs_opposed=True)
    for record, expected in ((OPEN, FurtherReason.HOLDER_ALIVE), (opposed, FurtherReason.HEIRS_OPPOSED)):
        assert request(applied, record).verdict.code is expected
        assert answer(with_case(record, applied, approved_until=None)).verdict.code is expected
        assert code(take(with_case(record, applied))) == expected


@pytest.mark.parametrize("record", [OPEN, DEAD, replace(DEAD, heirs_opposed=True), replace(DEAD, state=State.CLOSED)])
def test_ar_065_an_expert_of_a_court_needs_no_death(record):
    assert request(EXPERT, record).happened
    assert decided(take(with_case(record, EXPERT))).outcome is Outcome.PERMIT


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (ABSENT, Reason.NO_RECORD),
        (replace(DEAD, deletion_due=NOW), FurtherReason.RECORD_DELETED),
        (replace(DEAD, suspended=True), Reason.RECORD_SUSPENDED),
        (replace(DEAD, held=True), Reason.RECORD_HELD),
    ],
)
def test_ar_055_057_what_stands_against_everybody_stands_against_extracts(record, expected):
    assert request(record=record).verdict.code is expected
    assert answer(with_case(record, approved_until=None)).verdict.code is expected
    assert code(take(with_case(record))) == expected


@pytest.mark.parametrize(
    "scope",
    [
        {},
        {"since": NOW},
        {"until": NOW},
        {"since": NOW, "until": NOW},
        {"since": NOW, "until": NOW - WEEK},
        {"types": frozenset({"11488-4"}), "since": NOW},
    ],
)
def test_ar_065_everything_is_no_scope(scope):
    unbounded = Applied(HEIR.kind, HEIR.purpose, **scope)
    assert request(unbounded).verdict.code is FurtherReason.SCOPE_EMPTY
    assert code(take(with_case(applied=unbounded))) == FurtherReason.SCOPE_EMPTY


def test_ar_065_the_papers_are_kept_before():
    assert request(oversight=Oversight()).verdict.code is FurtherReason.PAPER_MISSING


@pytest.mark.parametrize("actor", NOBODY)
def test_ar_065_only_an_operator_who_signed_in_opens_answers_and_takes(actor):
    assert not request(actor=actor).verdict.permitted
    assert not answer(with_case(approved_until=None), actor).verdict.permitted
    assert decided(take(with_case(), actor)).outcome is Outcome.DENY


@pytest.mark.parametrize("capacity", [Capacity.HEIR, Capacity.COURT_EXPERT])
@pytest.mark.parametrize("actor", [HOLDER, DOCTOR, REPRESENTATIVE])
def test_ar_058_065_naming_a_case_gives_heirs_and_experts_no_session(actor, capacity):
    assert consult(with_case(), changed(actor, capacity=capacity), case=CASE).code is Reason.NO_BRANCH


@pytest.mark.parametrize("accepted", [True, False])
def test_ar_065_two_operators_are_two(accepted):
    waiting = with_case(approved_until=None)
    assert answer(waiting, OPERATOR, accepted=accepted).verdict.code is FurtherReason.SAME_OPERATOR
    forged = with_case(approved_by=OPERATOR.number)
    assert code(take(forged)) == FurtherReason.CASE_NOT_APPROVED
    assert code(take(with_case(), OTHER_OPERATOR)) == FurtherReason.CASE_UNKNOWN


def test_ar_065_an_approval_runs_out_unused():
    done = answer(with_case(approved_until=None), policy=Policy(extract_approval=WEEK))
    last = NOW + WEEK - timedelta(microseconds=1)
    assert decided(take(done.record, now=last)).outcome is Outcome.PERMIT
    assert code(take(done.record, now=NOW + WEEK)) == FurtherReason.CASE_NOT_APPROVED


def test_ar_065_one_approval_is_one_extract():
    first = take(with_case())
    assert code(first) == FurtherReason.EXTRACT_APPROVED
    (kept,) = [change for change in first.changes if isinstance(change, ExtractKept)]
    assert (kept.id, kept.extract.taken, kept.extract.is_approved(NOW)) == (CASE, 1, False)
    assert code(take(first.state)) == FurtherReason.CASE_NOT_APPROVED
    assert answer(first.state, taken=0).verdict.code is FurtherReason.EXTRACT_TAKEN, "the first approval, sent again"
    assert code(take(answer(first.state, taken=1).record)) == FurtherReason.EXTRACT_APPROVED


def test_ar_065_what_is_sent_again_changes_nothing():
    opened = request()
    assert not do(opened.record, FurtherAct.REQUEST_EXTRACT, OPERATOR, case=CASE, applied=HEIR).happened
    approved = answer(opened.record)
    assert not answer(approved.record).happened
    third = changed(OPERATOR, number="operator-3")
    assert answer(approved.record, third).verdict.code is FurtherReason.CASE_APPROVED
    refused = answer(approved.record, accepted=False)
    assert not answer(refused.record, accepted=False).happened


def test_ar_065_the_same_id_is_no_other_case():
    opened = request().record
    for other in ({"applied": EXPERT}, {"actor": OTHER_OPERATOR, "applied": HEIR}):
        asked = {"actor": OPERATOR, "case": CASE} | other
        assert do(opened, FurtherAct.REQUEST_EXTRACT, **asked).verdict.code is FurtherReason.CASE_UNKNOWN
    foreign = replace(TEXT_KEPT, foreign=frozenset({CASE}))
    assert request(oversight=foreign).verdict.code is FurtherReason.CASE_UNKNOWN
    assert answer(replace(DEAD, oversight=foreign)).verdict.code is FurtherReason.CASE_UNKNOWN
    assert code(take(replace(DEAD, oversight=foreign))) == FurtherReason.CASE_UNKNOWN


def test_ar_065_a_refusal_is_for_good_and_takes_an_approval_away():
    refused = answer(with_case(), accepted=False)
    assert refused.happened
    assert code(take(refused.record)) == FurtherReason.CASE_REFUSED
    assert answer(refused.record).verdict.code is FurtherReason.CASE_REFUSED


def test_ar_065_a_refusal_that_meets_an_error_holds_the_record_an_approval_does_not():
    for accepted in (True, False):
        effects = fail(AnswerExtract(actor=OTHER_OPERATOR, case=CASE, accepted=accepted), with_case())
        assert decided(effects).outcome is Outcome.DENY
        assert effects.state.held is not accepted


def test_ar_065_the_permit_covers_the_case_alone():
    told = decided(take(with_case(applied=replace(HEIR, since=NOW - WEEK, until=NOW))))
    permit = Permit.model_validate_json(told.permit)
    assert (permit.extract.case, permit.extract.since, permit.extract.until) == (CASE, NOW - WEEK, NOW)
    scope = permit.scope
    assert (scope.types, scope.masked, scope.withheld, scope.own, scope.own_structure) == (
        HEIR.types,
        False,
        False,
        None,
        None,
    )
    assert told.case == CASE


def test_ar_065_no_other_read_has_anything_of_it():
    told = decided(handle(Consult(actor=HOLDER, owner=Owner.DOCUMENT, deadline=SOON), OPEN))
    assert Permit.model_validate_json(told.permit).extract is None
    assert told.case is None


@pytest.mark.parametrize("owner", [Owner.HISTORY, Owner.AUDIT])
def test_ar_065_neither_history_nor_traces(owner):
    assert consult(with_case(), OPERATOR, owner=owner, case=CASE).code is FurtherReason.OUTSIDE_EXTRACT


@pytest.mark.parametrize("mode", [AccessMode.EMERGENCY, AccessMode.REGULATION])
def test_ar_065_never_in_an_emergency_mode(mode):
    assert not consult(with_case(), OPERATOR, mode=mode, reason_code="unconscious", case=CASE).permitted


def test_ar_065_late_and_for_another_purpose_is_denied():
    assert consult(with_case(), OPERATOR, case=CASE, deadline=NOW - WEEK).code is Reason.LATE
    assert consult(with_case(), OPERATOR, case=CASE, purpose="research").code is FurtherReason.PURPOSE_EXCLUDED


@pytest.mark.parametrize("case", [None, UUID(int=99)])
def test_ar_065_without_a_case_an_operator_reads_nothing(case):
    assert not consult(with_case(), OPERATOR, case=case).permitted


def test_ar_058_065_an_explanation_names_each_rule():
    asked = decide.Reading(OPERATOR, Owner.DOCUMENT, AccessMode.NORMAL, SOON, case=CASE)
    trail = decide.explain(with_case(), asked, NOW, MATRIX, POLICY).trail
    assert [step.step for step in trail][-7:] == ["F1", "F2", "F3", "F4", "F5", "F6", "F7"]
    assert {"AR-058", "AR-065"} <= {rule for step in trail for rule in step.rules}
    alive = decide.explain(with_case(OPEN), asked, NOW, MATRIX, POLICY).trail[-1]
    assert (alive.step, alive.rules, alive.code) == ("F4", ("AR-058",), FurtherReason.HOLDER_ALIVE)


def test_ar_065_the_world_is_told_of_the_case_and_of_nobody_else():
    body = RequestExtract(actor=OPERATOR, case=CASE, kind=HEIR.kind, purpose=HEIR.purpose, types=HEIR.types)
    opened = handle(body, replace(DEAD, oversight=TEXT_KEPT))
    (told,) = [one for one in opened.emits if isinstance(one, ExtractChanged)]
    assert (told.act, told.case, told.kind, told.purpose, told.state, told.until) == (
        "request_extract",
        CASE,
        "heir",
        "memory",
        "waiting",
        None,
    )
    approved = handle(AnswerExtract(actor=OTHER_OPERATOR, case=CASE, accepted=True), opened.state)
    (told,) = [one for one in approved.emits if isinstance(one, ExtractChanged)]
    assert (told.actor, told.state, told.until) == (OTHER_OPERATOR, "approved", NOW + WEEK)
    refused = handle(AnswerExtract(actor=OTHER_OPERATOR, case=CASE, accepted=False), approved.state)
    (told,) = [one for one in refused.emits if isinstance(one, ExtractChanged)]
    assert (told.state, told.until) == ("refused", None)


@pytest.mark.parametrize("actor", [MOTHER, GUARDIAN, DOCTOR, INSURER, OPERATOR, changed(HOLDER, authenticated=False)])
@pytest.mark.parametrize("opposed", [True, False])
def test_ar_058_the_holder_alone_opposes(actor, opposed):
    done = do(MINOR, FurtherAct.OPPOSE_HEIRS, actor, opposed=opposed, opinion="agrees")
    assert (done.verdict.permitted, done.happened) == (False, False)


def test_ar_058_a_holder_opposes_while_alive_and_takes_it_back():
    done = do(OPEN, FurtherAct.OPPOSE_HEIRS, opposed=True)
    assert (done.record.heirs_opposed, done.record.rights_version) == (True, OPEN.rights_version + 1)
    assert not do(done.record, FurtherAct.OPPOSE_HEIRS, opposed=True).happened
    back = do(done.record, FurtherAct.OPPOSE_HEIRS, opposed=False)
    assert not back.record.heirs_opposed
    assert not do(DEAD, FurtherAct.OPPOSE_HEIRS, opposed=False).verdict.permitted, "nobody speaks for the dead"


@pytest.mark.parametrize(("opposed", "state"), [(True, "opposed"), (False, "not_opposed")])
def test_ar_058_what_the_holder_decided_is_told(opposed, state):
    record = replace(OPEN, heirs_opposed=not opposed)
    effects = handle(OpposeHeirs(actor=HOLDER, rights_version=0, opposed=opposed), record)
    (told,) = [one for one in effects.emits if isinstance(one, ConsentChanged)]
    assert (told.act, told.state) == ("oppose_heirs", state)


def test_ar_058_an_opposition_restricts_its_end_does_not():
    for opposed in (True, False):
        effects = fail(OpposeHeirs(actor=HOLDER, rights_version=0, opposed=opposed))
        assert effects.state.held is opposed


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["open", "approve", "refuse", "take", "die", "revive", "oppose", "wait"]),
        st.sampled_from([OPERATOR, OTHER_OPERATOR, changed(OPERATOR, number="operator-3")]),
        st.integers(0, 2),
    ),
    max_size=30,
)


@given(ACTS)
def test_ar_065_never_more_extracts_than_approvals_by_another_while_dead_and_not_opposed(acts):
    """Whatever is asked in whatever order: each extract has an approval of its own, by somebody else, while it may."""
    record, now = request().record, NOW
    opener, approved_until, refused = OPERATOR.number, None, False
    for act, actor, taken in acts:
        if act == "open":
            done = do(record, FurtherAct.REQUEST_EXTRACT, actor, now, case=CASE, applied=HEIR)
            assert not done.happened, "the case is there"
        elif act in {"approve", "refuse"}:
            done = answer(record, actor, accepted=act == "approve", taken=taken, now=now)
            if done.happened:
                assert actor.number != opener
                assert not refused
                refused = act == "refuse"
                approved_until = None if refused else now + POLICY.extract_approval
            record = done.record
        elif act == "take":
            effects = take(record, actor, now=now)
            if decided(effects).outcome is Outcome.PERMIT:
                assert (actor.number, refused) == (opener, False)
                assert approved_until is not None
                assert now < approved_until
                assert record.deceased
                assert not record.heirs_opposed
                approved_until = None
            record = effects.state
        elif act == "wait":
            now += timedelta(days=4)
        else:
            changes = {"die": {"deceased": True}, "revive": {"deceased": False}, "oppose": {"heirs_opposed": True}}
            record = replace(record, **changes[act])


def test_ar_065_a_permit_that_is_unused_used_the_approval_up():
    """Lost on its way, it is asked for again: another approval, never a second permit on the first one."""
    assert decided(take(take(with_case()).state)).permit is None
