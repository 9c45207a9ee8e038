"""Representatives, carers, protected adults; majority."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.access_control.domain import decide
from services.access_control.domain.majority import PARIS, majority
from services.access_control.domain.policy import DEFAULT
from services.access_control.domain.record import Right, Standing
from services.access_control.domain.relations import ALL_SCOPES, Delegation, DelegationState
from shared.contracts.access_decisions import RightsChanged
from shared.contracts.common import AccessMode, Act, FurtherAct, Owner, Wishes
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import AdministratorRole, Authorise, DelegationKind, DelegationScope, TeamKind
from tests.unit.access_control.cast import (
    CARER,
    CARER_ID,
    DELEGATIONS,
    DOCTOR,
    GUARDIAN,
    HOLDER,
    INSURER,
    MAJORITY,
    MINOR,
    MOTHER,
    MOTHER_ID,
    NOW,
    NURSE,
    OPEN,
    OPERATOR,
    POLICY,
    REPRESENTATIVE,
    changed,
    consult,
    do,
    handle,
)

NEW, OTHER = UUID(int=99), UUID(int=98)
INVITED = changed(REPRESENTATIVE, delegation=NEW)
READ = frozenset({DelegationScope.READ})
LEGAL, PROTECTED = DelegationKind.LEGAL_REPRESENTATION, DelegationKind.PROTECTED_ADULT
CARING, HELPING = DelegationKind.CAREGIVING, DelegationKind.HEALTHCARE_PROFESSIONAL
BEFORE = MAJORITY - timedelta(microseconds=1)


def invite(record=OPEN, actor=HOLDER, kind=CARING, scopes=READ, now=NOW, **more):
    return do(record, FurtherAct.INVITE, actor, now, delegation=NEW, kind=kind, scopes=scopes, **more)


def answer(record, actor=INVITED, now=NOW, *, accepted=True):
    return do(record, FurtherAct.ANSWER, actor, now, delegation=actor.delegation, accepted=accepted)


def delegated(kind=CARING, state=DelegationState.ACCEPTED, scopes=READ, **more):
    return replace(OPEN, delegations={str(NEW): Delegation(kind, state, scopes, NOW + timedelta(days=1), **more)})


@pytest.mark.parametrize(
    ("born", "of_age"),
    [
        (date(2008, 3, 2), datetime(2026, 3, 1, 23, tzinfo=UTC)),
        (date(2008, 7, 14), datetime(2026, 7, 13, 22, tzinfo=UTC)),
        (date(2008, 2, 29), datetime(2026, 2, 28, 23, tzinfo=UTC)),
        (date(2004, 2, 29), datetime(2022, 2, 28, 23, tzinfo=UTC)),
    ],
)
def test_ar_045_majority_is_at_midnight_in_paris_on_the_18th_birthday(born, of_age):
    assert majority(born) == of_age


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)))
def test_ar_045_majority_is_a_midnight_eighteen_years_on(born):
    found = majority(born).astimezone(PARIS)
    assert (found.hour, found.minute, found.year) == (0, 0, born.year + 18)
    assert (found.month, found.day) in {(born.month, born.day), (3, 1)}


def test_ar_045_without_the_day_of_majority_nobody_represents():
    assert consult(replace(MINOR, majority=None), MOTHER).code is FurtherReason.MAJORITY_UNKNOWN


@pytest.mark.parametrize("owner", Owner)
def test_ar_045_061_a_legal_representative_reads_like_the_holder_until_majority(owner):
    verdict = consult(MINOR, MOTHER, BEFORE, owner=owner)
    assert (verdict.code, verdict.reason) == (FurtherReason.REPRESENTATIVE, Reason.HOLDER)
    assert (verdict.scope.types, verdict.scope.masked, verdict.scope.withheld) == (None, True, False)
    assert consult(MINOR, MOTHER, MAJORITY, owner=owner).code is FurtherReason.MAJORITY_REACHED


def test_ar_045_what_a_representative_authorised_is_nothing_at_majority_and_blocks_stay():
    record = do(MINOR, Act.AUTHORISE, MOTHER, professional=DOCTOR.number).record
    record = do(record, Act.AUTHORISE, HOLDER, professional="810000000099").record
    record = do(record, Act.BLOCK, MOTHER, professional=NURSE.number).record
    assert record.standing(DOCTOR.number, BEFORE) is Standing.VALID
    assert record.standing(DOCTOR.number, MAJORITY) is Standing.NONE
    assert record.standing("810000000099", MAJORITY) is Standing.VALID
    assert record.standing(NURSE.number, MAJORITY) is Standing.BLOCKED


def test_ar_045_teams_and_administrators_of_a_representative_end_at_majority():
    record = do(MINOR, FurtherAct.CONSENT_TEAM, MOTHER, team_kind=TeamKind.STRUCTURE, team=NURSE.structure).record
    assert consult(record, NURSE, BEFORE).permitted
    assert not consult(record, NURSE, MAJORITY).permitted
    record = do(MINOR, Act.AUTHORISE, HOLDER, professional=DOCTOR.number).record
    named = {"professional": DOCTOR.number, "role": AdministratorRole.PHARMACIST}
    record = do(record, FurtherAct.NAME_ADMINISTRATOR, MOTHER, **named).record
    assert record.is_administrator(DOCTOR.number, BEFORE)
    assert not record.is_administrator(DOCTOR.number, MAJORITY)


@pytest.mark.parametrize("act", [Act.BLOCK, Act.CLOSE, FurtherAct.WISH, FurtherAct.REQUEST_DELETION])
def test_ar_045_at_majority_a_representative_decides_on_nothing(act):
    asked = {"professional": NURSE.number, "wishes": Wishes(regulation=False)}
    assert do(MINOR, act, MOTHER, BEFORE, **asked).verdict.code is FurtherReason.REPRESENTATIVE
    assert do(MINOR, act, MOTHER, MAJORITY, **asked).verdict.code is FurtherReason.MAJORITY_REACHED


def test_a_carer_reads_within_the_scope_and_decides_on_nothing():
    assert consult(MINOR, CARER, MAJORITY).permitted, "majority ends no carer"
    assert decide.deposit(MINOR, CARER, NOW).code is FurtherReason.OUTSIDE_DELEGATION
    assert do(MINOR, Act.BLOCK, CARER, professional=NURSE.number).verdict.code is FurtherReason.OUTSIDE_DELEGATION
    depositing = delegated(scopes=frozenset({DelegationScope.DEPOSIT}))
    assert decide.deposit(depositing, INVITED, NOW).code is FurtherReason.REPRESENTATIVE
    assert consult(depositing, INVITED).code is FurtherReason.OUTSIDE_DELEGATION


@pytest.mark.parametrize(
    ("record", "actor", "code"),
    [
        (OPEN, INVITED, FurtherReason.NO_RELATION),
        (delegated(state=DelegationState.PENDING), INVITED, FurtherReason.NO_RELATION),
        (delegated(state=DelegationState.REFUSED), INVITED, FurtherReason.NO_RELATION),
        (delegated(state=DelegationState.EXPIRED), INVITED, FurtherReason.NO_RELATION),
        (delegated(until=NOW), INVITED, FurtherReason.NO_RELATION),
        (delegated(), REPRESENTATIVE, Reason.NO_BRANCH),
        (delegated(), changed(INVITED, authenticated=False), Reason.NOT_AUTHENTICATED),
        (delegated(), changed(INVITED, delegation=uuid4()), FurtherReason.NO_RELATION),
        (replace(delegated(), held=True), INVITED, Reason.RECORD_HELD),
        (delegated(), INVITED, FurtherReason.REPRESENTATIVE),
    ],
)
def test_ar_061_a_delegation_has_to_be_valid_today(record, actor, code):
    assert consult(record, actor).code is code
    assert do(record, Act.CLOSE, actor).verdict.permitted is False


def test_nobody_on_the_holders_side_has_an_emergency_mode():
    assert consult(MINOR, MOTHER, mode=AccessMode.EMERGENCY, reason_code="other").reason is Reason.EMERGENCY_NOT_SERVED


def test_an_invitation_is_accepted_or_refused_once_by_the_invited_one():
    invited = invite()
    assert invited.record.delegations[str(NEW)].state is DelegationState.PENDING
    assert not consult(invited.record, INVITED).permitted
    accepted = answer(invited.record)
    assert accepted.verdict.code is FurtherReason.INVITED
    assert consult(accepted.record, INVITED).permitted
    refused = answer(invited.record, accepted=False).record
    assert refused.delegations[str(NEW)].state is DelegationState.REFUSED
    for record in (accepted.record, refused):
        assert answer(record).verdict.code is FurtherReason.INVITATION_OVER
    for actor in (HOLDER, CARER, changed(INVITED, delegation=CARER_ID)):
        other = do(invited.record, FurtherAct.ANSWER, actor, delegation=NEW, accepted=True)
        assert other.verdict.reason is Reason.NOT_HOLDER
    assert answer(OPEN).verdict.code is FurtherReason.UNKNOWN_DELEGATION


def test_an_invitation_without_answer_is_over_after_its_time():
    record = invite().record
    end = NOW + DEFAULT.invitation
    assert answer(record, now=end - timedelta(microseconds=1)).verdict.permitted
    assert answer(record, now=end).verdict.code is FurtherReason.INVITATION_OVER
    assert record.delegations[str(NEW)].state_at(end) is DelegationState.EXPIRED


@pytest.mark.parametrize(
    ("kind", "scopes", "code"),
    [
        (CARING, frozenset(), FurtherReason.SCOPE_EMPTY),
        (CARING, ALL_SCOPES, FurtherReason.SCOPE_TOO_WIDE),
        (HELPING, frozenset({DelegationScope.RIGHTS}), FurtherReason.SCOPE_TOO_WIDE),
        (HELPING, READ, Reason.HOLDER),
    ],
)
def test_a_carer_is_given_no_decision_on_rights(kind, scopes, code):
    assert invite(kind=kind, scopes=scopes, professional=DOCTOR.number).verdict.code is code


@pytest.mark.parametrize(
    ("record", "actor", "kind", "code"),
    [
        (MINOR, MOTHER, LEGAL, FurtherReason.REPRESENTATIVE),
        (MINOR, HOLDER, LEGAL, Reason.NOT_HOLDER),
        (MINOR, CARER, LEGAL, Reason.NOT_HOLDER),
        (MINOR, INSURER, LEGAL, FurtherReason.INSURANCE_DUTY),
        (MINOR, OPERATOR, LEGAL, Reason.OPERATOR_DUTY),
        (OPEN, OPERATOR, LEGAL, FurtherReason.MAJORITY_UNKNOWN),
        (replace(OPEN, majority=NOW), OPERATOR, LEGAL, FurtherReason.MAJORITY_REACHED),
        (OPEN, OPERATOR, PROTECTED, Reason.OPERATOR_DUTY),
        (OPEN, HOLDER, PROTECTED, Reason.NOT_HOLDER),
        (MINOR, MOTHER, PROTECTED, Reason.NOT_HOLDER),
        (OPEN, OPERATOR, CARING, Reason.NOT_HOLDER),
        (OPEN, DOCTOR, CARING, Reason.NOT_HOLDER),
    ],
)
def test_ar_063_who_invites_whom(record, actor, kind, code):
    after = invite(record, actor, kind)
    assert after.verdict.code is code
    if after.verdict.permitted:
        assert after.record.delegations[str(NEW)].scopes == ALL_SCOPES


def test_ar_045_an_invitation_to_represent_is_not_accepted_after_majority():
    record = invite(MINOR, MOTHER, LEGAL).record
    assert answer(record, now=BEFORE).verdict.permitted
    assert answer(record, now=MAJORITY).verdict.code is FurtherReason.MAJORITY_REACHED


@pytest.mark.parametrize(
    ("actor", "delegation", "reason"),
    [
        (HOLDER, CARER_ID, Reason.HOLDER),
        (CARER, CARER_ID, Reason.HOLDER),
        (MOTHER, CARER_ID, Reason.HOLDER),
        (OPERATOR, MOTHER_ID, Reason.OPERATOR_DUTY),
        (MOTHER, MOTHER_ID, Reason.HOLDER),
        (HOLDER, MOTHER_ID, Reason.NOT_HOLDER),
        (CARER, MOTHER_ID, Reason.NOT_HOLDER),
        (DOCTOR, CARER_ID, Reason.NOT_HOLDER),
        (HOLDER, NEW, Reason.NO_BRANCH),
    ],
)
def test_ar_061_who_ends_a_delegation(actor, delegation, reason):
    record = replace(MINOR, permits_until=NOW + timedelta(seconds=4))
    after = do(record, FurtherAct.END_DELEGATION, actor, delegation=delegation)
    assert after.verdict.reason is reason
    if after.verdict.permitted:
        assert after.in_force_at == NOW + timedelta(seconds=4)
        assert consult(after.record, changed(REPRESENTATIVE, delegation=delegation)).code is FurtherReason.NO_RELATION
        assert not do(after.record, FurtherAct.END_DELEGATION, OPERATOR, delegation=delegation).happened


def test_ar_063_a_protected_adult_is_decided_for_with_the_opinion_recorded():
    asked = {"professional": DOCTOR.number}
    assert do(MINOR, Act.BLOCK, GUARDIAN, **asked).verdict.code is FurtherReason.OPINION_MISSING
    after = do(MINOR, Act.BLOCK, GUARDIAN, opinion="agrees", **asked)
    assert after.verdict.code is FurtherReason.REPRESENTATIVE
    assert consult(after.record, DOCTOR).code is Reason.BLOCKED
    body = Authorise(actor=GUARDIAN, rights_version=0, professional=DOCTOR.number, opinion="agrees")
    told = handle(body, MINOR).emits[1]
    assert isinstance(told, RightsChanged)
    assert told.opinion == "agrees"


def test_ar_063_what_is_decided_for_a_protected_adult_does_not_end_at_18():
    record = do(MINOR, Act.AUTHORISE, GUARDIAN, professional=DOCTOR.number, opinion="agrees").record
    assert record.standing(DOCTOR.number, MAJORITY) is Standing.VALID
    assert consult(record, GUARDIAN, MAJORITY).permitted


def test_ar_042_a_secret_connection_is_read_like_any_and_says_so_in_every_decision():
    """What must not reach the representatives is told by the actor; owners and notification hide it by that."""
    secret = changed(DOCTOR, secret=True)
    record = MINOR.with_right(DOCTOR.number, Right())
    assert consult(record, secret).scope == consult(record, DOCTOR).scope
    told = handle(Authorise(actor=changed(HOLDER, secret=True), rights_version=0, professional=NURSE.number), MINOR)
    assert [emitted.actor.secret for emitted in told.emits] == [True, True]


@pytest.mark.parametrize("actor", [MOTHER, CARER])
def test_ar_042_no_representative_makes_a_secret_connection(actor):
    assert consult(MINOR, changed(actor, secret=True)).code is FurtherReason.CONFIDENTIAL_SESSION
    assert not decide.deposit(MINOR, changed(MOTHER, secret=True), NOW).permitted


def test_an_id_that_was_used_invites_nobody_else():
    record = replace(OPEN, delegations=DELEGATIONS)
    again = do(record, FurtherAct.INVITE, HOLDER, delegation=CARER_ID, kind=CARING, scopes=READ)
    assert not again.happened
    assert again.record.delegations == DELEGATIONS


def helper(record=OPEN, accepted=True, **more):
    told = {"delegation": NEW, "kind": HELPING, "scopes": READ, "professional": DOCTOR.number} | more
    invited = do(record, FurtherAct.INVITE, **told).record
    return do(invited, FurtherAct.ANSWER, INVITED, delegation=NEW, accepted=True).record if accepted else invited


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("kind", [HELPING, CARING])
def test_ar_018_the_block_of_a_professional_ends_his_delegation(kind, accepted):
    record = helper(accepted=accepted, kind=kind)
    assert consult(record, INVITED).permitted is accepted
    blocked = do(record, Act.BLOCK, professional=DOCTOR.number)
    assert blocked.happened
    assert not consult(blocked.record, INVITED).permitted
    assert not decide.deposit(blocked.record, INVITED, NOW).permitted
    assert not do(blocked.record, FurtherAct.ANSWER, INVITED, delegation=NEW, accepted=True).verdict.permitted


def test_ar_018_020_no_delegation_while_the_block_stands_and_none_comes_back_with_its_end():
    blocked = do(helper(), Act.BLOCK, professional=DOCTOR.number).record
    again = do(blocked, FurtherAct.INVITE, delegation=OTHER, kind=HELPING, scopes=READ, professional=DOCTOR.number)
    assert again.verdict.code is Reason.BLOCKED
    unblocked = do(blocked, Act.UNBLOCK, professional=DOCTOR.number).record
    assert not consult(unblocked, INVITED).permitted
    told = {"delegation": OTHER, "kind": HELPING, "scopes": READ, "professional": DOCTOR.number}
    assert do(unblocked, FurtherAct.INVITE, **told).verdict.permitted


def test_ar_018_who_helps_as_a_professional_is_named():
    assert do(OPEN, FurtherAct.INVITE, delegation=NEW, kind=HELPING, scopes=READ).verdict.code is (
        FurtherReason.SUBJECT_MISSING
    )
    assert do(OPEN, FurtherAct.INVITE, delegation=NEW, kind=CARING, scopes=READ).verdict.permitted


def test_ar_018_a_block_ends_nobody_elses_delegation_and_no_legal_one():
    others = helper(kind=CARING, professional=NURSE.number)
    assert consult(do(others, Act.BLOCK, professional=DOCTOR.number).record, INVITED).permitted
    mother = do(
        replace(MINOR, delegations={}), FurtherAct.INVITE, OPERATOR, delegation=NEW, kind=LEGAL, professional="x"
    )
    assert mother.record.delegations[str(NEW)].professional is None


def test_ar_018_a_block_that_stands_already_ends_a_delegation_from_before_the_rule():
    record = helper().with_right(DOCTOR.number, Right(blocked=True))
    blocked = do(record, Act.BLOCK, professional=DOCTOR.number)
    assert blocked.happened
    assert not consult(blocked.record, INVITED).permitted
    assert not do(blocked.record, Act.BLOCK, professional=DOCTOR.number).happened


def test_ar_018_by_setting_a_block_leaves_delegations():
    policy = replace(POLICY, block_ends_delegations=False)
    blocked = do(helper(), Act.BLOCK, professional=DOCTOR.number, policy=policy).record
    assert consult(blocked, INVITED).permitted
    told = {"delegation": OTHER, "kind": HELPING, "scopes": READ, "professional": DOCTOR.number}
    assert do(blocked, FurtherAct.INVITE, policy=policy, **told).verdict.permitted


def test_ar_018_019_a_block_that_sleeps_under_a_declaration_awakes_beside_no_delegation():
    treating = replace(OPEN.with_right(DOCTOR.number, Right(blocked=True)), treating=DOCTOR.number)
    told = {"delegation": NEW, "kind": HELPING, "scopes": READ, "professional": DOCTOR.number}
    assert do(treating, FurtherAct.INVITE, **told).verdict.code is Reason.BLOCKED
