"""The envelope: CloudEvents 1.0 in Kafka binary mode, attributes as `ce_*` headers, the body as JSON.

Beside the standard attributes travel `ce_number` (gap-free per topic and partition), `ce_causeid` (the message that
caused this one) and `ce_correlationid` (the request or deposit at the root: the id to follow a flow by).
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from asyncpg.pgproto import pgproto

from shared.contracts.common import Body

B_co = TypeVar("B_co", bound=Body, covariant=True)

Headers = list[tuple[str, bytes]]
RawHeaders = Sequence[tuple[str, bytes | None]]
"""As a Kafka client gives them: a header may have no value."""

_FIRST = (("content-type", b"application/json"), ("ce_specversion", b"1.0"))
_LONGEST_TEXT = 200
_TOO_LARGE = 2**63
_DIGITS = 19
_REMEMBERED = 256
"""Texts and times of headers are read once: types and sources are few, and the messages of a batch share their time."""
_REQUIRED = ("ce_id", "ce_type", "ce_source", "ce_time")
_UNREADABLE = (ValueError, OverflowError, AttributeError, TypeError)
"""AttributeError: Kafka knows headers without a value, which come as None."""


class Envelope(NamedTuple):
    """The attributes of one message, without its body; a tuple, since thousands are made each second."""

    id: UUID
    type: str
    source: str
    """The service that wrote it."""
    time: datetime
    correlation: UUID
    cause: UUID | None = None
    number: int | None = None
    """Number of the message in its topic and partition, from 1, without gaps; None in topics without an outbox."""


class Message(NamedTuple, Generic[B_co]):
    """A message as a handler sees it."""

    envelope: Envelope
    key: str
    body: B_co
    topic: str
    partition: int
    offset: int

    @property
    def id(self) -> UUID:
        """The message's id."""
        return self.envelope.id

    @property
    def record(self) -> UUID:
        """The record it is about (in record-keyed topics the key)."""
        return fast_uuid(self.key)


class MalformedError(ValueError):
    """A record in Kafka is no message of ours. The text names the attribute, never its value."""


def derived_id(cause: UUID, type_name: str, ordinal: int) -> UUID:
    """The id of a message from its cause: a rebuild repeats the same ids, and handlers need no randomness."""
    return named_id(cause, f"{type_name}/{ordinal}")


