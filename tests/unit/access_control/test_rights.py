from dataclasses import replace
from datetime import timedelta

import pytest

from services.access_control.domain.record import ABSENT, Right, Standing, State
from services.access_control.domain.rights import Command, change, restricts
from shared.contracts.common import Act
from shared.contracts.reasons import Reason
from tests.unit.access_control.cast import (
    AUTHORISING,
    DOCTOR,
    HOLDER,
    HOSPITAL,
    INSURER,
    NOW,
    OPEN,
    OPERATOR,
    REPRESENTATIVE,
    changed,
)

HOLDERS = [Act.AUTHORISE, Act.REVOKE, Act.BLOCK, Act.UNBLOCK, Act.CLOSE, Act.REOPEN]
P = DOCTOR.number
VERSIONED = replace(OPEN, rights_version=7)
LATER = NOW + timedelta(seconds=4)


def command(act, **more):
    return Command(**({"act": act, "actor": HOLDER, "version": 7, "professional": P} | more))


def do(record, act, **more):
    return change(record, command(act, **more), NOW)


def standing(record):
    return record.standing(P, NOW)


def test_the_life_of_a_right():
    record = OPEN
    for act, expected in [
        (Act.AUTHORISE, Standing.VALID),
        (Act.REVOKE, Standing.NONE),
        (Act.AUTHORISE, Standing.VALID),
        (Act.BLOCK, Standing.BLOCKED),
        (Act.REVOKE, Standing.BLOCKED),
        (Act.UNBLOCK, Standing.NONE),
        (Act.BLOCK, Standing.BLOCKED),
    ]:
        changed_to = do(record, act, version=record.rights_version)
        assert changed_to.verdict.reason is Reason.HOLDER
        record = changed_to.record
        assert standing(record) is expected, act


def test_an_unblock_of_who_is_not_blocked_takes_nothing_away():
    record = VERSIONED.with_right(P, Right())
    after = do(record, Act.UNBLOCK)
    assert after.verdict.permitted
    assert not after.happened
    assert after.record == record


def test_a_blocked_professional_is_not_authorised_without_an_unblock():
    assert do(VERSIONED.with_right(P, Right(blocked=True)), Act.AUTHORISE).verdict.reason is Reason.BLOCKED


def test_the_treating_doctor_is_not_blockable():
    assert do(replace(VERSIONED, treating=P), Act.BLOCK).verdict.reason is Reason.NOT_BLOCKABLE
    assert do(replace(VERSIONED, treating="810000000009"), Act.BLOCK).verdict.permitted


@pytest.mark.parametrize("act", HOLDERS)
@pytest.mark.parametrize("version", [6, 8, 0])
def test_a_command_on_other_rights_than_todays_is_a_conflict(act, version):
    record = VERSIONED.with_right(P, Right(blocked=True))
    record = replace(record, state=State.CLOSED) if act is Act.REOPEN else record
    after = do(record, act, version=version)
    assert after.verdict.reason is Reason.STALE_RIGHTS
    assert after.record == record


@pytest.mark.parametrize("act", HOLDERS)
@pytest.mark.parametrize(
    "actor", [DOCTOR, HOSPITAL, INSURER, OPERATOR, REPRESENTATIVE, changed(HOLDER, authenticated=False)]
)
def test_only_the_holder_decides_on_rights(act, actor):
    after = do(VERSIONED, act, actor=actor, version=99)
    expected = Reason.NOT_AUTHENTICATED if actor.kind is HOLDER.kind else Reason.NOT_HOLDER
    assert after.verdict.reason is expected
    assert after.record == VERSIONED


ALL = set(HOLDERS)


@pytest.mark.parametrize(
    ("record", "allowed", "reason"),
    [
        (ABSENT, set(), Reason.NO_RECORD),
        (VERSIONED, ALL, None),
        (replace(VERSIONED, held=True), {Act.BLOCK, Act.REVOKE, Act.CLOSE}, Reason.RECORD_HELD),
        (replace(VERSIONED, state=State.CLOSED), {Act.REOPEN}, Reason.RECORD_CLOSED),
        (replace(VERSIONED, suspended=True), {Act.CLOSE}, Reason.RECORD_SUSPENDED),
    ],
)
def test_what_the_holder_may_do_in_a_state(record, allowed, reason):
    for act in HOLDERS:
        verdict = do(record, act).verdict
        assert verdict.permitted is (act in allowed), act
        assert verdict.permitted or verdict.reason is reason


