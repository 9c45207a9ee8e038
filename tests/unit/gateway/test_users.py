from copy import deepcopy
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.identity.cast import ALICE, CAST, DR_MARTIN, HOSPITAL, OCCUPATIONAL_DOCTOR
from services.gateway.domain.users import (
    HIDDEN,
    UnacceptableInsError,
    UnknownUserError,
    accepted,
    acting_by,
    identify,
    may_be_urgent,
    outsider,
)
from shared.contracts.common import ActorKind, Capacity, Strength
from shared.contracts.http_access_control import DelegateOf
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import DelegationKind
from shared.terminology import Ins

KINDS = {
    "alice": ActorKind.PATIENT,
    "bruno": ActorKind.PATIENT,
    "chloe": ActorKind.PATIENT,
    "david": ActorKind.PATIENT,
    "helene": ActorKind.PATIENT,
    "emile": ActorKind.PATIENT,
    "gilles": ActorKind.PATIENT,
    "alice-app": ActorKind.PATIENT,
    "david-secret": ActorKind.PATIENT,
    "hospital": ActorKind.STRUCTURE,
    "insurer": ActorKind.INSURER,
    "counsellor": ActorKind.INSURER,
    "operator": ActorKind.OPERATOR,
    "second-operator": ActorKind.OPERATOR,
}


def doctor(**changes):
    return deepcopy(DR_MARTIN.claims()) | changes


def exercise(**changes):
    return deepcopy(DR_MARTIN.claims()["SubjectRefPro"]["exercices"][0]) | changes


def role(**changes):
    return identify(doctor(**changes), local=True).actor.role


@pytest.mark.parametrize("name", CAST)
def test_everybody_of_the_cast_is_known(name) -> None:
    assert identify(CAST[name].claims(), local=True).actor.kind is KINDS.get(name, ActorKind.PROFESSIONAL)


def test_ar_065_an_operator_is_a_person_where_the_token_says_that_one_signed_in() -> None:
    for acr, authenticated in (({"acr": "eidas2"}, True), ({"acr": "eidas0"}, False), ({}, False)):
        actor = identify({"operator": "ana"} | acr, local=True).actor
        assert (actor.kind, actor.number, actor.authenticated) == (ActorKind.OPERATOR, "ana", authenticated)


def test_a_professional() -> None:
    actor = identify(DR_MARTIN.claims(), local=True).actor
    assert (actor.number, actor.role, actor.specialty) == ("899700000019", "G15_10", "SM26")
    assert (actor.sector, actor.structure) == ("SA07", "1990000017")
    assert actor.authenticated
    assert not actor.regulator


def test_a_patient_is_known_by_the_token_alone_and_has_no_number() -> None:
    user = identify(ALICE.claims(), local=True)
    assert user.ins == Ins(ALICE.oid, ALICE.matricule)
    assert user.actor.number is None
    assert user.actor.authenticated
    assert ALICE.matricule not in repr(user)


def test_a_structure_is_no_authenticated_person() -> None:
    actor = identify(HOSPITAL.claims() | {"acr": "eidas3"}, local=True).actor
    assert actor.number == actor.structure == HOSPITAL.number
    assert not actor.authenticated


def test_a_bare_rpps_is_written_with_its_prefix() -> None:
    assert identify(doctor(SubjectNameID="99700000019"), local=True).actor.number == "899700000019"


def test_ar_034_the_claim_of_regulation_makes_a_regulator() -> None:
    assert identify(CAST["samu"].claims(), local=True).actor.regulator
    assert not identify(CAST["samu"].claims() | {"Acces_Regulation_Medicale": True}, local=True).actor.regulator


def test_ar_067_a_patient_through_an_app_is_the_same_holder_and_not_there_in_person() -> None:
    alice, through = (identify(CAST[name].claims(), local=True) for name in ("alice", "alice-app"))
    assert (through.ins, through.actor.app, through.is_holder, through.in_person) == (
        alice.ins,
        "carnet-suivi",
        True,
        False,
    )
    assert (alice.actor.app, alice.in_person) == (None, True)


@pytest.mark.parametrize("name", ["david", "dr-roux", "hospital"])
def test_ar_042_a_secret_connection_is_said_by_the_session(name) -> None:
    claims = CAST[name].claims()
    assert not identify(claims, local=True).actor.secret
    assert identify(claims | {"confidentiality_code": HIDDEN}, local=True).actor.secret


