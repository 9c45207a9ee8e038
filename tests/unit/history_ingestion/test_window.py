"""The 24 months, by calendar months and by the date in Paris."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.history_ingestion.domain.window import months_before, today_in_paris, window_start

DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("today", "start"),
    [
        (date(2026, 11, 22), date(2024, 11, 22)),
        (date(2026, 2, 28), date(2024, 2, 28)),
        (date(2028, 2, 29), date(2026, 2, 28)),
        (date(2026, 1, 1), date(2024, 1, 1)),
        (date(2026, 12, 31), date(2024, 12, 31)),
    ],
)
def test_the_window_begins_24_calendar_months_ago(today, start) -> None:
    assert window_start(today) == start


@given(DAYS, st.integers(0, 240))
def test_months_before_keeps_the_day_or_takes_the_months_last(day, months) -> None:
    before = months_before(day, months)
    assert (day.year * 12 + day.month) - (before.year * 12 + before.month) == months
    assert before.day == day.day or (before.day < day.day and (before + timedelta(days=1)).day == 1)


@given(DAYS)
def test_the_window_never_moves_back(day) -> None:
    assert window_start(day) <= window_start(day + timedelta(days=1))
    assert timedelta(days=730) <= day - window_start(day) <= timedelta(days=732)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 22, 22, 59, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(2026, 11, 22, 23, 0, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 7, 1, 21, 59, tzinfo=UTC), date(2026, 7, 1)),
        (datetime(2026, 7, 1, 22, 0, tzinfo=UTC), date(2026, 7, 2)),
    ],
)
def test_midnight_is_that_of_paris(moment, day) -> None:
    assert today_in_paris(moment) == day
