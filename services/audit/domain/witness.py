"""Who has destroyed what it kept of a deleted record (AR-055): a confirmation counts once the log has it."""

from typing import Final

from shared.contracts import document_events, history_events, notification_events
from shared.contracts.access_decisions import DeletionAnnounced
from shared.contracts.topics import AUDIT, DOCUMENT, HISTORY, NOTIFICATION

_OWNERS: Final = {
    document_events.RecordDestroyed.type_name: DOCUMENT,
    history_events.RecordDestroyed.type_name: HISTORY,
    notification_events.RecordDestroyed.type_name: NOTIFICATION,
    DeletionAnnounced.type_name: AUDIT,
}


def confirmed_by(type_name: str) -> str | None:
    """The service whose confirmation a message is; the announcement itself is audit's, which destroys on it at once.

    None for every other message.
    """
    return _OWNERS.get(type_name)
