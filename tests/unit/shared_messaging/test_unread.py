"""Messages of a type that a lane needs few of: looked at and passed over, or read."""

from uuid import uuid4

import pytest
from aiokafka import ConsumerRecord

from shared.contracts.access_decisions import Decided, RecordClosed
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT_EVENTS, registry
from shared.messaging._decode import is_unread, unread_types

TOPICS = registry(("amo-test",), 4)
TYPES = unread_types(TOPICS[ACCESS_DECISIONS], {Decided: lambda payload: b"nothing" in payload})


def record(type_name: str, value: bytes | None) -> ConsumerRecord:
    headers = (("content-type", b"application/json"), ("ce_type", type_name.encode()), ("ce_id", b"-"))
    return ConsumerRecord(ACCESS_DECISIONS, 0, 0, 0, 0, str(uuid4()).encode(), value, None, 0, 0, headers)


@pytest.mark.parametrize(
    ("type_name", "value", "unread"),
    [
        (Decided.type_name, b'{"nothing":1}', True),
        (Decided.type_name, b'{"something":1}', False),
        (Decided.type_name, None, False),
        (RecordClosed.type_name, b'{"nothing":1}', False),
    ],
)
def test_what_may_be_left_unread(type_name: str, value: bytes | None, unread: bool) -> None:
    assert is_unread(record(type_name, value), TYPES) is unread


def test_a_header_without_a_value_or_a_type_leaves_nothing_unread() -> None:
    bare = record(Decided.type_name, b"nothing")
    for headers in ((("ce_type", None),), (("ce_id", b"-"),), ()):
        bare.headers = headers
        assert not is_unread(bare, TYPES)


def test_a_lane_that_names_nothing_reads_everything() -> None:
    assert not is_unread(record(Decided.type_name, b"nothing"), {})
    assert unread_types(TOPICS[DOCUMENT_EVENTS], {Decided: bool}) == {}
