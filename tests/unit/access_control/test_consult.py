from dataclasses import replace
from datetime import timedelta

import pytest

from services.access_control.domain import decide
from services.access_control.domain.record import ABSENT, Right, State
from shared import terminology
from shared.contracts.common import AccessMode, Owner
from shared.contracts.reasons import Reason
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
    OSTEOPATH,
    OTHER_DOCTOR,
    REPRESENTATIVE,
    SOON,
    changed,
    reading,
)

TREATED = replace(OPEN, treating=DOCTOR.number)
STATES = [
    (ABSENT, Reason.NO_RECORD),
    (replace(AUTHORISING, state=State.CLOSED), Reason.RECORD_CLOSED),
    (replace(AUTHORISING, suspended=True), Reason.RECORD_SUSPENDED),
    (replace(AUTHORISING, state=State.CLOSED, suspended=True), Reason.RECORD_SUSPENDED),
    (replace(AUTHORISING, held=True), Reason.RECORD_HELD),
]


def consult(record, actor, now=NOW, **more):
    return decide.consult(record, reading(actor, **more), now, MATRIX)


def blocked(record, actor=DOCTOR):
    return record.with_right(actor.number, Right(blocked=True))


def test_an_authorised_doctor_reads_what_the_matrix_names():
    verdict = consult(AUTHORISING, DOCTOR)
    assert (verdict.permitted, verdict.reason) == (True, Reason.AUTHORISED)
    assert verdict.scope.types == MATRIX.types_for("medecin")
    assert "ATTEST-RESID" not in verdict.scope.types
    assert not verdict.scope.masked
    assert verdict.scope.withheld
    assert (verdict.scope.own, verdict.scope.own_structure) == (DOCTOR.number, DOCTOR.structure)


def test_a_profession_without_a_type_in_the_matrix_reads_its_own_documents_alone():
    verdict = consult(AUTHORISING, OSTEOPATH)
    assert verdict.permitted
    assert verdict.scope.types == frozenset()
    assert verdict.scope.own == OSTEOPATH.number


def test_the_treating_doctor_reads_all_by_right():
    """Cases 1 and 2 of the domain: no authorisation, masked documents, types outside the matrix."""
    verdict = consult(TREATED, DOCTOR)
    assert (verdict.permitted, verdict.reason) == (True, Reason.TREATING_DOCTOR)
    assert (verdict.scope.types, verdict.scope.masked, verdict.scope.withheld) == (None, True, True)


def test_the_treating_doctor_is_one_person():
    assert consult(TREATED, OTHER_DOCTOR).reason is Reason.NOT_AUTHORISED


def test_a_block_from_before_the_declaration_does_not_hold_the_treating_doctor():
    assert consult(blocked(TREATED), DOCTOR).permitted
    assert consult(replace(blocked(TREATED), treating=None), DOCTOR).reason is Reason.BLOCKED


def test_the_holder_reads_all_but_what_waits_for_its_announcement():
    verdict = consult(OPEN, HOLDER)
    assert (verdict.permitted, verdict.reason) == (True, Reason.HOLDER)
    assert (verdict.scope.types, verdict.scope.masked, verdict.scope.withheld) == (None, True, False)


@pytest.mark.parametrize("owner", Owner)
def test_holder_and_treating_doctor_read_at_every_owner(owner):
    assert consult(OPEN, HOLDER, owner=owner).permitted
    assert consult(TREATED, DOCTOR, owner=owner).permitted


@pytest.mark.parametrize(("record", "reason"), STATES)
@pytest.mark.parametrize("actor", [HOLDER, DOCTOR])
def test_what_state_lets_nobody_read(record, reason, actor):
    assert consult(record, actor).reason is reason
    assert not consult(replace(record, treating=DOCTOR.number), actor).permitted


@pytest.mark.parametrize(
    ("actor", "reason"),
    [
        (HOSPITAL, Reason.NOT_AUTHENTICATED),
        (changed(HOSPITAL, authenticated=True), Reason.NOT_AUTHENTICATED),
        (changed(DOCTOR, authenticated=False), Reason.NOT_AUTHENTICATED),
        (changed(DOCTOR, number=None), Reason.NOT_AUTHENTICATED),
        (changed(DOCTOR, role=None), Reason.NO_ROLE),
        (changed(DOCTOR, role="G15_999"), Reason.NO_ROLE),
        (changed(DOCTOR, sector=None), Reason.NO_ROLE),
        (changed(DOCTOR, sector="SA66"), Reason.EXCLUDED_SECTOR),
        (changed(NURSE, sector="SA66"), Reason.EXCLUDED_SECTOR),
        (changed(DOCTOR, sector="SA13"), Reason.EXCLUDED_SECTOR),
        (changed(DOCTOR, sector="SA23"), Reason.EXCLUDED_SECTOR),
        (INSURER, Reason.EXCLUDED_ACTOR),
        (REPRESENTATIVE, Reason.NO_BRANCH),
        (OPERATOR, Reason.NO_BRANCH),
        (changed(HOLDER, authenticated=False), Reason.NOT_AUTHENTICATED),
    ],
)
def test_who_never_reads_even_if_authorised_or_treating(actor, reason):
    record = replace(AUTHORISING, treating=actor.number)
    assert consult(record, actor).reason is reason
    assert not consult(record, actor).permitted


