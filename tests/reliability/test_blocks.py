"""A block followed by a read never lets the read pass: both in flight, permits already out, an unblock that is late."""

import asyncio
import random
from datetime import UTC, datetime

import pytest

from deploy.proof.load.people import HOLDER
from shared.contracts.access_decisions import Outcome
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import Block, Unblock
from shared.http import RemoteError
from tests.support.acts import DOCTOR, consult

RACES = 25


def block(version):
    return Block(actor=HOLDER, rights_version=version, professional=DOCTOR.number)


def unblock(version):
    return Unblock(actor=HOLDER, rights_version=version, professional=DOCTOR.number)


async def until(moment):
    await asyncio.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()) + 0.05)


async def refused(acts, permit):
    """The code with which a permit is refused."""
    with pytest.raises(RemoteError) as caught:
        await acts.search(permit)
    assert caught.value.status == 403
    return caught.value.code


async def race(acts, chance):
    """A block and four reads at the same moment; what came of them, and a read behind the block."""
    record, _ = await acts.authorised()
    asked = [block(1), *(consult() for _ in range(4))]
    chance.shuffle(asked)
    decisions = await asyncio.gather(*(acts.ask(record, body) for body in asked))
    blocked = next(found for body, found in zip(asked, decisions, strict=True) if isinstance(body, type(block(1))))
    reads = [found for found in decisions if found is not blocked]
    return blocked, reads, await acts.ask(record, consult())


async def test_a_read_in_flight_beside_a_block_is_over_before_the_block_is_told(acts):
    chance = random.Random(1)
    passed = 0
    for blocked, reads, behind in await asyncio.gather(*(race(acts, chance) for _ in range(RACES))):
        assert blocked.outcome is Outcome.PERMIT
        assert behind.reasons == (Reason.BLOCKED,)
        for read in reads:
            assert read.reasons in {(Reason.AUTHORISED,), (Reason.BLOCKED,)}
            if read.outcome is Outcome.PERMIT:
                passed += 1
                assert read.expires <= blocked.in_force_at
    assert 0 < passed < 4 * RACES, "the race was none: every read came on the same side"


async def test_permits_that_are_out_end_before_the_block_is_told(acts):
    record, _ = await acts.authorised()
    first, second = await acts.ask(record, consult()), await acts.ask(record, consult())
    blocked = await acts.ask(record, block(1))
    assert blocked.in_force_at >= max(first.expires, second.expires)
    await acts.search(first.permit)
    assert await refused(acts, first.permit) == "permit_used"
    await until(blocked.in_force_at)
    assert await refused(acts, second.permit) == "permit_expired"
    assert (await acts.ask(record, consult())).reasons == (Reason.BLOCKED,)


async def test_a_stale_unblock_that_arrives_late_opens_nothing(acts):
    record, _ = await acts.authorised()
    assert (await acts.ask(record, block(1))).rights_version == 2
    assert (await acts.ask(record, unblock(1))).reasons == (Reason.STALE_RIGHTS,)
    assert (await acts.ask(record, consult())).reasons == (Reason.BLOCKED,)
    assert (await acts.ask(record, unblock(2))).outcome is Outcome.PERMIT
    assert (await acts.ask(record, consult())).reasons == (Reason.NOT_AUTHORISED,)
