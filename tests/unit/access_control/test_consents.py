"""Care teams, consents at the consultation, consents that a professional collects."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.access_control.domain import decide
from services.access_control.domain.policy import DEFAULT
from services.access_control.domain.record import Right, Standing
from shared.contracts.common import AccessMode, Act, Capacity, FurtherAct, Owner
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import SpokenConsent, TeamKind
from tests.unit.access_control.cast import (
    DOCTOR,
    HOLDER,
    HOSPITAL,
    MATRIX,
    NOW,
    NURSE,
    OPEN,
    OSTEOPATH,
    OTHER_DOCTOR,
    POLICY,
    SOCIAL_WORKER,
    changed,
    consult,
    do,
    team,
)

HOUR = timedelta(hours=1)
ELSEWHERE = changed(NURSE, structure="1750000002")
TEAM = {"team_kind": TeamKind.STRUCTURE, "team": DOCTOR.structure}


def consent(record=OPEN, actor=HOLDER, now=NOW, **more):
    return do(record, FurtherAct.CONSENT_TEAM, actor, now, **(TEAM | more))


def session(record=OPEN, actor=DOCTOR, now=NOW, **more):
    return do(record, FurtherAct.CONSENT_SESSION, actor, now, **more)


@pytest.mark.parametrize("actor", [DOCTOR, OTHER_DOCTOR, NURSE, OSTEOPATH, SOCIAL_WORKER])
def test_ar_008_consent_to_a_structure_covers_all_who_act_in_it(actor):
    record = consent().record
    assert consult(record, actor).code is FurtherReason.CARE_TEAM
    assert consult(record, changed(actor, structure="1750000002")).code is Reason.NOT_AUTHORISED
    assert consult(record, changed(actor, structure=None)).code is Reason.NOT_AUTHORISED


def test_ar_008_a_recognised_professional_is_covered_wherever_he_acts():
    record = consent(team_kind=TeamKind.PROFESSIONAL, team=NURSE.number).record
    assert consult(record, NURSE).permitted
    assert consult(record, ELSEWHERE).permitted
    assert not consult(record, DOCTOR).permitted


def test_ar_008_a_formalised_team_is_covered_across_structures():
    record = consent(team_kind=TeamKind.FORMALISED, team="esp-7").record
    assert consult(record, changed(ELSEWHERE, team="esp-7")).permitted
    assert not consult(record, changed(ELSEWHERE, team="esp-8")).permitted
    assert not consult(record, ELSEWHERE).permitted


def test_ar_008_a_team_of_one_kind_is_none_of_another():
    """The identifier of a structure, worn as the name of a formalised team, opens nothing."""
    assert not consult(team(), changed(ELSEWHERE, team=DOCTOR.structure)).permitted


def test_ar_008_a_team_ends_and_its_end_is_compared_when_deciding():
    record = consent(until=NOW + HOUR).record
    assert consult(record, NURSE, NOW + HOUR - timedelta(microseconds=1)).permitted
    assert consult(record, NURSE, NOW + HOUR).code is FurtherReason.TEAM_CONSENT_ENDED


def test_ar_008_a_team_never_lasts_longer_than_the_settings_let_it():
    for until in (None, NOW + timedelta(days=9999)):
        assert consent(until=until).record.teams[DOCTOR.structure].until == NOW + DEFAULT.team


def test_ar_008_a_block_beats_the_team():
    record = team().with_right(NURSE.number, Right(blocked=True))
    assert consult(record, NURSE).code is Reason.BLOCKED
    assert consult(record, DOCTOR).permitted


def test_ar_009_no_team_reads_before_the_initial_consent_which_says_who_collected_it_and_when():
    assert consult(OPEN, NURSE).code is Reason.NOT_AUTHORISED
    given = consent(actor=DOCTOR)
    assert given.verdict.code is FurtherReason.COLLECTED
    stored = given.record.teams[DOCTOR.structure]
    assert (stored.collector, stored.since) == (DOCTOR.number, NOW)
    assert consult(given.record, NURSE).permitted
    assert consent().record.teams[DOCTOR.structure].collector is None, "the holder gave it"


@pytest.mark.parametrize(
    ("actor", "more", "code"),
    [
        (ELSEWHERE, {}, FurtherReason.NOT_IN_TEAM),
        (NURSE, {"team_kind": TeamKind.FORMALISED, "team": "esp-7"}, FurtherReason.NOT_IN_TEAM),
        (NURSE, {"team_kind": TeamKind.PROFESSIONAL, "team": NURSE.number}, FurtherReason.NOT_IN_TEAM),
        (changed(NURSE, authenticated=False), {}, Reason.NOT_AUTHENTICATED),
        (changed(NURSE, sector="SA66"), {}, Reason.EXCLUDED_SECTOR),
        (HOSPITAL, {}, Reason.NOT_HOLDER),
        (HOLDER, {"until": NOW}, FurtherReason.END_IN_THE_PAST),
    ],
)
def test_ar_009_013_who_opens_no_team(actor, more, code):
    after = consent(actor=actor, **more)
    assert (after.verdict.permitted, after.verdict.code, after.record) == (False, code, OPEN)


def test_ar_009_a_blocked_professional_collects_no_consent():
    blocked = OPEN.with_right(NURSE.number, Right(blocked=True))
    assert consent(blocked, NURSE).verdict.code is Reason.BLOCKED
    assert session(blocked, NURSE).verdict.code is Reason.BLOCKED


def test_ar_009_a_collector_never_shortens_a_teams_consent():
    record = consent(until=NOW + 5 * HOUR).record
    after = consent(record, NURSE, until=NOW + HOUR)
    assert not after.happened
    longer = consent(record, NURSE, until=NOW + 9 * HOUR)
    assert longer.record.teams[DOCTOR.structure].until == NOW + 9 * HOUR
    assert consent(record, until=NOW + HOUR).record.teams[DOCTOR.structure].until == NOW + HOUR


@pytest.mark.parametrize("actor", [HOLDER, NURSE])
def test_ar_009_the_holder_or_the_team_itself_ends_it(actor):
    after = do(replace(team(), permits_until=NOW + HOUR), FurtherAct.END_TEAM, actor, team=DOCTOR.structure)
    assert after.record.teams == {}
    assert after.in_force_at == NOW + HOUR
    assert not consult(after.record, NURSE).permitted
    assert do(team(), FurtherAct.END_TEAM, ELSEWHERE, team=DOCTOR.structure).verdict.code is FurtherReason.NOT_IN_TEAM
    assert not do(OPEN, FurtherAct.END_TEAM, HOLDER, team="other").happened


def test_ar_010_outside_the_team_one_consent_covers_one_session_in_one_structure():
    record = session(until=NOW + HOUR).record
    for owner in (Owner.DOCUMENT, Owner.HISTORY):
        assert consult(record, DOCTOR, owner=owner).code is FurtherReason.SESSION_CONSENT
    assert consult(record, DOCTOR, NOW + HOUR).code is Reason.NOT_AUTHORISED
    assert not consult(record, OTHER_DOCTOR).permitted
    assert not consult(record, changed(DOCTOR, structure="1750000002")).permitted


def test_ar_010_a_session_lasts_four_hours_at_most():
    for until in (None, NOW + 9 * HOUR):
        assert session(until=until).record.sessions == {(DOCTOR.number, DOCTOR.structure): NOW + 4 * HOUR}
    assert session(until=NOW).verdict.code is FurtherReason.END_IN_THE_PAST


def test_ar_010_a_repeated_declaration_shortens_nothing():
    record = session().record
    assert not session(record, until=NOW + HOUR).happened
    assert session(record, now=NOW + HOUR).record.sessions == {(DOCTOR.number, DOCTOR.structure): NOW + 5 * HOUR}


def test_ar_010_the_holder_gives_it_for_a_named_professional():
    given = session(actor=HOLDER, professional=NURSE.number, structure=NURSE.structure)
    assert given.verdict.code is Reason.HOLDER
    assert consult(given.record, NURSE).permitted
    assert session(actor=HOLDER).verdict.code is FurtherReason.SUBJECT_MISSING
    blocked = OPEN.with_right(NURSE.number, Right(blocked=True))
    assert session(blocked, HOLDER, professional=NURSE.number).verdict.code is Reason.BLOCKED


def test_ar_013_a_professional_declares_a_session_for_nobody_else():
    assert session(professional=NURSE.number).verdict.code is Reason.NOT_HOLDER
    assert session(structure="1750000002").verdict.code is Reason.NOT_HOLDER
    assert session(actor=changed(DOCTOR, authenticated=False)).verdict.code is Reason.NOT_AUTHENTICATED


def test_ar_013_no_right_follows_from_a_read_or_a_deposit():
    """An authorisation is set by an explicit act alone: a decision on anything else leaves the rights as they were."""
    for record in (OPEN, team()):
        before = (dict(record.rights), dict(record.sessions), dict(record.teams))
        decide.deposit(record, DOCTOR, NOW)
        consult(record, DOCTOR)
        consult(record, DOCTOR, mode=AccessMode.EMERGENCY, reason_code="unconscious")
        assert (record.rights, record.sessions, record.teams) == before
        assert record.standing(DOCTOR.number, NOW) is Standing.NONE


@pytest.mark.parametrize("act", [Act.BLOCK, Act.REVOKE])
def test_block_and_revocation_end_the_sessions_of_that_professional(act):
    record = session(session().record, NURSE).record
    after = do(record, act, professional=DOCTOR.number).record
    assert set(after.sessions) == {(NURSE.number, NURSE.structure)}


def test_ar_011_a_member_of_the_team_collects_consent_for_a_colleague_and_says_why():
    beneficiary = changed(OSTEOPATH, structure="1750000002")
    asked = {"professional": beneficiary.number, "reason_code": "absent"}
    after = do(team(), FurtherAct.AUTHORISE_FOR, DOCTOR, **asked)
    right = after.record.rights[beneficiary.number]
    assert (right.collector, right.why) == (DOCTOR.number, "absent")
    assert consult(after.record, beneficiary).code is FurtherReason.COLLECTED
    assert decide.deposit(after.record, beneficiary, NOW).permitted, "the beneficiary may read and feed"
    assert not decide.deposit(team(), beneficiary, NOW).permitted


@pytest.mark.parametrize(
    ("record", "actor", "code"),
    [
        (OPEN, DOCTOR, FurtherReason.NOT_IN_TEAM),
        (team(until=NOW), DOCTOR, FurtherReason.NOT_IN_TEAM),
        (team(), SOCIAL_WORKER, FurtherReason.NOT_HEALTH_PROFESSIONAL),
        (team(), HOLDER, Reason.NOT_HOLDER),
        (team(), HOSPITAL, Reason.NOT_HOLDER),
        (team().with_right(DOCTOR.number, Right(blocked=True)), DOCTOR, Reason.BLOCKED),
        (team().with_right(NURSE.number, Right(blocked=True)), DOCTOR, Reason.BLOCKED),
    ],
)
def test_ar_011_who_collects_no_consent_for_another(record, actor, code):
    after = do(record, FurtherAct.AUTHORISE_FOR, actor, professional=NURSE.number, reason_code="absent")
    assert after.verdict.code is code
    assert after.record is record


def test_ar_011_the_treating_doctor_collects_and_shortens_nothing():
    record = replace(OPEN, treating=DOCTOR.number).with_right(NURSE.number, Right())
    asked = {"professional": NURSE.number, "reason_code": "absent", "until": NOW + HOUR}
    assert not do(record, FurtherAct.AUTHORISE_FOR, DOCTOR, **asked).happened


def test_ar_003_the_teams_consent_covers_feeding_by_all_its_members():
    for actor in (SOCIAL_WORKER, OSTEOPATH, changed(DOCTOR, role="R291_99")):
        assert decide.deposit(OPEN, actor, NOW).code is Reason.CONSENT_NEEDED
        assert decide.deposit(team(), actor, NOW).code is Reason.AUTHORISED
        assert decide.deposit(team().with_right(actor.number, Right(blocked=True)), actor, NOW).code is (
            Reason.CONSENT_NEEDED
        )


def test_ar_003_by_setting_every_profession_feeds():
    policy = replace(DEFAULT, feeding_needs_consent=False)
    assert decide.deposit(OPEN, SOCIAL_WORKER, NOW, policy).code is Reason.FEEDING_DUTY


def test_ar_012_every_relation_reads_within_the_column_of_its_profession():
    types = MATRIX.types_for("infirmier")
    for record in (team(), session(actor=NURSE).record, OPEN.with_right(NURSE.number, Right())):
        scope = consult(record, NURSE).scope
        assert scope.types == types
        assert "unknown-type" not in scope.types


def test_ar_008_a_collector_opens_the_team_of_his_kind_beside_one_of_another_kind_of_that_number():
    """What the holder consented to for a person of that number covers nobody else who acts under it."""
    person = team(kind=TeamKind.PROFESSIONAL, until=NOW + timedelta(days=365))
    collected = do(person, FurtherAct.CONSENT_TEAM, NURSE, team=NURSE.structure, team_kind=TeamKind.STRUCTURE)
    assert collected.happened
    assert consult(collected.record, NURSE).code is FurtherReason.CARE_TEAM


def test_ar_010_019_a_block_from_before_the_declaration_takes_no_consent_from_the_treating_doctor():
    record = replace(OPEN.with_right(DOCTOR.number, Right(blocked=True)), treating=DOCTOR.number)
    assert do(record, FurtherAct.CONSENT_SESSION, DOCTOR).verdict.permitted
    assert do(replace(record, treating=None), FurtherAct.CONSENT_SESSION, DOCTOR).verdict.code is Reason.BLOCKED


@pytest.mark.parametrize("sector", ["SA66", "SA13"])
def test_ar_047_050_no_special_capacity_opens_a_record_to_occupational_medicine(sector):
    policy = replace(POLICY, occupational_medicine=True, pmi_needs_consent=False)
    for capacity in (Capacity.PMI_DOCTOR, Capacity.FIREFIGHTER_DOCTOR):
        special = changed(DOCTOR, capacity=capacity)
        consent = SpokenConsent.VITAL_RISK
        assert consult(OPEN, special, policy=policy, consent=consent).permitted
        assert not consult(OPEN, changed(special, sector=sector), policy=policy, consent=consent).permitted
