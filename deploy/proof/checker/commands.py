"""Commands as the oracle decides them: who may, in which state, on the version that he saw, and what it changes.

Written from the domain rules (4.7, 4.8), in the broad reasons that the first release knew.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from deploy.proof.checker.administrators import appoint, not_nameable, remove
from deploy.proof.checker.apps import Agreed, not_agreeable
from deploy.proof.checker.delegations import FULL, answer, end, invite, not_delegable
from deploy.proof.checker.life import Life, nobody, of_health
from deploy.proof.checker.oversight import confirm, not_a_colleague
from shared.contracts import record_requests as ask
from shared.contracts.common import Actor, ActorKind, Body
from shared.contracts.reasons import Reason
from shared.contracts.record_documents import MaskByDefault
from shared.contracts.record_extracts import OpposeHeirs
from shared.contracts.record_oversight import ConfirmEmergency, Contest
from shared.contracts.record_requests import DelegationKind, TeamKind

SESSION: Final = timedelta(hours=4)
TEAM: Final = timedelta(days=365)
HARMLESS: Final[frozenset[type[Body]]] = frozenset(
    {
        *(ask.Consult, ask.Authorise, ask.Unblock, ask.Reopen, ask.Release, ask.AuthoriseFor, ask.ConsentSession),
        *(ask.NameAdministrator, ask.Invite, ask.Answer, ask.Activate, ask.Object, ask.Lift),
        *(ConfirmEmergency, Contest),
    }
)
"""What takes access from nobody: one of these that can't be read holds nothing."""
_AUTHORITIES: Final = frozenset({ActorKind.INSURER, ActorKind.OPERATOR})
_OF_AUTHORITIES: Final = (
    *(ask.Suspend, ask.Lift, ask.CloseUncontested, ask.Decease),
    *(ask.DeclareTreatingDoctor, ask.Release),
)
_DUTIES: Final[dict[type[Any], frozenset[ActorKind]]] = {
    ask.DeclareTreatingDoctor: frozenset({ActorKind.INSURER}),
    ask.Release: frozenset({ActorKind.OPERATOR}),
}
_ON_HELD: Final = (*(ask.Block, ask.Revoke, ask.RemoveAdministrator, ask.EndTeam, ask.WithdrawApp, ask.EndDelegation),)
"""Taken while the record is held: they can only restrict."""


def refused(life: Life, body: Any, now: datetime) -> Reason | None:
    """Why a command is denied; None where it is not."""
    return (
        _who(life, body, now)
        or _state(life, body)
        or _secret(life, body, now)
        or _stale(life, body)
        or _rule(life, body, now)
    )


def granted(body: Any) -> Reason:
    """Why a command is permitted."""
    match body.actor.kind:
        case ActorKind.INSURER:
            return Reason.INSURANCE_DECLARATION
        case ActorKind.OPERATOR:
            return Reason.OPERATOR_DUTY
        case ActorKind.PROFESSIONAL:
            return Reason.AUTHORISED
        case _:
            return Reason.HOLDER


def _who(life: Life, body: Any, now: datetime) -> Reason | None:
    if isinstance(body, _OF_AUTHORITIES):
        return None if body.actor.kind in _DUTIES.get(type(body), _AUTHORITIES) else Reason.NO_BRANCH
    return _who_for_holder(life, body, now)


