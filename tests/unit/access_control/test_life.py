"""Opening, activation, suspension, closure, death, deletion."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from uuid import uuid4

import pytest

from services.access_control.domain import decide, opening
from services.access_control.domain.deletion import FIRST, LAST, Because, Deletion
from services.access_control.domain.record import ABSENT, State
from services.access_control.domain.rights import NEVER_RESTRICTING, RULES
from services.access_control.handlers import confirmed
from shared.contracts.access_decisions import (
    DeletionAnnounced,
    DeletionRequested,
    LifeChanged,
    RecordClosed,
    RecordDeleted,
)
from shared.contracts.audit_events import RecordDestroyed
from shared.contracts.common import Act, Capacity, FurtherAct, Strength, Wishes
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import CloseUncontested, Decease, Object, RequestDeletion, Suspend
from tests.unit.access_control.cast import (
    AUTHORISING,
    CARER,
    DOCTOR,
    HOLDER,
    HOSPITAL,
    INSURER,
    MINOR,
    MOTHER,
    NOW,
    NURSE,
    OPEN,
    OPERATOR,
    SOON,
    changed,
    consult,
    decided,
    do,
    handle,
    message,
    team,
)

SIX_WEEKS = timedelta(weeks=6)
COUNSELLOR = changed(INSURER, capacity=Capacity.COUNSELLOR, authenticated=True)
SUSPENDED = replace(AUTHORISING, suspended=True, suspended_at=NOW)
STATES = {
    "absent": ABSENT,
    "open": OPEN,
    "activated": replace(OPEN, activated=True),
    "held": replace(OPEN, held=True),
    "suspended": SUSPENDED,
    "closed": replace(OPEN, state=State.CLOSED, closed_at=NOW),
    "deceased": replace(OPEN, deceased=True),
}
EVERYTHING = set(STATES)
HOLDER_MAY = {
    "open": {"consult", "deposit", "restrict", "rights", "close", "delete"},
    "activated": {"consult", "deposit", "restrict", "rights", "close", "delete"},
    "held": {"deposit", "restrict", "close"},
    "suspended": {"object", "close", "delete"},
    "closed": {"reopen", "delete"},
}
"""The table of the domain, 4.8."""


@pytest.mark.parametrize("name", STATES)
def test_ar_054_057_what_a_state_allows(name):
    record = STATES[name]
    may = HOLDER_MAY.get(name, set())
    assert consult(record, HOLDER).permitted is ("consult" in may)
    assert decide.deposit(record, DOCTOR, NOW).permitted is ("deposit" in may)
    asked = {
        "restrict": (Act.BLOCK, FurtherAct.END_TEAM, FurtherAct.WITHDRAW_APP, FurtherAct.REMOVE_ADMINISTRATOR),
        "rights": (Act.AUTHORISE, Act.UNBLOCK, FurtherAct.WISH, FurtherAct.OPT_OUT, FurtherAct.ACTIVATE),
        "close": (Act.CLOSE,),
        "delete": (FurtherAct.REQUEST_DELETION,),
        "object": (FurtherAct.OBJECT,),
    }
    for kind, acts in asked.items():
        for act in acts:
            after = do(record, act, professional=NURSE.number, wishes=Wishes())
            assert after.verdict.permitted is (kind in may), act
    reopened = do(record, Act.REOPEN)
    assert (reopened.verdict.permitted and reopened.happened) is ("reopen" in may)


@pytest.mark.parametrize("act", RULES)
def test_no_command_creates_a_record(act):
    for actor in (HOLDER, OPERATOR, INSURER, DOCTOR, MOTHER):
        after = do(ABSENT, act, actor, delegation=actor.delegation or uuid4(), professional=NURSE.number)
        assert not after.verdict.permitted
        assert after.record is ABSENT


@pytest.mark.parametrize("act", [act for act, rule in RULES.items() if rule.versioned])
def test_every_command_on_rights_carries_their_version(act):
    """Whoever may ask for it is told that he is late, and nothing changes."""
    codes = set()
    for record in (replace(team(MINOR), rights_version=5), replace(SUSPENDED, rights_version=5)):
        for actor in (HOLDER, DOCTOR, MOTHER, CARER):
            fields = {"delegation": actor.delegation, "team": DOCTOR.structure, "wishes": Wishes(masked=True)}
            after = do(record, act, actor, version=4, professional=None, **fields)
            codes.add(after.verdict.code)
            assert not after.verdict.permitted
            assert after.record is record
    assert Reason.STALE_RIGHTS in codes


def test_ar_001_the_operator_opens_nothing_before_the_six_weeks_in_which_it_is_opposed():
    for professionals_may in (True, False):
        assert opening.refused(OPERATOR, professionals_may=professionals_may) is Reason.NO_BRANCH
    assert opening.not_foreseen(OPERATOR) is None
    for actor in (HOLDER, DOCTOR, COUNSELLOR, INSURER):
        assert opening.not_foreseen(actor) is Reason.NO_BRANCH


def test_ar_001_who_may_open_a_record():
    for actor in (HOLDER, DOCTOR, COUNSELLOR):
        assert opening.refused(actor, professionals_may=True) is None
    for actor in (DOCTOR, COUNSELLOR):
        assert opening.refused(actor, professionals_may=False) is Reason.NO_BRANCH, "a setting"
    assert opening.refused(INSURER, professionals_may=True) is Reason.EXCLUDED_ACTOR
    assert opening.refused(changed(HOLDER, app="carnet-suivi"), professionals_may=True) is Reason.NOT_HOLDER
    assert opening.refused(changed(COUNSELLOR, authenticated=False), professionals_may=True) is (
        Reason.NOT_AUTHENTICATED
    )


def test_ar_001_016_a_servers_certificate_opens_no_record():
    assert opening.refused(changed(DOCTOR, strength=Strength.DIRECT), professionals_may=True) is None
    weak = changed(DOCTOR, strength=Strength.CERTIFICATE)
    assert opening.refused(weak, professionals_may=True) is Reason.NOT_AUTHENTICATED


def test_ar_001_a_counsellor_writes_down_an_opposition_that_the_person_alone_withdraws():
    for actor in (HOLDER, COUNSELLOR, None):
        assert opening.not_opposing(actor, opposed=True) is None
    for actor in (HOLDER, None):
        assert opening.not_opposing(actor, opposed=False) is None
    assert opening.not_opposing(COUNSELLOR, opposed=False) is Reason.NO_BRANCH
    assert opening.not_opposing(INSURER, opposed=True) is Reason.EXCLUDED_ACTOR
    for actor in (HOLDER, COUNSELLOR):
        unknown = changed(actor, authenticated=False)
        assert opening.not_opposing(unknown, opposed=True) is Reason.NOT_AUTHENTICATED
    assert opening.not_opposing(changed(HOLDER, app="carnet-suivi"), opposed=True) is Reason.NOT_HOLDER
    for actor in (DOCTOR, OPERATOR):
        assert opening.not_opposing(actor, opposed=True) is Reason.NO_BRANCH


def test_ar_001_a_counsellor_reads_nothing_and_feeds_nothing():
    verdict = consult(replace(AUTHORISING, treating=COUNSELLOR.number), COUNSELLOR)
    assert (verdict.code, verdict.reason) == (FurtherReason.COUNSELLOR_READS_NOTHING, Reason.EXCLUDED_ACTOR)
    assert not decide.deposit(OPEN, COUNSELLOR, NOW).permitted


def test_ar_001_an_open_record_is_read_and_fed_before_its_holder_activates_it():
    activated = do(OPEN, FurtherAct.ACTIVATE)
    assert activated.record.activated
    for record in (AUTHORISING, replace(AUTHORISING, activated=True)):
        assert consult(record, DOCTOR).permitted
        assert decide.deposit(record, DOCTOR, NOW).permitted
    assert not do(activated.record, FurtherAct.ACTIVATE).happened


def test_ar_002_the_operator_has_no_part_in_care():
    record = replace(team(AUTHORISING, key="operator-1"), treating=OPERATOR.number)
    assert consult(record, OPERATOR).reason is Reason.NO_BRANCH
    assert not decide.deposit(record, OPERATOR, NOW).permitted
    for act in (Act.AUTHORISE, Act.BLOCK, Act.UNBLOCK, FurtherAct.CONSENT_TEAM, FurtherAct.WISH):
        assert not do(record, act, OPERATOR, professional=DOCTOR.number).verdict.permitted


def test_ar_054_the_holder_closes_at_any_time():
    for record in (OPEN, replace(OPEN, held=True), SUSPENDED):
        after = do(record, Act.CLOSE)
        assert after.record.state is State.CLOSED
        assert not consult(after.record, HOLDER).permitted


def test_ar_055_a_deletion_is_announced_once_with_its_latest_day():
    body = RequestDeletion(actor=HOLDER, rights_version=0)
    effects = handle(body, OPEN)
    assert effects.emits[1:] == (
        DeletionRequested(actor=HOLDER, latest=NOW + timedelta(days=90)),
        DeletionAnnounced(because="request", latest=NOW + timedelta(days=90)),
    )
    again = handle(RequestDeletion(actor=HOLDER, rights_version=1), effects.state)
    assert len(again.emits) == 1
    assert again.state.deletion_due == NOW + timedelta(days=90)
    assert not do(OPEN, FurtherAct.REQUEST_DELETION, CARER).verdict.permitted


@pytest.mark.parametrize("act", RULES)
def test_ar_055_a_record_that_is_deleted_is_neither_read_nor_fed_nor_changed(act):
    deleted = do(team(AUTHORISING), FurtherAct.REQUEST_DELETION).record
    for actor in (HOLDER, DOCTOR, OPERATOR, INSURER):
        assert not consult(deleted, actor).permitted
        assert not decide.deposit(deleted, actor, NOW).permitted
        assert not do(deleted, act, actor, professional=NURSE.number, team=DOCTOR.structure, wishes=Wishes()).happened
    assert consult(deleted, DOCTOR).code is FurtherReason.RECORD_DELETED
    assert consult(deleted, DOCTOR).reason is Reason.RECORD_CLOSED


def test_ar_055_a_deletion_ends_when_all_have_confirmed_and_the_holder_is_told_before_he_is_forgotten():
    """In any order, however often each of them confirms."""
    for order in permutations(FIRST):
        deletion, told = Deletion(Because.REQUEST, NOW, NOW), []
        for owner in (*order, *order, "stranger", *LAST, *LAST):
            effects = confirmed(message(RecordDestroyed(owner=owner)), deletion, NOW)
            deletion = effects.state
            told += effects.emits
            assert (deletion.ended_at is not None) is (owner in LAST)
        assert told == [RecordDeleted(because="request")]


def test_ar_055_a_deletion_is_told_again_to_those_who_are_still_to_confirm():
    begun = Deletion(Because.ARCHIVE, NOW, NOW)
    assert begun.repeated(SOON).told() == DeletionAnnounced(because="archive", latest=NOW, round=2)
    for owner in FIRST:
        begun = begun.confirmed_by(owner, SOON)
    assert begun.repeated(SOON).told() == RecordDeleted(because="archive", round=2)
    assert confirmed(message(RecordDestroyed(owner="document")), None, NOW).emits == ()


def test_ar_056_reopening_brings_back_what_the_holder_decided():
    record = do(do(AUTHORISING, Act.CLOSE).record, Act.REOPEN).record
    assert replace(record, rights_version=0) == AUTHORISING
    assert consult(record, DOCTOR).permitted


@pytest.mark.parametrize("actor", [INSURER, OPERATOR])
def test_ar_057_a_suspension_is_in_force_at_once_and_told_with_its_six_weeks(actor):
    record = replace(AUTHORISING, permits_until=NOW + timedelta(seconds=4))
    effects = handle(Suspend(actor=actor), record)
    assert effects.emits[1] == LifeChanged(
        act="suspend",
        actor=actor,
        until=NOW + SIX_WEEKS,
        rights_version=1,
        in_force_at=NOW + timedelta(seconds=4),
    )
    assert consult(effects.state, DOCTOR).code is Reason.RECORD_SUSPENDED
    assert len(handle(Suspend(actor=actor), effects.state).emits) == 1
    lifted = do(effects.state, FurtherAct.LIFT, actor).record
    assert consult(lifted, DOCTOR).permitted


@pytest.mark.parametrize("actor", [HOLDER, DOCTOR, HOSPITAL, MOTHER])
def test_ar_057_nobody_else_suspends_lifts_or_closes_uncontested(actor):
    for act in (FurtherAct.SUSPEND, FurtherAct.LIFT, FurtherAct.CLOSE_UNCONTESTED, FurtherAct.DECEASE):
        assert do(SUSPENDED, act, actor).verdict.code is Reason.NO_BRANCH


@pytest.mark.parametrize(
    ("when", "code"),
    [
        (SIX_WEEKS - timedelta(microseconds=1), Reason.HOLDER),
        (SIX_WEEKS, FurtherReason.OBJECTION_TOO_LATE),
    ],
)
def test_ar_057_the_holder_objects_within_six_weeks(when, code):
    after = do(SUSPENDED, FurtherAct.OBJECT, now=NOW + when)
    assert after.verdict.code is code
    assert after.record.suspended, "until somebody resolves it"
    assert do(OPEN, FurtherAct.OBJECT).verdict.code is FurtherReason.NOT_SUSPENDED


def test_ar_057_only_an_uncontested_suspension_closes_and_after_six_weeks_alone():
    late = NOW + SIX_WEEKS
    close = CloseUncontested(actor=INSURER)
    assert decided(handle(close, SUSPENDED, NOW)).further_reasons == ("objection_open",)
    contested = handle(Object(actor=HOLDER, rights_version=0), SUSPENDED, NOW).state
    assert decided(handle(close, contested, late)).further_reasons == ("objection_open",)
    closed = handle(close, SUSPENDED, late)
    assert closed.state.state is State.CLOSED
    assert closed.emits[1] == RecordClosed(actor=INSURER)
    assert do(closed.state, Act.REOPEN).verdict.code is Reason.RECORD_SUSPENDED
    assert do(OPEN, FurtherAct.CLOSE_UNCONTESTED, INSURER).verdict.code is FurtherReason.NOT_SUSPENDED


def test_ar_057_a_second_suspension_has_six_weeks_of_its_own():
    contested = do(SUSPENDED, FurtherAct.OBJECT).record
    lifted = do(contested, FurtherAct.LIFT, INSURER).record
    again = do(lifted, FurtherAct.SUSPEND, INSURER, NOW + SIX_WEEKS).record
    assert (again.objected, again.suspended_at) == (False, NOW + SIX_WEEKS)


def test_after_death_nobody_reads_feeds_or_decides_and_an_error_is_taken_back():
    dead = handle(Decease(actor=INSURER), AUTHORISING).state
    for actor in (HOLDER, DOCTOR):
        assert consult(dead, actor).code is FurtherReason.RECORD_DECEASED
    assert not decide.deposit(dead, DOCTOR, NOW).permitted
    assert not do(dead, Act.CLOSE).verdict.permitted
    alive = handle(Decease(actor=INSURER, undone=True), dead)
    assert alive.emits[1].undone
    assert consult(alive.state, DOCTOR).permitted


def test_ar_073_an_opposition_that_is_confirmed_later_closes_the_record():
    """By the holder, or by the counsellor who records it."""
    for actor in (HOLDER, COUNSELLOR):
        assert do(OPEN, Act.CLOSE, actor).record.state is State.CLOSED
    assert do(OPEN, Act.CLOSE, COUNSELLOR).verdict.code is FurtherReason.INSURANCE_DUTY
    assert do(OPEN, Act.CLOSE, INSURER).verdict.reason is Reason.NOT_HOLDER
    assert do(OPEN, Act.REOPEN, COUNSELLOR).verdict.reason is Reason.NOT_HOLDER


def test_what_never_restricts_is_a_short_list():
    """A request of any other kind that can't be read, or fails, may have restricted: the record is held."""
    assert {
        Act.UNBLOCK,
        Act.REOPEN,
        Act.RELEASE,
        FurtherAct.AUTHORISE_FOR,
        FurtherAct.CONSENT_SESSION,
        FurtherAct.NAME_ADMINISTRATOR,
        FurtherAct.INVITE,
        FurtherAct.ANSWER,
        FurtherAct.ACTIVATE,
        FurtherAct.OBJECT,
        FurtherAct.LIFT,
        FurtherAct.CONFIRM_EMERGENCY,
        FurtherAct.CONTEST,
        FurtherAct.FORESEE_DELETION,
        FurtherAct.REQUEST_EXTRACT,
    } == NEVER_RESTRICTING
