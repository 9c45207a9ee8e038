"""Deleted records: key, rows and contents are destroyed, and whoever comes late is refused."""

import asyncio
from uuid import uuid4

import pytest

from services.document.repository import Decisions
from shared.contracts.access_decisions import Outcome
from shared.contracts.common import Scope
from tests.integration.document.conftest import announced, collection
from tests.support.documents import DOCTOR, decision, metadata, permit, sample, signed

pytestmark = pytest.mark.kafka

ALL = Scope(masked=True, withheld=True)


async def test_ar_055_key_rows_and_contents_are_destroyed_and_the_neighbours_stay(room, record):
    neighbour = uuid4()
    await room.stored(record)
    await room.staged(record, 1)
    refused = await room.staged(record, 2)
    await room.decide(decision(refused, record, Outcome.DENY))
    kept = await room.stored(neighbour)
    (key,) = await room.rows("SELECT wrapped_key FROM record_key WHERE record = $1", record)
    await room.delete(record)
    assert not await room.rows("SELECT FROM document WHERE record = $1", record)
    assert not await room.rows("SELECT FROM refusal")
    (row,) = await room.rows("SELECT * FROM record_key WHERE record = $1", record)
    assert (row["wrapped_key"], row["key_id"]) == (None, "")
    assert key["wrapped_key"] is not None
    await collection(room).turn()
    assert len(room.contents()) == 1
    assert not await room.rows("SELECT FROM discarded")
    answer = await room.ask("/open", permit=signed(permit(neighbour, DOCTOR, ALL)), document=str(kept))
    assert answer.content == sample()


async def test_ar_055_a_late_deposit_or_read_is_refused_and_leaves_nothing(room, record):
    """Also of a record into which nothing was ever deposited, and beside others in the same transaction."""
    empty, neighbour = uuid4(), uuid4()
    stored = await room.stored(record)
    await room.delete(record, empty)
    await collection(room).turn()
    content = sample()
    answers = await asyncio.gather(
        *(room.post(content, metadata(content, one)) for one in (record, empty, neighbour)),
        *(room.ask("/search", permit=signed(permit(one, DOCTOR, ALL))) for one in (record, empty, neighbour)),
        room.ask("/open", permit=signed(permit(record, DOCTOR, ALL)), document=str(stored)),
    )
    assert [answer.status_code for answer in answers] == [410, 410, 202, 410, 410, 200, 410]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 410} == {"record_destroyed"}
    assert len(room.contents()) == 1
    assert [row["record"] for row in await room.rows("SELECT record FROM document")] == [neighbour]
    assert not await room.sent("document.events", record)
    assert len(await room.sent("document.events", neighbour)) == 1


async def test_a_deposit_under_a_destroyed_key_encryption_key_is_refused(room, record, tmp_path):
    await room.stored(record)
    (tmp_path / "keys" / "kek-1.key").unlink()
    content = sample(1)
    answer = await room.post(content, metadata(content, record))
    assert (answer.status_code, answer.json()["code"]) == (410, "key_destroyed")


async def test_ar_055_what_is_decided_before_and_after_the_deletion_comes_to_nothing(room, record):
    """In one batch: a permit, the deletion, and decisions on what was staged meanwhile."""
    before, denied, late = [await room.staged(record, seed) for seed in range(3)]
    emits = await room.decide(
        decision(before, record),
        announced(record),
        decision(denied, record, Outcome.DENY),
        decision(late, record),
        announced(record, round=2),
    )
    assert [one.type_name.split(".")[2] for one in emits] == [
        *("deposited", "record-destroyed", "refused", "refused", "record-destroyed")
    ]
    assert not await room.rows("SELECT FROM document")


async def test_ar_055_an_interrupted_deletion_is_done_when_it_comes_again(room, record):
    """A process that ends before its commit, or between the contents and their names, leaves nothing half done."""
    await room.stored(record)
    with pytest.raises(ZeroDivisionError):
        await interrupted(room, announced(record))
    assert len(await room.rows("SELECT FROM document")) == 1
    await room.delete(record)
    await room.content.remove([row["object"] for row in await room.rows("SELECT object FROM discarded")])
    await asyncio.gather(collection(room).turn(), collection(room).turn())
    assert not room.contents()
    assert not await room.rows("SELECT FROM discarded")


async def interrupted(room, *messages):
    async with room.database.transaction() as tx:
        await room.decide_in(tx, *messages)
        raise ZeroDivisionError


@pytest.mark.parametrize("count", [1, 12])
async def test_a_batch_of_deletions_takes_a_fixed_number_of_statements(room, count):
    records = [uuid4() for _ in range(count)]
    for seed, one in enumerate(records):
        await room.stored(one, seed)
    async with room.database.transaction() as tx:
        await room.decide_in(tx, *map(announced, records))
        assert tx.statements == 3  # the clock, the keys, the rows
    assert isinstance(room.decisions, Decisions)
    assert not await room.rows("SELECT FROM document")