def _who_for_holder(life: Life, body: Any, now: datetime) -> Reason | None:  # noqa: PLR0911 - a list of rules
    actor = body.actor
    match body:
        case ask.AuthoriseFor():
            return _collects_for(life, actor, now)
        case OpposeHeirs() if actor.kind is ActorKind.REPRESENTATIVE:
            return _holders_side(life, body, now) or Reason.NOT_HOLDER  # his own will alone
        case ask.Invite(kind=kind) if kind in FULL:
            return None if actor.kind in _AUTHORITIES else Reason.NOT_HOLDER
        case ask.Answer():
            if actor.kind is not ActorKind.REPRESENTATIVE or actor.delegation != body.delegation:
                return Reason.NOT_HOLDER
            return None if actor.authenticated else Reason.NOT_AUTHENTICATED
        case ask.EndDelegation():
            return _ends(life, body, now)
        case ask.Block() if actor.kind is ActorKind.PROFESSIONAL:
            return nobody(actor) if life.administers(actor.number, now) else Reason.NOT_HOLDER
        case ConfirmEmergency():
            return not_a_colleague(life, body)
        case ask.ConsentSession() | ask.ConsentTeam() | ask.EndTeam() if actor.kind is ActorKind.PROFESSIONAL:
            return _collects(life, body)
        case _:
            return _holders_side(life, body, now)


def _holders_side(life: Life, body: Any, now: datetime) -> Reason | None:
    """The holder, a minor's legal representative, or who is in charge of a protection, with the adult's opinion."""
    actor: Actor = body.actor
    represents = actor.kind is ActorKind.REPRESENTATIVE and actor.delegation is not None
    if actor.app is not None or not (represents or actor.kind is ActorKind.PATIENT):
        return Reason.NOT_HOLDER
    if not actor.authenticated:
        return Reason.NOT_AUTHENTICATED
    if not represents or actor.delegation is None:
        return None
    known = life.delegations.get(actor.delegation)
    if known is not None and known.state == "ACCEPTED" and known.kind is DelegationKind.LEGAL_REPRESENTATION:
        return None if life.is_minor(now) else Reason.NO_BRANCH
    protects = known is not None and known.state == "ACCEPTED" and known.kind is DelegationKind.PROTECTED_ADULT
    return None if protects and getattr(body, "opinion", None) is not None else Reason.NO_BRANCH


def _collects_for(life: Life, actor: Actor, now: datetime) -> Reason | None:
    if actor.kind is not ActorKind.PROFESSIONAL:
        return Reason.NOT_HOLDER
    if reason := _no_collector(life, actor):
        return reason
    treats = life.treating is not None and actor.number == life.treating
    return None if of_health(actor) and (treats or life.in_team(actor, now)) else Reason.NOT_HOLDER


def _no_collector(life: Life, actor: Actor) -> Reason | None:
    return nobody(actor) or life.bars(actor)


def _collects(life: Life, body: Any) -> Reason | None:
    """A professional declares a consent of his own, of where he acts, or the end of his care."""
    actor: Actor = body.actor
    if isinstance(body, ask.ConsentSession):
        mine = body.professional in {None, actor.number} and body.structure in {None, actor.structure}
        return _no_collector(life, actor) if mine else Reason.NOT_HOLDER
    if isinstance(body, ask.EndTeam):
        mine = body.team in {actor.number, actor.structure, actor.team}
    else:
        own = {TeamKind.STRUCTURE: actor.structure, TeamKind.FORMALISED: actor.team}
        mine = body.team == own.get(body.kind)
    return _no_collector(life, actor) or (None if mine else Reason.NOT_HOLDER)


def _ends(life: Life, body: Any, now: datetime) -> Reason | None:
    actor, known = body.actor, life.delegations.get(body.delegation)
    if actor.kind in _AUTHORITIES:
        return None
    if actor.kind is ActorKind.REPRESENTATIVE and actor.delegation == body.delegation:
        return None if actor.authenticated else Reason.NOT_AUTHENTICATED
    return Reason.NOT_HOLDER if known is not None and known.kind in FULL else _holders_side(life, body, now)


