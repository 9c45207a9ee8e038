"""What each decision does: pure functions from a message and the record's documents to rows and events."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.document.domain.reminders import InUse, Treated, in_use
from services.document.domain.settlement import (
    OPEN,
    Destroyed,
    Entries,
    Entry,
    Settled,
    Settlement,
    Status,
    permitted,
    refused,
)
from shared.contracts.access_decisions import (
    Decided,
    DeletionAnnounced,
    LifeChanged,
    Outcome,
    RecordClosed,
    RecordReopened,
    RightsChanged,
    TreatingDoctorKnown,
)
from shared.contracts.common import Act, Actor, ActorKind
from shared.contracts.document_events import Deposited, DepositRefused, DocumentHeld, RecordDestroyed
from shared.contracts.envelope import Message
from shared.contracts.reasons import Reason
from shared.messaging import Effects, Failed, Handlers

_CONSULT: Final = f'"act":"{Act.CONSULT}"'.encode()
Change = Settled | Destroyed | Treated | InUse
"""What the lane writes."""
_Effects = Effects[Entries, Change]


def deposit_of(message: Message[Any]) -> UUID | None:
    """The deposit that a decision is about, or None.

    A request that access_control could not read is decided with the act `unknown`; what it was follows from the
    correlation, and a deposit must not wait for ever.
    """
    body = message.body
    # the usual kind first: that something is no instance of a model is found out far more slowly than that it is one
    decision = body if isinstance(body, Decided) else body.original if isinstance(body, Failed) else None
    if not isinstance(decision, Decided):
        return None
    if decision.act is Act.DEPOSIT:
        request: UUID = decision.request
        return request
    return message.envelope.correlation if decision.act is Act.UNKNOWN else None


def of_a_read(payload: bytes) -> bool:
    """True for a decision on a consultation, from its bytes: most are, and none of them is ours.

    Codes hold no quotation marks, so that no value looks like this mark; one written otherwise is read whole.
    """
    return _CONSULT in payload


def decided(message: Message[Decided], entries: Entries, now: datetime) -> _Effects:
    """A permit makes a staged document part of the record, a denial refuses it; other acts are not ours."""
    deposit = deposit_of(message)
    if deposit is None:
        return Effects(entries)
    decision = message.body
    staged = entries.get(deposit)
    if staged is None:
        return _not_staged(decision, deposit, entries)
    if staged.status not in OPEN:
        return Effects(entries)
    actor = decision.actor or _actor(staged)
    if decision.outcome is Outcome.PERMIT and decision.act is Act.DEPOSIT:
        return _told(permitted(entries, staged, now), actor)
    because = ",".join(reason.value for reason in decision.reasons)
    return _told(refused(entries, staged, Reason.DENIED, now, because), actor)


def deleted(message: Message[DeletionAnnounced], _entries: Entries, _now: datetime) -> _Effects:
    """Destroy the record's key, documents and contents, and confirm; as often as it is announced (AR-055)."""
    return Effects({}, (Destroyed(message.record),), (RecordDestroyed(),))


def rights_changed(message: Message[RightsChanged], entries: Entries, _now: datetime) -> _Effects:
    """Note the médecin traitant whom the insurance declared: he is reminded of his yearly summary (AR-006)."""
    if message.body.act is not Act.DECLARE:
        return Effects(entries)
    return Effects(entries, (Treated(message.record, message.body.professional),))


def doctor_known(message: Message[TreatingDoctorKnown], entries: Entries, _now: datetime) -> _Effects:
    """Note a médecin traitant who was declared before this service noted any."""
    return Effects(entries, (Treated(message.record, message.body.professional),))


def life_changed(
    message: Message[RecordClosed] | Message[RecordReopened] | Message[LifeChanged], entries: Entries, _now: datetime
) -> _Effects:
    """Note whether anybody is to be reminded of anything on this record."""
    used = in_use(message.body)
    return Effects(entries, (InUse(message.record, used),) if used is not None else ())


def failed(message: Message[Failed], entries: Entries, now: datetime) -> _Effects:
    """An unexpected error holds this document alone; nothing of it is shown until an operator looks at it."""
    deposit = deposit_of(message)
    staged = entries.get(deposit) if deposit else None
    if staged is None or staged.status not in OPEN:
        return Effects(entries)
    held = Settled(staged.id, Status.HELD, now, Reason.INTERNAL_ERROR)
    return Effects(entries, (held,), (DocumentHeld(deposit=staged.id),))


def _not_staged(decision: Decided, deposit: UUID, entries: Entries) -> _Effects:
    """A decision on a deposit that is not here: impossible while this service alone asks for deposits."""
    if decision.act is not Act.DEPOSIT or decision.actor is None:
        return Effects(entries)
    return Effects(entries, (), (DepositRefused(deposit=deposit, actor=decision.actor, reason=Reason.NOT_STAGED),))


def _told(settlement: Settlement, actor: Actor) -> _Effects:
    document = settlement.document
    event: Deposited | DepositRefused
    if settlement.refused is not None:
        event = DepositRefused(deposit=document.id, actor=actor, reason=settlement.refused)
    else:
        event = Deposited(
            deposit=document.id,
            document=document.id,
            actor=actor,
            type_code=document.type_code,
            class_code=document.class_code,
            replaces=settlement.target,
            masked=document.masked,
            withheld=document.withheld,
            hidden_from_representatives=document.hidden,
        )
    return Effects(settlement.entries, settlement.changes, (event,))


def _actor(staged: Entry) -> Actor:
    kind, _, number = staged.submitter.partition(":")
    return Actor(kind=ActorKind(kind), number=number or None, structure=staged.submitter_structure)


BY_TYPE: Final[Handlers[Entries, Change]] = {
    Decided: decided,
    DeletionAnnounced: deleted,
    RightsChanged: rights_changed,
    TreatingDoctorKnown: doctor_known,
    RecordClosed: life_changed,
    RecordReopened: life_changed,
    LifeChanged: life_changed,
    Failed: failed,
}
