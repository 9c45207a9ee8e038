"""What is missing, unknown or out of time is denied, whatever else speaks for it: never a permit.

Every example begins with somebody who is permitted, so that the one thing taken away is what denies.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.access_control.domain import decide, matrix
from services.access_control.domain.record import Record, Right
from services.access_control.domain.relations import Agreement
from shared.contracts.access_decisions import Outcome
from shared.contracts.common import AccessMode, Actor, Owner, Wishes
from shared.contracts.reasons import Reason
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_requests import AppScope, Authorise, Block, Consult
from shared.messaging import Unreadable
from shared.security import PERMIT_LIFETIME
from tests.unit.access_control.cast import (
    APP,
    AUTHORISING,
    CARER,
    DEPOSITS,
    DOCTOR,
    HOLDER,
    MATRIX,
    MINOR,
    MOTHER,
    NOW,
    NURSE,
    OPEN,
    POLICY,
    RECORD,
    REGULATOR,
    REQUESTS,
    changed,
    consult,
    decided,
    handle,
    message,
    reading,
    team,
)

EMERGENCY = {"mode": AccessMode.EMERGENCY, "reason_code": "unconscious"}
REGULATION = {"mode": AccessMode.REGULATION, "reason_code": "unconscious"}
AGREED = replace(OPEN, apps={APP: Agreement(frozenset(AppScope))})
TREATED = replace(OPEN, treating=DOCTOR.number)
EVERY_CONSENT = replace(
    team(AUTHORISING),
    sessions={(DOCTOR.number, DOCTOR.structure): NOW + timedelta(hours=1)},
    wishes=Wishes(masked=True),
)
PERSON = ("authenticated", "number", "role", "sector")
"""Claims without which nobody is a professional who acts."""
READERS: list[tuple[str, Actor, Record, dict, tuple[str, ...]]] = [
    ("holder", HOLDER, OPEN, {}, ("authenticated",)),
    ("mother", MOTHER, MINOR, {}, ("authenticated", "delegation")),
    ("carer", CARER, MINOR, {}, ("authenticated", "delegation")),
    ("app", changed(HOLDER, app=APP), AGREED, {}, ("authenticated",)),
    ("authorised", DOCTOR, EVERY_CONSENT, {}, PERSON),
    ("treating", DOCTOR, TREATED, {}, PERSON),
    ("team", NURSE, team(), {}, (*PERSON, "structure")),
    ("bris de glace", DOCTOR, OPEN, EMERGENCY, PERSON),
    ("centre 15", REGULATOR, OPEN, REGULATION, (*PERSON, "regulator")),
]
IN_PERSON = [reader for reader in READERS if reader[1].app is None]
"""Without apps: they are referenced by settings, which the lane of these tests does not have."""
CLAIMS = [(actor, record, asked, claim) for _, actor, record, asked, needed in READERS for claim in needed]
NAMES = [f"{name} without {claim}" for name, *_, needed in READERS for claim in needed]
ABSENT_CLAIM = {"authenticated": False, "regulator": False}


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader[0])
def test_each_of_them_is_permitted_as_he_is(reader):
    _, actor, record, asked, _ = reader
    assert consult(record, actor, **asked).permitted


@pytest.mark.parametrize(("actor", "record", "asked", "claim"), CLAIMS, ids=NAMES)
def test_ar_016_a_missing_claim_is_denied(actor, record, asked, claim):
    lacking = changed(actor, **{claim: ABSENT_CLAIM.get(claim)})
    for owner in Owner:
        assert not consult(record, lacking, owner=owner, **asked).permitted


@given(
    st.sampled_from(READERS),
    st.sets(st.sampled_from(sorted(Actor.model_fields.keys() - {"kind", "app", "secret", "strength", "capacity"}))),
    st.sampled_from(Owner),
)
def test_ar_016_whatever_else_is_missing_a_needed_claim_is_denied(reader, missing, owner):
    _, actor, record, asked, needed = reader
    lacking = changed(actor, **{claim: ABSENT_CLAIM.get(claim) for claim in missing})
    permitted = consult(record, lacking, owner=owner, **asked).permitted
    assert not (permitted and missing & set(needed))


PERMITTED = Consult(
    actor=REGULATOR, owner=Owner.DOCUMENT, mode=AccessMode.REGULATION, deadline=NOW, reason_code="unconscious"
)
CLOSED_LISTS = [
    ("actor", "kind"),
    ("actor", "strength"),
    ("actor", "capacity"),
    ("owner",),
    ("mode",),
    ("purpose",),
    ("consent",),
    ("reason_code",),
    ("actor", "role"),
]
WORDS = st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1, max_size=12)


@given(st.sampled_from(CLOSED_LISTS), st.one_of(WORDS, st.integers(), st.booleans(), st.just([]), st.just({})))
def test_ar_049_a_word_that_no_list_knows_is_never_permitted(where, word):
    """An unknown kind of actor, mode, owner, purpose or capacity can't be read, and what can't be read is denied."""
    told = json.loads(PERMITTED.model_dump_json())
    place = told
    for step in where[:-1]:
        place = place[step]
    known = place[where[-1]]
    place[where[-1]] = word
    try:
        body = Consult.model_validate_json(json.dumps(told))
    except ValidationError:
        unreadable = message(Unreadable(reason=Reason.MALFORMED), type_name=Consult.type_name)
        effects = REQUESTS[Unreadable](unreadable, AUTHORISING, NOW)
        assert decided(effects).outcome is Outcome.DENY
        assert not effects.state.held, "a read restricts nobody"
        return
    assert word == known or decided(handle(body)).outcome is Outcome.DENY


def test_what_is_put_in_their_place_is_permitted_as_it_was():
    assert decided(handle(PERMITTED)).outcome is Outcome.PERMIT


@pytest.mark.parametrize("field", ["kind", "authenticated", "number"])
def test_a_kind_or_claim_that_slipped_through_reading_raises_or_denies(field):
    """Should the contract grow and the rules not: no branch takes it."""
    unknown = Actor.model_construct(**(DOCTOR.model_dump() | {field: "robot" if field == "kind" else None}))
    try:
        verdict = decide.consult(EVERY_CONSENT, reading(unknown), NOW, MATRIX, POLICY)
    except (KeyError, TypeError):
        return
    assert not verdict.permitted


@given(st.sampled_from(IN_PERSON), st.floats(-(10**9), 10**9), st.floats(-(10**9), 10**9))
def test_the_databases_clock_alone_decides_what_is_late(reader, ahead_s, sent_s):
    """The request's own times may lie years ahead or behind: late is denied, and no permit lives longer."""
    _, actor, record, asked, _ = reader
    deadline = NOW + timedelta(seconds=ahead_s)
    body = Consult(actor=actor, owner=Owner.DOCUMENT, deadline=deadline, **asked)
    sent = message(body)
    sent = sent._replace(envelope=sent.envelope._replace(time=NOW + timedelta(seconds=sent_s)))
    told = decided(REQUESTS[Consult](sent, record, NOW))
    if deadline < NOW:
        assert told.reasons == (Reason.LATE,)
        assert told.permit is None
    else:
        assert told.outcome is Outcome.PERMIT
        assert told.expires == NOW + PERMIT_LIFETIME


