"""Delegations as the oracle knows them: who is invited to act for a holder, answers and ends it (domain rules, 4.6)."""

from datetime import datetime
from typing import Any, Final

from deploy.proof.checker.life import Delegation, Life
from shared.contracts import record_requests as ask
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import DelegationKind, DelegationScope

FULL: Final = frozenset({DelegationKind.LEGAL_REPRESENTATION, DelegationKind.PROTECTED_ADULT})
"""Those that authorities invite, and who do whatever the holder may."""
_HELPING: Final = frozenset({DelegationScope.READ, DelegationScope.DEPOSIT})


def not_delegable(life: Life, body: Any, past: Reason | None, now: datetime) -> Reason | None:
    """Why nobody is invited, answers or ends it; `past` is said where its end has passed."""
    match body:
        case ask.Invite():
            helping = body.kind in FULL or (body.scopes and body.scopes <= _HELPING)
            unrepresented = body.kind is DelegationKind.LEGAL_REPRESENTATION and not life.is_minor(now)
            if not helping or unrepresented:
                return Reason.NO_BRANCH
            return past if body.kind in FULL else _unblocked_helper(life, body) or past
        case ask.Answer():
            known = life.delegations.get(body.delegation)
            return None if known is not None and known.state == "PENDING" else Reason.NO_BRANCH
        case ask.EndDelegation():
            return None if body.delegation in life.delegations else Reason.NO_BRANCH
        case _:
            return None


def _unblocked_helper(life: Life, body: ask.Invite) -> Reason | None:
    """Who helps as a professional is named, and is not blocked (AR-018)."""
    if body.professional is None:
        return Reason.NO_BRANCH if body.kind is DelegationKind.HEALTHCARE_PROFESSIONAL else None
    return Reason.BLOCKED if body.professional in life.blocked else None


def invite(life: Life, body: Any, _now: datetime) -> bool:
    """Invite somebody; the same id a second time is nobody else."""
    if body.delegation in life.delegations:
        return False
    scopes = frozenset(DelegationScope) if body.kind in FULL else body.scopes
    professional = None if body.kind in FULL else body.professional
    life.delegations[body.delegation] = Delegation(body.kind, scopes, professional=professional)
    return True


def answer(life: Life, body: Any, _now: datetime) -> bool:
    """Accept or refuse an invitation."""
    life.delegations[body.delegation].state = "ACCEPTED" if body.accepted else "REFUSED"
    return True


def end(life: Life, body: Any, _now: datetime) -> bool:
    """End a delegation; what has ended stays so."""
    known = life.delegations[body.delegation]
    if not known.alive:
        return False
    known.state = "EXPIRED"
    return True
