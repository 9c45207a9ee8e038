"""What the branches ask about an actor and the record: who treats, who is in the team, who is excluded."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from services.access_control.domain.policy import Policy
from services.access_control.domain.record import Record, Standing, State
from services.access_control.domain.relations import Delegation, DelegationState, Team
from shared.contracts.common import Actor, ActorKind
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import DelegationKind, DelegationScope, TeamKind
from shared.terminology import excluded_sector, role

DOCTOR: Final = "G15_10"
"""Médecin (TRE_G15); in training is another role (G16)."""
OCCUPATIONAL: Final = "medecin_du_travail"
_HEALTH_PROFESSIONS: Final = frozenset({"health profession", "in training"})


def is_health_professional(actor: Actor) -> bool:
    """True for professions of G15 and G16; not for titles (R95), social professions (R94) and roles (R291)."""
    known = role(actor.role) if actor.role is not None else None
    return known is not None and known.kind in _HEALTH_PROFESSIONS


def is_occupational(actor: Actor) -> bool:
    """True for any profession in a sector of occupational medicine (SA66, SA13), never by qualification (AR-047)."""
    return actor.sector is not None and excluded_sector(actor.sector) == OCCUPATIONAL


def excluded(actor: Actor, policy: Policy) -> Code | None:
    """Why the sector exercised excludes this actor (AR-046, AR-047, AR-048)."""
    barred = excluded_sector(actor.sector) if actor.sector is not None else None
    if barred is None or (barred == OCCUPATIONAL and policy.occupational_medicine):
        return None
    return Reason.EXCLUDED_SECTOR


def suspended(record: Record, actor: Actor) -> Code | None:
    """Why the operator lets this actor do nothing: suspended in person, or with the whole structure (AR-062)."""
    names = record.oversight.suspended
    if not names or actor.kind not in {ActorKind.PROFESSIONAL, ActorKind.STRUCTURE}:
        return None
    return FurtherReason.ACTOR_SUSPENDED if actor.number in names or actor.structure in names else None


def not_secret(record: Record, actor: Actor, now: datetime) -> Code | None:
    """Why this connection may not be secret: it is a minor's, and its acts are told to nobody else (AR-042).

    Where it is not known that the holder is a minor he is none: what an adult's professionals do is always told.
    """
    adult = actor.secret and record.state is not State.ABSENT and record.is_of_age(now)
    return FurtherReason.NOT_A_MINOR if adult else None


def unidentified(actor: Actor) -> Code | None:
    """Why this is no person who acts in one exercise (AR-016, AR-017, AR-072)."""
    if actor.kind is not ActorKind.PROFESSIONAL or not actor.authenticated or actor.number is None:
        return Reason.NOT_AUTHENTICATED
    if actor.strength is not None and (code := _too_weak(actor)):
        return code
    if actor.role is None or actor.sector is None or role(actor.role) is None:
        return Reason.NO_ROLE
    return None


def _too_weak(actor: Actor) -> Code | None:
    match actor.strength:
        case "certificate":
            return FurtherReason.CERTIFICATE_ONLY
        case "air" if actor.structure is None:
            return FurtherReason.STRUCTURE_MISSING
        case _:
            return None


def is_treating(record: Record, actor: Actor) -> bool:
    """True for the médecin traitant, known from the insurance's declaration alone (AR-066)."""
    return record.treating is not None and actor.number == record.treating


def is_blocked(record: Record, actor: Actor) -> bool:
    """True for who is blocked and can be (AR-018, AR-019)."""
    right = record.rights.get(actor.number) if actor.number is not None else None
    return right is not None and right.blocked and not is_treating(record, actor)


def team_of(record: Record, actor: Actor) -> Team | None:
    """The care team by which the actor stands to the holder: as a person, in a structure or in a formalised team."""
    return next(_teams(record, actor), None)


def in_team(record: Record, actor: Actor, now: datetime) -> bool:
    """True while a care team's consent covers this actor (AR-008); any of the three ways suffices."""
    return any(record.holds(team, now) for team in _teams(record, actor))


def _teams(record: Record, actor: Actor) -> Iterator[Team]:
    ways = (
        (actor.number, TeamKind.PROFESSIONAL),
        (actor.structure, TeamKind.STRUCTURE),
        (actor.team, TeamKind.FORMALISED),
    )
    return filter(None, (record.team(key, kind) for key, kind in ways)) if record.teams else iter(())


def has_express_consent(record: Record, actor: Actor, now: datetime) -> bool:
    """True with an authorisation or a consent at the consultation; a team's consent is none."""
    number = actor.number
    if number is None:
        return False
    return record.standing(number, now) is Standing.VALID or record.has_session(number, actor.structure, now)


def delegation_of(record: Record, actor: Actor) -> Delegation | None:
    """The delegation that a representative names, whatever its state."""
    return record.delegations.get(str(actor.delegation)) if actor.delegation is not None else None


def not_delegated(record: Record, actor: Actor, now: datetime) -> Code | None:
    """Why a representative has no relation that is valid at this moment (AR-045)."""
    if actor.delegation is None:
        return Reason.NO_BRANCH
    delegation = delegation_of(record, actor)
    if delegation is None or delegation.state_at(now) is not DelegationState.ACCEPTED:
        return FurtherReason.NO_RELATION
    if delegation.kind is not DelegationKind.LEGAL_REPRESENTATION:
        return None
    if record.majority is None:
        return FurtherReason.MAJORITY_UNKNOWN
    return FurtherReason.MAJORITY_REACHED if record.majority <= now else None


def not_on_holders_side(record: Record, actor: Actor, now: datetime) -> Code | None:
    """Why who is not the holder has no relation to him now; a minor's secret session is his alone (AR-042)."""
    if actor.kind is ActorKind.PATIENT:
        return None
    return FurtherReason.CONFIDENTIAL_SESSION if actor.secret else not_delegated(record, actor, now)


def opinion_missing(record: Record, actor: Actor, opinion: str | None) -> Code | None:
    """Why who is in charge of a protection does not decide yet: nothing says what the adult thinks of it (AR-063)."""
    delegation = delegation_of(record, actor)
    protects = delegation is not None and delegation.kind is DelegationKind.PROTECTED_ADULT
    return FurtherReason.OPINION_MISSING if protects and opinion is None else None


def not_delegated_for(record: Record, actor: Actor, needed: DelegationScope) -> Code | None:
    """Why a representative may not do what has this scope; the holder may do everything."""
    if actor.kind is ActorKind.PATIENT:
        return None
    delegation = delegation_of(record, actor)
    covered = delegation is not None and needed in delegation.scopes
    return None if covered else FurtherReason.OUTSIDE_DELEGATION
