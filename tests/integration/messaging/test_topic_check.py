"""The look into a topic: it finds what is there and what is not, and leaves nothing running until the next."""

from datetime import date
from uuid import uuid4

import pytest

from shared.messaging import partition_of
from shared.messaging._cursors import Cursor
from shared.messaging._topic_check import TopicCheck
from tests.support import counting
from tests.support.counting import Add

TODAY = date(2026, 1, 1)


@pytest.fixture
async def check(adder):
    opened = TopicCheck(adder.kafka)
    yield opened
    await opened.close()


@pytest.fixture
async def place(adder):
    """Where three numbered messages stand."""
    record = uuid4()
    await adder.feed("test.in", [(record, Add(amount=1))] * 3)
    return "test.in", partition_of(str(record), counting.PARTITIONS)


async def test_a_cursor_is_torn_where_its_number_does_not_stand_at_its_offset(check, place):
    right, wrong, beyond = (Cursor(place, *at, 0, TODAY) for at in ((2, 1), (3, 1), (4, 3)))
    for cursor, torn in ((right, []), (wrong, [wrong]), (beyond, [beyond]), (right, [])):
        assert await check.torn([cursor]) == torn


async def test_between_looks_nothing_is_fetched(check, place):
    for look in (check.torn([Cursor(place, 3, 2, 0, TODAY)]), check.contiguous_prefix(place)):
        await look
        assert check._reader.assignment()
        assert check._reader.paused() == check._reader.assignment()


async def test_the_prefix_ends_where_the_topic_does(check, place):
    assert await check.contiguous_prefix(place) == (3, 2)
