"""What a process that was frozen repeats does not move its service's progress back."""

import pytest

from shared.messaging import MESSAGING_TABLES
from shared.messaging.outbox import Outbox, Reached
from tests.support.system import fresh_database, opened

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, 206), (7, 185)],
    ids=["without numbers the offset stays", "with numbers they alone count: a wiped topic begins at 0 again"],
)
async def test_an_old_batch_that_comes_again(number, expected, system):
    async with fresh_database(system, MESSAGING_TABLES) as url, opened(url) as database:
        for offset in (206, 185):
            async with database.transaction() as tx:
                await Outbox("adder", {}, list).append(tx, [], [Reached(("record.requests", 0), number, offset)])
        async with database.transaction() as tx:
            row = await tx.fetchrow("SELECT last_number, last_offset FROM progress")
    assert tuple(row) == (number, expected)
