"""Branch B: apps and digital services."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.access_control.domain import decide
from services.access_control.domain.policy import App, Policy
from services.access_control.domain.relations import Agreement
from shared.contracts.common import Act, FurtherAct, Owner
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import AppScope, Function
from tests.unit.access_control.cast import (
    APP,
    CARER,
    HOLDER,
    MAJORITY,
    MINOR,
    MOTHER,
    NOW,
    OPEN,
    POLICY,
    changed,
    consult,
    do,
)

THROUGH = changed(HOLDER, app=APP)
ALL = frozenset(AppScope)
SCOPES = {
    Owner.DOCUMENT: AppScope.READ_DOCUMENTS,
    Owner.HISTORY: AppScope.READ_HISTORY,
    Owner.AUDIT: AppScope.READ_TRACES,
}


def agree(record=OPEN, actor=HOLDER, app=APP, scopes=ALL, **more):
    return do(record, FurtherAct.AGREE_APP, actor, app=app, app_scopes=scopes, **more)


AGREED = agree().record


@pytest.mark.parametrize("owner", Owner)
def test_ar_067_an_app_reads_what_the_holder_agreed_on_and_nothing_withheld(owner):
    agreed = agree(scopes=frozenset({SCOPES[owner]})).record
    verdict = consult(agreed, THROUGH, owner=owner)
    assert (verdict.code, verdict.reason) == (FurtherReason.APP, Reason.HOLDER)
    assert (verdict.scope.types, verdict.scope.withheld) == (None, False)
    others = agree(scopes=ALL - {SCOPES[owner]}).record
    assert consult(others, THROUGH, owner=owner).code is FurtherReason.APP_NOT_AGREED


def test_ar_067_an_app_is_shown_no_type_it_was_not_referenced_for():
    policy = Policy(apps={APP: App(ALL, types=frozenset({"11502-2"}))})
    assert consult(AGREED, THROUGH, policy=policy).scope.types == {"11502-2"}


@pytest.mark.parametrize(
    ("app", "code"),
    [
        (None, FurtherReason.APP_NOT_REFERENCED),
        (App(ALL, suspended=True), FurtherReason.APP_SUSPENDED),
        (App(ALL - {AppScope.READ_DOCUMENTS, AppScope.DEPOSIT}), FurtherReason.APP_NOT_REFERENCED),
    ],
)
def test_ar_067_the_operator_decides_before_the_holder(app, code):
    policy = Policy(apps={APP: app} if app else {})
    assert consult(AGREED, THROUGH, policy=policy).code is code
    assert decide.deposit(AGREED, THROUGH, NOW, policy).code is code


def test_ar_067_the_agreement_ends_and_is_withdrawn():
    ends = agree(until=NOW + timedelta(hours=1)).record
    assert consult(ends, THROUGH, NOW + timedelta(hours=1)).code is FurtherReason.APP_NOT_AGREED
    record = replace(AGREED, permits_until=NOW + timedelta(seconds=3))
    after = do(record, FurtherAct.WITHDRAW_APP, app=APP)
    assert after.in_force_at == NOW + timedelta(seconds=3)
    assert consult(after.record, THROUGH).code is FurtherReason.APP_NOT_AGREED
    assert not do(after.record, FurtherAct.WITHDRAW_APP, app=APP).happened


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"app": "app-unknown"}, FurtherReason.APP_NOT_REFERENCED),
        ({"app": "app-suspended"}, FurtherReason.APP_SUSPENDED),
        ({"scopes": frozenset()}, FurtherReason.SCOPE_EMPTY),
        ({"until": NOW}, FurtherReason.END_IN_THE_PAST),
        ({"actor": THROUGH}, Reason.NOT_HOLDER),
        ({"actor": CARER, "record": MINOR}, FurtherReason.OUTSIDE_DELEGATION),
        ({"record": replace(OPEN, opted_out=frozenset({Function.APPS}))}, FurtherReason.OPTED_OUT),
        (
            {"policy": Policy(apps={APP: App(frozenset({AppScope.DEPOSIT}))})},
            FurtherReason.SCOPE_TOO_WIDE,
        ),
    ],
)
def test_ar_067_what_is_no_agreement(more, code):
    assert agree(**more).verdict.code is code


def test_ar_067_an_app_does_as_branch_a_does():
    assert consult(replace(AGREED, held=True), THROUGH).code is Reason.RECORD_HELD
    assert consult(AGREED, changed(THROUGH, authenticated=False)).code is Reason.NOT_AUTHENTICATED
    through = changed(MOTHER, app=APP)
    record = agree(MINOR).record
    assert consult(record, through).code is FurtherReason.APP
    assert consult(record, through, MAJORITY).code is FurtherReason.MAJORITY_REACHED


def test_ar_045_067_what_a_representative_agreed_on_ends_at_majority():
    record = agree(MINOR, MOTHER).record
    assert record.apps[APP] == Agreement(ALL, None, by_representative=True)
    assert consult(record, THROUGH, MAJORITY - timedelta(seconds=1)).permitted
    assert consult(record, THROUGH, MAJORITY).code is FurtherReason.APP_NOT_AGREED


def test_ar_067_who_wants_no_apps_is_read_by_none():
    without = do(AGREED, FurtherAct.OPT_OUT, functions=frozenset({Function.APPS})).record
    assert consult(without, THROUGH).code is FurtherReason.OPTED_OUT
    assert decide.deposit(without, THROUGH, NOW, POLICY).code is FurtherReason.OPTED_OUT
    assert consult(without, HOLDER).permitted


def test_ar_067_an_app_deposits_with_agreement_alone():
    assert decide.deposit(AGREED, THROUGH, NOW, POLICY).code is FurtherReason.APP
    assert decide.deposit(OPEN, THROUGH, NOW, POLICY).code is FurtherReason.APP_NOT_AGREED


@pytest.mark.parametrize("act", [Act.BLOCK, Act.AUTHORISE, Act.CLOSE, FurtherAct.WISH])
def test_ar_067_no_app_decides_on_rights(act):
    assert do(AGREED, act, THROUGH).verdict.code is Reason.NOT_HOLDER
