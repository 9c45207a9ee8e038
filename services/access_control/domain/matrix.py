"""The habilitation matrix (matrice d'habilitation): which profession may consult which type of document.

It governs consultation only, never deposit (order of 26 October 2023; CSP R.1111-46, AR-012). It is data with a version
and an effective date, and each cell keeps where it comes from, because the official annex could not be had. What the
matrix does not name, nobody may consult: `Matrix.ruling` says which of its reasons holds.

Which version holds at which moment is told in `matrix_schedule`, what two versions differ in in `matrix_diff`, and what
another version would have changed in `matrix_rehearsal`.
"""

import csv
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from shared.contracts.common import Code

COLUMNS: Final = ["profession_group", "typeCode", "consult", "status", "confidence", "basis"]
_STATUSES: Final = frozenset({"documented", "reconstructed", "excluded"})
_CONFIDENCES: Final = frozenset({"high", "medium", "low"})
_CODE: Final = TypeAdapter[str](Code)
"""Versions and types travel in decisions and permits: whatever is no code there is refused here."""


class MatrixError(ValueError):
    """The matrix's files can't be used: which line, what is wrong, what was expected."""


class Ruling(StrEnum):
    """What the matrix says of a profession group and a type, and why (step E6 of a consultation, AR-012)."""

    ALLOWED = "allowed"
    CELL_DENIES = "cell_denies"
    GROUP_INACTIVE = "group_inactive"
    """The group's column is not in force."""
    UNKNOWN_GROUP = "unknown_group"
    """The matrix has no column for this profession, or the profession is none."""
    UNKNOWN_TYPE = "unknown_type"
    """The matrix has no line for this type: it is denied to everybody, the matrix being an allow-list."""


@dataclass(frozen=True, slots=True)
class Basis:
    """Where cells come from."""

    says: str
    source: str


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
    types: frozenset[str]
    """Every type that it names."""
    provenance: str
    """The legal act that it stands for."""
    bases: Mapping[str, Basis]
    """By the name that cells give."""

    def may_consult(self, group: str | None, type_code: str) -> bool:
        """True where a profession group may consult a type; False for an unknown group or type."""
        return type_code in self.types_for(group)

    def types_for(self, group: str | None) -> frozenset[str]:
        """Every type that a profession group may consult; none for an unknown or inactive group."""
        return self.permitted.get(group, frozenset()) if group else frozenset()

    def cell(self, group: str, type_code: str) -> Cell | None:
        """The cell with its provenance, for explaining a decision; None where the matrix has none."""
        return self.cells.get((group, type_code))

    def ruling(self, group: str | None, type_code: str) -> Ruling:
        """May a profession group consult a type, and if not, for which of the reasons?"""
        if type_code not in self.types:
            return Ruling.UNKNOWN_TYPE
        cell = self.cells.get((group, type_code)) if group else None
        if group is None or cell is None:
            return Ruling.UNKNOWN_GROUP
        if not cell.consult:
            return Ruling.CELL_DENIES
        return Ruling.GROUP_INACTIVE if group in self.inactive else Ruling.ALLOWED

    def groups(self) -> frozenset[str]:
        """Every profession group that has a column, in force or not."""
        return frozenset(group for group, _ in self.cells)

    def digest(self) -> str:
        """SHA-256 of all that this version says, in hexadecimal; the order of lines and remarks do not count."""
        content = {
            "version": self.version,
            "effective": self.effective.isoformat(),
            "provenance": self.provenance,
            "inactive": sorted(self.inactive),
            "bases": {name: asdict(basis) for name, basis in self.bases.items()},
            "cells": sorted([*place, *asdict(cell).values()] for place, cell in self.cells.items()),
        }
        return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def build(
    version: str,
    effective: date,
    cells: Mapping[tuple[str, str], Cell],
    *,
    inactive: frozenset[str],
    provenance: str,
    bases: Mapping[str, Basis],
) -> Matrix:
    """The matrix of these cells, with what deciding looks up."""
    permitted: dict[str, set[str]] = {group: set() for group, _ in cells if group not in inactive}
    for (group, type_code), cell in cells.items():
        if cell.consult and group in permitted:
            permitted[group].add(type_code)
    return Matrix(
        version=version,
        effective=effective,
        cells=MappingProxyType(dict(cells)),
        inactive=inactive,
        permitted=MappingProxyType({group: frozenset(types) for group, types in permitted.items()}),
        types=frozenset(type_code for _, type_code in cells),
        provenance=provenance,
        bases=MappingProxyType(dict(bases)),
    )


