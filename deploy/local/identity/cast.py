"""The test people of a local system: who they are, and the claims that their tokens carry.

Professionals have Pro Santé Connect's claims (domain.md 3.1); patients the claims of a patient's provider, with a test
INS. Every number is made up, in the ranges of tests; the insurer's token carries its code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

TEST_INS = "1.2.250.1.213.1.4.10"
"""OID of the INS of test people."""
_PROFESSIONS = "1.2.250.1.213.1.1.5.5"
_SECTORS = "1.2.250.1.71.4.2.4"
_LEVELS = "1.2.250.1.213.1.5.1.1.1"
INSURER_CODE = "amo-test"


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
        """The name alone."""
        return {"sub": f"operator-{self.name}", "operator": self.name}


def ins(first_thirteen: str) -> str:
    """A NIR of thirteen characters with its key: 97 minus the number modulo 97 (Corsica: 2A is 19, 2B is 18)."""
    number = int(first_thirteen.replace("2A", "19").replace("2B", "18"))
    return f"{first_thirteen}{97 - number % 97:02d}"


ALICE = Patient(
    "alice",
    "patient, open record",
    ins("2790351215189"),
    "TESTPATIENTE",
    "ALICE MARIE",
    "F",
    "1979-03-12",
    "51215",
    "alice@patient.test",
)
BRUNO = Patient(
    "bruno",
    "patient, opposed to the opening of a record",
    ins("1650675108004"),
    "TESTPATIENT",
    "BRUNO",
    "M",
    "1965-06-20",
    "75108",
    "bruno@patient.test",
)
CHLOE = Patient(
    "chloe",
    "patient, record closed by herself",
    ins("2911269123077"),
    "TESTPATIENTE",
    "CHLOE",
    "F",
    "1991-12-03",
    "69123",
    "chloe@patient.test",
)
DAVID = Patient(
    "david",
    "patient, a minor",
    ins("1140344109215"),
    "TESTPATIENT",
    "DAVID",
    "M",
    "2014-03-28",
    "44109",
    "david@patient.test",
)
DR_MARTIN = Professional(
    "dr-martin",
    "treating doctor (médecin traitant), general practitioner",
    "899700000019",
    "10",
    "TESTMARTIN",
    "Anne",
    "1990000017",
    "SM26",
)
DR_ROUX = Professional(
    "dr-roux",
    "doctor of the care team, cardiologist",
    "899700000027",
    "10",
    "TESTROUX",
    "Paul",
    "1990000025",
    "SM04",
)
DR_NOIR = Professional(
    "dr-noir",
    "doctor whom the patient blocked",
    "899700000035",
    "10",
    "TESTNOIR",
    "Luc",
    "1990000033",
    "SM26",
)
PHARMACIST = Professional(
    "pharmacist",
    "pharmacist in a dispensary",
    "899700000043",
    "21",
    "TESTLEROY",
    "Lucie",
    "1990000041",
    sector="SA33",
)
NURSE = Professional(
    "nurse",
    "nurse in private practice",
    "899700000050",
    "60",
    "TESTPETIT",
    "Jeanne",
    "1990000058",
)
OCCUPATIONAL_DOCTOR = Professional(
    "occupational-doctor",
    "doctor of an occupational health service: excluded from every record",
    "899700000068",
    "10",
    "TESTDURAND",
    "Marc",
    "1990000066",
    "SM25",
    sector="SA66",
)
HOSPITAL = Structure("hospital", "hospital's software, with the structure's certificate", "1990000074")
INSURER = Insurer("insurer", "health insurer", INSURER_CODE)
OPERATOR = Operator("operator", "operator of the system")

_EVERYBODY: tuple[Member, ...] = (
    ALICE,
    BRUNO,
    CHLOE,
    DAVID,
    DR_MARTIN,
    DR_ROUX,
    DR_NOIR,
    PHARMACIST,
    NURSE,
    OCCUPATIONAL_DOCTOR,
    HOSPITAL,
    INSURER,
    OPERATOR,
)
CAST: Mapping[str, Member] = MappingProxyType({member.name: member for member in _EVERYBODY})
"""Everybody, by name."""


def sample_patient(matricule: str, email: str = "patient@patient.test") -> Patient:
    """A patient outside the cast, known by a test INS alone: samples bring people of their own."""
    return Patient(
        matricule,
        "patient of a sample",
        matricule,
        "TESTPATIENT",
        "SANS PRENOM",
        "F" if matricule.startswith("2") else "M",
        "1980-01-01",
        "99999",
        email,
    )
