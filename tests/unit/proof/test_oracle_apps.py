"""The oracle's own rules of apps: referenced by the operator, agreed with by the holder, for a scope (AR-067)."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from deploy.proof.checker.apps import AppEntry
from deploy.proof.checker.oracle import Asked, Oracle
from deploy.proof.load.people import HOLDER, INSURER
from shared.contracts.common import Actor, ActorKind, Owner, Wishes
from shared.contracts.reasons import Reason
from shared.contracts.record_oversight import Contest
from shared.contracts.record_requests import (
    AgreeApp,
    Answer,
    AppScope,
    Consult,
    DelegationKind,
    Function,
    Invite,
    OptOut,
    Wish,
    WithdrawApp,
)
from tests.unit.access_control.cast import NOW

RECORD = UUID(int=1)
READ, HISTORY = AppScope.READ_DOCUMENTS, AppScope.READ_HISTORY
SECOND = timedelta(seconds=1)
REGISTER = {
    "good": [AppEntry(NOW - SECOND, frozenset()), AppEntry(NOW, frozenset({READ, HISTORY}))],
    "gone": [AppEntry(NOW, frozenset({READ})), AppEntry(NOW + 5 * SECOND, frozenset())],
}
YES, NO = Reason.HOLDER, Reason.NO_BRANCH


def played(*steps):
    """The reasons of what these bodies ask, decided a second apart; a function makes one on the version it is given."""
    oracle, reasons = Oracle([RECORD], register=REGISTER), []
    for at, step in enumerate(steps):
        body = step(oracle.life(RECORD).version) if callable(step) else step
        request = uuid4()
        (expected,) = oracle.run([Asked(request, RECORD, body.type_name, body)], {request: NOW + at * SECOND})
        reasons += expected.reasons
    return reasons


def agree(app="good", scopes=(READ,), until=None):
    return lambda seen: AgreeApp(actor=HOLDER, rights_version=seen, app=app, scopes=frozenset(scopes), until=until)


def withdraw(seen):
    return WithdrawApp(actor=HOLDER, rights_version=seen, app="good")


def want_no_apps(seen):
    return OptOut(actor=HOLDER, rights_version=seen, functions=frozenset({Function.APPS}))


def read(app="good", owner=Owner.DOCUMENT):
    actor = HOLDER.model_copy(update={"app": app})
    return Consult(actor=actor, owner=owner, deadline=NOW + timedelta(hours=1))


def test_an_app_reads_what_is_agreed_until_it_is_withdrawn():
    asked = (read(), agree(), read(), read(owner=Owner.HISTORY), withdraw, read())
    assert played(*asked) == [NO, YES, YES, NO, YES, NO]


def test_what_the_operator_suspended_reads_no_more_and_is_not_agreed_with():
    one = read("gone")
    assert played(agree("gone"), one, one, one, one, one, agree("gone")) == [YES, YES, YES, YES, YES, NO, NO]


@pytest.mark.parametrize(
    "asked", [agree("nobody"), agree(scopes=()), agree(scopes=(READ, AppScope.DEPOSIT)), agree(until=NOW)]
)
def test_what_is_not_agreeable(asked):
    assert played(asked, read()) == [NO, NO]


def test_who_wants_no_apps_agrees_with_none_and_ends_all():
    assert played(agree(), want_no_apps, read(), agree()) == [YES, YES, NO, NO]


def test_an_agreement_ends_by_itself_and_a_contested_access_changes_no_right():
    contest = Contest(actor=HOLDER, case=uuid4(), request=uuid4(), professional="899700000035")
    asked = (agree(until=NOW + 3 * SECOND), read(), contest, read(), agree())
    assert played(*asked) == [YES, YES, YES, NO, YES]


MINOR = NOW + timedelta(days=400)
SECRETLY = {"secret": True}


def represented(majority):
    """What is said of an invited mother, and of a secret change of rights."""
    oracle, delegation = Oracle([RECORD], majorities={RECORD: majority}), uuid4()
    mother = Actor(kind=ActorKind.REPRESENTATIVE, authenticated=True, delegation=delegation)
    wishes = Wishes(regulation=False)
    steps = [
        Invite(actor=INSURER, rights_version=0, delegation=delegation, kind=DelegationKind.LEGAL_REPRESENTATION),
        Answer(actor=mother, rights_version=1, delegation=delegation, accepted=True),
        Wish(actor=mother, rights_version=2, wishes=wishes),
        OptOut(actor=HOLDER.model_copy(update=SECRETLY), rights_version=3, functions=frozenset()),
    ]
    found = []
    for body in steps:
        request = uuid4()
        (expected,) = oracle.run([Asked(request, RECORD, body.type_name, body)], {request: NOW})
        found += expected.reasons
    return found


def test_a_minor_is_represented_and_may_act_in_secret_and_an_adult_does_neither():
    assert represented(MINOR) == [Reason.INSURANCE_DECLARATION, YES, YES, YES]
    assert NO in represented(NOW)
    assert YES not in represented(NOW)
