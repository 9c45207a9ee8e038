"""Which notices an extract for a court expert makes: that it was approved, and that it was given out (AR-058, AR-065).

Heirs are given extracts after a death alone, and of a dead holder nobody is told; so what is given out is told under
cases alone that are known to be an expert's, and only while no death was told.
"""

from typing import Final

from services.notification.domain.notices import Event, Notice, silence_of
from shared.contracts.access_extracts import ExtractChanged
from shared.contracts.document_events import Consulted
from shared.contracts.record_extracts import ExtractKind

APPROVED: Final = "extract_approved"
TAKEN: Final = "extract_taken"
_APPROVED: Final = "approved"
"""The state of a case that an operator approved."""


def is_experts(body: ExtractChanged) -> bool:
    """True for the case of a court expert."""
    return body.kind == ExtractKind.COURT_EXPERT


def of_change(body: ExtractChanged) -> tuple[Notice, ...]:
    """A case: told where it was approved, each time anew; never that somebody applied, or was refused."""
    if not is_experts(body) or body.state != _APPROVED:
        return ()
    return (Notice(Event.ACCESS, APPROVED, body.actor.kind, silence=silence_of(body.actor)),)


def of_taking(body: Consulted) -> tuple[Notice, ...]:
    """An extract that is given out: one access, whatever the number of its documents, each of which tells of it."""
    told = Notice(Event.ACCESS, TAKEN, body.actor.kind, silence=silence_of(body.actor), access=str(body.request))
    return (told,)
