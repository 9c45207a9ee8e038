"""What notification does with an event: begin a notice, or nothing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from services.notification.domain.deliveries import Delivery, Leaving, Reach, Status
from services.notification.domain.notices import RULES, Notice, of_deletion
from shared.contracts.access_decisions import RecordDeleted
from shared.contracts.envelope import Message, named_id
from shared.contracts.notification_events import Channel, Suppressed
from shared.messaging import Effects, Handler, Handlers

CONTACT_WAIT = timedelta(seconds=2)
"""How long a new record's first notice waits for the contact that the gateway brings right behind the opening."""


def begin(notice: Notice, message: Message[Any], state: Reach, now: datetime) -> Effects[Reach, Delivery | Leaving]:
    """The ledger's row of a notice, planned or at once suppressed."""
    mailed = not notice.secret and (state.contact or notice.contact_follows)
    earliest = now + CONTACT_WAIT if notice.contact_follows else now
    delivery = Delivery(
        notice=named_id(message.id, f"holder/{notice.event}"),
        record=message.record,
        event=notice.event,
        variant=notice.variant,
        who=notice.who,
        about=message.id,
        correlation=message.envelope.correlation,
        channel=Channel.EMAIL if mailed else Channel.NONE,
        status=Status.PLANNED if mailed else Status.SUPPRESSED,
        occurred_at=message.envelope.time,
        not_before=max(earliest, notice.not_before or earliest),
    )
    if mailed:
        return Effects(state, (delivery,))
    told = Suppressed(notice=delivery.notice, event=notice.event, channel=Channel.NONE, about=message.id)
    return Effects(state, (delivery,), (told,))


def _handler(rule: Callable[[Any], Notice | None]) -> Handler[Reach, Delivery | Leaving]:
    def handle(message: Message[Any], state: Reach, now: datetime) -> Effects[Reach, Delivery | Leaving]:
        notice = rule(message.body)
        return Effects(state) if notice is None else begin(notice, message, state, now)

    return handle


def leave(message: Message[RecordDeleted], state: Reach, now: datetime) -> Effects[Reach, Delivery | Leaving]:
    """Tell the holder of a deletion for the last time; then how he is reached is destroyed (AR-055)."""
    told = _handler(of_deletion)(message, state, now)
    return Effects(state, (*told.changes, Leaving(message.record, message.id)), told.emits)


BY_TYPE: Handlers[Reach, Delivery | Leaving] = {
    **{body: _handler(rule) for body, rule in RULES.items()},
    RecordDeleted: leave,
}
