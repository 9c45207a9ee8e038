"""Canonical bytes, commitments, and which documents are concealed."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit.domain.events import Concealed, canonical, commitment, of_message, parts
from services.audit.handlers import append
from shared.contracts.common import Actor, ActorKind, Body
from shared.contracts.document_changes import DocumentChanged
from shared.contracts.document_events import Deposited, DepositRefused
from shared.contracts.envelope import Envelope, Message
from shared.contracts.reasons import Reason
from shared.messaging import Raw

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
RECORD = UUID("11111111-1111-4111-8111-111111111111")
DOCTOR = Actor(kind=ActorKind.PROFESSIONAL, number="810000000001")


def raw(type_name: str, payload: bytes) -> Message[Raw]:
    identity = uuid4()
    envelope = Envelope(identity, type_name, "document", NOW, uuid4(), uuid4(), 7)
    return Message(envelope, str(RECORD), Raw(payload=payload), "document.events", 3, 6)


def raw_body(body: Body) -> Message[Raw]:
    return raw(body.type_name, body.model_dump_json(exclude_none=True).encode())


def deposited(**flags: bool) -> Deposited:
    return Deposited(deposit=uuid4(), document=uuid4(), actor=DOCTOR, type_code="11502-2", class_code="10", **flags)


def test_an_entry_keeps_the_envelope_the_place_and_the_body_as_it_came() -> None:
    message = raw("carnet.some.new.v9", b'{"a": 1}\n ')
    entry = of_message(message)
    head, payload = parts(entry.event)
    assert payload == b'{"a": 1}\n '
    assert head == {
        "id": str(message.id),
        "type": "carnet.some.new.v9",
        "source": "document",
        "time": "2026-11-22T09:30:00Z",
        "correlationid": str(message.envelope.correlation),
        "causeid": str(message.envelope.cause),
        "topic": "document.events",
        "partition": 3,
        "number": 7,
        "record": str(RECORD),
    }
    assert (entry.record, entry.topic, entry.partition, entry.number) == (RECORD, "document.events", 3, 7)


@given(st.binary(max_size=200))
def test_whatever_the_body_is_it_comes_back(payload: bytes) -> None:
    assert parts(canonical({"id": RECORD}, payload)) == ({"id": str(RECORD)}, payload)


def test_the_same_message_gives_the_same_bytes_and_another_salt_another_commitment() -> None:
    message = raw_body(deposited())
    event = of_message(message).event
    assert of_message(message).event == event
    assert commitment(b"s" * 32, event) == sha256(b"s" * 32 + event).digest()
    assert commitment(b"s" * 32, event) != commitment(b"t" * 32, event)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({}, None),
        ({"masked": True}, None),
        ({"withheld": True}, (True, False)),
        ({"hidden_from_representatives": True}, (False, True)),
        ({"masked": True, "withheld": True, "hidden_from_representatives": True}, (True, True)),
    ],
)
def test_a_flagged_document_is_concealed(flags: dict[str, bool], expected: tuple[bool, bool] | None) -> None:
    body = deposited(**flags)
    concealed = of_message(raw_body(body)).concealed
    assert concealed == (Concealed(body.document, *expected) if expected else None)


def changed(**flags: bool) -> DocumentChanged:
    given = {"masked": False, "withheld": False, "hidden_from_representatives": False} | flags
    return DocumentChanged(act="mask", document=uuid4(), actor=DOCTOR, version=7, **given)


@pytest.mark.parametrize(("withheld", "hidden"), [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("more", [{}, {"masked": True}, {"changed": False}, {"came_into_view": True}])
def test_a_change_says_from_whom_the_document_is_concealed_from_now_on(withheld, hidden, more) -> None:
    body = changed(withheld=withheld, hidden_from_representatives=hidden, **more)
    assert of_message(raw_body(body)).concealed == Concealed(body.document, withheld, hidden, 7)


def test_other_messages_conceal_nothing() -> None:
    refused = DepositRefused(deposit=uuid4(), actor=DOCTOR, reason=Reason.DUPLICATE)
    assert of_message(raw_body(refused)).concealed is None
    for body in (Deposited, DocumentChanged):
        assert of_message(raw(body.type_name, b'{"withheld": true')).concealed is None


def test_every_message_becomes_one_entry_and_nothing_leaves() -> None:
    message = raw("carnet.some.new.v9", b"")
    effects = append(message, None, NOW)
    assert [entry.id for entry in effects.changes] == [message.id]
    assert effects.emits == ()


def test_a_flag_is_found_however_its_writer_spaces_json() -> None:
    body = deposited(withheld=True)
    spaced = json.dumps(body.model_dump(mode="json"), indent=1).encode()
    assert of_message(raw(Deposited.type_name, spaced)).concealed == Concealed(
        body.document, withheld=True, from_representatives=False
    )


def test_an_actor_who_is_authenticated_conceals_nothing() -> None:
    body = deposited().model_copy(update={"actor": DOCTOR.model_copy(update={"authenticated": True})})
    assert of_message(raw_body(body)).concealed is None
