"""Events as they come, and what the handlers make of them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.notification.domain.deliveries import Change, Delivery, Reach
from services.notification.handlers import by_type
from shared.contracts.access_decisions import ConsentChanged, Decided, Emergency, LifeChanged, Outcome, RightsChanged
from shared.contracts.common import AccessMode, Act, Actor, ActorKind, Body
from shared.contracts.document_changes import DocumentChanged
from shared.contracts.document_events import Consulted, Deposited
from shared.contracts.envelope import Envelope, Message
from shared.contracts.reasons import Reason
from shared.messaging import Effects

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
WINDOW = timedelta(minutes=30)
RECORD = UUID("11111111-1111-4111-8111-111111111111")
DOCTOR = Actor(kind=ActorKind.PROFESSIONAL, number="810000000001")
OTHER_DOCTOR = Actor(kind=ActorKind.PROFESSIONAL, number="810000000009")
HOSPITAL = Actor(kind=ActorKind.STRUCTURE, number="1750000001")
HOLDER = Actor(kind=ActorKind.PATIENT)
INSURER = Actor(kind=ActorKind.INSURER, number="amo-test")
OPERATOR = Actor(kind=ActorKind.OPERATOR, number="op-1")
DELEGATION = uuid4()
REPRESENTATIVE = Actor(kind=ActorKind.REPRESENTATIVE, delegation=DELEGATION)
TREATING = "810000000077"
BY_TYPE = by_type(WINDOW)


def in_secret(actor: Actor) -> Actor:
    return actor.model_copy(update={"secret": True})


def deposited(actor: Actor = DOCTOR, document: UUID | None = None, **changes: Any) -> Deposited:
    return Deposited(
        deposit=uuid4(), document=document or uuid4(), actor=actor, type_code="11502-2", class_code="10", **changes
    )


def changed(act: str, actor: Actor = DOCTOR, document: UUID | None = None, **changes: Any) -> DocumentChanged:
    given: dict[str, Any] = {"masked": False, "withheld": False, "hidden_from_representatives": False, "version": 2}
    return DocumentChanged(act=act, actor=actor, document=document or uuid4(), **(given | changes))


def consulted(actor: Actor = DOCTOR, mode: AccessMode = AccessMode.NORMAL, document: UUID | None = None) -> Consulted:
    return Consulted(request=uuid4(), actor=actor, mode=mode, document=document)


def emergency(actor: Actor = DOCTOR, mode: AccessMode = AccessMode.EMERGENCY, tell: str | None = TREATING) -> Decided:
    told = Emergency(reason="unconscious", tell=tell)
    return decided(actor, mode=mode, emergency=told)


def decided(actor: Actor = DOCTOR, outcome: Outcome = Outcome.PERMIT, **changes: Any) -> Decided:
    given: dict[str, Any] = {"act": Act.CONSULT, "reasons": (Reason.AUTHORISED,)} | changes
    return Decided(request=uuid4(), outcome=outcome, actor=actor, **given)


def refused(*reasons: Reason, **changes: Any) -> Decided:
    return decided(outcome=Outcome.DENY, reasons=reasons, **changes)


def rights(act: Act, actor: Actor = HOLDER, **changes: Any) -> RightsChanged:
    return RightsChanged(act=act, actor=actor, professional="810000000002", rights_version=2, **changes)


def consent(act: str, actor: Actor = DOCTOR, **changes: Any) -> ConsentChanged:
    return ConsentChanged(act=act, actor=actor, rights_version=3, **changes)


def life(act: str, actor: Actor = INSURER, **changes: Any) -> LifeChanged:
    return LifeChanged(act=act, actor=actor, rights_version=3, **changes)


def handled(
    body: Body, reach: Reach | None = None, *, message_id: UUID | None = None, at: datetime = NOW
) -> Effects[Reach, Change]:
    """What comes of an event: of a record whose holder has an address, where nothing else is said."""
    envelope = Envelope(message_id or uuid4(), body.type_name, "document", at, uuid4())
    message = Message(envelope, str(RECORD), body, "document.events", 0, 0)
    return BY_TYPE[type(body)](message, reach or Reach(contact=True), NOW)


def told(body: Body, reach: Reach | None = None) -> list[tuple[str, str, str | None, str | None]]:
    """Event, variant, recipient and reason of silence of each notice."""
    return [
        (one.event, one.variant, one.recipient, one.silence)
        for one in handled(body, reach).changes
        if isinstance(one, Delivery)
    ]
