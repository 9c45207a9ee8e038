"""The register of apps: what the operator decides, and what follows for whoever agreed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.access_control.domain.oversight import Oversight
from services.access_control.domain.policy import Policy
from services.access_control.domain.register import (
    AppState,
    Entry,
    RegisterError,
    referenced,
    register,
    review,
    suspend,
)
from services.access_control.domain.relations import Agreement
from shared.contracts.access_decisions import Outcome
from shared.contracts.common import Owner
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_requests import AgreeApp, AppScope, Consult
from tests.unit.access_control.cast import APP, DEPOSITS, HOLDER, OPEN, RECORD, SOON, changed, decided, handle

READ = frozenset({AppScope.READ_DOCUMENTS})
ASKED = Entry(APP, AppState.REGISTERED, "An app", READ, None, "op")
THROUGH = changed(HOLDER, app=APP)


def reviewed(**changes):
    return review(APP, register(None, replace(ASKED, **changes)), "op", "")


def test_ar_067_an_app_is_registered_then_reviewed_then_suspended_then_re_admitted():
    entry = register(None, ASKED)
    assert (entry.state, referenced([entry])) == (AppState.REGISTERED, {})
    entry = review(APP, entry, "op-2", "")
    assert (entry.state, entry.by, referenced([entry])[APP].suspended) == (AppState.REVIEWED, "op-2", False)
    entry = suspend(APP, entry, "op", "leaks")
    assert (entry.state, entry.why, referenced([entry])[APP].suspended) == (AppState.SUSPENDED, "leaks", True)
    entry = review(APP, entry, "op", "mended")
    assert (entry.state, entry.scopes, referenced([entry])[APP].suspended) == (AppState.REVIEWED, READ, False)


def test_ar_067_another_scope_is_reviewed_again():
    wider = register(reviewed(), replace(ASKED, scopes=frozenset(AppScope)))
    assert (wider.state, wider.scopes) == (AppState.REGISTERED, frozenset(AppScope))


@pytest.mark.parametrize(
    ("decision", "says"),
    [
        (lambda: register(None, replace(ASKED, scopes=frozenset())), "registered for nothing"),
        (lambda: register(suspend(APP, reviewed(), "op", "x"), ASKED), "is suspended; re-admit it"),
        (lambda: review(APP, None, "op", ""), "not registered"),
        (lambda: suspend(APP, None, "op", "x"), "not registered"),
        (lambda: suspend(APP, reviewed(), "op", ""), "says why"),
    ],
)
def test_ar_067_what_the_register_refuses(decision, says):
    with pytest.raises(RegisterError, match=says):
        decision()


@given(st.lists(st.sampled_from(["register", "review", "suspend"]), max_size=12))
def test_ar_067_only_a_review_opens_and_a_suspension_is_ended_by_nothing_else(acts):
    """Whatever is decided in which order: the app is permitted just where the last thing that counted was a review."""
    entry, opened = None, False
    for act in acts:
        try:
            match act:
                case "register":
                    entry, opened = register(entry, ASKED), False
                case "review":
                    entry, opened = review(APP, entry, "op", ""), True
                case _:
                    entry, opened = suspend(APP, entry, "op", "why"), False
        except RegisterError:
            continue
    apps = referenced([entry] if entry else [])
    assert (APP in apps and not apps[APP].suspended) is opened


def known(entry, record=OPEN):
    return replace(record, oversight=Oversight(apps=referenced([entry] if entry else [])))


AGREED = replace(OPEN, apps={APP: Agreement(frozenset(AppScope))})
READING = Consult(actor=THROUGH, owner=Owner.DOCUMENT, deadline=SOON)


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (None, FurtherReason.APP_NOT_REFERENCED),
        (register(None, ASKED), FurtherReason.APP_NOT_REFERENCED),
        (suspend(APP, reviewed(), "op", "x"), FurtherReason.APP_SUSPENDED),
        (reviewed(scopes=frozenset({AppScope.READ_HISTORY})), FurtherReason.APP_NOT_REFERENCED),
        (reviewed(), FurtherReason.APP),
    ],
)
def test_ar_067_a_decision_takes_the_register_as_it_was_loaded(entry, code):
    told = decided(handle(READING, known(entry, AGREED)))
    assert told.further_reasons == (code.value,)
    assert (told.outcome is Outcome.PERMIT) is (code is FurtherReason.APP)


def test_ar_067_the_settings_reference_nothing_by_themselves():
    assert Policy().apps == {}
    assert decided(handle(READING, AGREED)).outcome is Outcome.DENY


def test_ar_067_no_agreement_goes_beyond_what_is_registered():
    body = AgreeApp(actor=HOLDER, rights_version=0, app=APP, scopes=frozenset(AppScope))
    assert decided(handle(body, known(reviewed()))).further_reasons == ("scope_too_wide",)
    assert decided(handle(body.model_copy(update={"scopes": READ}), known(reviewed()))).outcome is Outcome.PERMIT
    for entry in (register(None, ASKED), suspend(APP, reviewed(), "op", "x")):
        assert decided(handle(body, known(entry))).outcome is Outcome.DENY


def test_ar_067_a_deposit_asks_the_register_too():
    body = Deposit(deposit=RECORD, actor=THROUGH, type_code="11502-2")
    feeding = reviewed(scopes=frozenset({AppScope.DEPOSIT}))
    assert decided(handle(body, known(feeding, AGREED), lane=DEPOSITS)).outcome is Outcome.PERMIT
    assert decided(handle(body, known(reviewed(), AGREED), lane=DEPOSITS)).outcome is Outcome.DENY
    assert decided(handle(body, AGREED, lane=DEPOSITS)).outcome is Outcome.DENY
