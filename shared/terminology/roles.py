"""Roles of actors, their column in the habilitation matrix, excluded sectors, and access modes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from shared.terminology.tables import read


@dataclass(frozen=True, slots=True)
class Role:
    """A profession or role (JDV_J65), written nomenclature and code: `G15_10` is code 10 of TRE_G15."""

    code: str
    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class AccessModeLabel:
    """A mode of access (TRE_R248_ModeAcces)."""

    code: str
    label: str


@cache
def _roles() -> Mapping[str, Role]:
    return MappingProxyType({row["code"]: Role(**row) for row in read("roles")})


@cache
def _groups() -> Mapping[str, str]:
    return MappingProxyType({row["role_code"]: row["profession_group"] for row in read("profession_groups")})


@cache
def _sectors() -> Mapping[str, str]:
    return MappingProxyType({row["sector"]: row["actor"] for row in read("excluded_sectors")})


@cache
def _modes() -> Mapping[str, AccessModeLabel]:
    return MappingProxyType({row["code"]: AccessModeLabel(**row) for row in read("access_modes")})


def role(code: str) -> Role | None:
    """The role of this code (`G15_10`), or None."""
    return _roles().get(code)


def profession_group(role_code: str) -> str | None:
    """The column of the habilitation matrix for a role; None where no column exists, which means no access.

    Professionals in training (G16) read the column of their profession.
    """
    return _groups().get(role_code)


def excluded_sector(sector: str) -> str | None:
    """The excluded actor that a sector exercised stands for, or None where the sector excludes nobody.

    `medecin_du_travail` for SA66 and SA13 (CSP L.1111-17 IV, AR-047), `assureur_mutuelle_banque_employeur` for SA23,
    SA44 and SA48 (CSP L.1111-18). The sector exercised counts, never the specialty.
    """
    return _sectors().get(sector)


def access_mode(code: str) -> AccessModeLabel | None:
    """The access mode of this code, or None."""
    return _modes().get(code)


ACCESS_MODES: Final[frozenset[str]] = frozenset(_modes())
"""`normal`, `bris_de_glace`, `centre_15`."""
