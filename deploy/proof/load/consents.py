"""Steps that are not about one professional's authorisation: consents, wishes, delegations, apps, a record's life."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from deploy.proof.load.people import HOLDER, INSURER, OPERATOR, professional
from deploy.proof.load.plan import PROFESSIONALS, Deed, Step
from shared.contracts import record_requests as ask
from shared.contracts.common import Actor, ActorKind, Body, Wishes
from shared.contracts.record_documents import MaskByDefault
from shared.contracts.record_extracts import OpposeHeirs
from shared.contracts.record_requests import (
    AdministratorRole,
    AppScope,
    DelegationKind,
    DelegationScope,
    Function,
    TeamKind,
)

SHORT: Final = timedelta(seconds=3)
"""How long what ends soon lasts."""
_APP: Final = "app-load"
_DELETED: Final = 5
"""One record of so many may be deleted; what comes for it later has to be denied."""
_EACH: Final = 2
"""Carers and protectors of a record: so few that most answers meet an invitation."""
_DELEGATES: Final = 10**9
_PROTECTORS: Final = 2 * 10**9
Made = Callable[[Step, Actor | None, dict[str, Any], datetime], Body]


def delegate(number: int) -> Actor:
    """A carer; each record may have some, under ids that are the same in all of them."""
    identity = UUID(int=_DELEGATES + number % _EACH, version=4)
    return Actor(kind=ActorKind.REPRESENTATIVE, authenticated=True, delegation=identity)


def protector(number: int) -> Actor:
    """Somebody in charge of the holder's protection."""
    identity = UUID(int=_PROTECTORS + number % _EACH, version=4)
    return Actor(kind=ActorKind.REPRESENTATIVE, authenticated=True, delegation=identity)


def request(step: Step, stranger: Actor | None, version: int, now: datetime) -> Body:
    """The message of a step on a record whose rights have this version; a stranger acts where there is one."""
    told = {"actor": stranger or HOLDER, "rights_version": version}
    return DEEDS[step.deed](step, stranger, told, now)


def _number(place: int) -> str:
    return professional(place % PROFESSIONALS).number or ""


def _authorise_for(step: Step, stranger: Actor | None, told: dict[str, Any], now: datetime) -> Body:
    until = now - SHORT if step.number % 7 == 0 else None
    about = _number(step.professional + 1)
    told["actor"] = stranger or professional(step.professional)
    return ask.AuthoriseFor(**told, professional=about, reason_code="absence", until=until)


def _session(step: Step, stranger: Actor | None, told: dict[str, Any], _now: datetime) -> Body:
    """Declared by the professional himself, or given by the holder."""
    doctor = professional(step.professional)
    if step.number % 2 and stranger is None:
        return ask.ConsentSession(**told | {"actor": doctor})
    about = None if step.number % 5 == 0 else doctor.number
    return ask.ConsentSession(**told, professional=about, structure=doctor.structure)


def _team(step: Step, stranger: Actor | None, told: dict[str, Any], now: datetime) -> Body:
    """Mostly one professional as a team of his own: a structure would let all of them read."""
    doctor = professional(step.professional)
    until = now + SHORT if step.number % 4 == 0 else None
    if step.number % 10 == 0 and stranger is None:
        told["actor"] = doctor
        return ask.ConsentTeam(**told, kind=TeamKind.STRUCTURE, team=doctor.structure, until=now + SHORT)
    return ask.ConsentTeam(**told, kind=TeamKind.PROFESSIONAL, team=doctor.number, until=until)


def _end_team(step: Step, stranger: Actor | None, told: dict[str, Any], _now: datetime) -> Body:
    doctor = professional(step.professional)
    told["actor"] = stranger or (doctor if step.number % 3 == 0 else HOLDER)
    return ask.EndTeam(**told, team=doctor.structure if step.number % 10 == 0 else doctor.number)


def _name(step: Step, _stranger: Actor | None, told: dict[str, Any], _now: datetime) -> Body:
    roles = (AdministratorRole.MIDWIFE, AdministratorRole.PHARMACIST, AdministratorRole.DOCTOR)
    return ask.NameAdministrator(**told, professional=_number(step.professional), role=roles[step.number % 5 % 3])


