"""Bris de glace and centre 15."""

import json
from dataclasses import replace
from itertools import product
from uuid import UUID, uuid4

import pytest

from services.access_control.domain import decide
from services.access_control.domain.oversight import Oversight
from services.access_control.domain.record import Record, Right, State
from shared import terminology
from shared.contracts.access_decisions import Outcome
from shared.contracts.common import AccessMode, FurtherAct, Owner, Wishes
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_requests import Consult
from tests.unit.access_control.cast import (
    DEPOSITS,
    DOCTOR,
    HOLDER,
    HOSPITAL,
    NOW,
    NURSE,
    OPEN,
    OSTEOPATH,
    REGULATOR,
    SOCIAL_WORKER,
    SOON,
    changed,
    consult,
    decided,
    do,
    handle,
)

BTG, SAMU = AccessMode.EMERGENCY, AccessMode.REGULATION
MODES = [(BTG, FurtherReason.BREAK_GLASS), (SAMU, FurtherReason.REGULATION)]


def urgent(record, actor, mode=BTG, reason_code="unconscious", **more):
    return consult(record, actor, mode=mode, reason_code=reason_code, **more)


@pytest.mark.parametrize("actor", [DOCTOR, NURSE, changed(DOCTOR, role="G16_10")])
def test_ar_033_health_professionals_break_the_glass_without_authorisation(actor):
    assert urgent(OPEN, actor).code is FurtherReason.BREAK_GLASS
    assert urgent(OPEN, actor).reason is Reason.AUTHORISED


@pytest.mark.parametrize("actor", [OSTEOPATH, SOCIAL_WORKER, changed(DOCTOR, role="R291_99")])
def test_ar_033_no_other_profession_breaks_the_glass_even_if_authorised(actor):
    assert urgent(OPEN.with_right(actor.number, Right()), actor).code is FurtherReason.EMERGENCY_PROFESSION


def test_ar_033_an_opposition_covers_reading_and_feeding_in_that_mode():
    record = replace(OPEN, wishes=Wishes(break_glass=False)).with_right(DOCTOR.number, Right())
    assert urgent(record, DOCTOR).code is FurtherReason.EMERGENCY_OPPOSED
    assert decide.deposit(record, DOCTOR, NOW, mode=BTG).code is FurtherReason.EMERGENCY_OPPOSED
    assert decide.deposit(record, DOCTOR, NOW).permitted
    assert consult(record, DOCTOR).permitted, "the normal mode is another matter"
    assert decide.deposit(OPEN, DOCTOR, NOW, mode=BTG).permitted


def test_ar_033_the_lane_of_deposits_asks_for_the_mode():
    opposed = replace(OPEN, wishes=Wishes(break_glass=False))
    for mode, outcome in ((AccessMode.NORMAL, Outcome.PERMIT), (AccessMode.EMERGENCY, Outcome.DENY)):
        body = Deposit(deposit=UUID(int=5), actor=DOCTOR, type_code="11488-4", mode=mode)
        told = decided(handle(body, opposed, lane=DEPOSITS))
        assert (told.outcome, told.mode) == (outcome, mode)
    older = Deposit.model_validate({"deposit": UUID(int=5), "actor": DOCTOR, "type_code": "11488-4"})
    assert decided(handle(older, opposed, lane=DEPOSITS)).outcome is Outcome.PERMIT


def test_ar_034_regulation_is_for_the_regulating_doctor_alone():
    assert urgent(OPEN, REGULATOR, SAMU).code is FurtherReason.REGULATION
    for actor in (DOCTOR, changed(REGULATOR, role="G15_60"), changed(REGULATOR, role="G16_10")):
        record = OPEN.with_right(actor.number, Right())
        assert urgent(record, actor, SAMU).code is FurtherReason.REGULATION_NOT_GRANTED


@pytest.mark.parametrize(("mode", "code"), MODES)
def test_ar_034_the_standing_of_an_authorisation_is_not_asked(mode, code):
    for record in (OPEN, OPEN.with_right(REGULATOR.number, Right(until=NOW))):
        assert urgent(record, REGULATOR, mode).code is code


@pytest.mark.parametrize("answers", list(product((True, False), repeat=3)))
def test_ar_035_the_three_wishes_are_independent(answers):
    wishes = Wishes(break_glass=answers[0], regulation=answers[1], masked=answers[2])
    record = do(OPEN, FurtherAct.WISH, wishes=wishes).record
    for place, mode in enumerate((BTG, SAMU)):
        verdict = urgent(record, REGULATOR, mode)
        assert verdict.permitted is answers[place]
        assert verdict.scope is None or verdict.scope.masked is answers[2]


