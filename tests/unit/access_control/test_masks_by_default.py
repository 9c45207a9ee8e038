"""The holder has new documents masked (AR-025): who chooses it, what is told of it, what it changes here."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.access_control.domain.changes import Kept, RecordChanged
from services.access_control.domain.past import record_at
from services.access_control.domain.record import ABSENT, State
from shared.contracts.access_decisions import ConsentChanged, Outcome
from shared.contracts.common import FurtherAct
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_documents import MaskByDefault
from tests.unit.access_control.cast import (
    APP,
    AUTHORISING,
    CARER,
    DOCTOR,
    GUARDIAN,
    HOLDER,
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
    fail,
    handle,
)

MASKING = replace(OPEN, masks_by_default=True)


def choose(record, *, masked, actor=HOLDER, **more):
    return handle(MaskByDefault(actor=actor, rights_version=record.rights_version, masked=masked, **more), record)


@pytest.mark.parametrize("masked", [True, False])
def test_ar_025_the_choice_is_kept_told_and_raises_the_version(masked):
    before = replace(OPEN, masks_by_default=not masked, rights_version=4, permits_until=SOON)
    effects = choose(before, masked=masked)
    assert effects.state == replace(before, masks_by_default=masked, rights_version=5)
    told, changed_to = effects.emits
    assert (told.outcome, told.further_act) == (Outcome.PERMIT, "mask_by_default")
    in_force = SOON if masked else NOW  # turning it on takes from others: told when the last permit has run out
    assert changed_to == ConsentChanged(
        act="mask_by_default",
        actor=HOLDER,
        state="masked" if masked else "not_masked",
        rights_version=5,
        in_force_at=in_force,
    )
    assert told.in_force_at == in_force
    assert RecordChanged in {type(row) for row in effects.changes}


@pytest.mark.parametrize("masked", [True, False])
def test_ar_025_the_same_choice_again_changes_nothing(masked):
    before = replace(OPEN, masks_by_default=masked)
    effects = choose(before, masked=masked)
    assert (effects.state, len(effects.emits), decided(effects).outcome) == (before, 1, Outcome.PERMIT)


@pytest.mark.parametrize(
    ("actor", "record", "code"),
    [
        (MOTHER, MINOR, FurtherReason.REPRESENTATIVE),
        (CARER, MINOR, FurtherReason.OUTSIDE_DELEGATION),
        (GUARDIAN, MINOR, FurtherReason.OPINION_MISSING),
        (changed(HOLDER, app=APP), OPEN, Reason.NOT_HOLDER),
        (changed(HOLDER, authenticated=False), OPEN, Reason.NOT_AUTHENTICATED),
        (DOCTOR, replace(AUTHORISING, treating=DOCTOR.number), Reason.NOT_HOLDER),
        (INSURER, OPEN, Reason.NOT_HOLDER),
        (OPERATOR, OPEN, Reason.NOT_HOLDER),
        (HOLDER, ABSENT, Reason.NO_RECORD),
        (HOLDER, replace(OPEN, state=State.CLOSED), Reason.RECORD_CLOSED),
        (HOLDER, replace(OPEN, held=True), Reason.RECORD_HELD),
    ],
)
def test_ar_025_who_chooses_it(actor, record, code):
    done = do(record, FurtherAct.MASK_BY_DEFAULT, actor, masked=True)
    assert done.verdict.code is code
    assert done.record.masks_by_default is done.verdict.permitted


def test_ar_025_a_choice_made_on_rights_that_were_overtaken_is_a_conflict():
    done = do(OPEN, FurtherAct.MASK_BY_DEFAULT, masked=True, version=7)
    assert (done.verdict.code, done.happened) == (Reason.STALE_RIGHTS, False)


@pytest.mark.parametrize(("masked", "before"), [(True, False), (True, True), (False, True)])
def test_ar_025_an_error_holds_where_it_would_have_masked(masked, before):
    record = replace(OPEN, masks_by_default=before)
    body = MaskByDefault(actor=HOLDER, rights_version=0, masked=masked)
    assert fail(body, record).state.held is (masked and not before)


@pytest.mark.parametrize("actor", [HOLDER, DOCTOR, NURSE])
def test_ar_025_who_reads_what_stands_is_decided_as_before(actor):
    """It is about new documents, which their owner masks."""
    record = replace(AUTHORISING, masks_by_default=True)
    assert consult(record, actor) == consult(AUTHORISING, actor)


def test_ar_025_a_past_choice_is_known():
    effects = choose(OPEN, masked=True)
    rows = [row for row in effects.changes if isinstance(row, Kept)]
    assert record_at(effects.state, rows, NOW).masks_by_default
    assert not record_at(effects.state, rows, NOW - timedelta(seconds=1)).masks_by_default
    assert choose(MASKING, masked=False).state.masks_by_default is False
