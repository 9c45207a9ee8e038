import pytest

from shared import terminology
from shared.terminology import roles


def test_the_list_of_types_is_that_of_the_dmp():
    types = terminology.document_types()
    assert len(types) == 115
    assert sum(known.in_dmp for known in types.values()) == 102


@pytest.mark.parametrize(
    ("code", "class_code"),
    [("11502-2", "10"), ("60591-5", "11"), ("18748-4", "31"), ("57833-6", "42"), ("REMB", "60"), ("EXPPAT_3", "90")],
)
def test_the_class_follows_from_the_type(code, class_code):
    assert terminology.class_of(code) == class_code
    assert terminology.document_class(class_code) is not None


def test_every_class_named_by_a_type_exists():
    named = {known.class_code for known in terminology.document_types().values() if known.class_code}
    assert len(named) == 11
    assert all(terminology.document_class(code) for code in named)


@pytest.mark.parametrize("code", ["", "0-0", "11502-2 ", "28617-9"])
def test_a_type_outside_the_dmp_has_no_class(code):
    assert terminology.class_of(code) is None


def test_a_type_of_the_patient_is_told_apart():
    assert terminology.document_type("EXPPAT_3").patient_side
    assert not terminology.document_type("11502-2").patient_side


def test_each_type_says_its_code_system():
    assert terminology.document_type("11502-2").system == "2.16.840.1.113883.6.1"
    assert terminology.document_type("SYNTH").system == "1.2.250.1.213.1.1.4.12"


def test_formats():
    assert len(terminology.KNOWN_FORMATS) == 62
    assert terminology.document_format("urn:ihe:iti:xds-sd:pdf:2008").level.startswith("N1")
    assert terminology.document_format("urn:nothing") is None


def test_confidentiality_codes_and_their_flags():
    flags = {
        code for code in ("N", "R", "V", "MASQUE_PS", "INVISIBLE_PATIENT") if terminology.confidentiality(code).flag
    }
    assert flags == {"MASQUE_PS", "INVISIBLE_PATIENT"}
    assert terminology.confidentiality("masque_ps") is None


@pytest.mark.parametrize(
    ("codes", "allowed"),
    [
        ({"N", "MASQUE_PS"}, True),
        ({"N", "INVISIBLE_PATIENT"}, True),
        ({"N", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX"}, True),
        ({"N", "MASQUE_PS", "INVISIBLE_PATIENT"}, False),
    ],
)
def test_the_forbidden_pair(codes, allowed):
    assert terminology.may_combine(codes) is allowed


@pytest.mark.parametrize(
    ("code", "group"),
    [
        ("G15_10", "medecin"),
        ("G16_10", "medecin"),
        ("G15_69", "infirmier"),
        ("R94_41", "professionnel_social_medicosocial"),
        ("R291_99", "acteur_a_role_coordination"),
        ("G15_11", None),
        ("", None),
    ],
)
def test_profession_groups(code, group):
    assert terminology.profession_group(code) == group


def test_every_health_role_has_a_column():
    assert [code for code in roles._roles() if terminology.profession_group(code) is None] == []


@pytest.mark.parametrize(
    ("sector", "actor"),
    [("SA66", "medecin_du_travail"), ("SA23", "assureur_mutuelle_banque_employeur"), ("SA07", None), ("SA24", None)],
)
def test_sectors_that_exclude(sector, actor):
    assert terminology.excluded_sector(sector) == actor


def test_access_modes():
    assert {"normal", "bris_de_glace", "centre_15"} == terminology.ACCESS_MODES
    assert terminology.access_mode("bris_de_glace").label == "Accès en bris de glace"


@pytest.mark.parametrize("number", ["279035121518989", "277076322082910"])
def test_an_ins_of_test(number):
    ins = terminology.parse_ins("urn:oid:1.2.250.1.213.1.4.10", number)
    assert ins.is_test
    assert ins.key_is_valid()
    assert number not in repr(ins)


def test_the_key_of_an_ins_from_corsica():
    number = "279032A215189"
    key = 97 - int("2790319215189") % 97
    assert terminology.parse_ins("1.2.250.1.213.1.4.8", f"{number}{key:02}").key_is_valid()
    assert not terminology.Ins("1.2.250.1.213.1.4.8", f"{number}{(key + 1) % 97:02}").key_is_valid()


@pytest.mark.parametrize(
    ("oid", "refused"), [(terminology.ins.NIR, True), (terminology.ins.NIA, True), (terminology.ins.TEST_NIR, False)]
)
def test_a_wrong_key_is_refused_but_for_test_people(oid, refused):
    assert terminology.Ins(oid, "279035121518988").is_refused_by_key() is refused
    assert not terminology.Ins(oid, "279035121518989").is_refused_by_key()


@pytest.mark.parametrize(
    ("oid", "number"),
    [
        ("1.2.3", "279035121518989"),
        ("urn:oid:1.2.250.1.213.1.4.13", "279035121518989"),
        ("1.2.250.1.213.1.4.10", "27903512151898"),
        ("1.2.250.1.213.1.4.10", "279035121518989 "),
        ("1.2.250.1.213.1.4.10", "27903512151898९"),
        ("1.2.250.1.213.1.4.10", ""),
    ],
)
def test_what_is_no_ins_is_refused_without_showing_it(oid, number):
    with pytest.raises(ValueError, match=r"INS") as refused:
        terminology.parse_ins(oid, number)
    assert "2790351" not in str(refused.value)
