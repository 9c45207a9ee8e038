"""The work that a request causes is the same whether a document is there that may not be seen (its class of time).

What is counted are the statements and the rows that a request leaves behind: one more would be one more round trip.
"""

from uuid import uuid4

import pytest

from shared.contracts.common import Scope
from shared.contracts.reasons import Reason
from tests.support.documents import OTHER, decision, metadata, permit, sample, signed

pytestmark = pytest.mark.kafka

MASKED = {"N", "MASQUE_PS"}
NARROW = Scope()


@pytest.fixture
async def masked(room, record):
    """A masked document of somebody else, beside one that everybody sees."""
    await room.stored(record, 1)
    return await room.stored(record, 2, confidentiality=MASKED)


@pytest.fixture
def counted(room):
    room.database.on_statements = (found := []).append
    return found


async def ask(room, path, record, **body):
    return await room.ask(path, permit=signed(permit(record, OTHER, NARROW)), **body)


async def left_behind(room):
    """Rows of every table that a request may write."""
    tables = ("document", "consulted", "outbox", "refusal")
    return [(await room.rows(f"SELECT count(*) FROM {table}"))[0][0] for table in tables]


async def test_ar_022_a_masked_document_is_looked_for_by_the_statements_of_one_that_is_not_there(
    room, record, masked, counted
):
    costs, sizes = [], []
    for document in (uuid4(), masked, await room.stored(uuid4(), 3)):
        before = await left_behind(room)
        counted.clear()
        answer = await ask(room, "/open", record, document=str(document))
        costs.append((answer.status_code, tuple(counted)))
        sizes.append([after - earlier for after, earlier in zip(await left_behind(room), before, strict=True)])
    assert costs == [costs[0]] * 3
    assert costs[0][0] == 404
    assert sizes == [[0, 1, 0, 0]] * 3


async def test_ar_022_a_search_costs_the_same_with_and_without_masked_documents(room, record, counted):
    await room.stored(record, 1)
    costs, bodies = [], []
    for _ in range(2):
        counted.clear()
        answer = await ask(room, "/search", record, filters={"count": 1})
        costs.append((answer.status_code, len(answer.content), tuple(counted)))
        bodies.append(answer.content)
        for seed in range(2, 12):
            await room.stored(record, seed, confidentiality=MASKED)
    assert costs == [costs[0]] * 2
    assert bodies == [bodies[0]] * 2


async def test_ar_022_a_replacement_of_a_masked_document_is_refused_like_one_of_what_is_not_there(
    room, record, masked, counted
):
    """Taken first and refused with the decision, whichever way its target is named."""
    (row,) = await room.rows("SELECT unique_id FROM document WHERE id = $1", masked)
    foreign = await room.stored(uuid4(), 3)
    costs = {"id": [], "unique id": []}
    targets = [("id", {"replaces_document": one}) for one in (uuid4(), masked, foreign)]
    targets += [("unique id", {"replaces": one}) for one in ("1.2.3.4", row["unique_id"])]
    for seed, (named, target) in enumerate(targets, 10):
        content = sample(seed)
        stated = metadata(content, record, actor=OTHER, **target)
        before = await left_behind(room)
        counted.clear()
        answer = await room.post(content, stated)
        assert answer.status_code == 202, answer.text
        (event,) = await room.decide(decision(stated.deposit, record))
        cost = (len(answer.content), tuple(counted), event.reason)
        left = [after - earlier for after, earlier in zip(await left_behind(room), before, strict=True)]
        costs[named].append((*cost, tuple(left)))
        assert event.reason is Reason.UNKNOWN_TARGET
    assert all(found == [found[0]] * len(found) for found in costs.values()), costs
