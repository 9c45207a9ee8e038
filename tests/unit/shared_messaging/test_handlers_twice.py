"""Every handler of every service runs every message twice: the same comes of it, and what it was given stays as it was.

Ids follow from the cause, so what is sent twice is known as the same.
"""

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import pytest

from services.access_control.domain.deletion import Deletion
from services.access_control.domain.record import Record
from services.access_control.handlers import CONFIRMATIONS
from services.audit.handlers import BY_TYPE as AUDITED
from services.document.handlers import BY_TYPE as SETTLED
from services.history_ingestion.domain.lines import Known
from services.history_ingestion.handlers import NOBODY, Batch, Holder, Person, life_handlers, line_handlers
from services.notification.domain.deliveries import Reach
from services.notification.handlers import by_type
from shared.contracts.common import Body
from shared.contracts.envelope import Envelope, Message
from shared.contracts.reasons import Reason
from shared.contracts.topics import SERVICES, registry
from shared.messaging import Failed, Handlers, Outbox, Raw, Unreadable
from shared.terminology.ins import TEST_INS_OIDS, TEST_NIR
from tests.support.bodies import FORMATS, samples
from tests.support.documents import entry
from tests.support.history import INSURER, care, nir, record_of
from tests.unit.access_control import cast

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
RECORD = UUID("11111111-1111-4111-8111-111111111111")
IDENTITY = UUID(FORMATS["uuid"])
TOPICS = registry((INSURER,), 4)
LINE = "810000000001"


class Lane(NamedTuple):
    service: str
    handlers: Handlers[Any, Any]
    states: tuple[Any, ...]


def batch(*, last: bool) -> Batch:
    """Before a line of one insurer, which closes its batch or not."""
    holders = {(TEST_NIR, nir(1)): Holder(record_of(1), fed=False)}
    lines = {LINE: Known(None), "L1": Known(record_of(7))}
    return Batch(lines, holders, last=IDENTITY if last else record_of(0))


DELETION = Deletion("request", NOW + timedelta(days=3), NOW)
PERSON = Person("open", None)
LANES = {
    "requests": Lane("access_control", cast.REQUESTS, (Record(), cast.OPEN, cast.AUTHORISING, cast.MINOR)),
    "deposits": Lane("access_control", cast.DEPOSITS, (Record(), cast.OPEN)),
    "confirmations": Lane("access_control", CONFIRMATIONS, (None, DELETION)),
    "settling": Lane("document", SETTLED, ({}, {IDENTITY: entry(id=IDENTITY)})),
    "lines": Lane("history_ingestion", line_handlers(INSURER, TEST_INS_OIDS), (batch(last=True), batch(last=False))),
    "life": Lane("history_ingestion", life_handlers((INSURER,)), (NOBODY, PERSON)),
    "notices": Lane("notification", by_type(timedelta(minutes=30)), (Reach(contact=True), Reach(contact=False))),
    "log": Lane("audit", AUDITED, (None,)),
}
EXAMPLE = care(line=LINE)


def bodies(lane: Lane, body: type[Body]) -> Iterator[Body]:
    """What a handler is given: samples of its type, and of the special ones what a lane makes of a message."""
    if body is Unreadable:
        yield from (Unreadable(reason=reason) for reason in (Reason.MALFORMED, Reason.UNKNOWN_TYPE))
    elif body is Failed:
        originals = set(lane.handlers) - {Raw, Unreadable, Failed}
        yield from (Failed.model_construct(original=one) for kind in originals for one in samples(kind))
    elif body is Raw:
        kinds = {kind for name in ("document.events", "access.decisions") for kind in TOPICS[name].messages}
        yield from (Raw(payload=one.model_dump_json().encode()) for kind in kinds for one in samples(kind))
    else:
        yield from samples(body)


def message(body: Body) -> Message[Any]:
    kind = body.type_name if not isinstance(body, Failed) else body.original.type_name
    envelope = Envelope(IDENTITY, kind, "somebody", NOW, uuid5(IDENTITY, "flow"), None, 1)
    return Message(envelope, str(RECORD), body, "insurance.reimbursements.amo-test", 0, 0)


HANDLERS = [pytest.param(lane, body, id=f"{name}-{body.__name__}") for name, lane in LANES.items() for body in lane[1]]


@pytest.mark.parametrize(("lane", "body"), HANDLERS)
def test_every_handler_runs_every_message_twice(lane: Lane, body: type[Body]) -> None:
    outbox = Outbox(lane.service, TOPICS, lambda _stored: None)
    for one in bodies(lane, body):
        for state in lane.states:
            given, before = message(one), deepcopy(state)
            first = lane.handlers[body](given, state, NOW)
            assert state == before, "a handler changed the state that it was given"
            second = lane.handlers[body](deepcopy(given), before, NOW)
            assert first == second
            sent = outbox.caused_by(given, first.emits)
            assert sent == outbox.caused_by(given, second.emits)
            assert len({out.id for out in sent}) == len(sent), "each message that leaves has an id of its own"


def test_every_service_with_handlers_is_looked_at() -> None:
    with_handlers = {service for service in SERVICES if Path("services", service, "handlers.py").exists()}
    assert {lane.service for lane in LANES.values()} == with_handlers
