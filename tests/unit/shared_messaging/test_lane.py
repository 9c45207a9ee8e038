"""When a lane counts as stuck: messages wait and nothing is done about them; being idle is no fault."""

import time

from shared.messaging import Consumer, Kafka, Precedence
from shared.messaging._lane import Lane
from shared.messaging._passed_over import PassedOver
from tests.support.counting import NUMBERED_IN
from tests.support.toy import Nothing


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