def _state(life: Life, body: Any) -> Reason | None:  # noqa: PLR0911 - a list of rules
    if not life.exists:
        return Reason.NO_RECORD
    if life.deletion:
        return None if isinstance(body, ask.RequestDeletion) else Reason.RECORD_CLOSED
    if isinstance(body, ask.DeclareTreatingDoctor | ask.Release | ask.Decease):
        return None
    held = Reason.RECORD_HELD if life.held else None
    gone = Reason.RECORD_CLOSED if life.deceased else None
    match body:
        case ask.Close():
            return gone or (Reason.RECORD_CLOSED if life.closed else None)
        case ask.Reopen():
            return gone or (Reason.RECORD_SUSPENDED if life.suspended else None) or held
        case ask.Suspend() | Contest():
            return gone
        case ask.Object() | ask.Lift() | ask.CloseUncontested():
            return gone or (None if life.suspended else Reason.NO_BRANCH)
        case ask.RequestDeletion():
            return gone or held
        case _:
            return life.out_of_use() or (None if isinstance(body, _ON_HELD) else held)


def _secret(life: Life, body: Any, now: datetime) -> Reason | None:
    """A secret connection is a minor's; where nobody looked whether the holder is one, it is taken for one."""
    adult = life.majority is not None and not life.is_minor(now)
    return Reason.NO_BRANCH if adult and body.actor.secret else None


def _stale(life: Life, body: Any) -> Reason | None:
    overtaken = isinstance(body, ask.RightsCommand) and body.rights_version != life.version
    return Reason.STALE_RIGHTS if overtaken else None


def _rule(life: Life, body: Any, now: datetime) -> Reason | None:  # noqa: PLR0911 - a list of rules
    past = Reason.NO_BRANCH if getattr(body, "until", None) is not None and body.until <= now else None
    match body:
        case ask.Block():
            return Reason.NOT_BLOCKABLE if body.professional == life.treating else None
        case ask.Authorise():
            return Reason.BLOCKED if body.professional in life.blocked else None
        case ask.AuthoriseFor():
            return Reason.BLOCKED if body.professional in life.blocked else past
        case ask.NameAdministrator():
            return not_nameable(life, body, now)
        case ask.ConsentSession():
            number, _ = session(body)
            blocked = number in life.blocked and number != life.treating
            return (Reason.BLOCKED if blocked else past) if number else Reason.NO_BRANCH
        case ask.ConsentTeam():
            return past
        case ask.AgreeApp():
            return Reason.NO_BRANCH if not_agreeable(life.register, life.opted_out, body, now) else None
        case ask.CloseUncontested():
            return Reason.NO_BRANCH  # no run lasts six weeks
        case _:
            return not_delegable(life, body, past, now)


def session(body: ask.ConsentSession) -> tuple[str, str]:
    """Whose consultation it is, and where."""
    himself = body.actor.kind is ActorKind.PROFESSIONAL
    number = body.actor.number if himself else body.professional
    structure = body.actor.structure if himself else body.structure
    return number or "", structure or ""


def apply(life: Life, body: Any, now: datetime) -> bool:
    """Do a permitted command; True where it changed something that raises the version of the rights."""
    change = _OF_RECORD.get(type(body)) or _OF_PEOPLE.get(type(body))
    changed = change(life, body, now) if change is not None else False
    life.note_use()
    return changed


def _set(life: Life, **values: Any) -> bool:
    changed = any(getattr(life, name) != value for name, value in values.items())
    for name, value in values.items():
        setattr(life, name, value)
    return changed


def _release(life: Life, _body: Any, _now: datetime) -> bool:
    life.held = False
    return False


def _suspend(life: Life, _body: Any, _now: datetime) -> bool:
    return False if life.suspended else _set(life, suspended=True, objected=False)


def _wish(life: Life, body: Any, _now: datetime) -> bool:
    return _set(life, **{name: getattr(body.wishes, name) for name in ("break_glass", "regulation", "masked")})


def _authorise(life: Life, body: Any, now: datetime) -> bool:
    """To authorise once more the same way counts as a change: it may have been meant to."""
    if not life.may_read_now(body.professional, now):
        life.administrators.pop(body.professional, None)
    life.authorised[body.professional] = body.until
    return True


def _authorise_for(life: Life, body: Any, now: datetime) -> bool:
    return not life.may_read_now(body.professional, now) and _authorise(life, body, now)


