from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.document.domain.opening import SOONEST, opens_at

PARIS = ZoneInfo("Europe/Paris")


def paris(text):
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


@pytest.mark.parametrize(
    ("since", "opens"),
    [
        ("2026-03-05 10:00", "2026-04-05 10:00"),
        ("2026-12-15 10:00", "2027-01-15 10:00"),
        ("2026-01-31 10:00", "2026-02-28 10:00"),
        ("2028-01-31 10:00", "2028-02-29 10:00"),
        ("2026-08-31 23:59:59", "2026-09-30 23:59:59"),
        ("2026-02-28 10:00", "2026-03-28 10:00"),
        ("2026-03-10 10:00", "2026-04-10 10:00"),
        ("2026-10-10 10:00", "2026-11-10 10:00"),
        ("2026-11-30 00:00", "2026-12-30 00:00"),
    ],
)
def test_ar_031_it_opens_a_calendar_month_later_by_the_clock_in_paris(since, opens):
    assert opens_at(paris(since)) == paris(opens)


def test_ar_031_the_day_is_the_one_in_paris():
    """At 23:30 in UTC it is tomorrow there: the last of January, where UTC has its 30th."""
    assert opens_at(datetime(2026, 1, 30, 23, 30, tzinfo=UTC)) == paris("2026-02-28 00:30")


def test_ar_031_an_hour_that_there_is_not_is_the_one_after_and_one_that_there_is_twice_the_first():
    assert opens_at(paris("2026-02-28 02:30")) == paris("2026-03-28 02:30")
    assert opens_at(paris("2027-02-28 02:30")) == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert opens_at(paris("2026-09-25 02:30")) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone beside


@given(MOMENTS)
def test_ar_031_a_month_is_never_shorter_than_what_is_looked_for_nor_longer_than_31_days(since):
    assert SOONEST < opens_at(since) - since <= timedelta(days=31, hours=1)


@given(MOMENTS, st.timedeltas(timedelta(hours=2), timedelta(days=3)))
def test_ar_031_what_was_withheld_earlier_opens_less_than_a_day_later(since, after):
    """It may: what is of the 29th to 31st of January opens on the last of February, each at its own time of day."""
    assert opens_at(since) - opens_at(since + after) < timedelta(days=1)
