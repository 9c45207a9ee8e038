"""A holder contests an access; an actor whom the operator suspended is denied everything."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.access_control.domain import decide
from services.access_control.domain.changes import CaseBegan
from services.access_control.domain.oversight import Oversight
from services.access_control.domain.policy import Policy
from services.access_control.domain.record import Record, Right, State
from services.access_control.domain.rights import RULES
from shared.contracts.access_decisions import Outcome
from shared.contracts.access_oversight import CaseOpened
from shared.contracts.common import AccessMode, Act, FurtherAct, Owner
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_oversight import Contest
from shared.contracts.record_requests import Consult
from tests.unit.access_control.cast import (
    APP,
    AUTHORISING,
    CARER,
    DEPOSITS,
    DOCTOR,
    GUARDIAN,
    HOLDER,
    HOSPITAL,
    INSURER,
    MATRIX,
    MINOR,
    MOTHER,
    NOW,
    NURSE,
    OPEN,
    OPERATOR,
    POLICY,
    RECORD,
    REGULATOR,
    SOON,
    changed,
    consult,
    decided,
    do,
    handle,
)

CASE, REQUEST, OTHER = (UUID(int=number) for number in (1, 2, 3))
MONTH = timedelta(days=30)


def contest(record=OPEN, actor=HOLDER, case=CASE, request=REQUEST, professional=DOCTOR.number, **more):
    return handle(Contest(actor=actor, case=case, request=request, professional=professional, **more), record, NOW)


def beside(record=OPEN, **more):
    return replace(record, oversight=Oversight(**more))


def began(effects):
    return [change for change in effects.changes if isinstance(change, CaseBegan)]


def test_ar_062_a_case_is_opened_told_and_due_in_a_month():
    effects = contest(structure="1750000001")
    (case,) = began(effects)
    assert (case.id, case.case.professional, case.case.due) == (CASE, DOCTOR.number, NOW + MONTH)
    (told,) = [one for one in effects.emits if isinstance(one, CaseOpened)]
    assert (told.case, told.request, told.due) == (CASE, REQUEST, NOW + MONTH)
    assert (told.professional, told.structure) == (DOCTOR.number, "1750000001")
    assert (decided(effects).outcome, decided(effects).further_act) == (Outcome.PERMIT, "contest")
    assert effects.state.rights_version == OPEN.rights_version


def test_ar_062_the_day_on_which_the_answer_is_due_is_a_setting():
    done = do(
        OPEN,
        FurtherAct.CONTEST,
        policy=Policy(case_answer=timedelta(days=7)),
        case=CASE,
        request=REQUEST,
        professional=DOCTOR.number,
    )
    assert done.record.oversight.cases[CASE].due == NOW + timedelta(days=7)


def test_ar_062_what_was_decided_counts_and_not_what_is_told():
    known = beside(readers={REQUEST: NURSE.number})
    assert began(contest(known))[0].case.professional == NURSE.number
    assert began(contest(known, professional=None))[0].case.professional == NURSE.number


def test_ar_062_a_repeat_opens_nothing_and_a_second_case_on_one_access_is_refused():
    effects = contest()
    again = contest(effects.state)
    assert (decided(again).outcome, began(again), len(again.emits)) == (Outcome.PERMIT, [], 1)
    other = contest(effects.state, case=OTHER)
    assert decided(other).further_reasons == ("contested_already",)
    assert began(contest(effects.state, case=OTHER, request=uuid4())) != []
    before = beside(cases={CASE: None}, contested=frozenset({REQUEST}))
    assert (began(contest(before)), decided(contest(before)).outcome) == ([], Outcome.PERMIT)
    assert decided(contest(before, case=OTHER)).outcome is Outcome.DENY


@pytest.mark.parametrize("foreign", [CASE, REQUEST])
def test_ar_062_nobody_learns_of_another_record_by_contesting(foreign):
    told = decided(contest(beside(foreign=frozenset({foreign}))))
    assert (told.outcome, told.further_reasons) == (Outcome.DENY, ("trace_unknown",))


def test_ar_062_somebody_has_to_be_named():
    assert decided(contest(professional=None)).further_reasons == ("subject_missing",)
    assert decided(contest(professional=None, structure="1750000001")).outcome is Outcome.PERMIT


@pytest.mark.parametrize(
    "record", [replace(OPEN, state=State.CLOSED), replace(OPEN, suspended=True), replace(OPEN, held=True)]
)
def test_ar_061_what_was_read_stays_contestable(record):
    assert decided(contest(record)).outcome is Outcome.PERMIT


@pytest.mark.parametrize(("record", "code"), [(Record(), "no_record"), (replace(OPEN, deceased=True), "record_closed")])
def test_ar_061_not_where_there_is_no_record_or_no_holder(record, code):
    assert decided(contest(record)).reasons == (code,)


@pytest.mark.parametrize(
    ("actor", "code"),
    [
        (HOLDER, Reason.HOLDER),
        (MOTHER, FurtherReason.REPRESENTATIVE),
        (CARER, FurtherReason.OUTSIDE_DELEGATION),
        (GUARDIAN, FurtherReason.OPINION_MISSING),
        (changed(HOLDER, app=APP), Reason.NOT_HOLDER),
        (changed(HOLDER, authenticated=False), Reason.NOT_AUTHENTICATED),
        (DOCTOR, Reason.NOT_HOLDER),
        (INSURER, Reason.NOT_HOLDER),
        (OPERATOR, Reason.NOT_HOLDER),
    ],
)
def test_ar_061_who_contests(actor, code):
    done = do(MINOR, FurtherAct.CONTEST, actor, case=CASE, request=REQUEST, professional=DOCTOR.number)
    assert done.verdict.code is code
    assert done.happened is done.verdict.permitted
    if actor == MOTHER:
        assert done.record.oversight.cases[CASE].by_representative


def test_ar_063_who_is_in_charge_of_a_protection_contests_with_the_adults_opinion():
    adult = replace(MINOR, majority=NOW)
    effects = contest(adult, GUARDIAN, opinion="agrees")
    assert decided(effects).outcome is Outcome.PERMIT
    (opened,) = [one for one in effects.emits if isinstance(one, CaseOpened)]
    assert (opened.opinion, opened.actor) == ("agrees", GUARDIAN)
    assert decided(contest(adult, GUARDIAN)).further_reasons == ("opinion_missing",)


SUSPENDED = frozenset({DOCTOR.number})
TREATING = replace(AUTHORISING, treating=DOCTOR.number)
URGENT = {"mode": AccessMode.EMERGENCY, "reason_code": "unconscious"}


@pytest.mark.parametrize("owner", Owner)
@pytest.mark.parametrize("record", [OPEN, AUTHORISING, TREATING])
def test_ar_062_a_suspended_professional_reads_nothing_whatever_the_relation(record, owner):
    overseen = beside(record, suspended=SUSPENDED)
    for more in ({}, URGENT, URGENT | {"mode": AccessMode.REGULATION}):
        verdict = consult(overseen, changed(DOCTOR, regulator=True), owner=owner, **more)
        assert (verdict.code, verdict.reason) == (FurtherReason.ACTOR_SUSPENDED, Reason.EXCLUDED_ACTOR)
    assert consult(overseen, HOLDER, owner=owner).permitted


def test_ar_062_others_go_on():
    overseen = beside(AUTHORISING, suspended=SUSPENDED)
    assert consult(overseen, NURSE).permitted
    assert consult(overseen, REGULATOR, **URGENT).permitted


def test_ar_062_a_suspended_structure_denies_whoever_acts_in_it():
    overseen = beside(AUTHORISING, suspended=frozenset({DOCTOR.structure}))
    for actor in (DOCTOR, NURSE):
        assert consult(overseen, actor).code is FurtherReason.ACTOR_SUSPENDED
    assert consult(overseen, changed(DOCTOR, structure="1750000077")).permitted
    assert decide.deposit(overseen, HOSPITAL, NOW).code is FurtherReason.ACTOR_SUSPENDED


def test_ar_062_a_suspended_actor_deposits_nothing():
    body = Deposit(deposit=RECORD, actor=DOCTOR, type_code="11502-2")
    told = decided(handle(body, beside(suspended=SUSPENDED), lane=DEPOSITS))
    assert (told.outcome, told.further_reasons) == (Outcome.DENY, ("actor_suspended",))
    assert decided(handle(body, beside(suspended=frozenset({"other"})), lane=DEPOSITS)).outcome is Outcome.PERMIT


@pytest.mark.parametrize("act", sorted(RULES, key=str))
def test_ar_062_a_suspended_actor_commands_nothing(act):
    done = do(beside(TREATING, suspended=SUSPENDED), act, DOCTOR, professional=NURSE.number)
    assert (done.verdict.code, done.happened) == (FurtherReason.ACTOR_SUSPENDED, False)


def test_ar_062_only_professionals_and_structures_are_suspended():
    """A number that happens to be the same takes nothing from an operator or the insurance."""
    numbers = frozenset({OPERATOR.number, INSURER.number})
    assert do(beside(suspended=numbers), Act.DECLARE, INSURER, professional=DOCTOR.number).verdict.permitted
    assert do(beside(replace(OPEN, held=True), suspended=numbers), Act.RELEASE, OPERATOR).verdict.permitted


def test_ar_062_an_explanation_names_the_suspension():
    asked = decide.Reading(DOCTOR, Owner.DOCUMENT, AccessMode.NORMAL, SOON)
    explained = decide.explain(beside(AUTHORISING, suspended=SUSPENDED), asked, NOW, MATRIX, POLICY)
    last = explained.trail[-1]
    assert (last.step, last.code, "AR-062" in last.rules) == ("E3", FurtherReason.ACTOR_SUSPENDED, True)


def test_ar_062_a_block_is_told_after_the_suspension():
    blocked = AUTHORISING.with_right(DOCTOR.number, Right(blocked=True))
    body = Consult(actor=DOCTOR, owner=Owner.DOCUMENT, deadline=SOON)
    assert decided(handle(body, beside(blocked, suspended=SUSPENDED))).further_reasons == ("actor_suspended",)
