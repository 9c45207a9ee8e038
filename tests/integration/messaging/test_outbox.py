"""Numbers run without gaps in the order of commits, and what is handed over is what stands in the table."""

import asyncio
import random
from uuid import uuid4

import pytest

from shared.messaging import Outbox, keep_days
from shared.messaging._cursors import Cursor, following
from tests.support import counting
from tests.support.counting import Added
from tests.support.system import fresh_database, opened

TOPICS = {topic.name: topic for topic in counting.TOPICS}


@pytest.fixture
async def database(system):
    async with fresh_database(system, counting.SQL) as url, opened(url) as pool:
        async with pool.transaction() as tx:
            await keep_days(tx)
        yield pool


async def append(database, outbox, count):
    """One transaction with so many messages, in partitions as they come."""
    async with database.transaction() as tx:
        outgoing = [
            message for one in range(count) for message in outbox.root([Added(sum=one)], cause=uuid4(), key=uuid4())
        ]
        await outbox.append(tx, outgoing)
    return outgoing


async def stored(database):
    """Everything in the outbox, by place, as the relay reads it."""
    (row,) = await database.fetch("SELECT min(created_on) AS day FROM outbox")
    places = [("test.out", partition) for partition in range(counting.PARTITIONS)]
    async with database.transaction() as tx:
        return await following(tx, [Cursor(place, 0, -1, 0, row["day"]) for place in places], 10_000)


@pytest.mark.parametrize("count", [1, 7, 700])
async def test_what_is_handed_over_is_what_the_table_holds(database, count):
    handed = []
    outbox = Outbox("adder", TOPICS, handed.extend)
    sent = await append(database, outbox, count) + await append(database, outbox, count)
    assert [one.message for one in handed] == sent
    by_place = await stored(database)
    for place, rows in by_place.items():
        assert [one for one in handed if one.message.place == place] == rows
        assert [one.number for one in rows] == list(range(1, len(rows) + 1))
    assert sum(map(len, by_place.values())) == 2 * count


async def test_writers_that_meet_at_the_same_places_wait_for_each_other_in_one_order(database):
    """Each would otherwise hold a counter that the other needs: PostgreSQL would end one of them."""
    outbox = Outbox("adder", TOPICS, list)
    await asyncio.gather(*(append(database, outbox, random.randint(2, 12)) for _ in range(100)))
    for rows in (await stored(database)).values():
        assert [one.number for one in rows] == list(range(1, len(rows) + 1))
        assert [one.created_at for one in rows] == sorted(one.created_at for one in rows)


async def test_a_transaction_that_is_rolled_back_hands_nothing_over_and_leaves_no_gap(database):
    handed = []
    outbox = Outbox("adder", TOPICS, handed.extend)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with database.transaction() as tx:
            await outbox.append(tx, outbox.root([Added(sum=1)], cause=uuid4(), key=uuid4()))
            raise ZeroDivisionError
    assert handed == []
    await append(database, outbox, 1)
    assert [one.number for one in handed] == [1]


@pytest.mark.parametrize("payload", [bytes(3000), random.Random(1).randbytes(3000)], ids=["plain", "signed"])
async def test_a_message_that_fits_into_a_page_is_neither_compressed_nor_cut_up(database, payload):
    """As a permit is: above two kilobytes."""
    await database.fetch(
        """
        INSERT INTO outbox
            (topic, partition, number, created_on, message_id, type, key, correlation, created_at, payload)
        SELECT 'test.out', 0, n, now()::date, gen_random_uuid(), 'x', 'x', gen_random_uuid(), now(), $1
        FROM generate_series(1, 20) AS n
        """,
        payload,
    )
    rows = await database.fetch("SELECT pg_column_size(payload) AS size, payload FROM outbox")
    assert [row["payload"] for row in rows] == [payload] * 20
    assert min(row["size"] for row in rows) >= len(payload)
    days = await database.fetch(
        """
        SELECT c.reloptions, pg_relation_size(c.reltoastrelid) AS beside
        FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE i.inhparent = 'outbox'::regclass
        """
    )
    assert len(days) > 1
    for day in days:
        assert set(day["reloptions"]) == {"autovacuum_enabled=off", "toast_tuple_target=8160"}
        assert day["beside"] == 0
