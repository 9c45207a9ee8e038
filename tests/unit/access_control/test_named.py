"""A lane loads what its messages need alone: a decision on more of it would be the same.

A rule that looked at somebody else's right would find none there, and a block that is not found does not hold. One that
restricts and was not expected to would be told while permits are out.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.access_control.domain.changes import RecordChanged
from services.access_control.domain.record import Record, Right, State
from services.access_control.domain.requests import may_restrict, named
from shared.contracts.common import Actor, ActorKind, Body
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_requests import AdministratorRole, Authorise, Consult
from tests.unit.access_control.cast import DOCTOR, HOLDER, NOW, NURSE, OSTEOPATH, OTHER_DOCTOR, REGULATOR, SOON
from tests.unit.access_control.test_planted_bugs import DEPOSITS, EVERYTHING, REQUESTS, message

HOUR = timedelta(hours=1)
EVERYBODY = [one.number for one in (DOCTOR, OTHER_DOCTOR, NURSE, OSTEOPATH, REGULATOR)] + [DOCTOR.structure, "x"]
RIGHTS = st.builds(
    Right,
    until=st.sampled_from([None, NOW, SOON]),
    administrator=st.sampled_from([None, AdministratorRole.MIDWIFE]),
    collector=st.sampled_from([None, NURSE.number]),
    by_representative=st.booleans(),
) | st.just(Right(blocked=True))
MANY = st.dictionaries(st.sampled_from(EVERYBODY), RIGHTS)


def decided(body: Body, record: Record):
    lane = DEPOSITS if isinstance(body, Deposit) else REQUESTS
    return lane[type(body)](message(body, identity=UUID(int=1)), record, NOW)


def told(effects):
    """All that a decision leaves behind, but for rights that nobody asked about."""
    rows = [
        replace(row, record=replace(row.record, rights={})) if isinstance(row, RecordChanged) else row
        for row in effects.changes
    ]
    return effects.emits, rows, replace(effects.state, rights={})


@pytest.mark.parametrize("place", range(len(EVERYTHING)), ids=lambda place: type(EVERYTHING[place][0]).__name__)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(MANY)
def test_ar_018_a_decision_looks_at_the_rights_of_whom_it_names_alone(place, others):
    body, record = EVERYTHING[place]
    whole = replace(record, rights={**record.rights, **others})
    names = set(named(body))
    loaded = replace(whole, rights={number: right for number, right in whole.rights.items() if number in names})
    one, other = decided(body, whole), decided(body, loaded)
    assert told(one) == told(other)
    assert {name: one.state.rights.get(name) for name in names} == {
        name: other.state.rights.get(name) for name in names
    }


@pytest.mark.parametrize("place", range(len(EVERYTHING)), ids=lambda place: type(EVERYTHING[place][0]).__name__)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(MANY)
def test_what_restricts_nobody_is_told_without_knowing_of_permits(place, others):
    body, record = EVERYTHING[place]
    record = replace(record, rights={**record.rights, **others}, permits_until=None)
    out, unknown = decided(body, replace(record, permits_until=SOON)), decided(body, record)
    assert may_restrict(body) or out.emits == unknown.emits
    assert {type(row) for row in out.changes} == {type(row) for row in unknown.changes}


def test_an_authorisation_restricts_where_it_has_an_end():
    lasting = Authorise(actor=HOLDER, rights_version=0, professional=DOCTOR.number)
    ending = lasting.model_copy(update={"until": SOON})
    assert (may_restrict(lasting), may_restrict(ending)) == (False, True)
    longer = Record(state=State.OPEN, rights={DOCTOR.number: Right()}, permits_until=NOW + HOUR)
    (told, *_), (lasts, *_) = decided(ending, longer).emits, decided(lasting, longer).emits
    assert (told.in_force_at, lasts.in_force_at) == (NOW + HOUR, NOW)


def test_named_are_who_asks_and_whom_it_is_about():
    read = Consult(actor=DOCTOR, owner="document", deadline=SOON)
    assert named(read) == [DOCTOR.number]
    assert named(read.model_copy(update={"actor": HOLDER})) == []
    assert [set(named(body)) for body, _ in EVERYTHING if isinstance(body, Authorise)] == [{DOCTOR.number}] * 2
    nobody = Actor(kind=ActorKind.PROFESSIONAL)
    assert named(read.model_copy(update={"actor": nobody})) == []
