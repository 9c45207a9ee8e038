"""A permit that is expired, altered, for another owner, or signed by another is refused, and the error says why."""

import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.contracts.common import Act, Owner, Scope
from shared.http import RemoteError
from shared.security import Permit, PermitSigner, new_private_jwk, read_jwk
from tests.support.acts import DOCTOR, consult


def permit(record, *, age_s=0.0, owner=Owner.DOCUMENT):
    issued = datetime.now(UTC) - timedelta(seconds=age_s)
    return Permit(
        id=uuid4(),
        record=record,
        actor=DOCTOR,
        owner=owner,
        act=Act.CONSULT,
        scope=Scope(),
        issued=issued,
        expires=issued + timedelta(seconds=5),
    )


@pytest.fixture
def signer(carnet):
    """access_control's own key: what it signs differs in nothing but what a test says."""
    return PermitSigner(read_jwk(carnet.places.secrets.permit_key_file))


async def refusal(acts, token):
    with pytest.raises(RemoteError) as caught:
        await acts.search(token)
    assert caught.value.status == 403
    return caught.value


async def test_expired(acts, signer):
    record, _ = await acts.open()
    error = await refusal(acts, signer.sign(permit(record, age_s=60)))
    assert (error.code, "expired" in error.sentence or "run out" in error.sentence) == ("permit_expired", True)


async def test_for_another_owner(acts, signer):
    record, _ = await acts.open()
    error = await refusal(acts, signer.sign(permit(record, owner=Owner.AUDIT)))
    assert "owner" in error.code
    assert "audit" in error.sentence


async def test_altered(acts):
    record, _ = await acts.authorised()
    token = (await acts.ask(record, consult())).permit
    head, payload, signature = token.split(".")
    swapped = ("B" if payload[20] == "A" else "A") + payload[21:]
    error = await refusal(acts, ".".join((head, payload[:20] + swapped, signature)))
    assert error.code in {"permit_altered", "permit_malformed"}
    assert await acts.search(token), "the permit itself is good"


async def test_signed_by_somebody_else(acts):
    record, _ = await acts.open()
    error = await refusal(acts, PermitSigner(new_private_jwk("access_control.permits-1")).sign(permit(record)))
    assert error.code == "permit_altered"


async def test_used_up_by_the_read_that_it_was_for(acts):
    record, _ = await acts.authorised()
    token = (await acts.ask(record, consult())).permit
    began = time.monotonic()
    await acts.search(token)
    assert (await refusal(acts, token)).code == "permit_used"
    assert time.monotonic() - began < 5
