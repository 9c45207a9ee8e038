"""Which version holds when: against a reading that looks at every activation, and at the edges of a day in Paris."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.databases import TIMEOUTS
from services.access_control.__main__ import MATRIX_EVERY_S, by_version
from services.access_control.domain.matrix import NOTHING, build
from services.access_control.domain.matrix_schedule import (
    LEAD,
    Activation,
    MomentError,
    in_force,
    midnight,
    moment,
    schedule,
    soonest,
    start,
    versions_from,
)
from services.access_control.repository.matrices import STALE_AFTER_S

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG_AGO = date(2024, 2, 23)
NAMES = ("a", "b", "c", "d")


def version(name):
    return build(name, LONG_AGO, {}, inactive=frozenset(), provenance="", bases={})


MATRICES = {name: version(name) for name in NAMES}


def at(hours):
    return NOON + timedelta(hours=hours)


def activation(name, hours):
    return Activation(name, at(hours), "tester", NOON)


ACTIVATIONS = st.lists(st.builds(activation, st.sampled_from(NAMES), st.integers(-5, 5)), max_size=8)
HOURS = st.integers(-6, 6)


def holds(activations, when):
    """The oracle: the greatest (moment, place of the decision) that is not after the moment asked for."""
    begun = [
        (one.takes_effect, place, one.version) for place, one in enumerate(activations) if one.takes_effect <= when
    ]
    return max(begun)[2] if begun else None


@given(ACTIVATIONS, HOURS)
def test_the_activation_that_took_effect_last_holds(activations, hours):
    expected = holds(activations, at(hours))
    found = in_force(activations, at(hours))
    assert (found and found.version) == expected
    assert schedule(activations, MATRICES).at(at(hours)) is (MATRICES[expected] if expected else NOTHING)


@given(ACTIVATIONS, HOURS, st.integers(0, 6))
def test_what_is_kept_of_the_past_is_enough_for_the_present_and_the_future(activations, since, later):
    needed = versions_from(activations, at(since))
    kept = schedule(activations, {name: MATRICES[name] for name in needed})
    whole = schedule(activations, MATRICES)
    assert kept.at(at(since + later)) is whole.at(at(since + later))


def test_a_version_holds_from_its_moment_on_and_not_before():
    told = schedule([activation("a", 0), activation("b", 1)], MATRICES)
    assert told.at(at(1) - timedelta(microseconds=1)).version == "a"
    assert told.at(at(1)).version == "b"


def test_a_planned_change_is_taken_back_by_the_old_version_from_the_same_moment():
    told = schedule([activation("a", 0), activation("b", 1), activation("a", 1)], MATRICES)
    assert {told.at(at(hours)).version for hours in (0, 1, 2)} == {"a"}


def test_every_process_knows_of_a_change_before_it_takes_effect():
    """A batch decides by a reading of this age at most; a commit takes as long as the role may at most."""
    assert MATRIX_EVERY_S < STALE_AFTER_S
    commit_s = float(TIMEOUTS["transaction_timeout"].removesuffix("s"))
    assert timedelta(seconds=STALE_AFTER_S + commit_s) < LEAD


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 1, 15, 12, tzinfo=UTC), datetime(2026, 1, 15, 23, tzinfo=UTC)),
        (datetime(2026, 7, 15, 12, tzinfo=UTC), datetime(2026, 7, 15, 22, tzinfo=UTC)),
        # 00:30 of the 16th in Paris
        (datetime(2026, 7, 15, 22, 30, tzinfo=UTC), datetime(2026, 7, 16, 22, tzinfo=UTC)),
        # the night of the change to winter time
        (datetime(2026, 10, 24, 23, 0, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC)),
        # too near to midnight for every process to know
        (datetime(2026, 1, 15, 22, 59, 50, tzinfo=UTC), datetime(2026, 1, 16, 23, tzinfo=UTC)),
    ],
)
def test_by_default_it_is_the_next_midnight_in_paris(now, expected):
    assert start(None, LONG_AGO, now) == expected


def test_by_default_never_before_the_versions_own_date():
    assert start(None, date(2026, 5, 1), NOON) == datetime(2026, 4, 30, 22, tzinfo=UTC)


def test_at_once_is_when_every_process_knows():
    assert start(None, LONG_AGO, NOON, at_once=True) == soonest(NOON) == NOON + LEAD


@pytest.mark.parametrize("asked", [at(-1), NOON, NOON + LEAD - timedelta(seconds=1)])
def test_nothing_takes_effect_in_the_past(asked):
    with pytest.raises(MomentError, match="is past, or nearer"):
        start(asked, LONG_AGO, NOON)


def test_a_moment_that_every_process_can_know_is_taken():
    assert start(NOON + LEAD, LONG_AGO, NOON) == NOON + LEAD


@pytest.mark.parametrize(("asked", "at_once"), [(at(1), False), (None, True)])
def test_no_version_holds_before_its_own_date(asked, at_once):
    with pytest.raises(MomentError, match="is before 2026-03-02"):
        start(asked, date(2026, 3, 2), NOON, at_once=at_once)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-07-01", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("2026-01-01T18:00", datetime(2026, 1, 1, 17, tzinfo=UTC)),
        ("2026-01-01T18:00+00:00", datetime(2026, 1, 1, 18, tzinfo=UTC)),
        ("2026-01-01T18:00Z", datetime(2026, 1, 1, 18, tzinfo=UTC)),
    ],
)
def test_moments_are_read_as_paris_time(text, expected):
    assert moment(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "01/02/2026"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(MomentError, match="is no moment; expected"):
        moment(text)


def test_midnight_is_the_first_moment_of_the_day():
    assert midnight(date(2026, 3, 29)) == datetime(2026, 3, 28, 23, tzinfo=UTC)


def test_handlers_of_a_version_are_built_once_and_chosen_by_the_clock():
    built = []

    def build_handlers(matrix):
        built.append(matrix.version)
        return {str: lambda message, state, now: (matrix.version, message, state, now)}

    told = schedule([activation("a", 0), activation("b", 1)], MATRICES)
    (handle,) = by_version(told.at, build_handlers).values()
    answers = [handle("message", "state", at(hours))[0] for hours in (-1, 0, 1, 0, 1)]
    assert answers == ["none", "a", "b", "a", "b"]
    assert sorted(built) == ["a", "b", "none"]
