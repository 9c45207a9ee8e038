"""What is parked comes back as it came."""

from datetime import UTC, datetime
from uuid import UUID

from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.parked import Parked, original_bytes, restored

ROW = Parked(UUID(int=1), "test.in", 3, 42, 7, "adding", "malformed", "", datetime.now(UTC), 1, None, None, None, None)


@given(
    key=st.binary(),
    value=st.binary(),
    headers=st.lists(st.tuples(st.text(alphabet=st.characters(codec="utf-8")), st.binary())),
    timestamp=st.integers(0, 2**45),
)
def test_a_record_comes_back_from_its_bytes(key, value, headers, timestamp):
    record = ConsumerRecord("test.in", 3, 42, timestamp, 0, key, value, None, len(key), len(value), tuple(headers))
    back = restored(ROW, original_bytes(record))
    assert (back.topic, back.partition, back.offset, back.timestamp) == ("test.in", 3, 42, timestamp)
    assert (back.key or b"", back.value, tuple(back.headers)) == (key, value, tuple(headers))


def test_without_a_key_it_has_none_again():
    record = ConsumerRecord("test.in", 3, 42, 0, 0, None, None, None, -1, -1, ())
    back = restored(ROW, original_bytes(record))
    assert (back.key, back.value) == (None, b"")
