"""The test people of a local system: who they are.

Every number is made up, in the ranges of tests.
"""

from collections.abc import Mapping
from types import MappingProxyType

from deploy.local.identity.members import Insurer, Member, Operator, Patient, Professional, Session, Structure, ins

INSURER_CODE = "amo-test"
APP_CODE = "carnet-suivi"
"""Of the app through which `alice-app` acts; nothing is permitted to it before the operator has registered it."""
_SECRET = {"confidentiality_code": "INVISIBLE_REPRESENTANTS_LEGAUX"}
"""The claim of a secret connection (connexion secrète, AR-042)."""

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
HELENE = Patient(
    "helene",
    "david's mother: his legal representative once the insurance or the operator has invited her",
    ins("2850644109216"),
    "TESTMERE",
    "HELENE",
    "F",
    "1985-06-09",
    "44109",
    "helene@patient.test",
)
EMILE = Patient(
    "emile",
    "patient, a protected adult (majeur protégé)",
    ins("1480231555084"),
    "TESTPATIENT",
    "EMILE",
    "M",
    "1948-02-17",
    "31555",
    "emile@patient.test",
)
GILLES = Patient(
    "gilles",
    "in charge of emile's protection once the insurance or the operator has invited him",
    ins("1720931555085"),
    "TESTTUTEUR",
    "GILLES",
    "M",
    "1972-09-30",
    "31555",
    "gilles@patient.test",
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
DENTIST = Professional(
    "dentist",
    "dentist in private practice, whom nobody has authorised",
    "899700000076",
    "40",
    "TESTROCHE",
    "Nina",
    "1990000082",
)
SAMU = Professional(
    "samu",
    "regulating doctor of the emergency number 15",
    "899700000084",
    "10",
    "TESTGARNIER",
    "Hugo",
    "1990000074",
    "SM25",
    sector="SA01",
    regulates=True,
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
SECOND_OPERATOR = Operator("second-operator", "another operator: what asks for two persons is never done by one")
ALICE_APP = Session("alice-app", "alice, through the app carnet-suivi", ALICE, {"app": APP_CODE})
DAVID_SECRET = Session("david-secret", "david, in a secret connection (connexion secrète)", DAVID, _SECRET)
COUNSELLOR = Session(
    "counsellor",
    "counsellor of the health insurer: opens records, writes down oppositions, reads nothing",
    INSURER,
    {"capacity": "insurance_counsellor", "acr": "eidas2"},
)
FIREFIGHTER = Session(
    "firefighter", "dr-roux, on duty as a doctor of the firefighters", DR_ROUX, {"capacity": "firefighter_doctor"}
)
DR_ROUX_TEAM = Session(
    "dr-roux-team", "dr-roux, in the formalised care team test-team-1", DR_ROUX, {"Equipe_Soins": "test-team-1"}
)
DR_ROUX_SECRET = Session("dr-roux-secret", "dr-roux, in a minor's secret connection", DR_ROUX, _SECRET)

_EVERYBODY: tuple[Member, ...] = (
    ALICE,
    BRUNO,
    CHLOE,
    DAVID,
    HELENE,
    EMILE,
    GILLES,
    DR_MARTIN,
    DR_ROUX,
    DR_NOIR,
    PHARMACIST,
    NURSE,
    DENTIST,
    SAMU,
    OCCUPATIONAL_DOCTOR,
    HOSPITAL,
    INSURER,
    OPERATOR,
    SECOND_OPERATOR,
    ALICE_APP,
    DAVID_SECRET,
    DR_ROUX_SECRET,
    COUNSELLOR,
    FIREFIGHTER,
    DR_ROUX_TEAM,
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
