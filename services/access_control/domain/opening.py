"""Who may open a record (CSP R.1111-28, L.1111-14, AR-001)."""

from shared.contracts.common import Actor, ActorKind, Capacity, Strength
from shared.contracts.reasons import Reason
from shared.terminology import excluded_sector


def refused(actor: Actor, *, professionals_may: bool) -> Reason | None:
    """Why this actor may not open a record for a person at once; None where he may.

    The person may; by setting a professional, and a counsellor of the health insurance, who reads nothing. Nobody may
    yet as a representative. The operator's openings are the automatic ones alone, which wait for the six weeks in which
    the person may oppose them (`not_foreseen`): nobody asked the person whom he would open one at once.
    """
    match actor.kind:
        case ActorKind.PATIENT:
            if actor.app is not None:
                return Reason.NOT_HOLDER  # an app acts on a record that is there, as far as its holder agreed (AR-067)
            return None if actor.authenticated else Reason.NOT_AUTHENTICATED
        case ActorKind.PROFESSIONAL:
            return _professional_refused(actor) if professionals_may else Reason.NO_BRANCH
        case ActorKind.INSURER:
            return _counsellor_refused(actor, may=professionals_may)
        case ActorKind.STRUCTURE | ActorKind.REPRESENTATIVE | ActorKind.OPERATOR:
            return Reason.NO_BRANCH


def not_foreseen(actor: Actor) -> Reason | None:
    """Why this actor may not have a record opened automatically (AR-001); None for the operator, who does so by law."""
    return None if actor.kind is ActorKind.OPERATOR else Reason.NO_BRANCH


def not_opposing(actor: Actor | None, *, opposed: bool) -> Reason | None:
    """Why this actor may not record an opposition to an opening, or withdraw one (AR-001).

    The person may do both; a counsellor of the health insurance writes down what the person opposes, and what was
    opposed is withdrawn by nobody else.
    """
    if actor is None:
        return None
    match actor.kind:
        case ActorKind.PATIENT:
            if actor.app is not None:
                return Reason.NOT_HOLDER
            return None if actor.authenticated else Reason.NOT_AUTHENTICATED
        case ActorKind.INSURER:
            return _counsellor_refused(actor, may=opposed)
        case _:
            return Reason.NO_BRANCH


def _professional_refused(actor: Actor) -> Reason | None:
    if not actor.authenticated or actor.number is None or actor.strength is Strength.CERTIFICATE:
        return Reason.NOT_AUTHENTICATED  # a server's certificate feeds, and is nobody who asked the person (AR-016)
    return Reason.EXCLUDED_SECTOR if actor.sector is not None and excluded_sector(actor.sector) else None


def _counsellor_refused(actor: Actor, *, may: bool) -> Reason | None:
    if actor.capacity is not Capacity.COUNSELLOR:
        return Reason.EXCLUDED_ACTOR
    if not actor.authenticated:
        return Reason.NOT_AUTHENTICATED
    return None if may else Reason.NO_BRANCH
