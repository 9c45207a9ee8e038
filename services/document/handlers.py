"""What each decision does: pure functions from a message and the record's documents to rows and events."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.document.domain.acts import Done, along, carried_out
from services.document.domain.masks import MASKED, ByDefault
from services.document.domain.reminders import InUse, Treated, in_use
from services.document.domain.settlement import (
    IN_RECORD,
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
    ConsentChanged,
    Decided,
    DeletionAnnounced,
    LifeChanged,
    Order,
    Outcome,
    RecordClosed,
    RecordReopened,
    RightsChanged,
    TreatingDoctorKnown,
)
from shared.contracts.common import Act, Actor, ActorKind, FurtherAct
from shared.contracts.document_changes import ActRefused, DocumentChanged
from shared.contracts.document_events import Deposited, DepositRefused, DocumentHeld, RecordDestroyed
from shared.contracts.envelope import Message
from shared.contracts.reasons import Reason
from shared.messaging import Effects, Failed, Handlers

_CONSULT: Final = f'"act":"{Act.CONSULT}"'.encode()
Change = Settled | Destroyed | Treated | InUse | ByDefault
"""What the lane writes."""
_Effects = Effects[Entries, Change]


def deposit_of(message: Message[Any]) -> UUID | None:
    """The deposit that a decision is about, or None.

    A request that access_control could not read is decided with the act `unknown`; what it was follows from the
    correlation, and a deposit must not wait for ever. An act for which `unknown` merely stands has a word of its own.
    """
    decision = _decision(message)
    if decision is None:
        return None
    if decision.act is Act.DEPOSIT:
        request: UUID = decision.request
        return request
    return message.envelope.correlation if decision.act is Act.UNKNOWN and decision.further_act is None else None


def named_by(message: Message[Any]) -> UUID | None:
    """The document to which a decision permits an act; what it replaced is to be loaded with it."""
    order = _order(_decision(message))
    return order.document if order is not None else None


def _decision(message: Message[Any]) -> Decided | None:
    body = message.body
    # the usual kind first: that something is no instance of a model is found out far more slowly than that it is one
    decision = body if isinstance(body, Decided) else body.original if isinstance(body, Failed) else None
    return decision if isinstance(decision, Decided) else None


def _order(decision: Decided | None) -> Order | None:
    """What is permitted to be done to a document; a denial orders nothing, whatever stands in it."""
    return decision.order if decision is not None and decision.outcome is Outcome.PERMIT else None


def of_a_read(payload: bytes) -> bool:
    """True for a decision on a consultation, from its bytes: most are, and none of them is ours.

    Codes hold no quotation marks, so that no value looks like this mark; one written otherwise is read whole.
    """
    return _CONSULT in payload


def decided(message: Message[Decided], entries: Entries, now: datetime) -> _Effects:
    """A permit makes a staged document part of the record, a denial refuses it; an order is carried out.

    Other acts are not ours.
    """
    decision = message.body
    deposit = deposit_of(message)
    if deposit is None:
        order = _order(decision)
        return Effects(entries) if order is None else _ordered(decision, order, entries)
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


def consent_changed(message: Message[ConsentChanged], entries: Entries, _now: datetime) -> _Effects:
    """Note whether the holder wants new documents masked: for whatever is settled from now on (AR-025)."""
    if message.body.act != FurtherAct.MASK_BY_DEFAULT:
        return Effects(entries)
    change = ByDefault(message.record, masked=message.body.state == MASKED)
    settled_from_now = {one: entry._replace(masked_by_default=change.masked) for one, entry in entries.items()}
    return Effects(settled_from_now, (change,))


def failed(message: Message[Failed], entries: Entries, now: datetime) -> _Effects:
    """An unexpected error holds this document alone; nothing of it is shown until an operator looks at it."""
    decision = _decision(message)
    order = _order(decision)
    if decision is not None and order is not None:
        return _act_failed(decision, order, entries)
    deposit = deposit_of(message)
    staged = entries.get(deposit) if deposit else None
    if staged is None or staged.status not in OPEN:
        return Effects(entries)
    held = Settled(staged.id, Status.HELD, now, Reason.INTERNAL_ERROR)
    return Effects(entries, (held,), (DocumentHeld(deposit=staged.id),))


def _ordered(decision: Decided, order: Order, entries: Entries) -> _Effects:
    act, actor, request = decision.further_act, decision.actor, decision.request
    if act is None or actor is None:
        return Effects(entries)
    done = carried_out(entries, order, act, actor.kind, request)
    if done.refused is not None:
        body = ActRefused(act=act, document=order.document, actor=actor, request=request, reason=done.refused)
        return Effects(done.entries, done.changes, (body,))
    return Effects(done.entries, done.changes, changed(done, act, actor, request))


def changed(done: Done, act: str, actor: Actor, request: UUID | None = None) -> tuple[DocumentChanged, ...]:
    """What is told of an act that was done to a document, also where it was so before, and of its older versions."""
    document = done.document
    if document is None:
        return ()

    def told(one: Entry, *, changed: bool, came_into_view: bool, version_of: UUID | None) -> DocumentChanged:
        return DocumentChanged(
            act=act,
            document=one.id,
            actor=actor,
            request=request,
            changed=changed,
            version=one.version,
            masked=one.masked,
            withheld=one.withheld,
            hidden_from_representatives=one.hidden,
            came_into_view=came_into_view,
            version_of=version_of,
        )

    first = told(document, changed=done.changed, came_into_view=done.came_into_view, version_of=None)
    older = (told(one, changed=True, came_into_view=False, version_of=document.id) for one in done.older)
    return (first, *older)


def _act_failed(decision: Decided, order: Order, entries: Entries) -> _Effects:
    """What was to be masked, hidden or deleted is shown to nobody, until the same request is done after all.

    With it the older versions to which the act would have been done.
    """
    found = entries.get(order.document)
    if found is None or found.status not in IN_RECORD or found.held_by is not None:
        return Effects(entries)
    older = along(entries, found, decision.further_act)
    held = [one._replace(held_by=decision.request) for one in (found, *older) if one.held_by is None]
    return Effects(
        entries | {one.id: one for one in held},
        tuple(Settled(one.id, Status(one.status), held_by=one.held_by) for one in held),
        tuple(DocumentHeld(deposit=one.id) for one in held),
    )


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
    ConsentChanged: consent_changed,
    Failed: failed,
}