def test_ar_042_nobody_acts_for_another_in_a_secret_connection() -> None:
    record = uuid4()
    own = DelegateOf(record=record, delegation=uuid4(), kind=DelegationKind.LEGAL_REPRESENTATION, state="ACCEPTED")
    actor = identify(CAST["david"].claims(), local=True).actor
    assert acting_by(actor, record, [own]) is not None
    assert acting_by(identify(CAST["david-secret"].claims(), local=True).actor, record, [own]) is None


@pytest.mark.parametrize("acr", [None, "", "eidas0", "1", ["eidas1"]])
def test_without_a_known_level_nobody_is_authenticated(acr) -> None:
    assert not identify(doctor(acr=acr), local=True).actor.authenticated


@pytest.mark.parametrize(
    "changes",
    [
        {"SubjectRole": ["10^1.2.250.1.213.1.1.5.5", "60^1.2.250.1.213.1.1.5.5"]},
        {"SubjectRole": ["60^1.2.250.1.213.1.1.5.5"]},
        {"SubjectRole": ["777^1.2.250.1.213.1.1.5.5"], "SubjectRefPro": {}},
        {"SubjectRole": {"10": 1}},
        {"SubjectRole": [], "SubjectRefPro": {"exercices": []}},
        {"SubjectRefPro": {"exercices": [exercise(), exercise()]}},
        {"SubjectRefPro": {"exercices": [exercise(codeProfession="60")]}},
        {"SubjectRefPro": {"exercices": [exercise(activities=[{"codeSecteurDactivite": "SA66"}])]}},
        {"Secteur_Activite": "", "SubjectRefPro": {"exercices": [exercise(activities=[])]}},
        {
            "Secteur_Activite": None,
            "SubjectRefPro": {
                "exercices": [exercise(activities=[{"codeSecteurDactivite": "SA66"}, {"codeSecteurDactivite": "SA07"}])]
            },
        },
    ],
)
def test_a_missing_or_ambiguous_exercise_leaves_no_role(changes) -> None:
    """AR-072."""
    assert role(**changes) is None


def test_the_token_names_one_of_several_exercises() -> None:
    both = {"exercices": [exercise(), exercise(codeProfession="60", codeSavoirFaire="")]}
    assert role(SubjectRefPro=both) == "G15_10"
    assert role(SubjectRefPro=both, SubjectRole=["60^1.2.250.1.213.1.1.5.5"]) == "G15_60"


def test_the_sector_tells_two_exercises_of_one_profession_apart() -> None:
    hospital = exercise(activities=[{"codeSecteurDactivite": "SA01"}], codeSavoirFaire="SM04")
    actor = identify(doctor(SubjectRefPro={"exercices": [exercise(), hospital]}), local=True).actor
    assert (actor.role, actor.specialty) == ("G15_10", "SM26")


def test_a_missing_sector_is_taken_from_the_only_activity() -> None:
    assert identify(doctor(Secteur_Activite=""), local=True).actor.sector == "SA07"


def test_a_student_has_the_role_of_training() -> None:
    assert role(SubjectRefPro={"exercices": [exercise(codeCategorieProfessionnelle="E")]}) == "G16_10"


def test_other_nomenclatures_of_roles() -> None:
    social = exercise(codeProfession="41")
    assert role(SubjectRole="41^x", SubjectRefPro={"exercices": [social]}) == "R94_41"


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"sub": "somebody"},
        {"SubjectNameID": "12"},
        {"SubjectNameID": "8997000000190"},
        {"SubjectNameID": 899700000019},
        {"SubjectOrganizationID": "no number"},
        {"insurer": "two words"},
        {"operator": ["root"]},
        {"ins": "279035121518989"},
        {"ins": {"matricule": "1", "oid": ALICE.oid}},
        {"ins": {"matricule": ALICE.matricule, "oid": "1.2.3"}},
        ALICE.claims() | {"SubjectNameID": "899700000019"},
        {"insurer": "amo-test", "operator": "operator"},
        {"insurer": "amo-test", "ins": ALICE.claims()["ins"]},
        *(ALICE.claims() | {"app": app} for app in ("", "two words", None, ["carnet-suivi"])),
        *(ALICE.claims() | {"confidentiality_code": one} for one in ("", "N", True, None, [HIDDEN])),
        DR_MARTIN.claims() | {"confidentiality_code": "MASQUE_PS"},
        HOSPITAL.claims() | {"confidentiality_code": "MASQUE_PS"},
    ],
)
def test_claims_that_do_not_say_who_are_refused(claims) -> None:
    with pytest.raises(UnknownUserError) as error:
        identify(claims, local=True)
    assert ALICE.matricule not in str(error.value)


