"""A permit opens what it is for: a reading no extract, an extract no reading, at no owner (AR-065)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from pydantic import ValidationError

from shared.contracts.common import Act, Actor, ActorKind, Owner, Scope
from shared.http import Problem, reading_permit
from shared.security import Extract, Permit, PermitSigner, PermitVerifier, new_private_jwk, public_jwks

KEY = new_private_jwk("access_control")
EXTRACT = Extract(case=UUID(int=3), since=datetime(2025, 1, 1, tzinfo=UTC), until=datetime(2026, 1, 1, tzinfo=UTC))


def signed(owner=Owner.DOCUMENT, act=Act.CONSULT, extract=None):
    now = datetime.now(UTC)
    actor = Actor(kind=ActorKind.OPERATOR, number="operator-1", authenticated=True)
    told = {"id": UUID(int=1), "record": UUID(int=2), "actor": actor, "owner": owner, "act": act, "scope": Scope()}
    one = Permit(**told, extract=extract, issued=now, expires=now + timedelta(seconds=5))
    return PermitSigner(KEY).sign(one)


def opened(token, owner=Owner.DOCUMENT, **more):
    return reading_permit(PermitVerifier(public_jwks(KEY), owner), token, **more)


def test_each_opens_its_own_with_all_that_it_says():
    assert opened(signed()).extract is None
    assert opened(signed(extract=EXTRACT), extract=True).extract == EXTRACT


@pytest.mark.parametrize("owner", Owner)
def test_an_extract_opens_no_reading_at_any_owner(owner):
    with pytest.raises(Problem) as refused:
        opened(signed(owner, extract=EXTRACT), owner)
    assert (refused.value.status, refused.value.code) == (403, "permit_other_act")


@pytest.mark.parametrize("act", [Act.CONSULT, Act.DEPOSIT])
def test_nothing_else_opens_an_extract(act):
    with pytest.raises(Problem):
        opened(signed(act=act), extract=True)


def test_what_bounds_an_extract_in_a_way_not_known_here_is_refused():
    """An older owner would show more than was permitted."""
    with pytest.raises(ValidationError):
        Extract.model_validate({"case": UUID(int=3), "without": ["a-type"]})
