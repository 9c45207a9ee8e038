"""What time brings on a record by itself: told once, never before its time, never on what waits for somebody."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.access_control.domain import timers
from services.access_control.domain.commands.life import archive_ends
from services.access_control.domain.events import foreseen_majority
from services.access_control.domain.policy import DEFAULT, Policy
from services.access_control.domain.record import ABSENT, Right, State
from services.access_control.domain.relations import Agreement, DelegationState
from services.access_control.handlers import struck
from shared.contracts.access_decisions import (
    ConsentChanged,
    DeletionAnnounced,
    DeletionForeseen,
    LifeChanged,
    RecordClosed,
)
from shared.contracts.common import Act, FurtherAct
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.record_requests import TeamKind
from tests.unit.access_control.cast import (
    AUTHORISING,
    CARER_ID,
    DELEGATIONS,
    DOCTOR,
    HOLDER,
    MAJORITY,
    MINOR,
    MOTHER,
    MOTHER_ID,
    NOW,
    NURSE,
    OPEN,
    RECORD,
    consult,
    do,
    team,
)

DAY = timedelta(days=1)
SIX_WEEKS = timedelta(weeks=6)
CLOSED = replace(AUTHORISING, state=State.CLOSED, closed_at=NOW, rights_version=4)
SUSPENDED = replace(AUTHORISING, suspended=True, suspended_at=NOW)
TEN_YEARS = NOW.replace(year=NOW.year + 10)
TICK = timedelta(microseconds=1)


def emits(record, now, policy: Policy = DEFAULT):
    return [body for act in struck(RECORD, record, now, policy) for body in act.emits]


def after(record, now):
    """The record once the clock has struck, as the rows of it say."""
    rows = [row for act in struck(RECORD, record, now, DEFAULT) for row in act.changes if hasattr(row, "record")]
    return next((row.record for row in reversed(rows) if hasattr(row, "id") and row.id == RECORD), record)


def test_ar_057_an_uncontested_suspension_closes_when_six_weeks_are_over_and_not_before():
    assert emits(SUSPENDED, NOW + SIX_WEEKS - TICK) == []
    assert emits(SUSPENDED, NOW + SIX_WEEKS) == [RecordClosed(actor=timers.CLOCK)]
    assert emits(after(SUSPENDED, NOW + SIX_WEEKS), NOW + SIX_WEEKS) == []
    contested = do(SUSPENDED, FurtherAct.OBJECT).record
    assert emits(contested, NOW + 100 * DAY) == []
    for other in ({"deceased": True}, {"suspended_at": None}):
        assert emits(replace(SUSPENDED, **other), NOW + SIX_WEEKS) == []


def test_ar_054_a_closed_record_is_deleted_after_ten_years_and_its_holder_is_told_before():
    told_at = TEN_YEARS - 30 * DAY
    assert emits(CLOSED, told_at - TICK) == []
    assert emits(CLOSED, told_at) == [DeletionForeseen(at=TEN_YEARS)]
    told = after(CLOSED, told_at)
    assert emits(told, TEN_YEARS - TICK) == []
    assert emits(told, TEN_YEARS) == [DeletionAnnounced(because="archive", latest=TEN_YEARS + 90 * DAY)]
    deleted = after(told, TEN_YEARS)
    assert consult(deleted, HOLDER).code is FurtherReason.RECORD_DELETED
    assert emits(deleted, TEN_YEARS + 365 * DAY) == []


def test_ar_054_who_was_told_late_has_his_time_to_reopen():
    late = TEN_YEARS + 400 * DAY
    assert emits(CLOSED, late) == [DeletionForeseen(at=late + 30 * DAY)]
    told = after(CLOSED, late)
    assert emits(told, late + 30 * DAY - TICK) == []
    assert isinstance(emits(told, late + 30 * DAY)[0], DeletionAnnounced)


def test_ar_056_reopening_ends_the_archive_and_another_closure_has_ten_years_of_its_own():
    told = after(CLOSED, TEN_YEARS - DAY)
    reopened = do(told, Act.REOPEN, now=TEN_YEARS).record
    assert emits(reopened, TEN_YEARS + 365 * DAY) == []
    again = do(reopened, Act.CLOSE, now=TEN_YEARS).record
    assert emits(again, TEN_YEARS + DAY) == []
    assert archive_ends(again, DEFAULT) == TEN_YEARS.replace(year=TEN_YEARS.year + 10)


def test_ar_054_a_held_record_waits_for_an_operator_and_a_dead_holders_does_not():
    assert emits(replace(CLOSED, held=True), TEN_YEARS) == []
    assert emits(replace(CLOSED, deceased=True), TEN_YEARS) != []


@given(st.datetimes(datetime(2004, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)), st.integers(1, 30))  # noqa: DTZ001
def test_ar_054_an_archive_never_ends_early(closed, years):
    ends = archive_ends(replace(CLOSED, closed_at=closed), Policy(archive_years=years))
    assert timedelta(days=365 * years + years // 4 - 1) <= ends - closed <= timedelta(days=365 * years + years // 4 + 2)
    assert (ends.month, ends.day) in {(closed.month, closed.day), (3, 1)}


def test_ar_045_majority_is_told_once_and_takes_what_representatives_gave():
    given_ = {
        DOCTOR.number: Right(by_representative=True),
        NURSE.number: Right(),
        "810000000077": Right(blocked=True, by_representative=True),
    }
    minor = replace(
        team(team(MINOR, by_representative=True), key="team-2", kind=TeamKind.FORMALISED),
        rights=given_,
        apps={"app-1": Agreement(frozenset(), by_representative=True), "app-2": Agreement(frozenset())},
    )
    assert emits(minor, MAJORITY - TICK) == []
    (told,) = emits(minor, MAJORITY)
    assert told == LifeChanged(
        act="come_of_age", actor=timers.CLOCK, rights_version=1, in_force_at=MAJORITY, delegations=(MOTHER_ID,)
    )
    adult = do(minor, FurtherAct.COME_OF_AGE, timers.CLOCK, MAJORITY).record
    assert set(adult.rights) == {NURSE.number, "810000000077"}
    assert set(adult.teams) == {"team-2"}
    assert set(adult.apps) == {"app-2"}
    assert adult.delegations[str(MOTHER_ID)].state is DelegationState.EXPIRED
    assert adult.delegations[str(CARER_ID)].state is DelegationState.ACCEPTED
    assert emits(adult, MAJORITY + DAY) == []


@pytest.mark.parametrize(
    ("record", "now", "nears"),
    [
        (MINOR, MAJORITY - 31 * DAY, False),
        (MINOR, MAJORITY - 30 * DAY, True),
        (MINOR, MAJORITY - TICK, True),
        (MINOR, MAJORITY, False),
        (replace(MINOR, majority=None), MAJORITY - DAY, False),
        (replace(MINOR, held=True), MAJORITY - DAY, True),
        (replace(MINOR, suspended=True), MAJORITY - DAY, False),
        (replace(MINOR, state=State.CLOSED, closed_at=NOW), MAJORITY - DAY, False),
        (replace(MINOR, deceased=True), MAJORITY - DAY, False),
    ],
)
def test_ar_045_majority_is_foreseen_in_the_last_month(record, now, nears):
    assert timers.majority_nears(record, now, DEFAULT) is nears


def test_ar_045_who_represents_the_minor_is_told_and_no_birthday():
    refused = replace(DELEGATIONS[str(MOTHER_ID)], state=DelegationState.REFUSED)
    told = foreseen_majority(replace(MINOR, delegations={**DELEGATIONS, str(UUID(int=77)): refused}))
    assert told == LifeChanged(act="foresee_majority", actor=timers.CLOCK, rights_version=0, delegations=(MOTHER_ID,))


def test_ar_045_what_the_clock_tidies_up_changes_no_decision():
    """The minute before and after it, everybody is answered the same."""
    minor = replace(team(MINOR, by_representative=True), rights={DOCTOR.number: Right(by_representative=True)})
    adult = do(minor, FurtherAct.COME_OF_AGE, timers.CLOCK, MAJORITY).record
    for actor in (HOLDER, MOTHER, DOCTOR, NURSE):
        assert consult(minor, actor, MAJORITY).permitted is consult(adult, actor, MAJORITY).permitted
    assert not consult(minor, MOTHER, MAJORITY).permitted


def test_ar_045_a_day_that_is_not_known_brings_nothing():
    assert emits(replace(MINOR, majority=None), MAJORITY) == []
    assert do(replace(MINOR, majority=None), FurtherAct.COME_OF_AGE, timers.CLOCK).verdict.code is FurtherReason.NOT_DUE


def test_ar_061_the_end_of_a_delegation_is_told_once_also_of_an_invitation_without_an_answer():
    ends = NOW + DAY
    carer, mother = DELEGATIONS[str(CARER_ID)], DELEGATIONS[str(MOTHER_ID)]
    record = replace(
        OPEN,
        delegations={
            str(CARER_ID): replace(carer, until=ends),
            str(MOTHER_ID): replace(mother, state=DelegationState.PENDING, expires=ends),
        },
        majority=MAJORITY + 365 * DAY,
    )
    assert emits(record, ends - TICK) == []
    told = emits(record, ends)
    assert {type(body) for body in told} == {ConsentChanged}
    assert [(body.subject, body.state, body.rights_version) for body in told] == [
        (str(MOTHER_ID), "EXPIRED", 1),
        (str(CARER_ID), "EXPIRED", 2),
    ]
    names = [act.name for act in struck(RECORD, record, ends, DEFAULT)]
    assert len(set(names)) == 2
    ended = record
    for one in (MOTHER_ID, CARER_ID):
        ended = do(ended, FurtherAct.END_DELEGATION, timers.CLOCK, ends, delegation=one).record
    assert emits(ended, ends + DAY) == []


@pytest.mark.parametrize("act", [FurtherAct.FORESEE_DELETION, FurtherAct.DELETE_ARCHIVED, FurtherAct.COME_OF_AGE])
def test_what_the_clock_does_nobody_else_may_ask_for(act):
    for actor in (HOLDER, DOCTOR, MOTHER):
        assert not do(CLOSED, act, actor, TEN_YEARS).verdict.permitted
        assert not do(MINOR, act, actor, MAJORITY).verdict.permitted
    assert emits(ABSENT, TEN_YEARS) == []