def test_neither_suspension_nor_hold_ends_by_closing_and_reopening():
    for record, reason in (
        (replace(VERSIONED, suspended=True), Reason.RECORD_SUSPENDED),
        (replace(VERSIONED, held=True), Reason.RECORD_HELD),
    ):
        closed = do(record, Act.CLOSE)
        assert closed.record.state is State.CLOSED
        assert do(closed.record, Act.REOPEN, version=8).verdict.reason is reason


def test_every_change_raises_the_version_by_one():
    for act in [Act.AUTHORISE, Act.BLOCK, Act.CLOSE]:
        after = do(VERSIONED, act)
        assert (after.happened, after.record.rights_version) == (True, 8)
    assert do(VERSIONED, Act.REOPEN).record == VERSIONED


@pytest.mark.parametrize("act", [Act.BLOCK, Act.REVOKE, Act.CLOSE])
def test_a_restriction_is_told_when_the_last_permit_has_run_out(act):
    record = VERSIONED.with_right(P, Right())
    assert do(replace(record, permits_until=LATER), act).in_force_at == LATER
    assert do(replace(record, permits_until=NOW - timedelta(seconds=1)), act).in_force_at == NOW
    assert do(record, act).in_force_at == NOW


def test_a_repeated_block_still_waits_for_the_permits_that_are_out():
    record = replace(VERSIONED.with_right(P, Right(blocked=True)), permits_until=LATER)
    again = do(record, Act.BLOCK)
    assert (again.happened, again.in_force_at) == (False, LATER)


def test_what_gives_access_waits_for_nothing():
    record = replace(VERSIONED, permits_until=LATER)
    assert do(record, Act.AUTHORISE).in_force_at == NOW
    assert do(record.with_right(P, Right(blocked=True)), Act.UNBLOCK).in_force_at == NOW


@pytest.mark.parametrize(
    ("before", "until", "shorter"),
    [
        (None, LATER, False),
        (Right(), LATER, True),
        (Right(), None, False),
        (Right(until=LATER), None, False),
        (Right(until=LATER), NOW, True),
        (Right(until=NOW), LATER, False),
    ],
)
def test_a_new_end_that_comes_earlier_restricts(before, until, shorter):
    record = VERSIONED.with_right(P, before)
    assert restricts(record, command(Act.AUTHORISE, until=until)) is shorter


def test_the_insurance_alone_declares_the_treating_doctor():
    declared = do(VERSIONED, Act.DECLARE, actor=INSURER, version=None)
    assert (declared.verdict.reason, declared.record.treating) == (Reason.INSURANCE_DECLARATION, P)
    assert declared.record.rights_version == 8
    for actor in (HOLDER, DOCTOR, HOSPITAL, OPERATOR):
        assert do(VERSIONED, Act.DECLARE, actor=actor).verdict.reason is Reason.NO_BRANCH
    assert do(ABSENT, Act.DECLARE, actor=INSURER).verdict.reason is Reason.NO_RECORD


@pytest.mark.parametrize(
    "record", [OPEN, replace(OPEN, state=State.CLOSED), replace(OPEN, held=True), replace(OPEN, suspended=True)]
)
def test_a_declaration_ends_the_former_ones_rights_in_every_state(record):
    former = replace(record, treating=P, permits_until=LATER)
    after = do(former, Act.DECLARE, actor=INSURER, professional=None)
    assert after.record.treating is None
    assert after.in_force_at == LATER


def test_an_operator_alone_ends_a_hold():
    held = replace(VERSIONED, held=True)
    after = do(held, Act.RELEASE, actor=OPERATOR, version=None, professional=None)
    assert (after.verdict.reason, after.record) == (Reason.OPERATOR_DUTY, VERSIONED)
    for actor in (HOLDER, DOCTOR, INSURER):
        assert do(held, Act.RELEASE, actor=actor).verdict.reason is Reason.NO_BRANCH
    assert not do(VERSIONED, Act.RELEASE, actor=OPERATOR).happened


@pytest.mark.parametrize("known", [None, NOW - timedelta(hours=1), NOW, NOW + timedelta(hours=1)])
def test_a_permit_moves_the_end_of_permits_on_and_nothing_else(known):
    record = replace(AUTHORISING, treating=DOCTOR.number, permits_until=known, rights_version=7)
    assert record.with_permit(NOW) == replace(record, permits_until=max(known or NOW, NOW))


def test_an_end_for_who_is_blocked_takes_nothing_away():
    record = OPEN.with_right(DOCTOR.number, Right(blocked=True))
    asked = Command(Act.AUTHORISE, HOLDER, 0, DOCTOR.number, until=NOW)
    assert not restricts(record, asked)
    assert restricts(AUTHORISING, asked)
