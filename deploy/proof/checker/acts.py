"""Acts on documents as the oracle decides them: who may ask for them at all. What becomes of them is `documents`'.

Written from the domain rules (4.9), in the broad reasons that the first release knew. They change nothing of a record.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from deploy.proof.checker.life import Life, nobody
from shared.contracts import record_documents as on
from shared.contracts.common import Actor, ActorKind, Body
from shared.contracts.reasons import Reason
from shared.contracts.record_documents import DocumentCommand
from shared.contracts.record_requests import DelegationKind, DelegationScope
from shared.terminology import excluded_sector

HARMLESS: Final[frozenset[type[Body]]] = frozenset({on.Unmask, on.Announce, on.Reveal, on.Archive, on.Unarchive})
"""What takes a document from nobody's sight."""
_AT_REQUEST: Final = (on.Mask, on.Unmask, on.Reveal)
_DEPOSITORS: Final = (on.Archive, on.Unarchive, on.Delete)
_BY_READERS: Final = (on.Mask, on.Announce, on.Archive, on.Unarchive)
_BY_TREATING: Final = (on.Unmask, on.Announce)
Relation = Callable[[Life, Actor, datetime], Reason]
"""By what a professional would read in the normal mode, or why not."""


def decision(life: Life, body: DocumentCommand, now: datetime, relation: Relation) -> Reason:
    """The reason for which an act is permitted or denied."""
    match body.actor.kind:
        case ActorKind.INSURER:
            return Reason.EXCLUDED_ACTOR
        case ActorKind.PATIENT | ActorKind.REPRESENTATIVE:
            return _holders_side(life, body, now)
        case ActorKind.PROFESSIONAL | ActorKind.STRUCTURE:
            return _professional(life, body, now, relation)
        case _:
            return _state(life) or Reason.NO_BRANCH  # no run answers a contested access, so that no case is justified


def _state(life: Life) -> Reason | None:
    return life.out_of_use() or (Reason.RECORD_HELD if life.held else None)


def _secret(life: Life, actor: Actor, now: datetime) -> Reason | None:
    return Reason.NO_BRANCH if actor.secret and not life.is_minor(now) else None


def _holders_side(life: Life, body: DocumentCommand, now: datetime) -> Reason:
    actor = body.actor
    if actor.app is not None:
        return Reason.NOT_HOLDER
    reason = life.out_of_use() if isinstance(body, on.Mask) else _state(life)
    reason = reason or _secret(life, actor, now)
    if reason is None and not actor.authenticated:
        reason = Reason.NOT_AUTHENTICATED
    if reason is None and actor.kind is ActorKind.REPRESENTATIVE:
        reason = _represents(life, body)
    if reason is None and isinstance(body, on.Withhold | on.Announce):
        reason = Reason.NO_BRANCH
    if reason is None and isinstance(body, on.Hide) and not life.is_minor(now):
        reason = Reason.NO_BRANCH
    return reason or Reason.HOLDER


def _represents(life: Life, body: Any) -> Reason | None:
    """Accepted and for what is asked; what is hidden from them, or not for them, is no matter of theirs."""
    known = life.delegations.get(body.actor.delegation)
    if known is None or known.state != "ACCEPTED":
        return Reason.NO_BRANCH
    if isinstance(body, on.Hide | on.Reveal):
        return Reason.NOT_HOLDER
    needed = DelegationScope.DEPOSIT if isinstance(body, _DEPOSITORS) else DelegationScope.RIGHTS
    heard = known.kind is not DelegationKind.PROTECTED_ADULT or body.opinion is not None  # AR-063
    return None if needed in known.scopes and heard else Reason.NO_BRANCH


def _professional(life: Life, body: DocumentCommand, now: datetime, relation: Relation) -> Reason:
    if isinstance(body, on.Delete):
        return _state(life) or _secret(life, body.actor, now) or _feeds(body.actor) or Reason.FEEDING_DUTY
    return _acts(life, body, now) or _permitted(life, body, now, relation)


def _feeds(actor: Actor) -> Reason | None:
    """Why this is nobody who deletes what he fed: a structure by its certificate, a professional in person (AR-053)."""
    if actor.kind is ActorKind.PROFESSIONAL:
        return nobody(actor)
    if actor.number is None:
        return Reason.NOT_AUTHENTICATED
    return Reason.EXCLUDED_SECTOR if actor.sector is not None and excluded_sector(actor.sector) else None


def _acts(life: Life, body: DocumentCommand, now: datetime) -> Reason | None:
    reason = _state(life) or _secret(life, body.actor, now) or nobody(body.actor) or life.bars(body.actor)
    unasked = isinstance(body, _AT_REQUEST) and not body.at_request
    return reason or (Reason.NO_BRANCH if unasked else None)


def _permitted(life: Life, body: DocumentCommand, now: datetime, relation: Relation) -> Reason:
    """The médecin traitant's are all, a reader's are those he reads; of whoever else his own."""
    if isinstance(body, _BY_TREATING) and body.actor.number == life.treating:
        return Reason.TREATING_DOCTOR
    if isinstance(body, _BY_READERS):
        reads = relation(life, body.actor, now)
        if reads in {Reason.TREATING_DOCTOR, Reason.AUTHORISED}:
            return reads
    return Reason.FEEDING_DUTY
