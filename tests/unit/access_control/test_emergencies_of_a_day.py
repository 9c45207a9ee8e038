"""One patient, half an hour: how long an emergency lasts, what counts, and a colleague's confirmation."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.access_control import handlers
from services.access_control.domain.changes import EmergencyBegan
from services.access_control.domain.oversight import Oversight
from services.access_control.domain.policy import Policy
from services.access_control.domain.record import Right
from shared.contracts.access_decisions import ConsentChanged, Outcome
from shared.contracts.common import AccessMode, FurtherAct, Owner, Wishes
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_oversight import ConfirmEmergency
from shared.contracts.record_requests import Consult
from tests.unit.access_control.cast import (
    DOCTOR,
    HOLDER,
    MATRIX,
    MINOR,
    NOW,
    NURSE,
    OPEN,
    OPERATOR,
    OSTEOPATH,
    OTHER_DOCTOR,
    REGULATOR,
    TellingSigner,
    changed,
    decided,
    do,
    handle,
)

BTG, SAMU = AccessMode.EMERGENCY, AccessMode.REGULATION
HALF_AN_HOUR = timedelta(minutes=30)
MOMENT = timedelta(microseconds=1)
STRICT = Policy(break_glass_a_day=2, regulation_a_day=2, colleague_confirms=True)
ASKING = handlers.requests(MATRIX, TellingSigner(), STRICT)


def urgent(actor=REGULATOR, mode=BTG, now=NOW, reason_code="unconscious", **more):
    deadline = now + timedelta(seconds=2)
    return Consult(actor=actor, owner=Owner.DOCUMENT, mode=mode, deadline=deadline, reason_code=reason_code, **more)


def read(record=OPEN, actor=REGULATOR, mode=BTG, now=NOW, lane=None, identity=None, **more):
    body = urgent(actor, mode, now, **more)
    return handle(body, record, now, identity=identity, **({"lane": lane} if lane else {}))


def began(effects):
    return [change for change in effects.changes if isinstance(change, EmergencyBegan)]


@pytest.mark.parametrize("mode", [BTG, SAMU])
def test_ar_039_an_emergency_lasts_half_an_hour_without_another_reason(mode):
    identity = uuid4()
    first = read(mode=mode, identity=identity)
    (emergency,) = began(first)
    assert (emergency.since, emergency.emergency.until) == (NOW, NOW + HALF_AN_HOUR)
    for later in (timedelta(0), HALF_AN_HOUR - MOMENT):
        again = read(first.state, mode=mode, now=NOW + later, reason_code=None)
        assert decided(again).outcome is Outcome.PERMIT
        assert began(again) == []
        assert (decided(again).emergency.reason, decided(again).emergency.first) == ("unconscious", identity)
    over = read(first.state, mode=mode, now=NOW + HALF_AN_HOUR, reason_code=None)
    assert decided(over).further_reasons == ("emergency_reason_missing",)
    anew = read(first.state, mode=mode, now=NOW + HALF_AN_HOUR, reason_code="vital_distress")
    assert decided(anew).emergency.first is None
    assert len(began(anew)) == 1


def test_ar_039_half_an_hour_begins_at_the_first_decision_and_is_not_lengthened():
    record = read().state
    record = read(record, now=NOW + timedelta(minutes=29), reason_code="vital_distress").state
    assert decided(read(record, now=NOW + HALF_AN_HOUR, reason_code=None)).outcome is Outcome.DENY


@pytest.mark.parametrize(
    ("actor", "mode"), [(DOCTOR, BTG), (REGULATOR, SAMU)], ids=["another professional", "another mode"]
)
def test_ar_039_an_emergency_is_of_one_professional_in_one_mode(actor, mode):
    record = read(actor=REGULATOR, mode=BTG).state
    told = decided(read(record, actor, mode, reason_code=None))
    assert told.further_reasons == ("emergency_reason_missing",)


def test_ar_040_033_within_half_an_hour_block_and_wish_are_asked_each_time():
    record = read().state
    blocked = record.with_right(REGULATOR.number, Right(blocked=True))
    assert decided(read(blocked, reason_code=None)).reasons == (Reason.BLOCKED,)
    opposed = replace(record, wishes=Wishes(break_glass=False))
    assert decided(read(opposed, reason_code=None)).further_reasons == ("emergency_opposed",)


def test_ar_038_the_treating_doctor_begins_no_emergency():
    effects = read(replace(OPEN, treating=DOCTOR.number), DOCTOR, reason_code=None)
    assert decided(effects).outcome is Outcome.PERMIT
    assert began(effects) == []
    assert decided(effects).emergency.first is None


def test_ar_039_a_denied_access_begins_nothing():
    for effects in (read(actor=OSTEOPATH), read(reason_code="curiosity"), read(replace(OPEN, held=True))):
        assert decided(effects).outcome is Outcome.DENY
        assert began(effects) == []
        assert effects.state.oversight.emergencies == {}


def test_ar_039_a_text_is_not_taken_on_trust():
    missing = decided(read(reason_code="other", reason_told=True))
    assert missing.further_reasons == ("emergency_text_missing",)
    identity = uuid4()
    kept = replace(OPEN, oversight=Oversight(texts=frozenset({identity})))
    told = read(kept, reason_code="other", reason_told=True, identity=identity)
    assert decided(told).outcome is Outcome.PERMIT
    another = read(kept, reason_code="other", reason_told=True)
    assert decided(another).outcome is Outcome.DENY, "the text of another request"
    silent = read(kept, reason_code="other", reason_told=False, identity=identity)
    assert decided(silent).outcome is Outcome.DENY, "no text was announced"


def test_ar_042_an_emergency_in_a_secret_connection_is_kept_as_such():
    (emergency,) = began(read(MINOR, actor=changed(DOCTOR, secret=True)))
    assert emergency.secret
    assert not began(read(actor=DOCTOR))[0].secret


@given(st.lists(st.integers(0, 50), max_size=30))
def test_ar_039_reads_count_once_per_half_an_hour(pauses):
    """Against a plain count: a read begins an emergency where half an hour has gone by since the last beginning."""
    record, now, last, expected, counted = OPEN, NOW, None, 0, 0
    for pause in pauses:
        now += timedelta(minutes=pause)
        effects = read(record, now=now)
        record, counted = effects.state, counted + len(began(effects))
        if last is None or now - last >= HALF_AN_HOUR:
            last, expected = now, expected + 1
    assert counted == expected
    assert record.oversight.today.get(REGULATOR.number, 0) == counted


def today(count, **more):
    return replace(OPEN, oversight=Oversight(today={REGULATOR.number: count}, **more))


def test_ar_033_beyond_the_number_of_a_day_nothing_is_refused_by_default():
    for count in (0, 5, 500):
        assert decided(read(today(count))).outcome is Outcome.PERMIT


def test_ar_033_where_a_setting_asks_a_colleague_confirms_beyond_the_number():
    assert decided(read(today(1), lane=ASKING)).outcome is Outcome.PERMIT
    denied = decided(read(today(2), lane=ASKING))
    assert (denied.reasons, denied.further_reasons) == ((Reason.EMERGENCY_NOT_SERVED,), ("emergency_unconfirmed",))
    confirm = ConfirmEmergency(actor=OTHER_DOCTOR, professional=REGULATOR.number)
    confirmed = handle(confirm, today(2), lane=ASKING)
    assert decided(confirmed).further_reasons == ("colleague",)
    assert decided(read(confirmed.state, lane=ASKING)).outcome is Outcome.PERMIT
    late = NOW + HALF_AN_HOUR
    assert decided(read(confirmed.state, now=late, lane=ASKING)).outcome is Outcome.DENY
    others = changed(REGULATOR, number="810000000099")
    counted = replace(confirmed.state, oversight=replace(confirmed.state.oversight, today={others.number: 2}))
    assert decided(read(counted, others, lane=ASKING)).outcome is Outcome.DENY, "it was for another"


def test_ar_033_who_is_within_an_emergency_needs_no_confirmation():
    record = read(today(1), lane=ASKING).state
    assert record.oversight.today[REGULATOR.number] == 2
    assert decided(read(record, lane=ASKING, reason_code=None)).outcome is Outcome.PERMIT


def test_ar_034_centre_15_is_never_to_be_confirmed():
    record = replace(OPEN, oversight=Oversight(today={REGULATOR.number: 500}))
    assert decided(read(record, mode=SAMU, lane=ASKING)).outcome is Outcome.PERMIT
    for _ in range(5):
        effects = read(record, mode=SAMU, lane=ASKING)
        record = replace(effects.state, oversight=replace(effects.state.oversight, emergencies={}))
    assert record.oversight.today == {REGULATOR.number: 500}, "counted apart from bris de glace"


@pytest.mark.parametrize(
    ("colleague", "code"),
    [
        (REGULATOR, FurtherReason.OWN_EMERGENCY),
        (OSTEOPATH, FurtherReason.NOT_HEALTH_PROFESSIONAL),
        (changed(OTHER_DOCTOR, authenticated=False), Reason.NOT_AUTHENTICATED),
        (changed(OTHER_DOCTOR, sector="SA66"), Reason.EXCLUDED_SECTOR),
        (HOLDER, Reason.NO_BRANCH),
        (OPERATOR, Reason.NO_BRANCH),
    ],
)
def test_ar_033_who_is_no_colleague(colleague, code):
    done = do(OPEN, FurtherAct.CONFIRM_EMERGENCY, colleague, professional=REGULATOR.number)
    assert (done.verdict.code, done.happened) == (code, False)


def test_ar_018_a_blocked_professional_confirms_nobody():
    record = OPEN.with_right(NURSE.number, Right(blocked=True))
    done = do(record, FurtherAct.CONFIRM_EMERGENCY, NURSE, professional=REGULATOR.number)
    assert done.verdict.code is Reason.BLOCKED


def test_ar_033_a_confirmation_is_told_once_and_leaves_the_rights_as_they_are():
    body = ConfirmEmergency(actor=NURSE, professional=REGULATOR.number)
    effects = handle(body, OPEN)
    (told,) = [one for one in effects.emits if isinstance(one, ConsentChanged)]
    assert (told.act, told.professional, told.until) == (
        "confirm_emergency",
        REGULATOR.number,
        NOW + HALF_AN_HOUR,
    )
    assert effects.state.rights_version == OPEN.rights_version
    again = handle(body, effects.state, NOW + timedelta(minutes=1))
    assert len(again.emits) == 1, "it holds already"
