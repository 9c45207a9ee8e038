"""Decisions show how far an owner's database is behind the clock by which permits live."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest

from shared.contracts.envelope import Envelope, time_of, to_headers
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT_EVENTS
from shared.database._behind import Behind
from shared.messaging._batch import _compare_clocks

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def record(topic, ahead_s):
    identity = uuid4()
    written = NOW + timedelta(seconds=ahead_s)
    return SimpleNamespace(topic=topic, headers=to_headers(Envelope(identity, "a.b.v1", "other", written, identity)))


def seen(*records):
    tx = SimpleNamespace(behind=Behind())
    _compare_clocks(tx, records, NOW)
    return tx.behind.by.total_seconds()


@pytest.mark.parametrize(
    ("records", "by"),
    [
        ([], 0),
        ([(ACCESS_DECISIONS, 3)], 3),
        ([(ACCESS_DECISIONS, -3)], 0),
        ([(DOCUMENT_EVENTS, 3)], 0),
        ([(ACCESS_DECISIONS, 2), (ACCESS_DECISIONS, 3), (DOCUMENT_EVENTS, 9)], 3),
    ],
)
def test_a_decision_that_is_still_to_come_shows_by_how_much(records, by):
    assert seen(*(record(*one) for one in records)) == by


@pytest.mark.parametrize("headers", [(), (("ce_time", b"soon"),), (("ce_time", None),)])
def test_a_message_without_a_time_shows_nothing(headers):
    assert time_of(headers) is None
    assert seen(SimpleNamespace(topic=ACCESS_DECISIONS, headers=headers)) == 0
