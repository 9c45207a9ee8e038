"""What a lane does nothing with is seen before it is read; what can't be read, or is kept whole, is not passed over."""

from types import SimpleNamespace

import pytest

from shared.messaging import Consumer, Raw
from shared.messaging._passed_over import PassedOver
from tests.support.counting import NUMBERED_IN, Add, Other, add
from tests.support.toy import Nothing

TOPICS = {"test.in": NUMBERED_IN}


def record(type_name: str, value: bytes = b"{}") -> SimpleNamespace:
    return SimpleNamespace(topic="test.in", headers=[("ce_type", type_name.encode())], value=value)


def lane(**changes) -> PassedOver:
    settings = {"handlers": {Add: add}, "unread": {Add: lambda payload: b"nothing" in payload}} | changes
    return PassedOver(Consumer("toy", ("test.in",), store=Nothing(), **settings), TOPICS)


WANTED, OTHER, UNREAD = record(Add.type_name), record(Other.type_name), record(Add.type_name, b"nothing")


@pytest.mark.parametrize(
    ("records", "passed"),
    [
        ([OTHER], True),
        ([UNREAD], True),
        ([OTHER, UNREAD, OTHER], True),
        ([WANTED], False),
        ([OTHER, WANTED, UNREAD], False),
        ([record("of.nobody.v1")], False),
    ],
)
def test_a_lane_passes_over_what_it_has_no_handler_for_or_may_leave_unread(records, passed) -> None:
    assert lane().everyone(records) is passed


def test_who_keeps_everything_passes_over_nothing() -> None:
    assert not lane(handlers={Raw: add}, unread={}).everyone([OTHER])
