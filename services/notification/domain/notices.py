"""Which event makes which notice to the holder (domain rules of notifications; CSP R.1111-43 ff.).

By default each access by a professional is told, not only the first. What the holder does himself is not told to him,
except changes of rights, so that he learns of one that he did not make.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.contracts.access_decisions import RecordClosed, RecordDeleted, RecordOpened, RecordReopened, RightsChanged
from shared.contracts.common import AccessMode, Act, ActorKind, Body
from shared.contracts.document_events import Consulted, Deposited
from shared.contracts.history_events import HistoryConsulted, HistoryUpdated


class Event(StrEnum):
    """Codes of notices, as Mon espace santé names them; `data/notification_events.csv` has their texts."""

    ACCESS = "ACCES_DMP_PS"
    EMERGENCY_ACCESS = "ACCES_BRIS_GLACE"
    REGULATION_ACCESS = "ACCES_CENTRE_15"
    DOCUMENT_ADDED = "AJOUT_DOCUMENT"
    DOCUMENT_CHANGED = "MODIF_DOCUMENT"
    HISTORY_STARTED = "PRIMO_ALIM_MHS"
    AUTHORISATION = "AUTORISATION_PS"
    BLOCK = "BLOCAGE_PS"
    OPENED = "OUVERTURE_DOSSIER"
    CLOSED = "CLOTURE_DOSSIER"
    REOPENED = "REOUVERTURE_DOSSIER"
    DELETED = "SUPPRESSION_DEFINITIVE"


@dataclass(frozen=True, slots=True)
class Notice:
    """What the holder is to be told."""

    event: Event
    variant: str = ""
    """Which of an event's texts: the act, where one code stands for several."""
    who: ActorKind | None = None
    """Who acted, by kind only: names and numbers stay out of e-mails."""
    not_before: datetime | None = None
    """Earliest moment; None is at once."""
    secret: bool = False
    """Recorded and not sent: nothing may reveal it (INVISIBLE_PATIENT, AR-029)."""
    contact_follows: bool = False
    """The contact may arrive a moment after the event: it is looked for when the notice is sent."""


_ACCESS = {
    AccessMode.NORMAL: Event.ACCESS,
    AccessMode.EMERGENCY: Event.EMERGENCY_ACCESS,
    AccessMode.REGULATION: Event.REGULATION_ACCESS,
}
_RIGHTS = {
    Act.AUTHORISE: Event.AUTHORISATION,
    Act.REVOKE: Event.AUTHORISATION,
    Act.DECLARE: Event.AUTHORISATION,
    Act.BLOCK: Event.BLOCK,
    Act.UNBLOCK: Event.BLOCK,
}
_STRANGERS = (ActorKind.PROFESSIONAL, ActorKind.STRUCTURE)


def of_access(body: Consulted | HistoryConsulted) -> Notice | None:
    """A read: told where a professional read, never where the holder's own side did."""
    if body.actor.kind not in _STRANGERS:
        return None
    return Notice(_ACCESS[body.mode], who=body.actor.kind)


def of_deposit(body: Deposited) -> Notice | None:
    """A document: told unless the holder deposited it himself; of a withheld one only the ledger knows."""
    if body.actor.kind is ActorKind.PATIENT:
        return None
    event = Event.DOCUMENT_CHANGED if body.replaces else Event.DOCUMENT_ADDED
    return Notice(event, who=body.actor.kind, secret=body.withheld)


def of_rights(body: RightsChanged) -> Notice | None:
    """A change of rights: told when it holds for every read, that is when the last permit before it has run out."""
    event = _RIGHTS.get(body.act)
    if event is None:
        return None
    return Notice(event, body.act, body.actor.kind, body.in_force_at)


def of_opening(body: RecordOpened) -> Notice:
    """A new record; its contact comes right behind it."""
    return Notice(Event.OPENED, who=body.actor.kind, contact_follows=True)


def of_closure(body: RecordClosed) -> Notice:
    """A closed record."""
    return Notice(Event.CLOSED, who=body.actor.kind)


def of_reopening(body: RecordReopened) -> Notice:
    """A record open again."""
    return Notice(Event.REOPENED, who=body.actor.kind)


def of_deletion(body: RecordDeleted) -> Notice | None:
    """A record that is deleted: told once, however often the deletion is announced (CSP R.1111-36, AR-055).

    Not where the person opposed its opening: there was none.
    """
    return Notice(Event.DELETED) if body.round == 1 and body.because != "opposition" else None


def of_history(body: HistoryUpdated) -> Notice | None:
    """Reimbursed care: told the first time only."""
    return Notice(Event.HISTORY_STARTED) if body.first else None


RULES: Mapping[type[Body], Callable[[Any], Notice | None]] = {
    Consulted: of_access,
    HistoryConsulted: of_access,
    Deposited: of_deposit,
    RightsChanged: of_rights,
    RecordOpened: of_opening,
    RecordClosed: of_closure,
    RecordReopened: of_reopening,
    RecordDeleted: of_deletion,
    HistoryUpdated: of_history,
}
"""Events that can make a notice; no other makes one."""
