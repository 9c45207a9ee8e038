"""Which event makes which notice."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.notification.domain.deliveries import Delivery, Leaving, Reach, Status
from services.notification.domain.notices import RULES, Event
from services.notification.handlers import BY_TYPE, CONTACT_WAIT
from shared.contracts.access_decisions import RecordClosed, RecordDeleted, RecordOpened, RecordReopened, RightsChanged
from shared.contracts.common import AccessMode, Act, Actor, ActorKind, Body
from shared.contracts.document_events import Consulted, Deposited
from shared.contracts.envelope import Envelope, Message
from shared.contracts.history_events import HistoryConsulted, HistoryUpdated
from shared.contracts.notification_events import Channel, Suppressed
from shared.messaging import Effects

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
RECORD = uuid4()
DOCTOR = Actor(kind=ActorKind.PROFESSIONAL, number="810000000001")
HOSPITAL = Actor(kind=ActorKind.STRUCTURE, number="1750000001")
HOLDER = Actor(kind=ActorKind.PATIENT)
REPRESENTATIVE = Actor(kind=ActorKind.REPRESENTATIVE)


def deposited(actor: Actor = DOCTOR, **changes: Any) -> Deposited:
    return Deposited(deposit=uuid4(), document=uuid4(), actor=actor, type_code="11502-2", class_code="10", **changes)


def consulted(actor: Actor = DOCTOR, mode: AccessMode = AccessMode.NORMAL) -> Consulted:
    return Consulted(request=uuid4(), actor=actor, mode=mode)


def rights(act: Act, **changes: Any) -> RightsChanged:
    return RightsChanged(act=act, actor=HOLDER, professional="810000000002", rights_version=2, **changes)


def updated(*, first: bool) -> HistoryUpdated:
    return HistoryUpdated.model_validate({"insurer": "amo-test", "lines": 3, "first": first})


def handled(body: Body, *, contact: bool = True, message_id: Any = None) -> Effects[Reach, Any]:
    envelope = Envelope(message_id or uuid4(), body.type_name, "document", NOW - timedelta(seconds=1), uuid4())
    message = Message(envelope, str(RECORD), body, "document.events", 0, 0)
    return BY_TYPE[type(body)](message, Reach(contact), NOW)


TOLD = [
    (consulted(), "ACCES_DMP_PS", ""),
    (consulted(HOSPITAL), "ACCES_DMP_PS", ""),
    (consulted(mode=AccessMode.EMERGENCY), "ACCES_BRIS_GLACE", ""),
    (consulted(mode=AccessMode.REGULATION), "ACCES_CENTRE_15", ""),
    (HistoryConsulted(request=uuid4(), actor=DOCTOR), "ACCES_DMP_PS", ""),
    (deposited(), "AJOUT_DOCUMENT", ""),
    (deposited(HOSPITAL), "AJOUT_DOCUMENT", ""),
    (deposited(REPRESENTATIVE), "AJOUT_DOCUMENT", ""),
    (deposited(replaces=uuid4()), "MODIF_DOCUMENT", ""),
    (rights(Act.AUTHORISE), "AUTORISATION_PS", "authorise"),
    (rights(Act.REVOKE), "AUTORISATION_PS", "revoke"),
    (rights(Act.DECLARE), "AUTORISATION_PS", "declare"),
    (rights(Act.BLOCK), "BLOCAGE_PS", "block"),
    (rights(Act.UNBLOCK), "BLOCAGE_PS", "unblock"),
    (RecordOpened(actor=DOCTOR), "OUVERTURE_DOSSIER", ""),
    (RecordClosed(actor=HOLDER), "CLOTURE_DOSSIER", ""),
    (RecordReopened(actor=HOLDER), "REOUVERTURE_DOSSIER", ""),
    (updated(first=True), "PRIMO_ALIM_MHS", ""),
    (RecordDeleted(because="request"), "SUPPRESSION_DEFINITIVE", ""),
]
NOT_TOLD = [
    consulted(HOLDER),
    consulted(REPRESENTATIVE),
    HistoryConsulted(request=uuid4(), actor=HOLDER),
    deposited(HOLDER),
    updated(first=False),
    rights(Act.RELEASE),
]


@pytest.mark.parametrize(("body", "event", "variant"), TOLD)
def test_the_holder_is_told(body: Body, event: str, variant: str) -> None:
    effects = handled(body)
    (delivery,) = [change for change in effects.changes if isinstance(change, Delivery)]
    assert (delivery.event, delivery.variant) == (event, variant)
    assert (delivery.channel, delivery.status) == (Channel.EMAIL, Status.PLANNED)
    assert delivery.record == RECORD
    assert effects.emits == ()


@pytest.mark.parametrize("body", NOT_TOLD)
def test_the_holder_is_not_told(body: Body) -> None:
    effects = handled(body)
    assert effects.changes == ()
    assert effects.emits == ()


def test_every_notice_is_made_by_some_rule() -> None:
    assert {event for _, event, _ in TOLD} == {event.value for event in Event}
    assert {type(body) for body, _, _ in TOLD} == set(RULES)


@pytest.mark.parametrize("body", [consulted(), deposited(), rights(Act.BLOCK), RecordClosed(actor=HOLDER)])
def test_without_a_contact_the_notice_is_suppressed_at_once(body: Body) -> None:
    effects = handled(body, contact=False)
    (delivery,) = effects.changes
    (told,) = effects.emits
    assert (delivery.channel, delivery.status) == (Channel.NONE, Status.SUPPRESSED)
    assert isinstance(told, Suppressed)
    assert (told.notice, told.about, told.channel) == (delivery.notice, delivery.about, Channel.NONE)


def test_a_withheld_document_leaves_a_row_and_no_e_mail() -> None:
    (delivery,) = handled(deposited(withheld=True)).changes
    assert (delivery.channel, delivery.status) == (Channel.NONE, Status.SUPPRESSED)


def test_a_block_is_told_when_it_is_in_force_and_not_before() -> None:
    in_force = NOW + timedelta(seconds=4)
    (later,) = handled(rights(Act.BLOCK, in_force_at=in_force)).changes
    (passed,) = handled(rights(Act.BLOCK, in_force_at=NOW - timedelta(seconds=4))).changes
    assert (later.not_before, passed.not_before) == (in_force, NOW)


def test_ar_055_a_deletion_is_told_once_and_nothing_is_kept_after_it() -> None:
    first, again = RecordDeleted(because="request"), RecordDeleted(because="request", round=2)
    cause = uuid4()
    assert handled(first, message_id=cause).changes[1:] == (Leaving(RECORD, cause),)
    assert handled(again, message_id=cause).changes == (Leaving(RECORD, cause),)


def test_a_new_records_contact_may_come_behind_it() -> None:
    (delivery,) = handled(RecordOpened(actor=DOCTOR), contact=False).changes
    assert (delivery.status, delivery.not_before) == (Status.PLANNED, NOW + CONTACT_WAIT)


def test_the_same_event_makes_the_same_notice_and_another_event_another() -> None:
    cause = uuid4()
    first, again = (handled(consulted(), message_id=cause).changes[0].notice for _ in range(2))
    assert first == again
    assert handled(consulted()).changes[0].notice != first
