"""How far a database is known to be behind access_control's clock: what was seen counts, and for a minute."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from shared.database._behind import KEPT_S, Behind

SECONDS = st.integers(-10_000, 10_000)


class Clock:
    def __init__(self):
        self.now = 5.0

    def __call__(self):
        return self.now


@given(st.lists(SECONDS))
def test_the_most_that_was_seen_counts_and_what_has_passed_is_no_sign(seen):
    behind = Behind(Clock())
    for one in seen:
        behind.seen(timedelta(milliseconds=one))
    assert behind.by == timedelta(milliseconds=max([0, *seen]))


@given(st.lists(st.tuples(SECONDS, st.floats(0, KEPT_S / 2)), min_size=1))
def test_what_is_seen_counts_at_once_and_nothing_that_was_not_seen_within_the_minute(steps):
    clock = Clock()
    behind = Behind(clock)
    shown = []
    for milliseconds, pause in steps:
        shown.append((clock.now, timedelta(milliseconds=milliseconds)))
        behind.seen(shown[-1][1])
        within = [ahead for at, ahead in shown if clock.now - at < KEPT_S]
        assert behind.by >= max(timedelta(0), shown[-1][1])
        assert behind.by in {timedelta(0), *within}
        clock.now += pause


def test_a_clock_that_is_far_behind_is_logged_once_and_again_when_it_was_right_meanwhile():
    clock = Clock()
    behind = Behind(clock)
    with capture_logs() as logs:
        for ahead in (0.4, 0.6, 3, 3):
            behind.seen(timedelta(seconds=ahead))
    assert [(one["event"], one["seconds"]) for one in logs] == [("database_clock_behind", 0.6)]
    clock.now += KEPT_S
    with capture_logs() as logs:
        behind.seen(timedelta(seconds=2))
    assert [one["seconds"] for one in logs] == [2.0]


def test_a_clock_that_was_set_right_needs_no_help():
    clock = Clock()
    behind = Behind(clock)
    behind.seen(timedelta(seconds=3))
    clock.now += KEPT_S
    assert behind.by == timedelta(0)
    behind.seen(timedelta(seconds=1))
    assert behind.by == timedelta(seconds=1)
