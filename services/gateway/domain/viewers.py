"""Who would look: a person of whom the holder thinks, as the actor that the rules decide on. Nobody is asked."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.contracts.common import AccessMode, Actor, ActorKind, Capacity
from shared.terminology import OTHER_REASON, emergency_reasons

UNNAMED: Final = "0unnamed"
"""Directory number of somebody of whom the profession alone is known: nobody decided anything about it."""
_DOCTOR: Final = "G15_10"
_OWN_PRACTICE: Final = "SA07"
_HOSPITAL: Final = "SA01"


class ViewerKind(StrEnum):
    """Who somebody is to the record."""

    PROFESSIONAL = "professional"
    """A professional by profession, and by directory number where one is meant."""
    SAMU = "samu"
    """The regulating doctor of the emergency number 15; asks in the mode `centre_15` unless another is named."""
    REPRESENTATIVE = "representative"
    """Who acts for the holder under a delegation, which the rights name."""
    APP = "app"
    HOLDER = "holder"
    STRUCTURE = "structure"
    """A hospital's software with its certificate."""
    INSURER = "insurer"


class ViewerError(ValueError):
    """A viewer is said too vaguely to decide on."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who would look."""

    who: ViewerKind
    number: str | None = None
    """Directory number of the professional or structure."""
    role: str | None = None
    """Profession as the matrix writes it: `G15_40` is a dentist."""
    sector: str | None = None
    """Sector exercised; a practice of one's own where none is named."""
    structure: str | None = None
    team: str | None = None
    capacity: Capacity | None = None
    delegation: UUID | None = None
    app: str | None = None


def actor_of(viewer: Viewer) -> Actor:
    """The actor, authenticated as he would have to be.

    Raises:
        ViewerError: what his kind needs is missing.
    """
    match viewer.who:
        case ViewerKind.PROFESSIONAL:
            return _professional(viewer, _needed(viewer.role, "role"), _OWN_PRACTICE)
        case ViewerKind.SAMU:
            return _professional(viewer, _DOCTOR, _HOSPITAL).model_copy(update={"regulator": True})
        case ViewerKind.STRUCTURE:
            number = _needed(viewer.number, "number")
            return Actor(kind=ActorKind.STRUCTURE, number=number, structure=number, sector=viewer.sector)
        case ViewerKind.INSURER:
            return Actor(kind=ActorKind.INSURER, number=viewer.number or UNNAMED)
        case ViewerKind.REPRESENTATIVE | ViewerKind.APP | ViewerKind.HOLDER:
            return _on_holders_side(viewer)


def mode_of(viewer: Viewer, asked: AccessMode | None) -> AccessMode:
    """The mode asked for, else the one in which somebody of his kind would look."""
    return asked or (AccessMode.REGULATION if viewer.who is ViewerKind.SAMU else AccessMode.NORMAL)


def reason_of(mode: AccessMode, asked: str | None) -> str | None:
    """The reason that is named; in an emergency mode a valid one is taken for granted where none is."""
    if asked is not None or mode is AccessMode.NORMAL:
        return asked
    return next(code for code in emergency_reasons() if code != OTHER_REASON)


def _on_holders_side(viewer: Viewer) -> Actor:
    if viewer.who is ViewerKind.REPRESENTATIVE:
        if viewer.delegation is None:
            raise ViewerError("delegation")
        return Actor(kind=ActorKind.REPRESENTATIVE, authenticated=True, delegation=viewer.delegation)
    app = _needed(viewer.app, "app") if viewer.who is ViewerKind.APP else None
    return Actor(kind=ActorKind.PATIENT, authenticated=True, app=app)


def _professional(viewer: Viewer, role: str, sector: str) -> Actor:
    return Actor(
        kind=ActorKind.PROFESSIONAL,
        number=viewer.number or UNNAMED,
        role=role,
        sector=viewer.sector or sector,
        structure=viewer.structure,
        team=viewer.team,
        capacity=viewer.capacity,
        authenticated=True,
    )


def _needed(value: str | None, name: str) -> str:
    if value is None:
        raise ViewerError(name)
    return value
