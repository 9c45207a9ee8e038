"""Who is excluded, who has a rule of the law's own, who is no person."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.access_control.domain import decide
from services.access_control.domain.policy import DEFAULT, PURPOSES
from services.access_control.domain.record import Right, Standing
from shared.contracts.common import AccessMode, Act, ActorKind, Capacity, FurtherAct, Owner, Strength
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import SpokenConsent
from tests.unit.access_control.cast import (
    AUTHORISING,
    DOCTOR,
    HOLDER,
    HOSPITAL,
    INSURER,
    MATRIX,
    NOW,
    NURSE,
    OPEN,
    OPERATOR,
    OTHER_DOCTOR,
    REPRESENTATIVE,
    changed,
    consult,
    do,
    team,
)

OCCUPATIONAL = changed(NURSE, sector="SA66")
ON = replace(DEFAULT, occupational_medicine=True)
EXCLUDED_SECTORS = ["SA23", "SA44", "SA48"]


def test_ar_004_an_opposition_by_preference_stops_no_deposit():
    blocked = OPEN.with_right(DOCTOR.number, Right(blocked=True))
    for actor in (DOCTOR, HOSPITAL):
        assert decide.deposit(blocked, actor, NOW).code is Reason.FEEDING_DUTY


def test_ar_014_015_the_four_states_of_an_authorisation():
    record = OPEN
    for right, expected in [
        (None, Standing.NONE),
        (Right(), Standing.VALID),
        (Right(until=NOW), Standing.EXPIRED),
        (Right(until=NOW + timedelta(days=365)), Standing.VALID),
        (Right(blocked=True), Standing.BLOCKED),
    ]:
        assert record.with_right(DOCTOR.number, right).standing(DOCTOR.number, NOW) is expected
    assert do(OPEN, Act.AUTHORISE, professional=DOCTOR.number).record.rights == {DOCTOR.number: Right()}


@pytest.mark.parametrize(
    ("actor", "code"),
    [
        (HOSPITAL, Reason.NOT_AUTHENTICATED),
        (changed(DOCTOR, strength=Strength.CERTIFICATE), FurtherReason.CERTIFICATE_ONLY),
        (changed(DOCTOR, strength=Strength.CERTIFICATE, authenticated=False), Reason.NOT_AUTHENTICATED),
        (changed(DOCTOR, strength=Strength.AIR), Reason.AUTHORISED),
        (changed(DOCTOR, strength=Strength.DIRECT), Reason.AUTHORISED),
        (DOCTOR, Reason.AUTHORISED),
    ],
)
def test_ar_016_a_certificate_feeds_and_a_person_reads(actor, code):
    record = OPEN.with_right(actor.number, Right())
    assert consult(record, actor).code is code
    assert decide.deposit(OPEN, actor, NOW).permitted


def test_ar_017_air_reads_for_a_person_in_a_structure_alone():
    air = changed(DOCTOR, strength=Strength.AIR)
    assert consult(AUTHORISING, changed(air, structure=None)).code is FurtherReason.STRUCTURE_MISSING
    assert consult(AUTHORISING, changed(air, kind=ActorKind.STRUCTURE)).reason is Reason.NOT_AUTHENTICATED
    assert consult(AUTHORISING, changed(air, authenticated=False)).reason is Reason.NOT_AUTHENTICATED
    assert consult(AUTHORISING, air).permitted


@pytest.mark.parametrize("mode", AccessMode)
@pytest.mark.parametrize("owner", Owner)
def test_ar_018_a_blocked_professional_never_reads(owner, mode):
    record = team(AUTHORISING).with_right(DOCTOR.number, Right(blocked=True))
    record = replace(record, sessions={(DOCTOR.number, DOCTOR.structure): NOW + timedelta(hours=1)})
    blocked = changed(DOCTOR, regulator=True)
    assert consult(record, blocked, owner=owner, mode=mode, reason_code="unconscious").code is Reason.BLOCKED


def test_ar_020_who_is_unblocked_needs_a_new_authorisation():
    record = do(AUTHORISING, Act.BLOCK, professional=DOCTOR.number).record
    record = do(record, Act.UNBLOCK, professional=DOCTOR.number).record
    assert record.standing(DOCTOR.number, NOW) is Standing.NONE
    assert consult(record, DOCTOR).code is Reason.NOT_AUTHORISED


def test_ar_021_022_029_what_the_scope_says_of_mask_withholding_and_own_documents():
    """AR-021: depositor keeps access. AR-022: the treating doctor sees all. AR-029: the holder waits."""
    own = consult(AUTHORISING, DOCTOR).scope
    assert (own.masked, own.withheld, own.own, own.own_structure) == (False, True, DOCTOR.number, DOCTOR.structure)
    treating = consult(replace(OPEN, treating=DOCTOR.number), DOCTOR).scope
    assert (treating.types, treating.masked, treating.withheld) == (None, True, True)
    holder = consult(OPEN, HOLDER).scope
    assert (holder.types, holder.masked, holder.withheld) == (None, True, False)


@pytest.mark.parametrize("owner", Owner)
def test_ar_046_an_insurer_never_reads_even_with_every_consent(owner):
    record = replace(team(AUTHORISING.with_right(INSURER.number, Right())), treating=INSURER.number)
    for insurer in (INSURER, changed(INSURER, authenticated=True, role="G15_10", sector="SA07")):
        assert consult(record, insurer, owner=owner).code is Reason.EXCLUDED_ACTOR
        assert not decide.deposit(record, insurer, NOW).permitted


@pytest.mark.parametrize("sector", EXCLUDED_SECTORS)
@pytest.mark.parametrize("mode", AccessMode)
def test_ar_048_banks_employers_and_insurers_sectors_never_read_or_feed(sector, mode):
    actor = changed(DOCTOR, sector=sector, regulator=True)
    record = replace(team(AUTHORISING), treating=DOCTOR.number)
    for policy in (DEFAULT, ON):
        assert consult(record, actor, mode=mode, reason_code="unconscious", policy=policy).code is (
            Reason.EXCLUDED_SECTOR
        )
        assert decide.deposit(record, actor, NOW, policy).code is Reason.EXCLUDED_SECTOR


@pytest.mark.parametrize("sector", ["SA66", "SA13"])
@pytest.mark.parametrize("role", ["G15_10", "G15_60", "R95_93"])
def test_ar_047_occupational_medicine_is_denied_by_the_sector_exercised(sector, role):
    actor = changed(DOCTOR, sector=sector, role=role)
    assert consult(AUTHORISING, actor).code is Reason.EXCLUDED_SECTOR
    assert decide.deposit(AUTHORISING, actor, NOW).code is Reason.EXCLUDED_SECTOR
    assert consult(AUTHORISING, changed(DOCTOR, specialty="SM25")).permitted, "never by the qualification"


def test_ar_047_by_setting_it_reads_and_feeds_with_express_consent_in_the_doctors_column():
    express = OPEN.with_right(OCCUPATIONAL.number, Right())
    verdict = consult(express, OCCUPATIONAL, policy=ON)
    assert verdict.scope.types == MATRIX.types_for("medecin") != MATRIX.types_for("infirmier")
    assert decide.deposit(express, OCCUPATIONAL, NOW, ON).code is Reason.AUTHORISED
    session = do(OPEN, FurtherAct.CONSENT_SESSION, OCCUPATIONAL, policy=ON).record
    assert consult(session, OCCUPATIONAL, policy=ON).permitted


@pytest.mark.parametrize("mode", [AccessMode.EMERGENCY, AccessMode.REGULATION])
def test_ar_047_by_setting_neither_a_team_nor_an_emergency_opens_it(mode):
    assert not consult(team(), OCCUPATIONAL, policy=ON).permitted
    assert decide.deposit(team(), OCCUPATIONAL, NOW, ON).code is Reason.CONSENT_NEEDED
    doctor = changed(DOCTOR, sector="SA66", regulator=True)
    assert not consult(team(), doctor, policy=ON, mode=mode, reason_code="unconscious").permitted


@pytest.mark.parametrize("actor", [HOLDER, DOCTOR, REPRESENTATIVE, INSURER, OPERATOR, HOSPITAL])
def test_ar_049_a_secondary_use_is_denied_to_everybody(actor):
    record = replace(AUTHORISING, treating=DOCTOR.number)
    for purpose in ("research", "insurance", "statistics", ""):
        assert consult(record, actor, purpose=purpose).code is FurtherReason.PURPOSE_EXCLUDED
    for purpose in PURPOSES:
        assert consult(record, actor, purpose=purpose).code is not FurtherReason.PURPOSE_EXCLUDED


def test_ar_050_a_coordinating_doctor_needs_the_residents_agreement():
    doctor = changed(DOCTOR, capacity=Capacity.COORDINATING_DOCTOR)
    assert consult(OPEN, doctor).code is Reason.NOT_AUTHORISED
    for agreed in (AUTHORISING, team()):
        assert consult(agreed, doctor).permitted


def test_ar_050_a_pmi_doctor_needs_consent_unless_the_setting_says_otherwise():
    doctor = changed(DOCTOR, capacity=Capacity.PMI_DOCTOR)
    open_by_law = replace(DEFAULT, pmi_needs_consent=False)
    assert consult(OPEN, doctor).code is Reason.NOT_AUTHORISED
    assert consult(OPEN, doctor, policy=open_by_law).code is FurtherReason.OPEN_BY_LAW
    for other in (DOCTOR, changed(NURSE, capacity=Capacity.PMI_DOCTOR)):
        assert not consult(OPEN, other, policy=open_by_law).permitted
    blocked = OPEN.with_right(DOCTOR.number, Right(blocked=True))
    assert consult(blocked, doctor, policy=open_by_law).code is Reason.BLOCKED


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (None, FurtherReason.SPOKEN_CONSENT_MISSING),
        (SpokenConsent.HOLDER, FurtherReason.SPOKEN_CONSENT),
        (SpokenConsent.TRUSTED_PERSON, FurtherReason.TRUSTED_CONSENT),
        (SpokenConsent.VITAL_RISK, FurtherReason.VITAL_RISK),
    ],
)
def test_ar_064_a_firefighter_doctor_records_one_of_three_answers(answer, code):
    doctor = changed(DOCTOR, capacity=Capacity.FIREFIGHTER_DOCTOR)
    assert consult(OPEN, doctor, consent=answer).code is code
    assert not consult(OPEN, DOCTOR, consent=answer).permitted
    assert not consult(OPEN, changed(NURSE, capacity=Capacity.FIREFIGHTER_DOCTOR), consent=answer).permitted


@pytest.mark.parametrize("capacity", [Capacity.HEIR, Capacity.COURT_EXPERT])
@pytest.mark.parametrize("actor", [HOLDER, DOCTOR, REPRESENTATIVE])
def test_ar_058_065_heirs_and_experts_read_by_an_operators_case_alone(actor, capacity):
    record = replace(team(AUTHORISING), treating=DOCTOR.number)
    assert consult(record, changed(actor, capacity=capacity)).code is FurtherReason.CASE_NEEDED


def test_ar_065_the_operator_has_no_direct_read():
    assert consult(AUTHORISING, OPERATOR).code is FurtherReason.CASE_NEEDED


def test_ar_066_the_treating_doctor_follows_from_the_insurance_and_is_one_person():
    for actor in (HOLDER, DOCTOR, OPERATOR, REPRESENTATIVE):
        assert not do(OPEN, Act.DECLARE, actor, professional=DOCTOR.number).verdict.permitted
    record = do(OPEN, Act.DECLARE, INSURER, professional=DOCTOR.number).record
    assert consult(record, DOCTOR).code is Reason.TREATING_DOCTOR
    assert consult(record, OTHER_DOCTOR).code is Reason.NOT_AUTHORISED, "not the whole structure"
    other = do(record, Act.DECLARE, INSURER, professional=OTHER_DOCTOR.number).record
    assert consult(other, DOCTOR).code is Reason.NOT_AUTHORISED, "at once"


def test_ar_069_from_being_the_trusted_person_no_access_follows():
    verdict = consult(AUTHORISING, changed(REPRESENTATIVE, capacity=Capacity.TRUSTED_PERSON))
    assert verdict.code is FurtherReason.NO_RELATION


@pytest.mark.parametrize("owner", Owner)
def test_ar_070_nothing_is_shown_to_an_employer_not_even_traces(owner):
    for policy in (DEFAULT, ON):
        employer = changed(DOCTOR, sector="SA48")
        record = replace(AUTHORISING, treating=DOCTOR.number)
        assert consult(record, employer, owner=owner, policy=policy).code is Reason.EXCLUDED_SECTOR


@pytest.mark.parametrize("missing", [{"role": None}, {"sector": None}, {"role": "G15_999"}])
def test_ar_072_without_one_active_exercise_nobody_reads(missing):
    assert consult(replace(AUTHORISING, treating=DOCTOR.number), changed(DOCTOR, **missing)).code is Reason.NO_ROLE


def test_ar_072_a_professional_acts_in_the_exercise_of_the_request_alone():
    """The same person with two exercises: what the one may read, the other may not."""
    doctor, osteopath = DOCTOR, changed(DOCTOR, role="R95_71")
    assert consult(AUTHORISING, doctor).scope.types == MATRIX.types_for("medecin")
    assert consult(AUTHORISING, osteopath).scope.types == frozenset()


def test_ar_061_the_holder_sees_everything_and_decides_on_professionals():
    for owner in Owner:
        assert consult(OPEN, HOLDER, owner=owner).code is Reason.HOLDER
    for act in (Act.AUTHORISE, Act.REVOKE, Act.BLOCK, Act.UNBLOCK):
        assert do(OPEN, act, professional=DOCTOR.number).verdict.code is Reason.HOLDER