@pytest.mark.parametrize(("moment", "permitted"), [(datetime.min, False), (datetime.max, True)])  # noqa: DTZ901
def test_times_at_the_end_of_all_times_are_times(moment, permitted):
    body = Consult(actor=DOCTOR, owner=Owner.DOCUMENT, deadline=moment.replace(tzinfo=UTC))
    told = decided(handle(body, AUTHORISING))
    assert (told.outcome is Outcome.PERMIT) is permitted
    assert told.expires in {None, NOW + PERMIT_LIFETIME}


@given(st.floats(-(10**9), 10**9))
def test_ar_015_an_end_is_compared_with_the_databases_clock(off_s):
    until = NOW + timedelta(seconds=off_s)
    record = handle(Authorise(actor=HOLDER, rights_version=0, professional=DOCTOR.number, until=until)).state
    assert consult(record, DOCTOR).permitted is (until > NOW)


@given(st.floats(0, 10**6), st.floats(-(10**6), 10**6))
def test_a_clock_that_jumps_back_tells_no_restriction_early(first_s, jump_s):
    """The database's own clock may be set back between a permit and a block: what was given still counts."""
    given_at = NOW + timedelta(seconds=first_s)
    read = Consult(actor=DOCTOR, owner=Owner.DOCUMENT, deadline=given_at)
    permitted = REQUESTS[Consult](message(read), AUTHORISING, given_at)
    end = decided(permitted).expires
    block = message(Block(actor=HOLDER, rights_version=0, professional=DOCTOR.number))
    blocked = REQUESTS[Block](block, permitted.state, given_at + timedelta(seconds=jump_s))
    assert decided(blocked).in_force_at >= end


def test_ar_012_without_a_version_of_the_matrix_nobody_sees_a_type():
    for actor in (DOCTOR, NURSE):
        record = OPEN.with_right(actor.number, Right())
        verdict = decide.consult(record, reading(actor), NOW, matrix.NOTHING)
        assert verdict.scope is None or verdict.scope.types == frozenset()
        assert not decide.consult(record, reading(actor, owner=Owner.HISTORY), NOW, matrix.NOTHING).permitted


@given(st.sets(st.sampled_from(("authenticated", "number", "role"))))
def test_ar_072_a_deposit_of_nobody_is_denied(missing):
    lacking = changed(DOCTOR, **{claim: ABSENT_CLAIM.get(claim) for claim in missing})
    body = Deposit(deposit=RECORD, actor=lacking, type_code="11502-2")
    told = decided(handle(body, EVERY_CONSENT, lane=DEPOSITS))
    assert (told.outcome is Outcome.PERMIT) is not bool(missing & {"number", "role"}), "AR-016: certificates feed"
