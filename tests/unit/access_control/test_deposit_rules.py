from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from services.access_control.domain import decide, opening
from services.access_control.domain.record import ABSENT, Right, State
from services.access_control.domain.relations import Agreement
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_requests import AppScope
from tests.unit.access_control.cast import (
    APP,
    AUTHORISING,
    DEPOSITS,
    DOCTOR,
    GUARDIAN,
    HOLDER,
    HOSPITAL,
    INSURER,
    MAJORITY,
    MINOR,
    MOTHER,
    NOW,
    NURSE,
    OPEN,
    OPERATOR,
    OSTEOPATH,
    POLICY,
    REPRESENTATIVE,
    SOCIAL_WORKER,
    changed,
    decided,
    handle,
)

BLOCKING = OPEN.with_right(DOCTOR.number, Right(blocked=True))


def deposit(record, actor):
    return decide.deposit(record, actor, NOW)


@pytest.mark.parametrize(
    "actor", [DOCTOR, NURSE, HOSPITAL, changed(DOCTOR, authenticated=False), changed(DOCTOR, role="G16_10")]
)
@pytest.mark.parametrize("record", [OPEN, BLOCKING, replace(OPEN, held=True)])
def test_health_professionals_and_structures_feed_without_authorisation_even_blocked_or_held(actor, record):
    assert deposit(record, actor).reason is Reason.FEEDING_DUTY
    assert deposit(record, actor).permitted


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (ABSENT, Reason.NO_RECORD),
        (replace(OPEN, state=State.CLOSED), Reason.RECORD_CLOSED),
        (replace(OPEN, suspended=True), Reason.RECORD_SUSPENDED),
    ],
)
@pytest.mark.parametrize("actor", [DOCTOR, HOSPITAL, HOLDER])
def test_the_state_decides_first(record, reason, actor):
    assert deposit(record, actor).reason is reason
    assert deposit(record, changed(actor, sector="SA66", role=None)).reason is reason


@pytest.mark.parametrize(
    ("actor", "reason"),
    [
        (changed(DOCTOR, sector="SA66"), Reason.EXCLUDED_SECTOR),
        (changed(HOSPITAL, sector="SA23"), Reason.EXCLUDED_SECTOR),
        (changed(DOCTOR, number=None), Reason.NOT_AUTHENTICATED),
        (changed(HOSPITAL, number=None), Reason.NOT_AUTHENTICATED),
        (changed(DOCTOR, role=None), Reason.NO_ROLE),
        (changed(HOLDER, authenticated=False), Reason.NOT_AUTHENTICATED),
        (INSURER, Reason.EXCLUDED_ACTOR),
        (OPERATOR, Reason.NO_BRANCH),
        (REPRESENTATIVE, Reason.NO_BRANCH),
    ],
)
def test_who_may_not_feed(actor, reason):
    assert deposit(AUTHORISING, actor).reason is reason
    assert not deposit(AUTHORISING, actor).permitted


def test_the_holder_feeds_the_own_record():
    assert deposit(OPEN, HOLDER).reason is Reason.HOLDER


@pytest.mark.parametrize(
    "actor", [OSTEOPATH, SOCIAL_WORKER, changed(DOCTOR, role="R291_99"), changed(DOCTOR, role="X_1")]
)
def test_other_professions_feed_with_the_holders_consent_alone(actor):
    assert decide.needs_consent(actor)
    assert deposit(OPEN, actor).reason is Reason.CONSENT_NEEDED
    assert deposit(OPEN.with_right(actor.number, Right(blocked=True)), actor).reason is Reason.CONSENT_NEEDED
    assert deposit(OPEN.with_right(actor.number, Right(until=NOW)), actor).reason is Reason.CONSENT_NEEDED
    assert deposit(OPEN.with_right(actor.number, Right()), actor).reason is Reason.AUTHORISED


@pytest.mark.parametrize(
    ("actor", "reason"),
    [
        (HOLDER, None),
        (OPERATOR, Reason.NO_BRANCH),
        (DOCTOR, None),
        (changed(HOLDER, authenticated=False), Reason.NOT_AUTHENTICATED),
        (changed(DOCTOR, authenticated=False), Reason.NOT_AUTHENTICATED),
        (changed(DOCTOR, sector="SA48"), Reason.EXCLUDED_SECTOR),
        (INSURER, Reason.EXCLUDED_ACTOR),
        (HOSPITAL, Reason.NO_BRANCH),
        (REPRESENTATIVE, Reason.NO_BRANCH),
    ],
)
def test_who_may_open_a_record(actor, reason):
    assert opening.refused(actor, professionals_may=True) is reason


def test_by_setting_no_professional_opens_a_record():
    assert opening.refused(DOCTOR, professionals_may=False) is Reason.NO_BRANCH
    assert opening.refused(HOLDER, professionals_may=False) is None


DIRECTIVES = "EXPPAT_3"
AGREED = replace(MINOR, apps={APP: Agreement(frozenset({AppScope.DEPOSIT}))})


@pytest.mark.parametrize("actor", [HOLDER, GUARDIAN, DOCTOR, HOSPITAL, NURSE, changed(HOLDER, app=APP)])
def test_ar_044_nobody_deposits_advance_directives_of_a_minor(actor):
    """Whoever writes them: a minor has none (CSP L.1111-11). From the day of majority on they are taken."""

    def asked(now, type_code, record=AGREED):
        return decide.deposit(record, actor, now, POLICY, type_code=type_code)

    denied = asked(NOW, DIRECTIVES)
    assert (denied.permitted, denied.code) == (False, FurtherReason.DIRECTIVES_OF_A_MINOR)
    assert asked(MAJORITY - timedelta(microseconds=1), DIRECTIVES) == denied
    assert asked(MAJORITY, DIRECTIVES).permitted
    assert asked(NOW, "EXPPAT_1").permitted
    assert asked(NOW, DIRECTIVES, replace(AGREED, majority=None)).code is FurtherReason.MAJORITY_UNKNOWN


@pytest.mark.parametrize("actor", [HOLDER, MOTHER, DOCTOR, HOSPITAL, INSURER, OPERATOR, changed(DOCTOR, sector="SA66")])
@pytest.mark.parametrize("record", [MINOR, ABSENT, replace(MINOR, state=State.CLOSED), AGREED])
def test_ar_044_other_steps_deny_as_for_any_deposit_and_before_it(actor, record):
    plain = decide.deposit(record, actor, NOW, POLICY)
    asked = decide.deposit(record, actor, NOW, POLICY, type_code=DIRECTIVES)
    assert asked == plain if not plain.permitted else asked.code is FurtherReason.DIRECTIVES_OF_A_MINOR


def test_ar_044_the_type_is_that_of_the_deposit():
    for type_code, outcome in ((DIRECTIVES, "deny"), ("11502-2", "permit")):
        body = Deposit(deposit=UUID(int=1), actor=HOLDER, type_code=type_code)
        assert decided(handle(body, MINOR, lane=DEPOSITS)).outcome == outcome
