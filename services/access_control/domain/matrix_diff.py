"""What two versions of the matrix differ in: cell by cell, with where each comes from."""

from dataclasses import dataclass
from enum import StrEnum

from services.access_control.domain.matrix import Basis, Cell, Matrix

_UNTOLD = Basis("", "")


class Effect(StrEnum):
    """What a change means for who belongs to the profession group."""

    GAINED = "gained"
    """The group may consult the type from now on."""
    LOST = "lost"
    """The group may no longer consult the type."""
    NONE = "none"
    """Nobody sees more or less: where the cell comes from changed, or its column is not in force."""


@dataclass(frozen=True, slots=True)
class CellChange:
    """One cell that is not the same in both versions; None where a version has no such cell."""

    group: str
    type_code: str
    effect: Effect
    before: Cell | None
    after: Cell | None


def diff(before: Matrix, after: Matrix) -> tuple[CellChange, ...]:
    """Every cell that differs in what it allows or in where it comes from, by profession group and type.

    A column that comes into force, or is out of force from now on, changes each cell that allows something in it.
    """
    places = sorted(before.cells.keys() | after.cells.keys())
    changes = (_change(before, after, group, type_code) for group, type_code in places)
    return tuple(change for change in changes if change is not None)


def _change(before: Matrix, after: Matrix, group: str, type_code: str) -> CellChange | None:
    old, new = before.cell(group, type_code), after.cell(group, type_code)
    effect = _effect(before.may_consult(group, type_code), after.may_consult(group, type_code))
    if effect is Effect.NONE and _said(before, old) == _said(after, new):
        return None
    return CellChange(group, type_code, effect, old, new)


def _effect(could: bool, can: bool) -> Effect:  # noqa: FBT001 - read side by side
    if could == can:
        return Effect.NONE
    return Effect.GAINED if can else Effect.LOST


def _said(matrix: Matrix, cell: Cell | None) -> tuple[object, ...] | None:
    """What a cell says, whatever name its basis has in that version."""
    if cell is None:
        return None
    return (cell.consult, cell.status, cell.confidence, matrix.bases.get(cell.basis, _UNTOLD))
