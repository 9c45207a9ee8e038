"""The habilitation matrix (matrice d'habilitation): which profession may consult which type of document.

It governs consultation only, never deposit (order of 26 October 2023; CSP R.1111-46). It is data with a version and an
effective date, and each cell keeps where it comes from, because the official annex could not be had. What the matrix
does not name, nobody may consult.
"""

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

COLUMNS: Final = ["profession_group", "typeCode", "consult", "status", "confidence", "basis"]
_STATUSES: Final = frozenset({"documented", "reconstructed", "excluded"})
_CONFIDENCES: Final = frozenset({"high", "medium", "low"})


class MatrixError(ValueError):
    """The matrix's files can't be used: which line, what is wrong, what was expected."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the matrix and its provenance."""

    consult: bool
    status: str
    """`documented`, `reconstructed` or `excluded`."""
    confidence: str
    """`high`, `medium` or `low`."""
    basis: str
    """Name of the entry `[basis.…]` of the companion file that says where the cell comes from."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """The matrix of one version. A group or type that it does not name reads nothing."""

    version: str
    effective: date
    """First day on which this version holds."""
    cells: Mapping[tuple[str, str], Cell]
    """By profession group and typeCode."""
    inactive: frozenset[str]
    """Groups whose columns are not in force: they read nothing (the role R291)."""
    permitted: Mapping[str, frozenset[str]]
    """Types that each group in force may consult."""

    def may_consult(self, group: str | None, type_code: str) -> bool:
        """True where a profession group may consult a type; False for an unknown group or type."""
        return type_code in self.types_for(group)

    def types_for(self, group: str | None) -> frozenset[str]:
        """Every type that a profession group may consult; none for an unknown or inactive group."""
        return self.permitted.get(group, frozenset()) if group else frozenset()

    def cell(self, group: str, type_code: str) -> Cell | None:
        """The cell with its provenance, for explaining a decision; None where the matrix has none."""
        return self.cells.get((group, type_code))


def load(csv_text: str, meta: str) -> Matrix:
    """Build the matrix from its two files.

    Args:
        csv_text: The cells, with the columns of `COLUMNS`.
        meta: The companion in TOML: `version`, `effective` (a date), `inactive_groups`, and a table `basis` by name.

    Raises:
        MatrixError: A file is malformed, a cell is told twice or has unknown words, or a group lacks types that
            another one has. A matrix with a hole is refused as a whole rather than read as a deny here and there.
    """
    version, effective, inactive, bases = _read_meta(meta)
    try:
        cells = _read_cells(csv_text, bases)
    except csv.Error as error:
        raise MatrixError(f"the matrix is no CSV: {error}; restore the file") from error
    groups = {group for group, _ in cells}
    _require_complete(cells, groups)
    if unknown := inactive - groups:
        raise MatrixError(f"inactive_groups names {sorted(unknown)}, which the matrix has not; correct the companion")
    permitted = {
        group: frozenset(code for (owner, code), cell in cells.items() if owner == group and cell.consult)
        for group in groups - inactive
    }
    return Matrix(version, effective, MappingProxyType(cells), inactive, MappingProxyType(permitted))


def _read_meta(meta: str) -> tuple[str, date, frozenset[str], frozenset[str]]:
    try:
        found = tomllib.loads(meta)
    except tomllib.TOMLDecodeError as error:
        raise MatrixError(f"the matrix's companion is no TOML: {error}; restore the file") from error
    version, effective = found.get("version"), found.get("effective")
    if not isinstance(version, str) or not version:
        raise MatrixError('the matrix\'s companion has no version; expected a line like version = "2024-02"')
    if type(effective) is not date:
        raise MatrixError("the matrix's companion has no effective date; expected a line like effective = 2024-02-23")
    inactive, basis = found.get("inactive_groups", []), found.get("basis", {})
    if not isinstance(inactive, list) or not isinstance(basis, dict):
        raise MatrixError("the matrix's companion expects inactive_groups to be a list and basis to be a table")
    return version, effective, frozenset(map(str, inactive)), frozenset(basis)


def _read_cells(csv_text: str, bases: frozenset[str]) -> dict[tuple[str, str], Cell]:
    reader = csv.reader(csv_text.splitlines())
    header = next(reader, None)
    if header != COLUMNS:
        raise MatrixError(f"line 1 of the matrix is {header}; expected the columns {COLUMNS}")
    cells: dict[tuple[str, str], Cell] = {}
    for row in reader:
        line = reader.line_num
        if len(row) != len(COLUMNS):
            raise MatrixError(f"line {line} of the matrix has {len(row)} columns; expected {len(COLUMNS)}")
        group, type_code, *rest = row
        if not group or not type_code:
            raise MatrixError(f"line {line} of the matrix lacks its profession_group or typeCode")
        if (group, type_code) in cells:
            raise MatrixError(f"line {line} of the matrix tells {group}, {type_code} a second time; keep one")
        cells[group, type_code] = _read_cell(line, rest, bases)
    if not cells:
        raise MatrixError("the matrix has no cell; restore the file")
    return cells


def _read_cell(line: int, rest: list[str], bases: frozenset[str]) -> Cell:
    consult, status, confidence, basis = rest
    expected = {
        "consult": (consult, frozenset({"0", "1"})),
        "status": (status, _STATUSES),
        "confidence": (confidence, _CONFIDENCES),
        "basis": (basis, bases),
    }
    for column, (value, allowed) in expected.items():
        if value not in allowed:
            raise MatrixError(f"line {line} of the matrix: {column} is {value!r}; expected one of {sorted(allowed)}")
    if status == "excluded" and consult == "1":
        raise MatrixError(f"line {line} of the matrix lets an excluded actor consult; expected consult 0")
    return Cell(consult == "1", status, confidence, basis)


def _require_complete(cells: Mapping[tuple[str, str], Cell], groups: set[str]) -> None:
    types = {type_code for _, type_code in cells}
    for group in sorted(groups):
        if missing := sorted(code for code in types if (group, code) not in cells):
            raise MatrixError(f"the matrix has no cell for {group} and {missing[:3]} ({len(missing)} in all); add them")