NOTHING: Final = build("none", date.min, {}, inactive=frozenset(), provenance="", bases={})
"""Where no version is in force: nobody consults anything by the matrix."""


def load(csv_text: str, meta: str) -> Matrix:
    """Build the matrix from its two files.

    Args:
        csv_text: The cells, with the columns of `COLUMNS`.
        meta: The companion in TOML: `version`, `effective` (a date), `provenance`, `inactive_groups`, and a table
            `basis` by name, each with what it `says` and its `source`.

    Raises:
        MatrixError: A file is malformed, a cell is told twice or has unknown words, or a group lacks types that
            another one has. A matrix with a hole is refused as a whole rather than read as a deny here and there.
    """
    found = _read_meta(meta)
    version, effective, inactive, bases = _version(found), _effective(found), _inactive(found), _bases(found)
    try:
        cells = _read_cells(csv_text, frozenset(bases))
    except csv.Error as error:
        raise MatrixError(f"the matrix is no CSV: {error}; restore the file") from error
    groups = {group for group, _ in cells}
    _require_complete(cells, groups)
    if unknown := inactive - groups:
        raise MatrixError(f"inactive_groups names {sorted(unknown)}, which the matrix has not; correct the companion")
    provenance = str(found.get("provenance", ""))
    return build(version, effective, cells, inactive=inactive, provenance=provenance, bases=bases)


def _read_meta(meta: str) -> dict[str, Any]:
    try:
        return tomllib.loads(meta)
    except tomllib.TOMLDecodeError as error:
        raise MatrixError(f"the matrix's companion is no TOML: {error}; restore the file") from error


def _version(found: dict[str, Any]) -> str:
    version = found.get("version")
    if not isinstance(version, str) or not version:
        raise MatrixError('the matrix\'s companion has no version; expected a line like version = "2024-02"')
    if version == NOTHING.version:
        raise MatrixError(
            f"the matrix's companion has version {version!r}, which stands for no version; expected another"
        )
    if not _is_code(version):
        raise MatrixError(
            f"the matrix's companion has version {version!r}; expected a code of at most 64 letters, digits or -_."
        )
    return version


def _effective(found: dict[str, Any]) -> date:
    effective = found.get("effective")
    if type(effective) is not date:
        raise MatrixError("the matrix's companion has no effective date; expected a line like effective = 2024-02-23")
    return effective


def _inactive(found: dict[str, Any]) -> frozenset[str]:
    inactive = found.get("inactive_groups", [])
    if not isinstance(inactive, list):
        raise MatrixError("the matrix's companion expects inactive_groups to be a list")
    return frozenset(map(str, inactive))


def _bases(found: dict[str, Any]) -> dict[str, Basis]:
    bases = found.get("basis", {})
    if not isinstance(bases, dict) or not all(isinstance(basis, dict) for basis in bases.values()):
        raise MatrixError("the matrix's companion expects basis to be tables: [basis.name], says = …, source = …")
    return {name: Basis(str(basis.get("says", "")), str(basis.get("source", ""))) for name, basis in bases.items()}


def _is_code(value: str) -> bool:
    try:
        _CODE.validate_python(value)
    except ValidationError:
        return False
    return True


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
        for column, value in (("profession_group", group), ("typeCode", type_code)):
            if not _is_code(value):
                raise MatrixError(
                    f"line {line} of the matrix: {column} is {value!r}; expected at most 64 letters, digits or -_."
                )
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
