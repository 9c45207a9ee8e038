"""What leaves is keyed by random ids, and stands where every Kafka client would put it.

Whoever names a person by a key, by mistake or not, sends nothing.
"""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.envelope import Envelope, Message
from shared.contracts.topics import Key, registry
from shared.messaging import Emit, Outbox, partition_of
from tests.support.bodies import samples
from tests.support.history import nir

TOPICS = registry(("amo-test",), 4)
PSEUDONYMOUS = [topic for topic in TOPICS.values() if topic.numbered and topic.key in {Key.RECORD, Key.REVIEW}]
AN_ID = UUID("5ac1f2e0-7b7e-4c0e-9b6c-3f1d0a9e8d4b")
NOT_IDS = [nir(1), "dupont@example.org", str(AN_ID).upper(), f"{{{AN_ID}}}", AN_ID.hex, f" {AN_ID}"]


def sent(topic, key):
    """A message of a topic to which its writer gives this key."""
    (writer,) = topic.writers
    cause = AN_ID
    message = Message(Envelope(cause, "test", "somebody", datetime.now(UTC), cause), str(cause), None, "test", 0, 0)
    outbox = Outbox(writer, TOPICS, lambda _stored: None)
    return outbox.caused_by(message, [Emit(next(samples(topic.messages[0])), topic.name, key)])


@pytest.mark.parametrize("topic", PSEUDONYMOUS, ids=lambda topic: topic.name)
@pytest.mark.parametrize("key", NOT_IDS)
def test_a_key_that_is_no_id_is_refused(topic, key):
    with pytest.raises(ValueError, match="is no id") as caught:
        sent(topic, key)
    assert key not in str(caught.value)


@pytest.mark.parametrize("topic", PSEUDONYMOUS, ids=lambda topic: topic.name)
def test_an_id_is_a_key(topic):
    key = str(AN_ID)
    assert [one.key for one in sent(topic, key)] == [key]


@given(st.text() | st.from_regex(r"[0-9]{15}", fullmatch=True))
def test_no_text_but_an_id_is_taken(text):
    assert not TOPICS["record.requests"].takes(text)


@given(st.uuids())
def test_every_id_is_taken(identity: UUID):
    assert TOPICS["record.requests"].takes(str(identity))


def test_other_topics_are_keyed_as_the_registry_says():
    assert TOPICS["insurance.receipts.amo-test"].takes("3")
    assert TOPICS["flow.statistics"].takes("document")
    assert {topic.key for topic in PSEUDONYMOUS} == {Key.RECORD, Key.REVIEW}


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_a_key_is_hashed_as_by_the_java_client(key, hashed):
    """Its own examples."""
    assert [partition_of(key, count) for count in (1, 8, 64, 1000)] == [
        (hashed & 0x7FFFFFFF) % count for count in (1, 8, 64, 1000)
    ]


@given(st.uuids().map(str) | st.text(), st.integers(1, 10_000))
def test_a_key_stands_in_the_partition_in_which_other_clients_look_for_it(key, count):
    assert partition_of(key, count) == (murmur2(key.encode()) & 0x7FFFFFFF) % count
