"""A secret connection is a minor's: an adult's professionals do nothing of which nobody is told (AR-042)."""

from dataclasses import replace

import pytest

from services.access_control.domain import decide
from services.access_control.domain.record import ABSENT, Right, State
from shared.contracts.common import Act
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason
from tests.unit.access_control.cast import (
    DOCTOR,
    HOLDER,
    MAJORITY,
    MINOR,
    NOW,
    NURSE,
    OPEN,
    changed,
    consult,
    do,
)

SECRET = changed(DOCTOR, secret=True)
CHILD = MINOR.with_right(DOCTOR.number, Right())
ADULTS = [
    (OPEN.with_right(DOCTOR.number, Right()), NOW),  # the day is not known
    (replace(CHILD, majority=None), NOW),
    (CHILD, MAJORITY),
]


@pytest.mark.parametrize(("record", "now"), ADULTS)
def test_ar_042_nobody_reads_or_feeds_an_adults_record_in_secret(record, now):
    assert consult(record, SECRET, now).code is FurtherReason.NOT_A_MINOR
    assert consult(record, changed(HOLDER, secret=True), now).code is FurtherReason.NOT_A_MINOR
    assert decide.deposit(record, SECRET, now).code is FurtherReason.NOT_A_MINOR
    assert decide.deposit(record, changed(HOLDER, secret=True), now).code is FurtherReason.NOT_A_MINOR


@pytest.mark.parametrize(("record", "now"), ADULTS)
def test_ar_042_no_right_of_an_adult_changes_in_secret(record, now):
    done = do(record, Act.AUTHORISE, changed(HOLDER, secret=True), now, professional=NURSE.number)
    assert (done.verdict.code, done.record) == (FurtherReason.NOT_A_MINOR, record)


def test_ar_042_a_minors_secret_connection_holds_until_the_day():
    assert consult(CHILD, SECRET).permitted
    assert decide.deposit(CHILD, SECRET, NOW).permitted
    assert do(CHILD, Act.AUTHORISE, changed(HOLDER, secret=True), professional=NURSE.number).happened


def test_a_record_that_is_not_there_is_not_there_in_secret_either():
    assert ABSENT.state is State.ABSENT
    assert consult(ABSENT, SECRET).code is Reason.NO_RECORD
