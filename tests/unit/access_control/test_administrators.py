from dataclasses import replace
from datetime import timedelta

import pytest

from services.access_control.domain.record import Right, Standing
from shared.contracts.common import AccessMode, Act, FurtherAct, Owner
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import AdministratorRole, Function
from tests.unit.access_control.cast import (
    AUTHORISING,
    DOCTOR,
    HOLDER,
    NOW,
    NURSE,
    OPEN,
    OTHER_DOCTOR,
    changed,
    consult,
    do,
)

MIDWIFE = AdministratorRole.MIDWIFE
ADMINISTERED = OPEN.with_right(NURSE.number, Right(administrator=MIDWIFE))


def name(record, actor=HOLDER, professional=NURSE.number, role=MIDWIFE, **more):
    return do(record, FurtherAct.NAME_ADMINISTRATOR, actor, professional=professional, role=role, **more)


def block(record, actor, professional):
    return do(record, Act.BLOCK, actor, professional=professional)


def test_ar_027_028_an_administrator_sees_masked_documents_of_every_type():
    after = name(AUTHORISING)
    assert after.verdict.code is Reason.HOLDER
    for owner in Owner:
        verdict = consult(after.record, NURSE, owner=owner)
        assert verdict.code is FurtherReason.ADMINISTRATOR
        assert (verdict.scope.types, verdict.scope.masked, verdict.scope.withheld) == (None, True, True)
    assert not consult(AUTHORISING, NURSE).scope.masked


def test_ar_027_nobody_else_sees_masked_documents():
    """Of all actors who are permitted, médecin traitant, administrators and the holder's side alone."""
    record = replace(AUTHORISING, treating=OTHER_DOCTOR.number)
    seen = {actor.number: consult(record, actor).scope.masked for actor in (DOCTOR, NURSE, OTHER_DOCTOR, HOLDER)}
    assert seen == {DOCTOR.number: False, NURSE.number: False, OTHER_DOCTOR.number: True, None: True}


def test_ar_028_an_administrator_sees_masked_documents_in_an_emergency_too():
    verdict = consult(ADMINISTERED, NURSE, mode=AccessMode.EMERGENCY, reason_code="unconscious")
    assert verdict.scope.masked


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (OPEN, Reason.NOT_AUTHORISED),
        (OPEN.with_right(NURSE.number, Right(until=NOW)), Reason.NOT_AUTHORISED),
        (OPEN.with_right(NURSE.number, Right(blocked=True)), Reason.BLOCKED),
    ],
)
def test_ar_028_only_an_authorised_professional_is_named(record, code):
    assert name(record).verdict.code is code


def test_ar_028_066_nobody_is_named_treating_doctor():
    assert name(AUTHORISING, role=AdministratorRole.DOCTOR).verdict.code is FurtherReason.NOT_NAMEABLE


@pytest.mark.parametrize("actor", [DOCTOR, NURSE, changed(HOLDER, app="app-health-1")])
def test_ar_028_the_holder_alone_names(actor):
    assert name(AUTHORISING, actor).verdict.reason is Reason.NOT_HOLDER


def test_ar_019_028_an_administrator_blocks_others_but_never_the_treating_doctor():
    record = replace(ADMINISTERED.with_right(DOCTOR.number, Right()), treating=OTHER_DOCTOR.number)
    after = block(record, NURSE, DOCTOR.number)
    assert after.verdict.code is FurtherReason.ADMINISTRATOR
    assert after.record.standing(DOCTOR.number, NOW) is Standing.BLOCKED
    assert block(record, NURSE, OTHER_DOCTOR.number).verdict.code is Reason.NOT_BLOCKABLE
    assert block(record, HOLDER, OTHER_DOCTOR.number).verdict.code is Reason.NOT_BLOCKABLE


def test_ar_019_an_administrator_can_be_blocked_and_is_none_any_more():
    blocked = block(ADMINISTERED, HOLDER, NURSE.number).record
    assert consult(blocked, NURSE).code is Reason.BLOCKED
    assert block(blocked, NURSE, DOCTOR.number).verdict.code is FurtherReason.NOT_ADMINISTRATOR
    unblocked = do(blocked, Act.UNBLOCK, professional=NURSE.number).record
    assert unblocked.rights == {}


@pytest.mark.parametrize("act", [Act.UNBLOCK, Act.AUTHORISE, Act.REVOKE])
def test_ar_028_an_administrator_decides_on_nothing_but_blocks(act):
    assert do(ADMINISTERED, act, NURSE, professional=DOCTOR.number).verdict.reason is Reason.NOT_HOLDER


def test_ar_028_being_administrator_ends_with_the_authorisation():
    ending = OPEN.with_right(NURSE.number, Right(until=NOW + timedelta(hours=1), administrator=MIDWIFE))
    later = NOW + timedelta(hours=1)
    assert block(ending, NURSE, DOCTOR.number).verdict.permitted
    assert not do(ending, Act.BLOCK, NURSE, later, professional=DOCTOR.number).verdict.permitted
    assert consult(ending, NURSE, later).code is Reason.AUTHORISATION_EXPIRED
    renewed = do(ending, Act.AUTHORISE, professional=NURSE.number).record
    assert renewed.is_administrator(NURSE.number, later), "renewed before the end"
    late = do(ending, Act.AUTHORISE, now=later, professional=NURSE.number).record
    assert not late.is_administrator(NURSE.number, later), "renewed after the end"


def test_ar_028_the_holder_removes_an_administrator_who_stays_authorised():
    record = replace(ADMINISTERED, permits_until=NOW + timedelta(seconds=3))
    after = do(record, FurtherAct.REMOVE_ADMINISTRATOR, professional=NURSE.number)
    assert after.in_force_at == NOW + timedelta(seconds=3)
    assert consult(after.record, NURSE).code is Reason.AUTHORISED
    assert not do(after.record, FurtherAct.REMOVE_ADMINISTRATOR, professional=NURSE.number).happened


def test_ar_028_an_administrator_acts_as_a_person_in_a_known_sector():
    for actor in (changed(NURSE, authenticated=False), changed(NURSE, sector="SA66"), changed(NURSE, role=None)):
        assert not block(ADMINISTERED, actor, DOCTOR.number).verdict.permitted


def test_ar_059_traces_are_read_by_the_holder_the_treating_doctor_and_administrators():
    record = replace(name(AUTHORISING).record, treating=OTHER_DOCTOR.number)
    for actor in (HOLDER, OTHER_DOCTOR, NURSE):
        assert consult(record, actor, owner=Owner.AUDIT).permitted
    assert consult(record, DOCTOR, owner=Owner.AUDIT).code is Reason.NO_BRANCH


@pytest.mark.parametrize("actor", [DOCTOR, NURSE])
def test_a_function_that_is_not_wanted_is_shown_to_no_professional(actor):
    record = replace(name(AUTHORISING).record, treating=DOCTOR.number)
    without = do(record, FurtherAct.OPT_OUT, functions=frozenset({Function.HISTORY}))
    assert consult(record, actor, owner=Owner.HISTORY).permitted
    assert consult(without.record, actor, owner=Owner.HISTORY).code is FurtherReason.OPTED_OUT
    assert consult(without.record, HOLDER, owner=Owner.HISTORY).permitted
    assert consult(without.record, actor).permitted
    back = do(without.record, FurtherAct.OPT_OUT, functions=frozenset())
    assert consult(back.record, actor, owner=Owner.HISTORY).permitted