def _invite(step: Step, stranger: Actor | None, told: dict[str, Any], _now: datetime) -> Body:
    """Carers by the holder, protectors by the insurance; now and then for too much, or to represent who is of age."""
    if step.number % 3 == 0:
        told["actor"] = stranger or INSURER
        return ask.Invite(
            **told, delegation=protector(step.professional).delegation, kind=DelegationKind.PROTECTED_ADULT
        )
    if step.number % 10 == 0:
        told["actor"] = stranger or OPERATOR
        minor = DelegationKind.LEGAL_REPRESENTATION
        return ask.Invite(**told, delegation=delegate(step.professional).delegation, kind=minor)
    scopes = {DelegationScope.RIGHTS} if step.number % 7 == 0 else {DelegationScope.READ}
    kind = DelegationKind.CAREGIVING if step.number % 2 else DelegationKind.HEALTHCARE_PROFESSIONAL
    helper = _number(step.professional) if kind is DelegationKind.HEALTHCARE_PROFESSIONAL else None
    told |= {"kind": kind, "scopes": frozenset(scopes), "professional": helper}
    return ask.Invite(**told, delegation=delegate(step.professional).delegation)


def _answer(step: Step, stranger: Actor | None, told: dict[str, Any], _now: datetime) -> Body:
    invited = protector(step.professional) if step.number % 3 == 0 else delegate(step.professional)
    told["actor"] = stranger or invited
    return ask.Answer(**told, delegation=invited.delegation, accepted=step.number % 5 != 0)


def _end_delegation(step: Step, stranger: Actor | None, told: dict[str, Any], _now: datetime) -> Body:
    invited = protector(step.professional) if step.number % 3 == 0 else delegate(step.professional)
    told["actor"] = stranger or (invited if step.number % 2 else HOLDER)
    return ask.EndDelegation(**told, delegation=invited.delegation)


def _wish(step: Step, _stranger: Actor | None, told: dict[str, Any], _now: datetime) -> Body:
    wishes = Wishes(break_glass=step.number % 3 != 0, regulation=step.number % 4 != 0, masked=step.number % 2 == 0)
    return ask.Wish(**told, wishes=wishes)


def _opt_out(step: Step, _stranger: Actor | None, told: dict[str, Any], _now: datetime) -> Body:
    functions = {Function.APPS} if step.number % 2 else set()
    return ask.OptOut(**told, functions=frozenset(functions))


def _oppose(step: Step, stranger: Actor | None, told: dict[str, Any], _now: datetime) -> Body:
    """By the holder himself; now and then by who protects him, who may not."""
    if stranger is None and step.number % 5 == 0:
        told |= {"actor": protector(step.professional), "opinion": "agrees"}
    return OpposeHeirs(**told, opposed=step.number % 3 != 0)


def _by_authority(kind: type[Body], **more: Any) -> Made:
    def made(step: Step, stranger: Actor | None, _told: dict[str, Any], _now: datetime) -> Body:
        return kind(actor=stranger or (INSURER if step.number % 2 else OPERATOR), **more)

    return made


def _deletion(step: Step, _stranger: Actor | None, told: dict[str, Any], _now: datetime) -> Body:
    overtaken = step.record % _DELETED != _DELETED - 1
    return ask.RequestDeletion(**told | {"rights_version": told["rights_version"] - overtaken})


DEEDS: Final[Mapping[Deed, Made]] = MappingProxyType(
    {
        Deed.AUTHORISE_FOR: _authorise_for,
        Deed.SESSION: _session,
        Deed.TEAM: _team,
        Deed.END_TEAM: _end_team,
        Deed.NAME: _name,
        Deed.REMOVE: lambda step, _, told, __: ask.RemoveAdministrator(**told, professional=_number(step.professional)),
        Deed.WISH: _wish,
        Deed.OPT_OUT: _opt_out,
        Deed.MASK_BY_DEFAULT: lambda step, _, told, __: MaskByDefault(**told, masked=step.number % 3 != 0),
        Deed.OPPOSE_HEIRS: _oppose,
        Deed.INVITE: _invite,
        Deed.ANSWER: _answer,
        Deed.END_DELEGATION: _end_delegation,
        Deed.AGREE_APP: lambda _, __, told, ___: ask.AgreeApp(**told, app=_APP, scopes=frozenset(AppScope)),
        Deed.WITHDRAW_APP: lambda _, __, told, ___: ask.WithdrawApp(**told, app=_APP),
        Deed.ACTIVATE: lambda _, __, told, ___: ask.Activate(**told),
        Deed.OBJECT: lambda _, __, told, ___: ask.Object(**told),
        Deed.SUSPEND: _by_authority(ask.Suspend),
        Deed.LIFT: _by_authority(ask.Lift),
        Deed.CLOSE_UNCONTESTED: _by_authority(ask.CloseUncontested),
        Deed.DECEASE: _by_authority(ask.Decease),
        Deed.REVIVE: _by_authority(ask.Decease, undone=True),
        Deed.DELETION: _deletion,
    }
)
"""What makes the message of each of these steps."""
