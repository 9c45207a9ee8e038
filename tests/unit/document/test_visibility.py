from uuid import uuid4

import pytest

from services.document.domain.visibility import visibility
from shared.contracts.common import Actor, ActorKind, Scope
from shared.security import Extract
from tests.support.documents import DOCTOR, permit


def seen(kind, **scope):
    return visibility(permit(uuid4(), Actor(kind=kind, number="8"), Scope(**scope)))


def test_a_professional_sees_what_the_permit_names():
    found = seen(ActorKind.PROFESSIONAL, types={"a"}, own="8", own_structure="1")
    assert (found.types, found.masked, found.withheld, found.hidden, found.own) == (
        ("a",),
        False,
        False,
        True,
        ("8", "1"),
    )
    assert seen(ActorKind.PROFESSIONAL, types=None, masked=True, withheld=True).types is None


def test_an_empty_list_of_types_is_not_every_type():
    assert seen(ActorKind.PROFESSIONAL, types=frozenset()).types == ()


@pytest.mark.parametrize("kind", [ActorKind.PATIENT, ActorKind.REPRESENTATIVE])
def test_ar_029_the_holders_side_sees_masked_and_never_withheld_whatever_the_permit_says(kind):
    found = seen(kind, withheld=True, own="8", own_structure="1")
    assert (found.masked, found.withheld, found.own) == (True, False, ())


def test_ar_041_only_representatives_miss_what_is_hidden_from_them():
    assert [kind for kind in ActorKind if not seen(kind).hidden] == [ActorKind.REPRESENTATIVE]


def test_nothing_is_own_where_the_permit_names_nobody():
    assert visibility(permit(uuid4(), DOCTOR)).own == ()


@pytest.mark.parametrize("kind", ActorKind)
def test_ar_041_058_an_extract_shows_nothing_hidden_from_representatives_whoever_takes_it(kind):
    one = permit(uuid4(), Actor(kind=kind, number="8"), Scope(types={"a"}), extract=Extract(case=uuid4()))
    assert not visibility(one).hidden
