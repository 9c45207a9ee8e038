import contextlib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.access_control.domain import matrix
from shared import terminology

DATA = Path(matrix.__file__).parents[1] / "data"
CELLS = (DATA / "habilitation_matrix.csv").read_text(encoding="utf-8")
META = (DATA / "habilitation_matrix.toml").read_text(encoding="utf-8")
HEAD = ",".join(matrix.COLUMNS)
SMALL_META = 'version = "t"\neffective = 2024-01-01\ninactive_groups = []\n[basis.b]\nsays = "test"\n'


@pytest.fixture(scope="module")
def loaded():
    return matrix.load(CELLS, META)


def test_it_says_its_version_and_day(loaded):
    assert loaded.version == "reconstructed-2024-02"
    assert loaded.effective == date(2024, 2, 23)
    assert len(loaded.cells) == 2346


def test_doctors_consult_all_but_the_residence_certificate(loaded):
    dmp = {code for code, known in terminology.document_types().items() if known.in_dmp}
    assert dmp - loaded.types_for("medecin") == {"ATTEST-RESID"}


@pytest.mark.parametrize(
    ("group", "type_code", "allowed"),
    [
        ("infirmier", "11502-2", True),
        ("infirmier", "PROT_ALD", True),
        ("infirmier", "68599-0", False),
        ("infirmier", "75496-0", False),
        ("chirurgien_dentiste", "80788-3", False),
        ("chirurgien_dentiste", "83981-1", False),
        ("assureur_mutuelle_banque_employeur", "11502-2", False),
        ("medecin_du_travail", "11502-2", False),
    ],
)
def test_documented_cells(loaded, group, type_code, allowed):
    assert loaded.may_consult(group, type_code) is allowed
    assert loaded.cell(group, type_code).confidence in {"high", "medium"}


@pytest.mark.parametrize(
    ("group", "type_code", "ruling"),
    [
        ("medecin", "11502-2", matrix.Ruling.ALLOWED),
        ("medecin", "ATTEST-RESID", matrix.Ruling.CELL_DENIES),
        ("assureur_mutuelle_banque_employeur", "11502-2", matrix.Ruling.CELL_DENIES),
        ("acteur_a_role_coordination", "28653-4", matrix.Ruling.GROUP_INACTIVE),
        ("acteur_a_role_coordination", "11502-2", matrix.Ruling.CELL_DENIES),
        ("plombier", "11502-2", matrix.Ruling.UNKNOWN_GROUP),
        (None, "11502-2", matrix.Ruling.UNKNOWN_GROUP),
        ("medecin", "0-0", matrix.Ruling.UNKNOWN_TYPE),
        (None, "0-0", matrix.Ruling.UNKNOWN_TYPE),
    ],
)
def test_ar_012_every_denial_of_the_matrix_has_its_reason(loaded, group, type_code, ruling):
    assert loaded.ruling(group, type_code) is ruling


def test_ar_012_ruling_and_permission_agree_everywhere(loaded):
    groups = [*loaded.groups(), "plombier", None]
    types = [*loaded.types, "0-0"]
    disagree = [
        (group, code)
        for group in groups
        for code in types
        if loaded.may_consult(group, code) is not (loaded.ruling(group, code) is matrix.Ruling.ALLOWED)
    ]
    assert disagree == []


def test_ar_012_where_no_version_is_in_force_nobody_consults():
    assert matrix.NOTHING.types_for("medecin") == frozenset()
    assert matrix.NOTHING.ruling("medecin", "11502-2") is matrix.Ruling.UNKNOWN_TYPE


def test_the_digest_does_not_depend_on_the_order_of_lines_or_on_remarks(loaded):
    head, *rows = CELLS.splitlines()
    shuffled = "\n".join([head, *reversed(rows)])
    assert matrix.load(shuffled, f"# a remark\n{META}").digest() == loaded.digest()


@pytest.mark.parametrize(
    ("cells", "meta"),
    [
        (CELLS.replace("medecin,11502-2,1,", "medecin,11502-2,0,"), META),
        (CELLS.replace("medecin,11502-2,1,documented,high", "medecin,11502-2,1,documented,low"), META),
        (CELLS.replace("11502-2", "11502-3"), META),
        (CELLS, META.replace("reconstructed-2024-02", "reconstructed-2024-03")),
        (CELLS, META.replace("2024-02-23\n", "2024-02-24\n")),
        (CELLS, META.replace('["acteur_a_role_coordination"]', "[]")),
        (CELLS, META.replace("Denied; an osteopath", "Denied: an osteopath")),
        (CELLS, META.replace("Order of 26 October", "Order of 27 October")),
    ],
)
def test_the_digest_changes_with_whatever_a_version_says(loaded, cells, meta):
    assert (cells, meta) != (CELLS, META)
    assert matrix.load(cells, meta).digest() != loaded.digest()


