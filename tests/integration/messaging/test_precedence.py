"""A lane with a backlog gives way to whoever is waited for: in slices while someone waits, else in full batches."""

from uuid import uuid4

from shared.messaging import Precedence
from shared.messaging.precedence import SLICE
from tests.integration.messaging.conftest import adding
from tests.support.counting import Add
from tests.support.system import eventually

BACKLOG = 4 * SLICE
PEOPLE = [uuid4() for _ in range(20)]


class _Always(Precedence):
    """Someone waits all the time."""

    @property
    def claimed(self) -> bool:
        return True


async def _batches(adder, precedence, **lane) -> list[int]:
    """The sizes of the batches in which a backlog is worked off."""
    await adder.feed("test.in", [(PEOPLE[n % len(PEOPLE)], Add(amount=1)) for n in range(BACKLOG)])
    async with adder.running(adding(max_batch=BACKLOG // 2, **lane), precedence=precedence) as engine:
        one = engine.lanes[0]
        sizes, take = [], one._take_at_leisure

        async def noted(records, gather_s):
            sizes.append(len(records))
            await take(records, gather_s)

        one._take_at_leisure = noted

        async def done():
            assert sum((await adder.totals()).values()) == BACKLOG

        await eventually(done)
    return sizes


async def test_after_the_first_batch_a_backlog_is_taken_in_slices_while_someone_waits(adder):
    sizes = await _batches(adder, _Always())
    assert len(sizes) > 1
    assert all(size <= SLICE for size in sizes[1:])


async def test_a_lane_that_is_waited_for_gives_way_to_nobody_and_claims(adder):
    precedence = Precedence()
    sizes = await _batches(adder, precedence, waited_for=True)
    assert precedence.claimed
    assert max(sizes) > SLICE