def test_a_real_identity_is_refused_locally_and_taken_elsewhere() -> None:
    real = Ins("1.2.250.1.213.1.4.8", ALICE.matricule)
    claims = ALICE.claims() | {"ins": {"matricule": ALICE.matricule, "oid": real.oid}}
    with pytest.raises(UnacceptableInsError) as error:
        identify(claims, local=True)
    assert ALICE.matricule not in str(error.value)
    assert identify(claims, local=False).ins == real
    assert accepted(real, local=False) == real


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("insurer", Reason.EXCLUDED_ACTOR),
        ("occupational-doctor", Reason.EXCLUDED_SECTOR),
        ("dr-martin", None),
        ("alice", None),
        ("hospital", None),
    ],
)
def test_outsiders(name, reason) -> None:
    assert outsider(identify(CAST[name].claims(), local=True).actor) is reason


def test_the_sector_counts_and_not_the_specialty() -> None:
    """AR-047."""
    claims = OCCUPATIONAL_DOCTOR.claims() | {"Secteur_Activite": "SA01^x", "SubjectRefPro": {}}
    assert outsider(identify(claims, local=True).actor) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*DR_MARTIN.claims(), "ins", "insurer", "operator"]), JSON))
def test_no_claim_breaks_it(changes) -> None:
    """A signed token with odd claims is refused, or gives an actor; never another error."""
    try:
        actor = identify(DR_MARTIN.claims() | changes, local=True).actor
    except (UnknownUserError, UnacceptableInsError):
        return
    assert actor.role is None or actor.sector


@pytest.mark.parametrize(
    ("claims", "strength"),
    [
        ({}, Strength.DIRECT),
        ({"Authentification_Mode": "DIRECTE"}, Strength.DIRECT),
        ({"Authentification_Mode": "INDIRECTE"}, Strength.CERTIFICATE),
        ({"Authentification_Mode": "INDIRECT_RENFORCEE"}, Strength.AIR),
        ({"acr": None}, None),
    ],
)
def test_ar_016_017_the_token_says_how_strongly_a_professional_was_authenticated(claims, strength) -> None:
    assert identify(doctor(**claims), local=True).actor.strength is strength


def test_ar_016_a_name_beside_a_structures_certificate_reads_nothing() -> None:
    """The level alone would have made a person of it."""
    actor = identify(doctor(Authentification_Mode="INDIRECTE", acr="eidas1"), local=True).actor
    assert (actor.authenticated, actor.strength) == (True, Strength.CERTIFICATE)
    assert not may_be_urgent(actor)
    assert may_be_urgent(actor.model_copy(update={"strength": Strength.AIR}))


@pytest.mark.parametrize(
    ("name", "capacity"),
    [
        ("firefighter", Capacity.FIREFIGHTER_DOCTOR),
        ("counsellor", Capacity.COUNSELLOR),
        ("dr-roux", None),
        ("insurer", None),
        ("alice", None),
    ],
)
def test_ar_001_050_064_a_session_has_the_capacity_that_the_token_names(name, capacity) -> None:
    assert identify(CAST[name].claims(), local=True).actor.capacity is capacity


def test_ar_008_the_token_names_the_formalised_team() -> None:
    assert identify(CAST["dr-roux-team"].claims(), local=True).actor.team == "test-team-1"
    assert identify(CAST["dr-roux"].claims(), local=True).actor.team is None


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("dr-roux", {"Authentification_Mode": "STRONG"}),
        ("dr-roux", {"Authentification_Mode": None}),
        ("dr-roux", {"Authentification_Mode": ["DIRECTE"]}),
        ("dr-roux", {"Equipe_Soins": ["team-1"]}),
        ("dr-roux", {"Equipe_Soins": "two words"}),
        ("dr-roux", {"capacity": "king"}),
        ("dr-roux", {"capacity": None}),
        ("dr-roux", {"capacity": ["pmi_doctor"]}),
        ("dr-roux", {"capacity": "insurance_counsellor"}),
        ("insurer", {"capacity": "pmi_doctor"}),
        ("alice", {"capacity": "heir"}),
        ("alice", {"capacity": "trusted_person"}),
        ("hospital", {"capacity": "pmi_doctor"}),
        ("operator", {"capacity": "insurance_counsellor"}),
    ],
)
def test_ar_016_a_claim_that_no_list_knows_is_nobody(name, claims) -> None:
    with pytest.raises(UnknownUserError):
        identify(CAST[name].claims() | claims, local=True)
