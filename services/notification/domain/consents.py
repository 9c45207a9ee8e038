"""Which notices a change of consents, delegations or of a record's life makes.

The holder is told what another did for him, and of lasting choices that anybody who came into his account could make:
opt-outs, what heirs may be given, whether new documents are masked, a request for deletion. Who is invited to act for
him is told of the invitation and of its end.
"""

from collections.abc import Mapping
from typing import Final

from services.notification.domain.notices import Event, Notice, silence_of
from shared.contracts.access_decisions import (
    ConsentChanged,
    DeletionForeseen,
    DeletionRequested,
    LifeChanged,
    OpeningForeseen,
    RecordDeleted,
)
from shared.contracts.common import ActorKind, FurtherAct

ACCEPTED: Final = "ACCEPTED"
"""The state of a delegation that was accepted."""
REQUESTED: Final = "requested"
FORESEEN: Final = "foreseen"
SOON: Final = "soon"
FOR_HOLDER: Final = "for_holder"
"""The variant of a text that is written to the holder, where the other one is written to the delegate."""
_CONSENTS: Final[Mapping[str, Event]] = {
    **dict.fromkeys(
        (
            FurtherAct.AUTHORISE_FOR,
            FurtherAct.CONSENT_SESSION,
            FurtherAct.CONSENT_TEAM,
            FurtherAct.END_TEAM,
            FurtherAct.NAME_ADMINISTRATOR,
            FurtherAct.REMOVE_ADMINISTRATOR,
        ),
        Event.AUTHORISATION,
    ),
    **dict.fromkeys(
        (
            FurtherAct.WISH,
            FurtherAct.OPT_OUT,
            FurtherAct.OPPOSE_HEIRS,
            FurtherAct.AGREE_APP,
            FurtherAct.WITHDRAW_APP,
            FurtherAct.MASK_BY_DEFAULT,
        ),
        Event.SETTINGS,
    ),
}
"""By the text of the act: one that is not known here yet is passed over."""
_LASTING: Final = frozenset({FurtherAct.OPT_OUT, FurtherAct.OPPOSE_HEIRS, FurtherAct.MASK_BY_DEFAULT})
"""Told also where the holder's own account did it."""
_LIFE: Final[Mapping[str, Event]] = {
    FurtherAct.ACTIVATE: Event.OPENED,
    FurtherAct.SUSPEND: Event.SUSPENDED,
    FurtherAct.OBJECT: Event.SUSPENDED,
    FurtherAct.LIFT: Event.REOPENED,
}


def of_consent(body: ConsentChanged) -> tuple[Notice, ...]:
    """A change of consents; a revocation is told when it holds for every read."""
    match body.act:
        case FurtherAct.INVITE:
            return _of_invitation(body)
        case FurtherAct.ANSWER:
            return (_to_holder(body, Event.ACCEPTED if body.state == ACCEPTED else Event.REFUSED),)
        case FurtherAct.END_DELEGATION:
            return _of_end(body)
    event = _CONSENTS.get(body.act)
    if event is None or (_by_holder(body) and body.act not in _LASTING):
        return ()
    return (_to_holder(body, event, body.act),)


def of_life(body: LifeChanged) -> tuple[Notice, ...]:
    """A change of the record's life. A death is told to nobody; that it was told by error is."""
    if body.act in {FurtherAct.COME_OF_AGE, FurtherAct.FORESEE_MAJORITY}:
        return _of_majority(body)
    if body.act == FurtherAct.DECEASE:
        return (_to_holder(body, Event.REOPENED, body.act),) if body.undone else ()
    event = _LIFE.get(body.act)
    return () if event is None or _by_holder(body) else (_to_holder(body, event, body.act),)


def _of_majority(body: LifeChanged) -> tuple[Notice, ...]:
    """The young adult and those who represented him: before it, and when it is so (AR-045)."""
    variant = SOON if body.act == FurtherAct.FORESEE_MAJORITY else ""
    others = (Notice(Event.REPRESENTED_OF_AGE, variant, to=str(one)) for one in body.delegations)
    return Notice(Event.OF_AGE, variant), *others


def of_deletion(body: DeletionRequested) -> tuple[Notice, ...]:
    """A deletion that was asked for: told whoever asked, since nothing comes back of it (AR-055)."""
    return (Notice(Event.DELETED, REQUESTED, body.actor.kind, silence=silence_of(body.actor)),)


def of_archive(_: DeletionForeseen) -> tuple[Notice, ...]:
    """The archive of a closed record is ending: told while its holder may still reopen it (AR-054)."""
    return (Notice(Event.DELETED, FORESEEN),)


def of_deleted(body: RecordDeleted) -> tuple[Notice, ...]:
    """A record that is deleted: told once, however often the deletion is announced (CSP R.1111-36, AR-055).

    Not where the person opposed its opening: there was none.
    """
    return (Notice(Event.DELETED),) if body.round == 1 and body.because != "opposition" else ()


def of_foreseen_opening(_: OpeningForeseen) -> tuple[Notice, ...]:
    """A record that will be opened by itself: told to the person, who may oppose it (AR-001)."""
    return (Notice(Event.OPENING, contact_follows=True),)


def _of_invitation(body: ConsentChanged) -> tuple[Notice, ...]:
    """The invited one; his address comes with the invitation."""
    invited = _to_delegate(body, Event.INVITATION, contact_follows=True)
    return invited if _by_holder(body) else (_to_holder(body, Event.INVITED_FOR), *invited)


def _of_end(body: ConsentChanged) -> tuple[Notice, ...]:
    """Who did not end it himself is told: the delegate, the holder, or both."""
    if body.actor.kind is ActorKind.REPRESENTATIVE and str(body.actor.delegation) == body.subject:
        return (_to_holder(body, Event.ENDED_BY_DELEGATE),)
    told = _to_delegate(body, Event.ENDED)
    return told if _by_holder(body) else (_to_holder(body, Event.ENDED, FOR_HOLDER), *told)


def _by_holder(body: ConsentChanged | LifeChanged) -> bool:
    return body.actor.kind is ActorKind.PATIENT


def _to_delegate(body: ConsentChanged, event: Event, *, contact_follows: bool = False) -> tuple[Notice, ...]:
    if body.subject is None:
        return ()
    silence = silence_of(body.actor)
    told = Notice(event, not_before=body.in_force_at, silence=silence, contact_follows=contact_follows, to=body.subject)
    return (told,)


def _to_holder(body: ConsentChanged | LifeChanged, event: Event, variant: str = "") -> Notice:
    return Notice(event, variant, body.actor.kind, body.in_force_at, silence_of(body.actor))
