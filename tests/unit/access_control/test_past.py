"""What a record was at a past moment is what it was then, whatever was decided afterwards."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.access_control.domain import past
from services.access_control.domain.changes import RELATIONS, Kept
from services.access_control.domain.record import State
from services.access_control.domain.rights import Command, change
from services.access_control.repository.past import _key, _value, _written
from shared.contracts.common import Act, FurtherAct, Wishes
from shared.contracts.record_requests import AdministratorRole, AppScope, Block, ConsentSession, Function, TeamKind
from tests.integration.access_control.test_relations import FULL
from tests.unit.access_control.cast import (
    APP,
    CARER_ID,
    DOCTOR,
    HOLDER,
    INSURER,
    MINOR,
    NOW,
    NURSE,
    OPERATOR,
    POLICY,
    RECORD,
    changed,
    decided,
    fail,
    handle,
)

SECOND = timedelta(seconds=1)
NUMBERS = st.sampled_from([DOCTOR.number, NURSE.number])
UNTIL = st.sampled_from([None, NOW + timedelta(seconds=3), NOW + timedelta(days=9)])


def commands():
    """Commands of the holder and the authorities that change every relation and much of the rest."""
    by_number = st.sampled_from([Act.REVOKE, Act.BLOCK, Act.UNBLOCK, FurtherAct.REMOVE_ADMINISTRATOR])
    bare = st.sampled_from([Act.CLOSE, Act.REOPEN, FurtherAct.ACTIVATE, FurtherAct.OBJECT])
    authoritys = st.sampled_from([FurtherAct.SUSPEND, FurtherAct.LIFT, FurtherAct.DECEASE])
    apps = st.builds(
        Command,
        act=st.just(FurtherAct.AGREE_APP),
        actor=st.just(HOLDER),
        app=st.just(APP),
        app_scopes=st.sampled_from([frozenset({AppScope.READ_HISTORY}), frozenset(AppScope)]),
    )
    return st.one_of(
        st.builds(Command, act=st.just(Act.AUTHORISE), actor=st.just(HOLDER), professional=NUMBERS, until=UNTIL),
        st.builds(Command, act=by_number, actor=st.just(HOLDER), professional=NUMBERS),
        st.builds(
            Command,
            act=st.just(FurtherAct.NAME_ADMINISTRATOR),
            actor=st.just(HOLDER),
            professional=NUMBERS,
            role=st.just(AdministratorRole.MIDWIFE),
        ),
        st.builds(Command, act=st.just(FurtherAct.CONSENT_SESSION), actor=st.just(HOLDER), professional=NUMBERS),
        st.builds(
            Command,
            act=st.sampled_from([FurtherAct.CONSENT_TEAM, FurtherAct.END_TEAM]),
            actor=st.just(HOLDER),
            team=st.just("1750000001"),
            team_kind=st.just(TeamKind.STRUCTURE),
        ),
        st.builds(
            Command,
            act=st.just(FurtherAct.WISH),
            actor=st.just(HOLDER),
            wishes=st.builds(Wishes, break_glass=st.booleans()),
        ),
        st.builds(
            Command,
            act=st.just(FurtherAct.OPT_OUT),
            actor=st.just(HOLDER),
            functions=st.sampled_from([frozenset(), frozenset({Function.APPS})]),
        ),
        st.builds(Command, act=st.just(FurtherAct.END_DELEGATION), actor=st.just(HOLDER), delegation=st.just(CARER_ID)),
        apps,
        st.builds(Command, act=st.just(FurtherAct.WITHDRAW_APP), actor=st.just(HOLDER), app=st.just(APP)),
        st.builds(Command, act=bare, actor=st.just(HOLDER)),
        st.builds(Command, act=authoritys, actor=st.just(OPERATOR)),
        st.builds(Command, act=st.just(Act.DECLARE), actor=st.just(INSURER), professional=NUMBERS),
    )


def stored(row):
    """A row as the database gives it back."""
    before, after = (_value(row.what, _written(row.what, value)) for value in (row.before, row.after))
    return replace(row, key=_key(json.dumps(row.key)), before=before, after=after)


@given(st.lists(commands(), max_size=25))
def test_every_past_moment_is_what_it_was(made):
    record, now, rows = MINOR, NOW, []
    snapshots = [(NOW - SECOND, MINOR)]
    for command in made:
        now += SECOND
        after = change(record, replace(command, version=record.rights_version), now, POLICY).record
        rows += map(stored, past.kept(RECORD, record, after, now))
        record = after
        snapshots.append((now, record))
    for moment, was in snapshots:
        told = past.record_at(record, rows, moment)
        assert replace(told, permits_until=None) == replace(was, permits_until=None)


@pytest.mark.parametrize("name", [name for name, _ in RELATIONS])
def test_whatever_a_relation_holds_is_written_and_read(name):
    (first, second) = (FULL, replace(FULL, **{name: {}}))
    rows = [stored(row) for row in past.kept(RECORD, first, second, NOW)]
    assert rows and {row.what for row in rows} == {name}
    assert past.record_at(second, rows, NOW - SECOND) == first
    assert past.record_at(second, rows, NOW) == second


def test_what_is_no_relation_is_written_and_read_as_a_whole():
    changed_life = replace(FULL, state=State.OPEN, suspended_at=None, opted_out=frozenset(), rights_version=10)
    (row,) = map(stored, past.kept(RECORD, FULL, changed_life, NOW))
    assert (row.before, row.after) == (past.life(FULL), past.life(changed_life))


def test_a_read_leaves_nothing_to_keep():
    """The end of permits moves with each read; it is no decision."""
    assert past.kept(RECORD, MINOR, replace(MINOR, permits_until=NOW), NOW) == ()


def test_ar_042_who_represents_a_minor_is_told_nothing_of_a_secret_connection():
    """Neither what it gave nor what it ended, as if it had not been; the holder is told both."""
    key = (DOCTOR.number, DOCTOR.structure)
    given = replace(MINOR, sessions={key: NOW + timedelta(hours=1)})
    named = given.with_right(NURSE.number, FULL.rights[NURSE.number])
    rows = [
        *past.kept(RECORD, MINOR, given, NOW, secret=True),
        *past.kept(RECORD, given, named, NOW + SECOND),
        *past.kept(RECORD, named, named.with_right(NURSE.number, None), NOW + 2 * SECOND, secret=True),
    ]
    today = named.with_right(NURSE.number, None)
    holder = past.record_at(today, rows, NOW + 3 * SECOND)
    mother = past.record_at(today, rows, NOW + 3 * SECOND, secrets=False)
    assert (holder.sessions.keys(), holder.rights.keys()) == ({key}, set())
    assert (mother.sessions.keys(), mother.rights.keys()) == (set(), {NURSE.number})


def test_a_command_keeps_what_it_replaced_and_a_denied_one_nothing():
    effects = handle(Block(actor=HOLDER, rights_version=0, professional=DOCTOR.number))
    kept = [row for row in effects.changes if isinstance(row, Kept)]
    assert [(row.what, row.key) for row in kept] == [(past.LIFE, None), ("rights", DOCTOR.number)]
    denied = handle(Block(actor=HOLDER, rights_version=3, professional=DOCTOR.number))
    assert decided(denied).outcome == "deny"
    assert not [row for row in denied.changes if isinstance(row, Kept)]


def test_a_secret_connections_command_is_kept_as_such():
    effects = handle(ConsentSession(actor=changed(DOCTOR, secret=True), rights_version=0), MINOR)
    kept = [row for row in effects.changes if isinstance(row, Kept)]
    assert kept and all(row.secret for row in kept)


def test_a_hold_is_kept():
    effects = fail(Block(actor=HOLDER, rights_version=0, professional=DOCTOR.number))
    (row,) = [row for row in effects.changes if isinstance(row, Kept)]
    assert (row.before.held, row.after.held) == (False, True)
