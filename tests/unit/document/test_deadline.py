from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.document.domain.deadline import in_time


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOON = at("2026-11-22 12:00")


@pytest.mark.parametrize(
    ("deposited", "timely"),
    [
        ("2026-11-22 12:00", True),
        ("2026-11-22 22:59:59", True),
        ("2026-11-22 23:00", False),
        ("2026-11-23 12:00", False),
        ("2026-11-21 12:00", True),
    ],
)
def test_ar_005_a_deposit_is_in_time_until_midnight_in_paris(deposited, timely):
    assert in_time(at(deposited), NOON, None, None) is timely


def test_ar_005_of_a_stay_the_day_of_discharge_counts_and_of_a_document_the_act_it_tells_of():
    admitted, discharged, written = (at(f"2026-11-{day} 12:00") for day in (10, 15, 20))
    assert in_time(discharged, written, admitted, discharged)
    assert not in_time(discharged + timedelta(days=1), written, admitted, discharged)
    assert in_time(admitted, written, admitted, None)
    assert not in_time(discharged, written, admitted, None)
    assert in_time(written, written, None, None)


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone beside


@given(MOMENTS, MOMENTS, st.timedeltas(timedelta(), timedelta(days=400)))
def test_ar_005_who_is_in_time_would_have_been_earlier_too(deposited, told, earlier):
    assert in_time(deposited - earlier, told, None, None) >= in_time(deposited, told, None, None)
