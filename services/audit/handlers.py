"""What audit does with a message: every valid envelope becomes an entry of the log; of a deletion it is witness."""

from datetime import datetime
from typing import Any

from services.audit.domain.events import Entry, Forgotten, of_message
from services.audit.domain.witness import confirmed_by
from shared.contracts.audit_events import RecordDestroyed
from shared.contracts.envelope import Message
from shared.contracts.topics import AUDIT
from shared.messaging import Effects, Handlers, Raw


def append(message: Message[Raw], state: None, _now: datetime) -> Effects[None, Entry | Forgotten]:
    """Keep the message; the log has no state that an entry depends on."""
    entry = of_message(message)
    owner = confirmed_by(entry.type)
    if owner is None:
        return Effects(state, (entry,))
    told = RecordDestroyed(owner=owner)
    changes = (entry, Forgotten(entry.record)) if owner == AUDIT else (entry,)
    return Effects(state, changes, (told,))


def one_state(_message: Message[Any]) -> str:
    """The log is one: there is nothing to load by record."""
    return ""


BY_TYPE: Handlers[None, Entry | Forgotten] = {Raw: append}
