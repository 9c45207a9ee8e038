"""When a lane counts as stuck: messages wait and nothing is done about them; being idle is no fault."""

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from faststream.kafka import KafkaBroker
from structlog.testing import capture_logs

from shared.messaging import Consumer, Failed, Kafka, Precedence, _lane
from shared.messaging._batch import Outcome
from shared.messaging._lane import Lane
from shared.messaging._passed_over import PassedOver
from tests.support.counting import NUMBERED_IN
from tests.support.toy import Nothing

PLACE = TopicPartition("test.in", 0)


def lane() -> Lane:
    kafka = Kafka("127.0.0.1:1", "nobody", None, None)
    consumer = Consumer("toy", ("test.in",), {}, Nothing())
    return Lane(
        consumer,
        None,
        service="toy",
        kafka=kafka,
        max_batch=10,
        precedence=Precedence(),
        passed_over=PassedOver(consumer, {"test.in": NUMBERED_IN}),
    )


def test_a_lane_that_was_idle_for_long_is_not_stuck_when_a_message_comes(monkeypatch) -> None:
    toy = lane()
    waiting = {"test.in": 0}
    monkeypatch.setattr(toy, "lag", lambda: waiting)
    toy.progressed_at = time.monotonic() - 31
    assert not toy.stuck(30)
    waiting["test.in"] = 5
    assert not toy.stuck(30)


def test_a_lane_that_does_nothing_about_waiting_messages_is_stuck(monkeypatch) -> None:
    toy = lane()
    monkeypatch.setattr(toy, "lag", lambda: {"test.in": 5})
    toy.progressed_at = time.monotonic() - 31
    assert toy.stuck(30)


class Client:
    """Stands for a consumer with an assignment; what was fetched, and what the broker holds, is said."""

    def __init__(self, end: int, position: int, highwater: int | None = None) -> None:
        self.end, self.reached, self.known_end = end, position, highwater

    def assignment(self):
        return {PLACE}

    def highwater(self, _partition):
        return self.known_end

    async def end_offsets(self, partitions):
        return dict.fromkeys(partitions, self.end)

    async def position(self, _partition):
        return self.reached


class Down(Client):
    async def end_offsets(self, _partitions):
        raise KafkaConnectionError


def with_client(monkeypatch, client) -> Lane:
    toy = lane()
    monkeypatch.setattr(Lane, "kafka_consumer", property(lambda _: client))
    return toy


def after(monkeypatch, seconds: float) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + seconds)


def records(*offsets: int) -> dict[TopicPartition, list[SimpleNamespace]]:
    return {PLACE: [SimpleNamespace(topic="test.in", partition=0, offset=offset) for offset in offsets]}


def test_a_lane_with_an_assignment_that_never_fetches_is_stuck(monkeypatch) -> None:
    toy = with_client(monkeypatch, Client(end=0, position=0))
    after(monkeypatch, 29)
    assert not toy.stuck(30)
    after(monkeypatch, 1000)
    assert toy.stuck(30)


def test_a_lane_that_fetches_nothing_because_there_is_nothing_is_not_stuck(monkeypatch) -> None:
    toy = with_client(monkeypatch, Client(end=0, position=0))
    after(monkeypatch, 1000)
    toy.came_around({})
    assert not toy.stuck(30)


def test_a_lane_that_hangs_in_its_first_batch_after_an_assignment_is_stuck(monkeypatch) -> None:
    toy = with_client(monkeypatch, Client(end=5, position=5, highwater=5))
    toy.assigned_anew()
    toy.came_around(records(0, 1, 2, 3, 4))
    assert toy.lag() == {"test.in": 5}
    after(monkeypatch, 1000)
    assert toy.stuck(30)


def test_a_lane_that_was_not_started_is_not_stuck(monkeypatch) -> None:
    toy = lane()
    after(monkeypatch, 1000)
    assert not toy.stuck(30)


@pytest.mark.parametrize(
    ("client", "deaf"),
    [
        (Client(end=5, position=0), True),
        (Client(end=5, position=5), False),
        (Client(end=5, position=900), False),  # the topic was wiped
        (Down(end=5, position=0), False),
    ],
)
async def test_a_lane_that_fetches_nothing_although_the_broker_holds_something_is_stuck(
    monkeypatch, client, deaf
) -> None:
    toy = with_client(monkeypatch, client)
    await toy.look_ahead()
    assert not toy.stuck(30)
    after(monkeypatch, 1000)
    toy.came_around({})
    assert toy.stuck(30) is deaf
    toy.came_around(records(0))
    assert not toy.stuck(30)


async def test_a_lane_at_work_is_not_looked_at(monkeypatch) -> None:
    toy = with_client(monkeypatch, Client(end=5, position=0))
    toy.batches += 1
    await toy.look_ahead()
    after(monkeypatch, 1000)
    toy.came_around({})
    assert not toy.stuck(30)


class Release:
    """Stands for the batch handler of a release of which so many of ten messages fail."""

    def __init__(self, failing: int) -> None:
        self.results = [False] * failing + [True] * (10 - failing)
        self.batches = 0

    async def handle(self, _records):
        self.batches += 1
        return Outcome(results={("test.in", 0): self.results})


async def handled(release: Release, handlers: dict[type, object] | None = None) -> Lane:
    """A lane after twenty batches, or stopped before."""
    toy = lane()
    toy.consumer = replace(toy.consumer, handlers=handlers or {})
    toy._handler = release
    with capture_logs(), suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            for _ in range(20):
                await toy._until_done([])
    return toy


async def test_a_release_of_which_nine_of_ten_messages_fail_stops_the_line() -> None:
    release = Release(failing=9)
    toy = await handled(release)
    assert (toy.healthy, release.batches) == (False, 6)


@pytest.mark.parametrize(("failing", "handlers"), [(4, None), (9, {Failed: None})])
async def test_few_failures_or_failures_that_are_answered_stop_nothing(failing, handlers) -> None:
    release = Release(failing)
    toy = await handled(release, handlers)
    assert (toy.healthy, release.batches) == (True, 20)


@pytest.mark.parametrize("error", [None, KafkaConnectionError()])
async def test_each_fetch_is_noted_also_one_that_the_broker_refuses(monkeypatch, error) -> None:
    class Fetching(Client):
        async def getmany(self, **_):
            if error is not None:
                raise error
            return {}

    toy = with_client(monkeypatch, client := Fetching(end=0, position=0))
    monkeypatch.setattr(_lane, "FETCH_BACK_OFF_S", 0.0)
    toy.subscribe(KafkaBroker("127.0.0.1:1", consumer_only=True))
    after(monkeypatch, 1000)
    assert toy.stuck(30)
    with capture_logs():
        assert await toy._subscriber.get_msg(client) == ()
    assert not toy.stuck(30)
