"""Delegations by invitation: invite, answer, end. Who is invited is known elsewhere; here stands an id."""

from dataclasses import replace
from typing import Final

from services.access_control.domain.branches.people import delegation_of
from services.access_control.domain.commands.professionals import ended
from services.access_control.domain.commands.rule import AnyAct, Asked, Rule, always
from services.access_control.domain.commands.who import AUTHORITIES, holders_side, in_use, in_use_or_held, operator
from services.access_control.domain.record import Record, Standing
from services.access_control.domain.relations import ALL_SCOPES, FULL, Delegation, DelegationState
from shared.contracts.common import ActorKind, FurtherAct
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import DelegationKind, DelegationScope

_HELPING: Final = frozenset({DelegationScope.READ, DelegationScope.DEPOSIT})
"""What a carer or helper may be given: deciding on rights stays with the holder."""


def _may_invite(asked: Asked) -> Code | None:
    """Carers and helpers: the holder's side. A legal representative: another one, or who knows the family link.

    The person in charge of a protection: the insurance or the operator, who saw the judgment (AR-063).
    """
    kind, actor = asked.command.kind, asked.actor
    if kind in FULL and actor.kind in AUTHORITIES:
        return None
    if kind is DelegationKind.PROTECTED_ADULT:
        return Reason.NOT_HOLDER
    if kind is DelegationKind.LEGAL_REPRESENTATION:
        return holders_side(asked) if _is_legal_representative(asked) else Reason.NOT_HOLDER
    return holders_side(asked)


def _is_legal_representative(asked: Asked) -> bool:
    delegation = delegation_of(asked.record, asked.actor)
    return delegation is not None and delegation.kind is DelegationKind.LEGAL_REPRESENTATION


def _not_invitable(asked: Asked) -> Code | None:
    command = asked.command
    if command.kind is DelegationKind.LEGAL_REPRESENTATION and (code := _no_minor(asked)):
        return code
    if command.kind not in FULL and not command.scopes:
        return FurtherReason.SCOPE_EMPTY
    if command.kind not in FULL and not command.scopes <= _HELPING:
        return FurtherReason.SCOPE_TOO_WIDE
    return _blocked_delegate(asked) or ended(asked)


def _blocked_delegate(asked: Asked) -> Code | None:
    """Nobody who is blocked as a professional helps the holder as one (AR-018); unnamed, a block would miss him.

    Nor does a médecin traitant whose block from before sleeps: it would awake beside the delegation with another's
    declaration.
    """
    command = asked.command
    if command.kind in FULL or not asked.policy.block_ends_delegations:
        return None
    if command.kind is DelegationKind.HEALTHCARE_PROFESSIONAL and command.professional is None:
        return FurtherReason.SUBJECT_MISSING
    return Reason.BLOCKED if asked.record.standing(asked.professional, asked.now) is Standing.BLOCKED else None


def _no_minor(asked: Asked) -> Code | None:
    """Nobody represents who is of age, or might be (AR-045)."""
    if asked.record.majority is None:
        return FurtherReason.MAJORITY_UNKNOWN
    return FurtherReason.MAJORITY_REACHED if asked.record.is_of_age(asked.now) else None


def _invite(asked: Asked) -> Record:
    command, key = asked.command, str(asked.command.delegation)
    if key in asked.record.delegations:
        return asked.record
    kind = command.kind or DelegationKind.CAREGIVING
    return _with(
        asked,
        Delegation(
            kind=kind,
            state=DelegationState.PENDING,
            scopes=ALL_SCOPES if kind in FULL else command.scopes,
            expires=asked.now + asked.policy.invitation,
            until=command.until,
            professional=command.professional if kind not in FULL else None,
        ),
    )


def _known(asked: Asked) -> Delegation | None:
    return asked.record.delegations.get(str(asked.command.delegation))


def _may_answer(asked: Asked) -> Code | None:
    """The invited one, whom the gateway knows by the invitation's own id."""
    actor = asked.actor
    if actor.kind is not ActorKind.REPRESENTATIVE or actor.delegation != asked.command.delegation:
        return Reason.NOT_HOLDER
    return None if actor.authenticated else Reason.NOT_AUTHENTICATED


def _no_answer(asked: Asked) -> Code | None:
    delegation = _known(asked)
    if delegation is None:
        return FurtherReason.UNKNOWN_DELEGATION
    if delegation.state_at(asked.now) is not DelegationState.PENDING:
        return FurtherReason.INVITATION_OVER
    represents = delegation.kind is DelegationKind.LEGAL_REPRESENTATION
    return _no_minor(asked) if represents and asked.command.accepted else None


def _answer(asked: Asked) -> Record:
    delegation = asked.record.delegations[str(asked.command.delegation)]
    state = DelegationState.ACCEPTED if asked.command.accepted else DelegationState.REFUSED
    return _with(asked, replace(delegation, state=state))


def _may_end(asked: Asked) -> Code | None:
    """The delegate, the insurance or the operator; the holder's side where it was its own choice."""
    actor, delegation = asked.actor, _known(asked)
    if actor.kind in AUTHORITIES:
        return None
    if actor.kind is ActorKind.REPRESENTATIVE and actor.delegation == asked.command.delegation:
        return None if actor.authenticated else Reason.NOT_AUTHENTICATED
    if delegation is not None and delegation.kind in FULL:
        return Reason.NOT_HOLDER  # neither a minor nor a protected adult ends the protection
    return holders_side(asked)


def _no_end(asked: Asked) -> Code | None:
    return None if _known(asked) is not None else FurtherReason.UNKNOWN_DELEGATION


def _end(asked: Asked) -> Record:
    delegation = asked.record.delegations[str(asked.command.delegation)]
    if not delegation.is_alive:
        return asked.record
    return _with(asked, replace(delegation, state=DelegationState.EXPIRED))


def _with(asked: Asked, delegation: Delegation) -> Record:
    key = str(asked.command.delegation)
    return replace(asked.record, delegations={**asked.record.delegations, key: delegation})


def _not_of_age(asked: Asked) -> Code | None:
    """A day that is not known is no birthday: what depends on it gives nothing anyway."""
    return None if asked.record.majority is not None and asked.record.is_of_age(asked.now) else FurtherReason.NOT_DUE


def _come_of_age(asked: Asked) -> Record:
    """Take away what has ended at 00:00 of that day already, as every decision since then has compared (AR-045)."""
    record = asked.record
    after = replace(
        record,
        rights={one: right for one, right in record.rights.items() if right.blocked or not right.by_representative},
        teams={key: team for key, team in record.teams.items() if not team.by_representative},
        apps={app: agreed for app, agreed in record.apps.items() if not agreed.by_representative},
        delegations={key: _without_minor(one) for key, one in record.delegations.items()},
    )
    return record if after == record else after


def _without_minor(delegation: Delegation) -> Delegation:
    return replace(delegation, state=DelegationState.EXPIRED) if delegation.represents else delegation


RULES: Final[dict[AnyAct, Rule]] = {
    FurtherAct.INVITE: Rule(_may_invite, in_use, _invite, _not_invitable),
    FurtherAct.ANSWER: Rule(_may_answer, in_use, _answer, _no_answer),
    FurtherAct.END_DELEGATION: Rule(_may_end, in_use_or_held, _end, _no_end, always),
    FurtherAct.COME_OF_AGE: Rule(operator, in_use_or_held, _come_of_age, _not_of_age, always, versioned=False),
}
