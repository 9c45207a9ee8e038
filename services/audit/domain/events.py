"""An event as the log keeps it: one canonical run of bytes, and the salted commitment to it.

The bytes are a line of JSON with the envelope and the place in Kafka, then the body exactly as it came. Whoever is
given them with their salt can compute the commitment and the leaf without any software of ours.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from shared.contracts.common import AccessMode, Act, Actor, Body
from shared.contracts.document_changes import DocumentChanged
from shared.contracts.document_events import Deposited
from shared.contracts.envelope import Message
from shared.messaging import Raw

_PLAIN = (b'"withheld":false', b'"hidden_from_representatives":false')
"""A deposit that conceals nothing, as its writer writes it; written otherwise it is read whole."""
SALT_BYTES = 32
"""As long as the hash: without the salt a commitment can't be tried against guesses of the event."""


@dataclass(frozen=True, slots=True)
class Concealed:
    """From whom a document and its traces are concealed (domain rule: withholding), as of a version; maybe nobody."""

    document: UUID
    withheld: bool
    """From the holder's side (INVISIBLE_PATIENT, AR-029)."""
    from_representatives: bool
    version: int = 0
    """Of its metadata, by which the last one counts in whatever order they come; 0 at its deposit."""


class Entry(NamedTuple):
    """One event on its way into the log; a tuple, since thousands are made each second."""

    record: UUID
    id: UUID
    type: str
    occurred_at: datetime
    correlation: UUID
    event: bytes
    """Canonical bytes."""
    topic: str | None = None
    """None, as partition and number, for what audit itself did: it writes no topic, its leaf is the only place."""
    partition: int | None = None
    number: int | None = None
    concealed: Concealed | None = None


class Forgotten(NamedTuple):
    """A deleted record: nobody can read its traces any more; their salted leaves remain (AR-055, AR-060)."""

    record: UUID


class TracesConsulted(Body):
    """The traces of the record were read. Stands in the log alone; no topic carries it."""

    type_name = "carnet.audit.consulted.v1"

    request: UUID
    actor: Actor
    act: Act = Act.CONSULT
    mode: AccessMode = AccessMode.NORMAL
    since: datetime | None = None
    until: datetime | None = None


def commitment(salt: bytes, event: bytes) -> bytes:
    """SHA-256 of salt and event: the entry of the Merkle tree. It means nothing once the salt is gone."""
    return sha256(salt + event).digest()


def of_message(message: Message[Raw]) -> Entry:
    """The entry of a message."""
    envelope, record, payload = message.envelope, message.record, message.body.payload
    identity, type_name, source, time, correlation, cause, number = envelope
    topic, partition = message.topic, message.partition
    head = {
        "id": str(identity),
        "type": type_name,
        "source": source,
        "time": time,
        "correlationid": str(correlation),
        "causeid": cause and str(cause),
        "topic": topic,
        "partition": partition,
        "number": number,
        "record": message.key,
    }
    concealed = _concealed(type_name, payload)
    event = canonical(head, payload)
    return Entry(record, identity, type_name, time, correlation, event, topic, partition, number, concealed)


def of_own(body: Body, *, record: UUID, id: UUID, cause: UUID, time: datetime) -> Entry:  # noqa: A002
    """The entry of something that audit itself did; `cause` is the request behind it."""
    head = {
        "id": id,
        "type": body.type_name,
        "source": "audit",
        "time": time,
        "correlationid": cause,
        "causeid": cause,
        "record": record,
    }
    payload = body.model_dump_json(exclude_none=True).encode()
    return Entry(record, id, body.type_name, time, cause, canonical(head, payload))


def canonical(head: dict[str, Any], payload: bytes) -> bytes:
    """The bytes of an event; JSON has no bare line feed, so the first one ends the head.

    `default=str` is for ids of the database driver's own class, which look the same.
    """
    return orjson.dumps(head, default=str, option=orjson.OPT_UTC_Z) + b"\n" + payload


def parts(event: bytes) -> tuple[dict[str, Any], bytes]:
    """Head and body of an event's bytes."""
    head, _, payload = event.partition(b"\n")
    return orjson.loads(head), payload


def _concealed(type_name: str, payload: bytes) -> Concealed | None:
    try:
        if type_name == Deposited.type_name:
            return _at_deposit(payload)
        if type_name == DocumentChanged.type_name:
            changed = DocumentChanged.model_validate_json(payload)
            hidden = changed.hidden_from_representatives
            return Concealed(changed.document, changed.withheld, hidden, changed.version)
    except ValueError:
        pass  # unreadable: the log keeps it, and no reader who may not see everything is shown it
    return None


def _at_deposit(payload: bytes) -> Concealed | None:
    if all(flag in payload for flag in _PLAIN):
        return None  # the usual case, without reading the body
    body = Deposited.model_validate_json(payload)
    if not (body.withheld or body.hidden_from_representatives):
        return None
    return Concealed(body.document, body.withheld, body.hidden_from_representatives)