def _end_all(life: Life, number: str) -> bool:
    """End whatever was given to a professional."""
    gone = [key for key in life.sessions if key[0] == number]
    for key in gone:
        del life.sessions[key]
    life.administrators.pop(number, None)
    had = number in life.authorised
    life.authorised.pop(number, None)
    return had or bool(gone)


def _revoke(life: Life, body: Any, _now: datetime) -> bool:
    return body.professional not in life.blocked and _end_all(life, body.professional)


def _block(life: Life, body: Any, _now: datetime) -> bool:
    acted = [one for one in life.delegations.values() if one.professional == body.professional and one.alive]
    for one in acted:
        one.state = "EXPIRED"
    if body.professional in life.blocked:
        return bool(acted)
    _end_all(life, body.professional)
    life.blocked.add(body.professional)
    return True


def _unblock(life: Life, body: Any, _now: datetime) -> bool:
    was = body.professional in life.blocked
    life.blocked.discard(body.professional)
    return was


def _open_session(life: Life, body: Any, now: datetime) -> bool:
    until = min(body.until or now + SESSION, now + SESSION)
    known = life.sessions.get(session(body))
    if known is not None and known >= until:
        return False
    life.sessions[session(body)] = until
    return True


def _open_team(life: Life, body: Any, now: datetime) -> bool:
    """Who collects never shortens what stands; the holder may."""
    until = min(body.until or now + TEAM, now + TEAM)
    known = life.teams.get(body.team)
    collected = body.actor.kind is ActorKind.PROFESSIONAL
    if collected and known is not None and known[0] is body.kind and known[1] > now and known[1] >= until:
        return False
    life.teams[body.team] = (body.kind, until)
    return True


def _end_team(life: Life, body: Any, _now: datetime) -> bool:
    return life.teams.pop(body.team, None) is not None


def _agree(life: Life, body: Any, _now: datetime) -> bool:
    before = life.apps.get(body.app)
    life.apps[body.app] = Agreed(body.scopes, body.until)
    return before != life.apps[body.app]


_OF_RECORD: Final[dict[type[Any], Any]] = {
    ask.Activate: lambda life, _body, _now: _set(life, activated=True),
    ask.Close: lambda life, _body, _now: _set(life, closed=True),
    ask.Reopen: lambda life, _body, _now: _set(life, closed=False),
    ask.Suspend: _suspend,
    ask.Object: lambda life, _body, _now: _set(life, objected=True),
    ask.Lift: lambda life, _body, _now: _set(life, suspended=False, objected=False),
    ask.Decease: lambda life, body, _now: _set(life, deceased=not body.undone),
    ask.RequestDeletion: lambda life, _body, _now: _set(life, deletion=True),
    ask.DeclareTreatingDoctor: lambda life, body, _now: _set(life, treating=body.professional),
    ask.Release: _release,
    ask.Wish: _wish,
    MaskByDefault: lambda life, body, _now: _set(life, masks_by_default=body.masked),
    OpposeHeirs: lambda life, body, _now: _set(life, heirs_opposed=body.opposed),
    ask.OptOut: lambda life, body, _now: _set(life, opted_out=body.functions),
}
_OF_PEOPLE: Final[dict[type[Any], Any]] = {
    ask.Authorise: _authorise,
    ask.AuthoriseFor: _authorise_for,
    ask.Revoke: _revoke,
    ask.Block: _block,
    ask.Unblock: _unblock,
    ask.NameAdministrator: appoint,
    ask.RemoveAdministrator: remove,
    ask.ConsentSession: _open_session,
    ask.ConsentTeam: _open_team,
    ask.EndTeam: _end_team,
    ask.Invite: invite,
    ask.Answer: answer,
    ask.EndDelegation: end,
    ConfirmEmergency: confirm,
    ask.AgreeApp: _agree,
    ask.WithdrawApp: lambda life, body, _now: life.apps.pop(body.app, None) is not None,
}
