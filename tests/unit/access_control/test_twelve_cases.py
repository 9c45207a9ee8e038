"""The twelve cases of the domain (4.10) that decide a test, as far as access_control decides them.

What it leaves to document's filter is asked of the scope: whether it would let the document through. Cases 8 and 9 go
on where scopes are used: `integration/document/test_twelve_cases.py` and `integration/audit/test_reading.py`.
"""

from dataclasses import replace
from datetime import timedelta

from services.access_control.domain import decide
from services.access_control.domain.record import Right
from shared.contracts.common import AccessMode, FurtherAct, Wishes
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason
from tests.unit.access_control.cast import (
    DOCTOR,
    HOLDER,
    MAJORITY,
    MINOR,
    MOTHER,
    NOW,
    NURSE,
    OPEN,
    OTHER_DOCTOR,
    REGULATOR,
    SOCIAL_WORKER,
    changed,
    consult,
    do,
    team,
)

REPORT = "11502-2"
DENTIST = changed(DOCTOR, number="810000000007", role="G15_40", specialty=None)
EMERGENCY = {"reason_code": "unconscious"}


def lets_through(verdict, type_code, *, masked=False, withheld=False, depositor=None, structure=None):
    """As document filters (R.1111-49: depositor is a person or a structure)."""
    scope = verdict.scope
    if scope is None:
        return False
    if depositor is not None and depositor == scope.own:
        return True
    if structure is not None and structure == scope.own_structure:
        return True
    typed = scope.types is None or type_code in scope.types
    return typed and (scope.masked or not masked) and (scope.withheld or not withheld)


def test_case_1_the_treating_doctor_reads_a_masked_report_without_authorisation():
    verdict = consult(replace(OPEN, treating=DOCTOR.number), DOCTOR)
    assert verdict.code is Reason.TREATING_DOCTOR
    assert lets_through(verdict, REPORT, masked=True)


def test_case_2_the_treating_doctor_reads_a_type_that_the_matrix_denies_to_doctors():
    treated = consult(replace(OPEN, treating=DOCTOR.number), DOCTOR)
    authorised = consult(OPEN.with_right(DOCTOR.number, Right()), DOCTOR)
    assert lets_through(treated, "ATTEST-RESID")
    assert not lets_through(authorised, "ATTEST-RESID")


def test_case_3_a_regulating_doctor_with_the_qualification_of_occupational_medicine_reads():
    doctor = changed(REGULATOR, specialty="SM25", sector="SA01")
    verdict = consult(OPEN, doctor, mode=AccessMode.REGULATION, reason_code="regulation_call")
    assert verdict.code is FurtherReason.REGULATION


def test_case_4_an_authorised_nurse_in_an_occupational_sector_does_not_read():
    record = OPEN.with_right(NURSE.number, Right())
    assert consult(record, changed(NURSE, sector="SA66")).code is Reason.EXCLUDED_SECTOR
    assert consult(record, NURSE).permitted


def test_case_5_a_blocked_doctor_does_not_read_by_regulation():
    record = replace(OPEN.with_right(REGULATOR.number, Right(blocked=True)), wishes=Wishes(regulation=True))
    asked = {"mode": AccessMode.REGULATION, "reason_code": "regulation_call"}
    assert consult(record, REGULATOR, **asked).code is Reason.BLOCKED
    assert consult(OPEN, REGULATOR, **asked).permitted


def test_case_6_another_doctor_of_the_depositing_hospital_reads_its_masked_report():
    verdict = consult(team(), OTHER_DOCTOR)
    assert verdict.code is FurtherReason.CARE_TEAM
    assert lets_through(verdict, REPORT, masked=True, depositor=DOCTOR.number, structure=DOCTOR.structure)
    assert not lets_through(verdict, REPORT, masked=True, depositor=DOCTOR.number, structure="1750000002")


def test_case_7_the_author_who_is_blocked_reads_no_report_of_his_own_but_deposits():
    record = team().with_right(DOCTOR.number, Right(blocked=True))
    assert consult(record, DOCTOR).code is Reason.BLOCKED
    assert decide.deposit(record, DOCTOR, NOW).permitted


def test_case_8_a_dentist_of_the_team_does_not_see_what_is_masked():
    """It is masked while withheld, too: `mask_pending` is document's; the scope lets no mask pass."""
    verdict = consult(team(), DENTIST)
    assert verdict.permitted
    assert not lets_through(verdict, REPORT, masked=True, withheld=True, structure="1750000002")


def test_case_9_the_holder_sees_no_withheld_document():
    assert not lets_through(consult(OPEN, HOLDER), REPORT, withheld=True)
    assert lets_through(consult(OPEN, HOLDER), REPORT)


def test_case_10_a_social_worker_does_not_break_the_glass():
    verdict = consult(OPEN, SOCIAL_WORKER, mode=AccessMode.EMERGENCY, **EMERGENCY)
    assert verdict.code is FurtherReason.EMERGENCY_PROFESSION
    assert consult(OPEN, DOCTOR, mode=AccessMode.EMERGENCY, **EMERGENCY).permitted


def test_case_11_an_objection_on_day_30_is_accepted_and_the_record_stays_suspended():
    record = replace(OPEN, suspended=True, suspended_at=NOW)
    later = NOW + timedelta(days=30)
    after = do(record, FurtherAct.OBJECT, now=later)
    assert after.verdict.permitted
    assert after.record.suspended
    assert decide.deposit(after.record, DOCTOR, later).code is Reason.RECORD_SUSPENDED


def test_case_12_the_mother_loses_everything_at_midnight_and_the_child_sees_all():
    before = MAJORITY - timedelta(microseconds=1)
    assert consult(MINOR, MOTHER, before).permitted
    assert consult(MINOR, MOTHER, MAJORITY).code is FurtherReason.MAJORITY_REACHED
    assert decide.deposit(MINOR, MOTHER, before).permitted
    assert decide.deposit(MINOR, MOTHER, MAJORITY).code is FurtherReason.MAJORITY_REACHED
    assert do(MINOR, FurtherAct.ACTIVATE, MOTHER, before).verdict.permitted
    assert do(MINOR, FurtherAct.ACTIVATE, MOTHER, MAJORITY).verdict.code is FurtherReason.MAJORITY_REACHED
    assert consult(MINOR, HOLDER, MAJORITY).permitted
