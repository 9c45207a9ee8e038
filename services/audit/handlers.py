"""What audit does with a message: every valid envelope becomes an entry of the log."""

from datetime import datetime
from typing import Any

from services.audit.domain.events import Entry, of_message
from shared.contracts.envelope import Message
from shared.messaging import Effects, Handlers, Raw


def append(message: Message[Raw], state: None, _now: datetime) -> Effects[None, Entry]:
    """Keep the message; the log has no state that an entry depends on."""
    return Effects(state, (of_message(message),))


def one_state(_message: Message[Any]) -> str:
    """The log is one: there is nothing to load by record."""
    return ""


BY_TYPE: Handlers[None, Entry] = {Raw: append}