def test_ar_035_masked_documents_in_an_emergency_do_not_pass_the_matrix():
    record = replace(OPEN, wishes=Wishes(masked=True))
    assert urgent(record, NURSE).scope.types == consult(OPEN.with_right(NURSE.number, Right()), NURSE).scope.types
    normal = consult(record.with_right(NURSE.number, Right()), NURSE)
    assert not normal.scope.masked, "the wish is of the emergency modes alone"


def test_ar_036_at_creation_both_modes_are_permitted_and_masked_documents_are_not():
    assert Record(state=State.OPEN).wishes == Wishes(break_glass=True, regulation=True, masked=False)


@pytest.mark.parametrize(("mode", "code"), MODES)
def test_ar_037_038_the_decision_says_that_it_is_an_emergency_and_whom_to_tell(mode, code):
    body = Consult(actor=REGULATOR, owner=Owner.DOCUMENT, mode=mode, deadline=SOON, reason_code="vital_distress")
    told = decided(handle(body, replace(OPEN, treating=NURSE.number)))
    assert (told.mode, told.further_reasons) == (mode, (code.value,))
    assert (told.emergency.reason, told.emergency.tell) == ("vital_distress", NURSE.number)
    assert decided(handle(body, OPEN)).emergency.tell is None


def test_ar_038_the_treating_doctor_is_not_told_of_the_own_access():
    body = Consult(actor=DOCTOR, owner=Owner.DOCUMENT, mode=BTG, deadline=SOON)
    told = decided(handle(body, replace(OPEN, treating=DOCTOR.number)))
    assert told.emergency is not None
    assert told.emergency.tell is None


def test_ar_038_nothing_is_told_of_a_normal_or_a_denied_access():
    normal = Consult(actor=HOLDER, owner=Owner.DOCUMENT, deadline=SOON)
    denied = Consult(actor=SOCIAL_WORKER, owner=Owner.DOCUMENT, mode=BTG, deadline=SOON, reason_code="unconscious")
    assert decided(handle(normal, OPEN)).emergency is None
    assert decided(handle(denied, OPEN)).emergency is None


@pytest.mark.parametrize(("mode", "_"), MODES)
def test_ar_039_an_emergency_needs_a_reason_of_the_list(mode, _):
    for code in (None, "curiosity", ""):
        assert urgent(OPEN, REGULATOR, mode, code).code is FurtherReason.EMERGENCY_REASON_MISSING
    for code in set(terminology.emergency_reasons()) - {terminology.OTHER_REASON}:
        assert urgent(OPEN, REGULATOR, mode, code).permitted
    assert urgent(OPEN, REGULATOR, mode, "other").code is FurtherReason.EMERGENCY_TEXT_MISSING
    assert urgent(OPEN, REGULATOR, mode, "other", reason_told=True).permitted


def test_ar_039_the_text_of_a_reason_has_no_place_in_any_message():
    body = Consult(
        actor=REGULATOR, owner=Owner.DOCUMENT, mode=SAMU, deadline=SOON, reason_code="other", reason_told=True
    )
    identity = uuid4()
    kept = replace(OPEN, oversight=Oversight(texts=frozenset({identity})))
    told = json.loads(decided(handle(body, kept, identity=identity)).model_dump_json(exclude={"permit"}))
    assert told["emergency"] == {"reason": "other", "tell": None, "first": None}
    with pytest.raises(ValueError, match="reason_code"):
        Consult(actor=REGULATOR, owner=Owner.DOCUMENT, deadline=SOON, reason_code="fell down the stairs")


@pytest.mark.parametrize(("mode", "_"), MODES)
def test_ar_040_a_blocked_professional_has_no_emergency(mode, _):
    blocked = replace(OPEN, wishes=Wishes(masked=True)).with_right(REGULATOR.number, Right(blocked=True))
    assert urgent(blocked, REGULATOR, mode).code is Reason.BLOCKED


def test_an_emergency_needs_a_person_and_a_record_in_use():
    assert urgent(OPEN, HOSPITAL).reason is Reason.NOT_AUTHENTICATED
    assert urgent(replace(OPEN, held=True), DOCTOR).reason is Reason.RECORD_HELD
    assert urgent(OPEN, changed(REGULATOR, sector="SA23"), SAMU).reason is Reason.EXCLUDED_SECTOR


def test_the_order_in_an_emergency_is_wish_then_right_then_reason():
    record = replace(OPEN, wishes=Wishes(regulation=False))
    assert urgent(record, DOCTOR, SAMU, None).code is FurtherReason.EMERGENCY_OPPOSED
    assert urgent(OPEN, DOCTOR, SAMU, None).code is FurtherReason.REGULATION_NOT_GRANTED
    assert urgent(OPEN, REGULATOR, SAMU, None).code is FurtherReason.EMERGENCY_REASON_MISSING
