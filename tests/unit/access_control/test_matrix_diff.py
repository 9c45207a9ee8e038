"""What two versions differ in."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from services.access_control.domain.matrix import Basis, Cell, build
from services.access_control.domain.matrix_diff import CellChange, Effect, diff
from tests.unit.access_control.cast import MATRIX

GROUPS, TYPES = ("medecin", "infirmier"), ("t1", "t2", "t3")
BASES = {"one": Basis("said by one", "a paper"), "two": Basis("said by two", "a paper")}


def version(cells, inactive=frozenset(), bases=BASES):
    return build("v", date(2024, 1, 1), cells, inactive=frozenset(inactive), provenance="", bases=bases)


def cell(*, consult=True, status="documented", confidence="high", basis="one"):
    return Cell(consult, status, confidence, basis)


CELLS = st.builds(
    Cell, st.booleans(), st.just("documented"), st.sampled_from(["high", "low"]), st.sampled_from(sorted(BASES))
)
VERSIONS = st.builds(
    version,
    st.dictionaries(st.tuples(st.sampled_from(GROUPS), st.sampled_from(TYPES)), CELLS),
    st.sets(st.sampled_from(GROUPS)),
)
PLACES = [(group, code) for group in GROUPS for code in TYPES]


@given(VERSIONS, VERSIONS)
def test_gained_and_lost_are_what_may_and_may_no_longer_be_consulted(before, after):
    told = {(one.group, one.type_code): one.effect for one in diff(before, after)}
    for place in PLACES:
        could, can = before.may_consult(*place), after.may_consult(*place)
        assert (told.get(place) is Effect.GAINED) is (can and not could)
        assert (told.get(place) is Effect.LOST) is (could and not can)


@given(VERSIONS, VERSIONS)
def test_what_is_not_told_is_the_same_in_both(before, after):
    told = {(one.group, one.type_code) for one in diff(before, after)}
    for place in set(PLACES) - told:
        assert before.cell(*place) == after.cell(*place)
        assert before.may_consult(*place) == after.may_consult(*place)


@given(VERSIONS, VERSIONS)
def test_the_way_back_is_the_mirror(before, after):
    swapped = {Effect.GAINED: Effect.LOST, Effect.LOST: Effect.GAINED, Effect.NONE: Effect.NONE}
    back = tuple(CellChange(c.group, c.type_code, swapped[c.effect], c.after, c.before) for c in diff(before, after))
    assert diff(after, before) == back


def test_a_version_does_not_differ_from_itself():
    assert diff(MATRIX, MATRIX) == ()


def test_a_cell_that_comes_from_elsewhere_is_told_without_effect():
    place = ("medecin", "t1")
    (change,) = diff(version({place: cell()}), version({place: cell(basis="two")}))
    assert change == CellChange("medecin", "t1", Effect.NONE, cell(), cell(basis="two"))


def test_another_name_for_the_same_basis_is_no_difference():
    place = ("medecin", "t1")
    renamed = version({place: cell(basis="uno")}, bases={"uno": BASES["one"]})
    assert diff(version({place: cell()}), renamed) == ()


def test_a_column_that_comes_into_force_gains_what_its_cells_allow():
    cells = {("medecin", "t1"): cell(), ("medecin", "t2"): cell(consult=False)}
    (change,) = diff(version(cells, {"medecin"}), version(cells))
    assert (change.type_code, change.effect) == ("t1", Effect.GAINED)


def test_cells_that_only_one_version_has_are_told():
    old, new = version({("medecin", "t1"): cell()}), version({("medecin", "t2"): cell(consult=False)})
    assert diff(old, new) == (
        CellChange("medecin", "t1", Effect.LOST, cell(), None),
        CellChange("medecin", "t2", Effect.NONE, None, cell(consult=False)),
    )
