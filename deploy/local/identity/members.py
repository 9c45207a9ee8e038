"""What kinds of test people there are, and the claims that the token of each carries.

Professionals have Pro Santé Connect's claims (domain.md 3.1); patients the claims of a patient's provider, with a test
INS; an insurer's token carries its code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

TEST_INS = "1.2.250.1.213.1.4.10"
"""OID of the INS of test people."""
_PROFESSIONS = "1.2.250.1.213.1.1.5.5"
_SECTORS = "1.2.250.1.71.4.2.4"
_LEVELS = "1.2.250.1.213.1.5.1.1.1"


class Member(Protocol):
    """Somebody who can have a token."""

    @property
    def name(self) -> str:
        """By which the cast is asked for: `carnet token --as NAME`."""

    @property
    def about(self) -> str:
        """Who that is, for people."""

    def claims(self) -> dict[str, Any]:
        """What the token says of them, besides issuer, audience and times."""


@dataclass(frozen=True, slots=True)
class Patient:
    """A holder of a record (titulaire). `str` and `repr` do not show the identity."""

    name: str
    about: str
    matricule: str = field(repr=False)
    family_name: str = field(repr=False)
    given_names: str = field(repr=False)
    sex: str = field(repr=False)
    birth_date: str = field(repr=False)
    birth_place: str = field(repr=False)
    """COG (INSEE) code."""
    email: str = field(repr=False)
    oid: str = TEST_INS

    def claims(self) -> dict[str, Any]:
        """The identity (INS with its traits) and the address for messages."""
        return {
            "sub": f"patient-{self.name}",
            "acr": "eidas2",
            "ins": {"matricule": self.matricule, "oid": self.oid},
            "family_name": self.family_name,
            "given_name": self.given_names,
            "gender": self.sex,
            "birthdate": self.birth_date,
            "birthplace": self.birth_place,
            "email": self.email,
        }


@dataclass(frozen=True, slots=True)
class Professional:
    """A professional authenticated by Pro Santé Connect."""

    name: str
    about: str
    number: str
    """National number (idNat): `8` and the 11 digits of RPPS."""
    profession: str
    """Code of TRE_G15; `10` is a doctor."""
    family_name: str
    given_name: str
    structure: str
    """National number of the structure: `1` and FINESS."""
    specialty: str = ""
    """Savoir-faire, for example `SM26`; empty where the profession has none."""
    sector: str = "SA07"
    regulates: bool = False
    """Acces_Regulation_Medicale: works in a SAMU."""

    @property
    def role(self) -> str:
        """The profession as the habilitation matrix writes it."""
        return f"G15_{self.profession}"

    def claims(self) -> dict[str, Any]:
        """Pro Santé Connect's claims."""
        return {
            "sub": f"f:psc:{self.number}",
            "acr": "eidas1",
            "preferred_username": self.number,
            "SubjectNameID": self.number,
            "family_name": self.family_name,
            "given_name": self.given_name,
            "SubjectOrganization": f"Structure de test {self.structure}",
            "SubjectOrganizationID": self.structure,
            "SubjectRole": [f"{self.profession}^{_PROFESSIONS}"],
            "Secteur_Activite": f"{self.sector}^{_SECTORS}",
            "Palier_Authentification": f"APPPRIP3^{_LEVELS}",
            "Mode_Acces_Raison": "",
            "Acces_Regulation_Medicale": "VRAI" if self.regulates else "FAUX",
            "UITVersion": "1.0",
            "PSI_Locale": _LEVELS,
            "codeCivilite": "M",
            "otherIds": [{"identifiant": self.number, "origine": "RPPS", "qualite": 1}],
            "SubjectRefPro": {"codeCivilite": "M", "exercices": [self._practice()]},
        }

    def _practice(self) -> dict[str, Any]:
        activity = {
            "codeModeExercice": "L" if self.sector == "SA07" else "S",
            "codeSecteurDactivite": self.sector,
            "codeSectionPharmacien": "",
            "codeRole": "",
            "numeroFinessSite": self.structure[1:],
            "raisonSocialeSite": f"Structure de test {self.structure}",
        }
        return {
            "codeProfession": self.profession,
            "codeCategorieProfessionnelle": "C",
            "codeSavoirFaire": self.specialty,
            "codeTypeSavoirFaire": "S" if self.specialty else "",
            "nomDexercice": self.family_name,
            "prenomDexercice": self.given_name,
            "activities": [activity],
        }


@dataclass(frozen=True, slots=True)
class Structure:
    """A hospital's software with the structure's certificate (AIR without a person): it may feed, never read."""

    name: str
    about: str
    number: str
    """National number: `1` and FINESS."""
    sector: str = "SA01"

    def claims(self) -> dict[str, Any]:
        """No person: a client with a structure, and no level of authentication."""
        return {
            "sub": f"structure-{self.number}",
            "SubjectOrganizationID": self.number,
            "Secteur_Activite": f"{self.sector}^{_SECTORS}",
        }


@dataclass(frozen=True, slots=True)
class Insurer:
    """A health insurer: its code is the one of its topics."""

    name: str
    about: str
    code: str

    def claims(self) -> dict[str, Any]:
        """The insurer's code."""
        return {"sub": f"insurer-{self.code}", "insurer": self.code}


@dataclass(frozen=True, slots=True)
class Operator:
    """Who runs the system: reads no record, resolves what is parked or held."""

    name: str
    about: str

    def claims(self) -> dict[str, Any]:
        """The name, and that a person signed in."""
        return {"sub": f"operator-{self.name}", "operator": self.name, "acr": "eidas2"}


@dataclass(frozen=True, slots=True)
class Session:
    """Another session of somebody of the cast: the same person, whose token says more."""

    name: str
    about: str
    member: Member
    more: Mapping[str, str]

    def claims(self) -> dict[str, Any]:
        """The person's claims, and those of the session."""
        return {**self.member.claims(), **self.more}


def ins(first_thirteen: str) -> str:
    """A NIR of thirteen characters with its key: 97 minus the number modulo 97 (Corsica: 2A is 19, 2B is 18)."""
    number = int(first_thirteen.replace("2A", "19").replace("2B", "18"))
    return f"{first_thirteen}{97 - number % 97:02d}"
