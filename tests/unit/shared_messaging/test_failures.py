"""Few bad messages are parked; a bad release stops the line, however its failures are spread over batches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messaging._failures import AMONG, FAILED, Failures, StoppedLineError

ONE, OTHER = ("test.in", 0), ("test.in", 1)


def stopped(failures: Failures) -> bool:
    try:
        failures.expect_few()
    except StoppedLineError:
        return True
    return False


def handed_in(results: list[bool], size: int, place: tuple[str, int] = ONE) -> int | None:
    """After how many messages the line stops, handed in in batches of a size; None where it does not."""
    failures = Failures()
    for start in range(0, len(results), size):
        failures.note({place: results[start : start + size]})
        if stopped(failures):
            return start + size
    return None


def test_nine_of_ten_failing_in_every_batch_stop_the_line() -> None:
    assert handed_in(([False] * 9 + [True]) * 100, 10) == 60


def test_so_many_in_a_row_stop_the_line_whatever_was_before() -> None:
    assert handed_in([True] * 1000 + [False] * FAILED, 10) == 1000 + FAILED
    assert handed_in([True] * 1000 + [False] * (FAILED - 1), 1) is None


def test_a_batch_that_came_whole_counts_like_many_small_ones() -> None:
    assert handed_in([False] * 60 + [True] * 440, 500) is None  # they ended well before its end
    assert handed_in([True] * 440 + [False] * 60, 500) == 500


def test_few_bad_ones_never_stop_it() -> None:
    assert handed_in(([False] * 4 + [True] * 6) * 500, 7) is None


def test_partitions_are_counted_apart() -> None:
    failures = Failures()
    for _ in range(FAILED - 1):
        failures.note({ONE: [False], OTHER: [True]})
    failures.note({OTHER: [False]})
    assert not stopped(failures)
    failures.note({ONE: [False]})
    with pytest.raises(StoppedLineError, match=f"{FAILED} of the last {FAILED} messages of test.in/0 failed"):
        failures.expect_few()


def test_what_says_nothing_of_the_handlers_does_not_count() -> None:
    failures = Failures()
    for _ in range(FAILED):
        failures.note({ONE: [False]})
        failures.note({})  # a batch of which all was dropped or passed over
    assert stopped(failures)


@given(st.lists(st.booleans(), max_size=400), st.integers(1, 60))
def test_it_stops_just_where_half_of_the_last_failed_at_the_end_of_a_batch(results: list[bool], size: int) -> None:
    ends = [*range(size, len(results), size), len(results)] if results else []
    expected = next((end for end in ends if results[max(0, end - AMONG) : end].count(False) >= FAILED), None)
    found = handed_in(results, size)
    assert (None if found is None else min(found, len(results))) == expected


def test_nothing_is_kept_of_partitions_without_failures() -> None:
    failures = Failures()
    failures.note({ONE: [False, True]})
    failures.note({ONE: [True] * AMONG, OTHER: [True]})
    assert failures._last == {}
