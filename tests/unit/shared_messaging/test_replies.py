"""Reading along: gently while nobody waits, at once when somebody does."""

import asyncio
import time
from contextlib import suppress
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from structlog.testing import capture_logs

from shared.contracts import topics
from shared.messaging import Replies, replies

PLACE = TopicPartition(topics.ACCESS_DECISIONS, 0)
FOLLOWING = TopicPartition(topics.DOCUMENT_EVENTS, 0)


class Reader:
    """Stands for a consumer to which a message of each topic comes every moment; counts how often it is asked."""

    def __init__(self) -> None:
        self.fetches = 0
        self.following = 0
        self.stopped: set[TopicPartition] = set()

    async def start(self):
        pass

    stop = seek_to_end = start

    def subscribe(self, _names):
        pass

    def assignment(self):
        return {PLACE, FOLLOWING}

    async def position(self, _place):
        return 0

    async def getmany(self, timeout_ms):
        assert PLACE not in self.stopped
        self.fetches += 1
        self.following += FOLLOWING not in self.stopped
        await asyncio.sleep(0.001)
        return {place: [] for place in self.assignment() - self.stopped}

    def pause(self, *places):
        self.stopped |= set(places)

    def resume(self, *places):
        self.stopped -= set(places)

    def paused(self):
        return self.stopped


class Kafka:
    prefix = ""

    def __init__(self, reader):
        self.reader = reader

    def place(self, partition):
        return partition

    def tail(self):
        return self.reader


@pytest.fixture
async def reader():
    return Reader()


@pytest.fixture
async def reading(reader):
    found = Replies(Kafka(reader), topics.registry((), 8), (topics.ACCESS_DECISIONS, topics.DOCUMENT_EVENTS))
    task = asyncio.create_task(found.run())
    await found.ready.wait()
    yield found
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_while_nobody_waits_a_fetch_now_and_then_is_enough(reader, reading) -> None:
    await asyncio.sleep(3.5 * replies.REST_S)
    assert 2 <= reader.fetches <= 5


async def test_who_begins_to_wait_ends_the_rest(reader, reading, monkeypatch) -> None:
    monkeypatch.setattr(replies, "REST_S", 60)
    await asyncio.sleep(0.25)
    before = reader.fetches
    with reading.waiting(uuid4()):
        await asyncio.sleep(0.2)
    assert reader.fetches > before + 5
    await asyncio.sleep(0.1)
    rested = reader.fetches
    await asyncio.sleep(0.1)
    assert reader.fetches == rested


async def test_what_follows_rests_while_only_the_first_topic_is_waited_for(reader, reading, monkeypatch) -> None:
    monkeypatch.setattr(replies, "REST_S", 60)
    with reading.waiting(uuid4(), topics.ACCESS_DECISIONS):
        await asyncio.sleep(0.1)
        rested = reader.following
        before = reader.fetches
        await asyncio.sleep(0.1)
        assert reader.fetches > before + 5
        assert reader.following == rested


@pytest.mark.parametrize("topic", [topics.DOCUMENT_EVENTS, None])
async def test_who_waits_for_what_follows_has_it_read_at_once(reader, reading, monkeypatch, topic) -> None:
    monkeypatch.setattr(replies, "REST_S", 60)
    with reading.waiting(uuid4(), topics.ACCESS_DECISIONS):
        await asyncio.sleep(0.1)
        before = reader.following
        with reading.waiting(uuid4(), topic):
            await asyncio.sleep(0.1)
            assert reader.following > before + 5


async def test_what_follows_is_looked_at_now_and_then(reader, reading) -> None:
    with reading.waiting(uuid4(), topics.ACCESS_DECISIONS):
        await asyncio.sleep(replies.REST_S)
        before = reader.following
        await asyncio.sleep(3.5 * replies.REST_S)
        assert 2 <= reader.following - before <= 8


class Deaf(Reader):
    """To which nothing comes although the broker holds something; how often one was made is counted."""

    made = 0
    ends = 7

    async def start(self):
        self.made += 1

    async def getmany(self, timeout_ms):
        await asyncio.sleep(0.001)
        return {}

    async def end_offsets(self, partitions):
        return dict.fromkeys(partitions, self.ends)


async def reads(reader, monkeypatch, seconds: float = 0.3) -> Replies:
    monkeypatch.setattr(replies, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(replies, "BACK_OFF_S", 0.01)
    found = Replies(Kafka(reader), topics.registry((), 8), (topics.ACCESS_DECISIONS,))
    with capture_logs():
        task = asyncio.create_task(found.run())
        await asyncio.sleep(seconds)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    return found


async def test_a_reader_that_has_gone_deaf_begins_anew(monkeypatch) -> None:
    reader = Deaf()
    await reads(reader, monkeypatch)
    assert reader.made > 1


async def test_a_reader_to_which_nothing_is_said_goes_on(monkeypatch) -> None:
    reader = Deaf()
    reader.ends = 0
    await reads(reader, monkeypatch)
    assert reader.made == 1


async def test_a_reader_that_is_given_no_partitions_tries_again(monkeypatch) -> None:
    reader = Deaf()
    monkeypatch.setattr(replies, "BEGIN_TIMEOUT_S", 0.02)
    monkeypatch.setattr(reader, "assignment", set)
    found = await reads(reader, monkeypatch)
    assert reader.made > 1
    assert not found.ready.is_set()


async def test_a_reader_that_hangs_is_stuck_and_one_that_does_not_run_is_not(reader, reading, monkeypatch) -> None:
    idle = Replies(Kafka(reader), topics.registry((), 8), (topics.ACCESS_DECISIONS,))
    assert not reading.stuck(30)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 1000)
    assert (reading.stuck(30), idle.stuck(30)) == (True, False)
    monkeypatch.undo()


async def test_a_reader_whose_broker_is_away_stays_where_it_is(monkeypatch) -> None:
    reader = Deaf()

    async def away(_partitions):
        raise KafkaConnectionError

    monkeypatch.setattr(reader, "end_offsets", away)
    await reads(reader, monkeypatch)
    assert reader.made == 1
