"""What notification does with an event: begin its notices, or nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.notification.domain.deliveries import (
    Change,
    Death,
    Delivery,
    ExtractCase,
    Leaving,
    Opened,
    Reach,
    Status,
    Waiting,
)
from services.notification.domain.extracts import is_experts
from services.notification.domain.notices import Notice, concealed
from services.notification.domain.rules import RULES
from shared.contracts.access_decisions import LifeChanged, RecordDeleted
from shared.contracts.access_extracts import ExtractChanged
from shared.contracts.common import Actor, ActorKind, FurtherAct
from shared.contracts.document_changes import DocumentChanged
from shared.contracts.document_events import Consulted
from shared.contracts.envelope import Envelope, Message, named_id
from shared.contracts.notification_events import Channel, Suppressed
from shared.contracts.topics import DOCUMENT
from shared.messaging import Effects, Handler, Handlers

CONTACT_WAIT = timedelta(seconds=2)
"""How long a first notice waits for the contact that the gateway brings right behind an opening or an invitation."""

_HOLDER = "holder"


def begin(notice: Notice, message: Message[Any], reach: Reach, now: datetime, window: timedelta) -> Delivery:
    """The ledger's row of a notice, planned or at once suppressed."""
    record, envelope = message.record, message.envelope
    name = f"{notice.to or _HOLDER}/{notice.event}"
    access = named_id(record, f"{name}/{notice.access}") if notice.access is not None else None
    silence = reach.silence(notice, access, envelope.time, window)
    mailed = silence is None
    earliest = now + CONTACT_WAIT if notice.contact_follows else now
    # both moments are access_control's: by this clock, were it ahead, a block would be told while permits are out
    held = notice.not_before - envelope.time if notice.not_before is not None else timedelta()
    return Delivery(
        notice=named_id(envelope.id, name),
        record=record,
        event=notice.event,
        variant=notice.variant,
        who=notice.who,
        about=envelope.id,
        correlation=envelope.correlation,
        channel=Channel.EMAIL if mailed else Channel.NONE,
        status=Status.PLANNED if mailed else Status.SUPPRESSED,
        occurred_at=envelope.time,
        not_before=max(earliest, now + held),
        recipient=notice.to,
        silence=silence,
        subject=access if mailed else _concealed(notice),
    )


def by_type(window: timedelta) -> Handlers[Reach, Change]:
    """The handlers.

    Args:
        window: How long what one professional reads of a record counts as one access.
    """
    handlers = {body: _handler(rule, window) for body, rule in RULES.items()}
    return {
        **handlers,
        DocumentChanged: _opening(handlers[DocumentChanged]),
        LifeChanged: _living(handlers[LifeChanged]),
        ExtractChanged: _naming(handlers[ExtractChanged], handlers[Consulted]),
        Consulted: _taking(handlers[Consulted]),
        RecordDeleted: _leaving(handlers[RecordDeleted]),
    }


def _handler(rule: Callable[[Any], tuple[Notice, ...]], window: timedelta) -> Handler[Reach, Change]:
    def handle(message: Message[Any], reach: Reach, now: datetime) -> Effects[Reach, Change]:
        deliveries = [begin(notice, message, reach, now, window) for notice in rule(message.body)]
        for delivery in deliveries:
            if delivery.subject is not None:
                reach = reach.after(delivery)
        told = [_suppressed(one) for one in deliveries if one.silence is not None]
        return Effects(reach, tuple(deliveries), tuple(told))

    return handle


def _opening(tell: Handler[Reach, Change]) -> Handler[Reach, Change]:
    """What nobody need be kept from knowing any more is not kept silent of any more; then it is told."""

    def handle(message: Message[DocumentChanged], reach: Reach, now: datetime) -> Effects[Reach, Change]:
        body = message.body
        if concealed(body) is not None:
            return tell(message, reach, now)
        told = tell(message, reach.without(body.document), now)
        return told._replace(changes=(Opened(message.record, body.document), *told.changes))

    return handle


def _living(tell: Handler[Reach, Change]) -> Handler[Reach, Change]:
    """A death is noted: of extracts nobody is told after it."""

    def handle(message: Message[LifeChanged], reach: Reach, now: datetime) -> Effects[Reach, Change]:
        told, body = tell(message, reach, now), message.body
        if body.act != FurtherAct.DECEASE:
            return told
        noted = Death(message.record, body.undone)
        return told._replace(state=replace(told.state, deceased=not body.undone), changes=(noted, *told.changes))

    return handle


def _naming(tell: Handler[Reach, Change], tell_taken: Handler[Reach, Change]) -> Handler[Reach, Change]:
    """A case is noted, whatever becomes of it; a court expert's is told to a living holder, with what waited for it."""

    def handle(message: Message[ExtractChanged], reach: Reach, now: datetime) -> Effects[Reach, Change]:
        case, experts = message.body.case, is_experts(message.body)
        waited = [one for one in reach.waiting if one.case == case]
        others = tuple(one for one in reach.waiting if one.case != case)
        reach = replace(reach, cases={**reach.cases, case: experts}, waiting=others)
        noted: Effects[Reach, Change] = Effects(reach, (ExtractCase(message.record, case, experts),))
        if not experts or reach.deceased:
            return noted
        for handler, one in ((tell, message), *((tell_taken, _taken(message, each)) for each in waited)):
            told = handler(one, noted.state, now)
            noted = Effects(told.state, (*noted.changes, *told.changes), (*noted.emits, *told.emits))
        return noted

    return handle


def _taken(message: Message[ExtractChanged], waited: Waiting) -> Message[Consulted]:
    """What an extract that waited was told by."""
    envelope = Envelope(waited.about, Consulted.type_name, DOCUMENT, waited.occurred_at, waited.correlation)
    body = Consulted(request=waited.request, actor=Actor(kind=ActorKind.OPERATOR), case=waited.case)
    return Message(envelope, message.key, body, message.topic, message.partition, message.offset)


def _taking(tell: Handler[Reach, Change]) -> Handler[Reach, Change]:
    """What a court expert is given is told to a living holder; every other read as ever."""

    def handle(message: Message[Consulted], reach: Reach, now: datetime) -> Effects[Reach, Change]:
        case, request = message.body.case, message.body.request
        if case is None or reach.cases.get(case):
            return Effects(reach) if case is not None and reach.deceased else tell(message, reach, now)
        if case in reach.cases or request in {one.request for one in reach.waiting}:
            return Effects(reach)
        envelope = message.envelope
        waits = Waiting(message.record, case, request, envelope.id, envelope.correlation, envelope.time)
        return Effects(replace(reach, waiting=(*reach.waiting, waits)), (waits,))

    return handle


def _leaving(tell: Handler[Reach, Change]) -> Handler[Reach, Change]:
    """Tell the holder of a deletion for the last time; then how he is reached is destroyed (AR-055)."""

    def handle(message: Message[Any], reach: Reach, now: datetime) -> Effects[Reach, Change]:
        told = tell(message, reach, now)
        return told._replace(changes=(*told.changes, Leaving(message.record, message.id)))

    return handle


def _suppressed(delivery: Delivery) -> Suppressed:
    return Suppressed(
        notice=delivery.notice,
        event=delivery.event,
        channel=Channel.NONE,
        about=delivery.about,
        recipient=delivery.recipient,
        reason=delivery.silence,
    )


def _concealed(notice: Notice) -> UUID | None:
    """The document of which later events are silent, too: where the event itself says that it is concealed."""
    return notice.document if notice.silence is not None and notice.access is None else None
