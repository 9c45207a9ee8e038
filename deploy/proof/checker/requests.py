"""From records of `record.requests` to what was asked, written a second time and apart from the services' reader."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import NAMESPACE_OID, UUID, uuid5

from pydantic import ValidationError

from deploy.proof.checker.facts import Place, Record
from deploy.proof.checker.oracle import Asked
from shared.contracts import record_documents, record_extracts, record_oversight, record_requests
from shared.contracts.common import Body
from shared.contracts.envelope import MalformedError, from_headers
from shared.contracts.reasons import Reason
from shared.contracts.topics import RECORD_REQUESTS
from shared.messaging import partition_of

_MESSAGES: Final[tuple[type[Body], ...]] = (
    record_requests.MESSAGES + record_oversight.MESSAGES + record_documents.MESSAGES + record_extracts.MESSAGES
)
_MODELS: Final[Mapping[str, type[Body]]] = {model.type_name: model for model in _MESSAGES}
_NO_ENVELOPE: Final = "carnet.unreadable"
_LONGEST = 4096


@dataclass
class Requests:
    """What a topic of requests holds."""

    asked: list[Asked] = field(default_factory=list)
    """In Kafka's order within each partition, repeats included."""
    parked: set[tuple[int, int]] = field(default_factory=set)
    """Partition and offset of all that has to be parked."""

    @property
    def ids(self) -> set[UUID]:
        """Every request that is owed a decision."""
        return {asked.request for asked in self.asked}


def requests(topics: Mapping[Place, Iterable[Record]], partitions: int) -> Requests:
    """Read the topic of requests whole."""
    found = Requests()
    for (topic, partition), records in topics.items():
        if topic != RECORD_REQUESTS:
            continue
        for record in records:
            asked = _asked(record, partition, partitions)
            if asked is None or asked.body is None:
                found.parked.add((partition, record.offset))
            if asked is not None:
                found.asked.append(asked)
    return found


def _asked(record: Record, partition: int, partitions: int) -> Asked | None:
    """One request; None where not even the record it is about can be told."""
    key = _key(record.key)
    if key is None or partition_of(str(key), partitions) != partition:
        return None
    try:
        envelope = from_headers(record.headers)
    except MalformedError:
        return Asked(_own_id(record, partition), key, _NO_ENVELOPE, None)
    model = _MODELS.get(envelope.type)
    if model is None:
        return Asked(envelope.id, key, envelope.type, None, Reason.UNKNOWN_TYPE)
    try:
        body = model.model_validate_json(record.value)
    except ValidationError:
        return Asked(envelope.id, key, envelope.type, None)
    return Asked(envelope.id, key, envelope.type, body)


def _key(raw: bytes | None) -> UUID | None:
    try:
        text = (raw or b"").decode()
        key = UUID(text)
    except ValueError:
        return None
    return key if str(key) == text else None


def _own_id(record: Record, partition: int) -> UUID:
    """The id of a request that has none: it follows from place and bytes."""
    place = uuid5(NAMESPACE_OID, f"{RECORD_REQUESTS}/{partition}/{record.offset}/")
    return uuid5(place, record.value.hex()[:_LONGEST])
