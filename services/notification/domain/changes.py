"""Which notices an act on a document makes, or its opening by time.

A document that comes into the holder's view is told of as a new one: its deposit was not. By time it has a text of its
own, which invites to consult (CSP R.1111-53). What is done to a document meanwhile only the ledger knows.

As with deposits the holder is not told of what he does himself, but of a deletion: nothing comes back of it, and
anybody who came into his account could make it. No text says what was done: an e-mail is read by whoever sees the
screen, and masking is itself masked.
"""

from collections.abc import Mapping
from typing import Final

from services.notification.domain.notices import Event, Notice, concealed, silence_of
from shared.contracts.common import ActorKind, FurtherAct
from shared.contracts.document_changes import DocumentChanged

CHANGED: Final = "changed"
"""The variant of a text on a document that was not replaced."""
_CHANGES: Final[Mapping[str, Event]] = {
    FurtherAct.DELETE: Event.DOCUMENT_DELETED,
    **dict.fromkeys(
        (
            FurtherAct.MASK,
            FurtherAct.UNMASK,
            FurtherAct.WITHHOLD,
            FurtherAct.HIDE,
            FurtherAct.REVEAL,
            FurtherAct.ARCHIVE,
            FurtherAct.UNARCHIVE,
        ),
        Event.DOCUMENT_CHANGED,
    ),
}
"""By the text of the act, where nothing came into view; one that is not known here yet is passed over.

What is announced or opens without coming into view is not told: a document that was replaced meanwhile.
"""


def of_change(body: DocumentChanged) -> tuple[Notice, ...]:
    """An act on a document: told unless the holder did it; of a concealed document only the ledger knows.

    An older version that was changed along with it is not told: the event of the one that was named tells.
    """
    event = _event(body)
    if event is None or not body.changed or body.version_of is not None:
        return ()
    if body.actor.kind is ActorKind.PATIENT and event is Event.DOCUMENT_CHANGED:
        return ()
    who = None if event is Event.OPENED_BY_TIME else body.actor.kind
    variant = CHANGED if event is Event.DOCUMENT_CHANGED else ""
    if (silence := concealed(body)) is not None:
        return (Notice(event, variant, who, silence=silence, document=body.document),)
    return (Notice(event, variant, who, silence=silence_of(body.actor)),)


def _event(body: DocumentChanged) -> Event | None:
    if body.came_into_view:
        return Event.OPENED_BY_TIME if body.act == FurtherAct.OPEN_BY_TIME else Event.DOCUMENT_ADDED
    return _CHANGES.get(body.act)