def test_the_specialty_excludes_nobody():
    """Case 3: a doctor who also holds the qualification of occupational medicine, in a hospital."""
    assert consult(AUTHORISING, changed(DOCTOR, specialty="SM25", sector="SA01")).permitted


@pytest.mark.parametrize("mode", [AccessMode.EMERGENCY, AccessMode.REGULATION])
def test_a_holder_has_no_emergency_mode_and_the_treating_doctor_needs_none(mode):
    record = replace(AUTHORISING, treating=DOCTOR.number)
    assert consult(record, HOLDER, mode=mode).reason is Reason.EMERGENCY_NOT_SERVED
    assert consult(record, DOCTOR, mode=mode).reason is Reason.TREATING_DOCTOR


def test_a_block_beats_every_mode():
    """Case 5."""
    assert consult(blocked(OPEN), DOCTOR, mode=AccessMode.REGULATION).reason is Reason.BLOCKED


@pytest.mark.parametrize(
    ("until", "reason"),
    [
        (NOW + timedelta(microseconds=1), Reason.AUTHORISED),
        (NOW, Reason.AUTHORISATION_EXPIRED),
        (NOW - timedelta(days=1), Reason.AUTHORISATION_EXPIRED),
    ],
)
def test_the_end_of_a_right_is_compared_when_deciding(until, reason):
    assert consult(OPEN.with_right(DOCTOR.number, Right(until=until)), DOCTOR).reason is reason


def test_who_was_never_authorised_does_not_read():
    assert consult(AUTHORISING, OTHER_DOCTOR).reason is Reason.NOT_AUTHORISED


def test_late_means_no_for_everybody():
    for actor in (HOLDER, DOCTOR):
        assert consult(AUTHORISING, actor, now=SOON).permitted
        assert consult(AUTHORISING, actor, now=SOON + timedelta(microseconds=1)).reason is Reason.LATE


def test_the_history_follows_the_matrix_for_its_own_type():
    groups = {group for group, _ in MATRIX.cells}
    reads = {group for group in groups if MATRIX.may_consult(group, decide.REIMBURSEMENTS)}
    assert reads
    assert groups - reads
    for role in ("G15_10", "G15_60", "R95_71", "R94_41"):
        actor = changed(DOCTOR, role=role)
        verdict = consult(AUTHORISING, actor, owner=Owner.HISTORY)
        allowed = terminology.profession_group(role) in reads
        assert verdict.reason is (Reason.AUTHORISED if allowed else Reason.MATRIX_DENIES)
        assert verdict.scope is None or verdict.scope.types == {decide.REIMBURSEMENTS}


def test_traces_are_for_the_holder_and_the_treating_doctor():
    assert consult(AUTHORISING, DOCTOR, owner=Owner.AUDIT).reason is Reason.NO_BRANCH


def test_the_order_of_the_steps_decides_which_reason_is_told():
    """Everything is wrong at first; what is set right step by step lets the next step decide."""
    wrong = changed(DOCTOR, authenticated=False, role=None, sector="SA66")
    record = replace(blocked(OPEN), held=True)
    mode = AccessMode.EMERGENCY
    assert consult(record, wrong, now=SOON + timedelta(1), mode=mode).reason is Reason.LATE
    assert consult(record, wrong, mode=mode).reason is Reason.RECORD_HELD
    record = replace(record, held=False)
    assert consult(record, wrong, mode=mode).reason is Reason.NOT_AUTHENTICATED
    wrong = changed(wrong, authenticated=True)
    assert consult(record, wrong, mode=mode).reason is Reason.NO_ROLE
    wrong = changed(wrong, role=DOCTOR.role)
    assert consult(record, wrong, mode=mode).reason is Reason.EXCLUDED_SECTOR
    right = changed(wrong, sector=DOCTOR.sector)
    assert consult(record, right, mode=mode).reason is Reason.BLOCKED
    record = record.with_right(DOCTOR.number, None)
    assert consult(record, right, mode=mode).reason is Reason.EMERGENCY_NOT_SERVED
    assert consult(record, right).reason is Reason.NOT_AUTHORISED
    assert consult(record.with_right(DOCTOR.number, Right()), right).reason is Reason.AUTHORISED
