"""What the relay is handed in memory: only what follows the cursor without a gap is sent from there."""

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from shared.messaging import Kafka, _handover
from shared.messaging._cursors import Cursor, checked
from shared.messaging._handover import HandOver
from shared.messaging.outbox import Outgoing, Stored
from shared.messaging.relay import Relay

PLACE = ("test.out", 0)


def stored(number, place=PLACE):
    identity = uuid4()
    message = Outgoing(place, "key", identity, "test.added.v1", identity, None, b"{}")
    return Stored(message, number, datetime(2026, 1, 5, tzinfo=UTC))


def at(number, place=PLACE):
    return Cursor(place, number, number - 1, 0, date(2026, 1, 5))


def handed(*numbers):
    handed = HandOver()
    handed.add(map(stored, numbers))
    return handed


@pytest.mark.parametrize(
    ("numbers", "cursor", "expected"),
    [
        ((1, 2, 3), 0, [1, 2, 3]),
        ((1, 2, 3), 2, [3]),
        ((1, 2, 3), 3, []),
        ((2, 3), 0, []),
        ((1, 3), 0, [1]),
        ((3, 2, 1), 0, [1, 2, 3]),
    ],
    ids=["all", "the rest", "nothing new", "the first lacks", "a gap", "handed over in another order"],
)
def test_what_follows_a_cursor(numbers, cursor, expected):
    rows = handed(*numbers)
    assert [one.number for one in rows.behind(at(cursor))] == expected
    assert rows.follows(at(cursor)) == bool(expected)


def test_places_are_apart():
    rows = HandOver()
    assert rows.add([stored(1), stored(1, ("test.out", 1))]) == {PLACE, ("test.out", 1)}
    assert rows.behind(at(0, ("test.out", 2))) == []
    assert len(rows.behind(at(0))) == 1


def test_what_was_sent_is_let_go():
    rows = handed(1, 2, 3)
    rows.forget(at(2))
    assert rows.behind(at(0)) == []
    assert [one.number for one in rows.behind(at(2))] == [3]


def test_little_is_kept_while_nothing_can_be_sent():
    rows = handed(*range(1, 10 * _handover.MOST))
    assert sum(map(len, rows._rows.values())) <= _handover.MOST
    assert not rows.follows(at(0))


@pytest.mark.parametrize("topic", ["access.decisions'; DROP TABLE outbox; --", "", "a b", "x" * 250])
def test_a_name_that_kafka_refuses_gets_into_no_statement(topic):
    with pytest.raises(ValueError, match="no name of a topic"):
        checked([(topic, 0)])


def test_names_of_topics_pass_sorted():
    places = [("insurance.receipts.amo-1", 1), ("access.decisions", 0)]
    assert checked(places) == sorted(places)


async def test_after_a_fault_nothing_remembered_is_used(monkeypatch):
    monkeypatch.setattr("shared.messaging.relay.BACK_OFF_S", 0.0)
    relay = Relay("document", None, Kafka("127.0.0.1:1", "nobody", None, None), [PLACE])
    relay.wake([stored(1)])
    relay._known[PLACE] = at(0)
    assert relay._followed([PLACE]) == {PLACE: at(0)}
    await relay._after_error(OSError())
    assert relay._followed([PLACE]) == {}
    assert not relay._handed.follows(at(0))
    assert relay._dirty == {PLACE}


def test_a_cursor_is_only_as_good_as_what_follows_it():
    relay = Relay("document", None, Kafka("127.0.0.1:1", "nobody", None, None), [PLACE])
    other = ("test.out", 1)
    relay._known = {PLACE: at(0), other: at(0, other)}
    relay.wake([stored(1)])
    assert relay._followed([PLACE]) == {PLACE: at(0)}
    assert relay._followed([PLACE, other]) == {}
    relay.wake([stored(1, other)])
    assert relay._followed([PLACE, other]) == {PLACE: at(0), other: at(0, other)}