def named_id(cause: UUID, name: str) -> UUID:
    """The id of something that has a name within its cause: the standard library's `uuid5`, four times faster."""
    digest = bytearray(hashlib.sha1(cause.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50  # version 5 of RFC 9562, as the standard library's uuid5 makes it
    digest[8] = digest[8] & 0x3F | 0x80
    return fast_uuid(bytes(digest))


def fast_uuid(value: str | bytes) -> UUID:
    """A UUID from its text or its 16 bytes, of the database driver's own kind: a UUID like any, made ten times faster.

    Raises:
        ValueError: it is none.
    """
    made: UUID = pgproto.UUID(value)  # type: ignore[type-var]
    return made


@lru_cache(maxsize=10_000)
def is_id(text: str) -> bool:
    """True for a UUID in its canonical form, lower-case: the form in which it decides a partition."""
    try:
        return text == str(fast_uuid(text))
    except ValueError:
        return False


def to_headers(envelope: Envelope) -> Headers:
    """The Kafka headers of an envelope."""
    identity, type_name, source, time, correlation, cause, number = envelope
    headers = [
        *_FIRST,
        ("ce_id", str(identity).encode()),
        *_kind(type_name, source),
        _written_at(time),
        ("ce_correlationid", str(correlation).encode()),
    ]
    if cause is not None:
        headers.append(("ce_causeid", str(cause).encode()))
    if number is not None:
        headers.append(("ce_number", str(number).encode()))
    return headers


@lru_cache(maxsize=_REMEMBERED)
def _kind(type_name: str, source: str) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    return ("ce_type", type_name.encode()), ("ce_source", f"/carnet/{source}".encode())


@lru_cache(maxsize=_REMEMBERED)
def _written_at(time: datetime) -> tuple[str, bytes]:
    return "ce_time", time.astimezone(UTC).isoformat().encode()


def number_of(headers: RawHeaders) -> int | None:
    """The number of a raw record, or None where it has none that can be read."""
    for name, value in reversed(headers):  # ours is the last of all
        if name == "ce_number":
            try:
                return _positive(value)
            except _UNREADABLE:
                return None
    return None


def time_of(headers: RawHeaders) -> datetime | None:
    """When a raw record was written by its sender's clock, or None where that can't be read."""
    for name, value in headers:
        if name == "ce_time":
            try:
                return _time(value)
            except _UNREADABLE:
                return None
    return None


def from_headers(headers: RawHeaders) -> Envelope:
    """Read an envelope from Kafka headers; of a repeated one the last counts.

    Raises:
        MalformedError: an attribute is missing, null, or not of its kind.
    """
    found = dict(headers)
    if found.get("ce_specversion") != b"1.0":
        raise MalformedError("ce_specversion is not 1.0: expected a CloudEvents 1.0 message in binary mode")
    try:
        return _envelope(found)
    except (KeyError, *_UNREADABLE):
        raise MalformedError(_what_is_wrong(found)) from None


def _envelope(found: Mapping[str, bytes | None]) -> Envelope:
    identity = _uuid(found["ce_id"])
    return Envelope(
        identity,
        _text(found["ce_type"]),
        _source(found["ce_source"]),
        _time(found["ce_time"]),
        _uuid(found["ce_correlationid"]) if "ce_correlationid" in found else identity,
        _uuid(found["ce_causeid"]) if "ce_causeid" in found else None,
        _positive(found["ce_number"]) if "ce_number" in found else None,
    )


def _uuid(value: bytes | None) -> UUID:
    made: UUID = pgproto.UUID(value.decode("ascii"))  # type: ignore[union-attr]
    return made


@lru_cache(maxsize=_REMEMBERED)
def _text(value: bytes | None) -> str:
    text = value.decode("ascii")  # type: ignore[union-attr]
    if not 0 < len(text) <= _LONGEST_TEXT or not text.isprintable():
        raise ValueError("text")
    return text


@lru_cache(maxsize=_REMEMBERED)
def _source(value: bytes | None) -> str:
    return _text(value).removeprefix("/carnet/")


@lru_cache(maxsize=_REMEMBERED)
def _time(value: bytes | None) -> datetime:
    time = datetime.fromisoformat(value.decode("ascii"))  # type: ignore[union-attr]
    if time.tzinfo is UTC:
        return time
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _positive(value: bytes | None) -> int:
    if value is None or len(value) > _DIGITS or not value.isdigit():
        raise ValueError("number")
    number = int(value)
    if not 0 < number < _TOO_LARGE:
        raise ValueError("number")
    return number


_EXPECTED: dict[str, tuple[Callable[[bytes | None], object], str]] = {
    "ce_id": (_uuid, "a UUID"),
    "ce_type": (_text, "printable ASCII of 1 to 200 characters"),
    "ce_source": (_text, "printable ASCII of 1 to 200 characters"),
    "ce_time": (_time, "a time in ISO 8601"),
    "ce_correlationid": (_uuid, "a UUID"),
    "ce_causeid": (_uuid, "a UUID"),
    "ce_number": (_positive, "a whole number from 1 that fits in 64 bits"),
}


def _what_is_wrong(found: Mapping[str, bytes | None]) -> str:
    """Name the first attribute that is missing or can't be read; apart, so that good messages do not pay for it."""
    for name, (read, expected) in _EXPECTED.items():
        if name in found:
            try:
                read(found[name])
            except _UNREADABLE:
                return f"the attribute {name} can't be read: expected {expected}"
        elif name in _REQUIRED:
            return f"the attribute {name} is missing: expected {expected}"
    return "an attribute of the envelope can't be read"
