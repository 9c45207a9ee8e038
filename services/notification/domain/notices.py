"""Which event makes which notices, to whom (domain rules of notifications; CSP R.1111-43 ff.): records and documents.

By default each access by a professional is told, not only the first; what he reads within one access is one act, and
told once. What the holder does himself is not told to him, except changes of rights, so that he learns of one that he
did not make. Consents, delegations and the life of a record are in `domain/consents.py`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from shared.contracts.access_decisions import (
    Decided,
    Outcome,
    RecordClosed,
    RecordOpened,
    RecordReopened,
    RightsChanged,
)
from shared.contracts.common import AccessMode, Act, Actor, ActorKind
from shared.contracts.document_changes import DocumentChanged
from shared.contracts.document_events import Consulted, Deposited
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.history_events import HistoryConsulted, HistoryUpdated
from shared.contracts.notification_events import Silence
from shared.contracts.reasons import Reason


class Event(StrEnum):
    """Codes of notices, as Mon espace santé names them; `data/notification_events.csv` has their texts."""

    ACCESS = "ACCES_DMP_PS"
    EMERGENCY_ACCESS = "ACCES_BRIS_GLACE"
    REGULATION_ACCESS = "ACCES_CENTRE_15"
    REFUSED_ACCESS = "REFUS_ACCES_PS"
    DOCUMENT_ADDED = "AJOUT_DOCUMENT"
    DOCUMENT_CHANGED = "MODIF_DOCUMENT"
    DOCUMENT_DELETED = "SUPP_DOC"
    OPENED_BY_TIME = "REMISE_VISIBILITE_AUTO"
    UNANNOUNCED = "RETENTION_2_SEMAINES"
    SUMMARY_DUE = "RAPPEL_VSM"
    HISTORY_STARTED = "PRIMO_ALIM_MHS"
    AUTHORISATION = "AUTORISATION_PS"
    BLOCK = "BLOCAGE_PS"
    SETTINGS = "MODIF_DROITS"
    INVITED_FOR = "AJOUT_ENTOURAGE"
    INVITATION = "PARTAGE_PROFIL_AIDANT"
    ACCEPTED = "ACCORD_PARTAGE_PROFIL"
    REFUSED = "REFUS_PARTAGE_PROFIL"
    ENDED_BY_DELEGATE = "REVOCATION_PAR_AIDANT"
    ENDED = "REVOCATION_PAR_AIDE"
    OF_AGE = "RAPPEL_CONSENT_PASSAGE_MAJO"
    REPRESENTED_OF_AGE = "RAPPEL_CONSENT_RL_PASSAGE_MAJO"
    OPENING = "OUVERTURE_INFO"
    OPENED = "OUVERTURE_DOSSIER"
    SUSPENDED = "CLOTURE_FRAUDE_PREAVIS"
    CLOSED = "CLOTURE_DOSSIER"
    REOPENED = "REOUVERTURE_DOSSIER"
    DELETED = "SUPPRESSION_DEFINITIVE"
    CONTESTED = "CONTESTATION_ACCES"


TREATING: Final = "treating"
"""The variant of a text that is written to the médecin traitant."""


class Notice(NamedTuple):
    """What somebody is to be told; a tuple, since thousands are made each second."""

    event: Event
    variant: str = ""
    """Which of an event's texts: the act, where one code stands for several, or whom it is written to."""
    who: ActorKind | None = None
    """Who acted, by kind only: names and numbers stay out of e-mails."""
    not_before: datetime | None = None
    """Earliest moment; None is at once."""
    silence: Silence | None = None
    """Why it is recorded and not sent, where the event itself says so."""
    contact_follows: bool = False
    """The contact may arrive a moment after the event: it is looked for when the notice is sent."""
    to: str | None = None
    """Directory number of the médecin traitant, or the delegation whose delegate is told; None: the holder."""
    access: str | None = None
    """Who reads: what he reads within one access is told once."""
    document: UUID | None = None
    """The document that was read, or that the notice keeps silent about; likewise a contested access, by its case."""


_EMERGENCIES: Final = {
    AccessMode.EMERGENCY: Event.EMERGENCY_ACCESS,
    AccessMode.REGULATION: Event.REGULATION_ACCESS,
}
_RIGHTS: Final = {
    Act.AUTHORISE: Event.AUTHORISATION,
    Act.REVOKE: Event.AUTHORISATION,
    Act.DECLARE: Event.AUTHORISATION,
    Act.BLOCK: Event.BLOCK,
    Act.UNBLOCK: Event.BLOCK,
}
_STRANGERS: Final = (ActorKind.PROFESSIONAL, ActorKind.STRUCTURE)
_NO_REFUSAL: Final = frozenset(
    {Reason.NO_RECORD, Reason.LATE, Reason.MALFORMED, Reason.UNKNOWN_TYPE, Reason.INTERNAL_ERROR, Reason.RECORD_HELD}
)
"""Denials on account of a machine or an error, not of the holder's rights."""
_ASKED_AGAIN: Final = frozenset(
    {
        FurtherReason.EMERGENCY_REASON_MISSING,
        FurtherReason.EMERGENCY_TEXT_MISSING,
        FurtherReason.SPOKEN_CONSENT_MISSING,
        FurtherReason.RECORD_DECEASED,
    }
)
"""The first three are asked again with what was missing, and told then; after a death nobody is told."""


