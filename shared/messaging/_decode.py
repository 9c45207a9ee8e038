"""From a raw Kafka record to a message, or to the reason why it is none. One record's fault never hurts another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, cast
from uuid import NAMESPACE_OID, UUID, uuid5

from aiokafka import ConsumerRecord
from pydantic import ValidationError

from shared.contracts.common import Body
from shared.contracts.envelope import Envelope, MalformedError, Message, fast_uuid, from_headers
from shared.contracts.reasons import Reason
from shared.contracts.topics import Topic
from shared.messaging._kafka import MAX_MESSAGE_BYTES, partition_of
from shared.messaging.effects import Raw, Unreadable

MAX_FAULTS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record is parked: a code, and a sentence without any of its values."""

    reason: Reason
    detail: str


class Read(NamedTuple):
    """A record and what was read of it. `message` is None where no handler takes it or nothing can be done with it."""

    record: ConsumerRecord
    message: Message[Any] | None
    fault: Fault | None = None


def read(record: ConsumerRecord, topic: Topic, wanted: dict[str, type[Body]], *, raw: bool, unreadable: bool) -> Read:
    """Read one record.

    Args:
        record: as Kafka gave it.
        topic: the topic's entry in the registry.
        wanted: message types with a handler, by name.
        raw: the lane takes every valid envelope unread.
        unreadable: the lane wants to know of what can't be read.
    """
    try:
        key = _key(record, topic)
        envelope = from_headers(record.headers)
    except MalformedError as error:
        return _faulty(record, topic, Fault(Reason.MALFORMED, str(error)), None, wanted=unreadable)
    if raw:
        return Read(record, _message(record, key, envelope, Raw(payload=record.value or b"")))
    model = wanted.get(envelope.type)
    if model is not None:
        return _validated(record, topic, key, envelope, model, wanted=unreadable)
    fault = Fault(Reason.UNKNOWN_TYPE, f"no message type of that name in {topic.name}: see its AsyncAPI channel")
    return _faulty(record, topic, fault, envelope, wanted=unreadable)


def passed_over(topic: Topic, wanted: Mapping[str, type[Body]]) -> frozenset[bytes]:
    """The types of a topic that a lane has no handler for, as they stand in the header."""
    return frozenset(message.type_name.encode() for message in topic.messages if message.type_name not in wanted)


def of_type(record: ConsumerRecord, types: frozenset[bytes]) -> bool:
    """True where the record says that it is of one of these types; nothing else of it is read."""
    for name, value in record.headers:  # noqa: SIM110 - a generator costs twice as much as all the rest
        if name == "ce_type" and value in types:
            return True
    return False


def unread_types(
    topic: Topic, unread: Mapping[type[Body], Callable[[bytes], bool]]
) -> Mapping[bytes, Callable[[bytes], bool]]:
    """For the types of a topic that a lane may leave unread, as they stand in the header: whether a body may be."""
    return {message.type_name.encode(): unread[message] for message in topic.messages if message in unread}


def is_unread(record: ConsumerRecord, types: Mapping[bytes, Callable[[bytes], bool]]) -> bool:
    """True where the lane does nothing with the record, seen from the bytes of its body."""
    if not types:
        return False
    for name, value in record.headers:
        if name == "ce_type":
            nothing = types.get(value)
            return nothing is not None and nothing(record.value or b"")
    return False


def _validated(
    record: ConsumerRecord,
    topic: Topic,
    key: str,
    envelope: Envelope,
    model: type[Body],
    *,
    wanted: bool,
) -> Read:
    value = record.value or b""
    if len(value) > MAX_MESSAGE_BYTES:
        fault = Fault(Reason.TOO_LARGE, f"the body is larger than {MAX_MESSAGE_BYTES} bytes")
        return _faulty(record, topic, fault, envelope, wanted=wanted)
    try:
        body = model.model_validate_json(value)
    except ValidationError as error:
        return _faulty(record, topic, Fault(Reason.MALFORMED, _explain(model, error)), envelope, wanted=wanted)
    return Read(record, _message(record, key, envelope, body))


def _explain(model: type[Body], error: ValidationError) -> str:
    faults = error.errors(include_input=False, include_context=False, include_url=False)
    shown = "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['type']}" for fault in faults[:MAX_FAULTS_SHOWN]
    )
    return f"not a {model.type_name}: {shown}"


def _key(record: ConsumerRecord, topic: Topic) -> str:
    if record.key is None:
        raise MalformedError("the record has no key: expected the key that the registry names")
    try:
        if not topic.record_keyed:
            return cast("bytes", record.key).decode()
        key, partition = _record_key(record.key, topic.partitions)
    except ValueError as error:
        if isinstance(error, MalformedError):
            raise
        raise MalformedError("the key can't be read: expected a record id (UUID)") from None
    if partition != record.partition:
        raise MalformedError("the record stands in another partition than its key's: order can't be kept")
    return key


@lru_cache(maxsize=10_000)
def _record_key(key: bytes, partitions: int) -> tuple[str, int]:
    """A record's id as text, and its partition; a record's messages come together, so this is often asked again."""
    text = key.decode()
    if text != str(fast_uuid(text)):
        raise MalformedError("the key is not in its canonical form: expected a lower-case UUID")
    return text, partition_of(text, partitions)


def _message(record: ConsumerRecord, key: str, envelope: Envelope, body: Body) -> Message[Any]:
    return Message(envelope, key, body, record.topic, record.partition, record.offset)


def _faulty(record: ConsumerRecord, topic: Topic, fault: Fault, envelope: Envelope | None, *, wanted: bool) -> Read:
    """A record that can't be read; a lane that wants to know is told, where at least the key is good."""
    if not wanted:
        return Read(record, None, fault)
    try:
        key = _key(record, topic)
    except MalformedError:
        return Read(record, None, fault)
    identity = identity_of(record)
    envelope = envelope or Envelope(
        id=identity,
        type=Unreadable.type_name,
        source="unknown",
        time=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        correlation=identity,
    )
    return Read(record, _message(record, key, envelope, Unreadable(reason=fault.reason)), fault)


def identity_of(record: ConsumerRecord) -> UUID:
    """An id for a record that has none of its own: the same each time the same bytes are read at the same place."""
    place = f"{record.topic}/{record.partition}/{record.offset}/"
    return uuid5(uuid5(NAMESPACE_OID, place), (record.value or b"").hex()[:4096])
