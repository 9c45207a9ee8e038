"""The envelope: CloudEvents 1.0 in Kafka binary mode, attributes as `ce_*` headers, the body as JSON.

Beside the standard attributes travel `ce_number` (gap-free per topic and partition), `ce_causeid` (the message that
caused this one) and `ce_correlationid` (the request or deposit at the root: the id to follow a flow by).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar
from uuid import UUID, uuid5

from shared.contracts.common import Body

B_co = TypeVar("B_co", bound=Body, covariant=True)

Headers = list[tuple[str, bytes]]
RawHeaders = Sequence[tuple[str, bytes]]

_CONTENT_TYPE = b"application/json"


@dataclass(frozen=True, slots=True)
class Envelope:
    """The attributes of one message, without its body."""

    id: UUID
    type: str
    source: str
    """The service that wrote it."""
    time: datetime
    correlation: UUID
    cause: UUID | None = None
    number: int | None = None
    """Number of the message in its topic and partition, from 1, without gaps; None in topics without an outbox."""


@dataclass(frozen=True, slots=True)
class Message(Generic[B_co]):
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
        return UUID(self.key)


class MalformedError(ValueError):
    """A record in Kafka is no message of ours. The text names the attribute, never its value."""


def derived_id(cause: UUID, type_name: str, ordinal: int) -> UUID:
    """The id of a message from its cause: a rebuild repeats the same ids, and handlers need no randomness."""
    return uuid5(cause, f"{type_name}/{ordinal}")


def to_headers(envelope: Envelope) -> Headers:
    """The Kafka headers of an envelope."""
    headers = [
        ("content-type", _CONTENT_TYPE),
        ("ce_specversion", b"1.0"),
        ("ce_id", str(envelope.id).encode()),
        ("ce_type", envelope.type.encode()),
        ("ce_source", f"/carnet/{envelope.source}".encode()),
        ("ce_time", envelope.time.astimezone(UTC).isoformat().encode()),
        ("ce_correlationid", str(envelope.correlation).encode()),
    ]
    if envelope.cause is not None:
        headers.append(("ce_causeid", str(envelope.cause).encode()))
    if envelope.number is not None:
        headers.append(("ce_number", str(envelope.number).encode()))
    return headers


def number_of(headers: RawHeaders) -> int | None:
    """The number of a raw record, or None where it has none that can be read."""
    for name, value in headers:
        if name == "ce_number":
            return int(value) if value.isdigit() else None
    return None


def from_headers(headers: RawHeaders) -> Envelope:
    """Read an envelope from Kafka headers.

    Raises:
        MalformedError: an attribute is missing, repeated in an unreadable form, or not of its kind.
    """
    found = dict(headers)
    if found.get("ce_specversion") != b"1.0":
        raise MalformedError("ce_specversion is not 1.0: expected a CloudEvents 1.0 message in binary mode")
    try:
        cause = found.get("ce_causeid")
        number = found.get("ce_number")
        time = datetime.fromisoformat(found["ce_time"].decode())
        identity = UUID(found["ce_id"].decode())
        correlation = found.get("ce_correlationid")
        return Envelope(
            id=identity,
            type=found["ce_type"].decode(),
            source=found["ce_source"].decode().removeprefix("/carnet/"),
            time=time if time.tzinfo else time.replace(tzinfo=UTC),
            correlation=UUID(correlation.decode()) if correlation else identity,
            cause=UUID(cause.decode()) if cause else None,
            number=int(number) if number else None,
        )
    except KeyError as error:
        raise MalformedError(f"the attribute {error.args[0]} is missing") from None
    except ValueError:
        raise MalformedError(
            "an attribute of the envelope can't be read: expected UUIDs, ISO 8601 and a number"
        ) from None