def of_decision(body: Decided) -> tuple[Notice, ...]:
    """An access in an emergency mode, or one that was refused to a professional. Every other is told when it happened.

    The decision alone names the médecin traitant; so an emergency is told to both by it, at once and in one message
    each, and not again by the reads that follow (AR-037, AR-038).
    """
    if body.act is not Act.CONSULT or body.actor is None or body.actor.kind not in _STRANGERS:
        return ()
    if body.outcome is Outcome.DENY:
        return _of_refusal(body, body.actor)
    return () if body.mode is AccessMode.NORMAL else _of_emergency(body, body.actor)


def _of_refusal(body: Decided, actor: Actor) -> tuple[Notice, ...]:
    if not _NO_REFUSAL.isdisjoint(body.reasons) or not _ASKED_AGAIN.isdisjoint(body.further_reasons):
        return ()
    return (Notice(Event.REFUSED_ACCESS, who=actor.kind, silence=silence_of(actor), access=_reader(actor)),)


def _of_emergency(body: Decided, actor: Actor) -> tuple[Notice, ...]:
    """Once for an emergency, which lasts half an hour: what goes on with it is not told again (AR-039).

    Each one that begins is told, however soon after another: it has a reason of its own. The médecin traitant, for whom
    none begins, reads as in the normal mode: what lies within one access is told once.

    The médecin traitant, who is no representative, is told of a secret connection, too (AR-038, AR-042).
    """
    if body.emergency is not None and body.emergency.first is not None:
        return ()
    event = _EMERGENCIES[body.mode]
    reader = _reader(actor) if Reason.TREATING_DOCTOR in body.reasons else None
    holder = Notice(event, who=actor.kind, silence=silence_of(actor), access=reader)
    tell = body.emergency.tell if body.emergency is not None else None
    if tell is None:
        return (holder,)
    return holder, Notice(event, TREATING, actor.kind, to=tell, access=reader)


def of_access(body: Consulted | HistoryConsulted) -> tuple[Notice, ...]:
    """A read: told where a professional read, never where the holder's own side did; an emergency by its decision."""
    actor = body.actor
    if actor.kind not in _STRANGERS or body.mode is not AccessMode.NORMAL:
        return ()
    document = body.document if isinstance(body, Consulted) else None
    silence = silence_of(actor)
    return (Notice(Event.ACCESS, who=actor.kind, silence=silence, access=_reader(actor), document=document),)


def of_deposit(body: Deposited) -> tuple[Notice, ...]:
    """A document: told unless the holder deposited it himself; of a concealed one only the ledger knows."""
    silence = concealed(body)
    if body.actor.kind is ActorKind.PATIENT and silence is None:
        return ()
    event = Event.DOCUMENT_CHANGED if body.replaces else Event.DOCUMENT_ADDED
    if silence is None:
        return (Notice(event, who=body.actor.kind, silence=silence_of(body.actor)),)
    return (Notice(event, who=body.actor.kind, silence=silence, document=body.document),)


def concealed(body: Deposited | DocumentChanged) -> Silence | None:
    """Why nothing of the document is sent, from now on: flags say so, whoever acts."""
    if body.withheld:
        return Silence.WITHHELD
    return Silence.HIDDEN if body.hidden_from_representatives else None


def of_rights(body: RightsChanged) -> tuple[Notice, ...]:
    """A change of rights: told when it holds for every read, that is when the last permit before it has run out."""
    event = _RIGHTS.get(body.act)
    if event is None:
        return ()
    return (Notice(event, body.act, body.actor.kind, body.in_force_at, silence_of(body.actor)),)


def of_opening(body: RecordOpened) -> tuple[Notice, ...]:
    """A new record; its contact comes right behind it."""
    return (Notice(Event.OPENED, who=body.actor.kind, contact_follows=True),)


def of_closure(body: RecordClosed) -> tuple[Notice, ...]:
    """A closed record."""
    return (Notice(Event.CLOSED, who=body.actor.kind),)


def of_reopening(body: RecordReopened) -> tuple[Notice, ...]:
    """A record open again."""
    return (Notice(Event.REOPENED, who=body.actor.kind),)


def of_history(body: HistoryUpdated) -> tuple[Notice, ...]:
    """Reimbursed care: told the first time only."""
    return (Notice(Event.HISTORY_STARTED),) if body.first else ()


def silence_of(actor: Actor) -> Silence | None:
    """What is done under a minor's secret connection is not sent to an address that may be the parents' (AR-042)."""
    return Silence.CONFIDENTIAL if actor.secret else None


def _reader(actor: Actor) -> str:
    return actor.number or actor.kind.value