def test_columns_of_roles_are_not_in_force(loaded):
    assert loaded.cell("acteur_a_role_coordination", "28653-4").consult
    assert loaded.types_for("acteur_a_role_coordination") == frozenset()


@pytest.mark.parametrize(
    ("group", "type_code"), [("medecin", "0-0"), ("plombier", "11502-2"), (None, "11502-2"), ("", "")]
)
def test_what_it_does_not_name_nobody_consults(loaded, group, type_code):
    assert not loaded.may_consult(group, type_code)


def test_every_group_of_the_terminology_has_its_column(loaded):
    groups = {group for group, _ in loaded.cells}
    roles = ["G15_10", "G15_40", "G15_50", "G15_21", "G15_60", "G15_70", "R95_93", "R95_71", "R94_41", "R291_99"]
    assert {terminology.profession_group(code) for code in roles} <= groups


def test_every_type_it_names_is_in_the_list_of_the_dmp(loaded):
    assert {code for _, code in loaded.cells if terminology.class_of(code) is None} == set()


def test_a_group_is_in_force_when_the_companion_says_so():
    again = matrix.load(CELLS, META.replace('["acteur_a_role_coordination"]', "[]"))
    assert again.may_consult("acteur_a_role_coordination", "28653-4")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["a,t,1,documented,high"], "line 2 .* 5 columns"),
        (["a,t,2,documented,high,b"], "line 2 .*consult is '2'"),
        (["a,t,yes,documented,high,b"], "consult is 'yes'"),
        (["a,t,1,guessed,high,b"], "status is 'guessed'"),
        (["a,t,1,documented,sure,b"], "confidence is 'sure'"),
        (["a,t,1,documented,high,nowhere"], "basis is 'nowhere'"),
        (["a,t,1,excluded,high,b"], "excluded actor"),
        ([",t,1,documented,high,b"], "lacks its profession_group"),
        (["a,t x,1,documented,high,b"], "line 2 .* typeCode is 't x'; expected"),
        (["é,t,1,documented,high,b"], "line 2 .* profession_group is 'é'; expected"),
        (["a,t,1,documented,high,b", "a,t,0,documented,high,b"], "line 3 .* second time"),
        (["a,t,1,documented,high,b", "a,u,0,documented,high,b", "z,t,0,documented,high,b"], "no cell for z and .'u'."),
        ([], "no cell"),
    ],
)
def test_a_bad_row_refuses_the_whole(rows, says):
    with pytest.raises(matrix.MatrixError, match=says):
        matrix.load("\n".join([HEAD, *rows]), SMALL_META)


@pytest.mark.parametrize(
    ("meta", "says"),
    [
        ("version = ", "no TOML"),
        ("effective = 2024-01-01", "no version"),
        ('version = "none"\neffective = 2024-01-01', "stands for no version"),
        ('version = "a b"\neffective = 2024-01-01', "version 'a b'; expected a code"),
        ('version = "t"', "no effective date"),
        ('version = "t"\neffective = 2024-01-01\n[basis]\nb = 1', "basis to be tables"),
        ('version = "t"\neffective = "soon"', "no effective date"),
        ('version = "t"\neffective = 2024-01-01\ninactive_groups = "x"', "to be a list"),
        ('version = "t"\neffective = 2024-01-01\ninactive_groups = ["x"]\n[basis.b]', "names .'x'."),
    ],
)
def test_a_bad_companion_is_refused(meta, says):
    with pytest.raises(matrix.MatrixError, match=says):
        matrix.load(f"{HEAD}\na,t,1,documented,high,b", meta)


def test_a_row_that_is_no_csv_is_refused():
    with pytest.raises(matrix.MatrixError, match="no CSV"):
        matrix.load(f"{HEAD}\n{'a' * 200_000},t,1,documented,high,b", SMALL_META)


def test_a_wrong_header_is_refused():
    with pytest.raises(matrix.MatrixError, match="line 1"):
        matrix.load("group,type\na,t", SMALL_META)


@given(st.text(max_size=300), st.text(max_size=200))
def test_whatever_the_files_hold_only_a_matrix_error_leaves(cells, meta):
    for text, companion in ((cells, SMALL_META), (f"{HEAD}\n{cells}", SMALL_META), (CELLS, meta)):
        with contextlib.suppress(matrix.MatrixError):
            assert matrix.load(text, companion).cells
