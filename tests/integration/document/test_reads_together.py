"""Reads that share a transaction: each its own permit, its own outcome and its own trace."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.document.repository import Found, Opening, Reads, Search
from shared.contracts.common import Scope
from shared.contracts.http_document import DocumentFilters, SearchResult
from shared.database.reads import PermitLateError, PermitUsedError
from tests.support.documents import DOCTOR, HOLDER, OTHER, permit, sample, signed

pytestmark = pytest.mark.kafka

ALL = Scope(types=None, masked=True, withheld=True)
LATE = timedelta(seconds=-1)


def allowed(record, actor=DOCTOR, scope=ALL, left=timedelta(seconds=4)):
    end = datetime.now(UTC) + left
    return permit(record, actor, scope, issued=end - timedelta(seconds=5), expires=end)


def search(one, **filters):
    return Search(one, DocumentFilters.model_validate(filters))


async def read(room, *asked):
    async with room.database.transaction() as tx:
        return await room.reads.read(tx, asked)


async def traced(room):
    rows = await room.rows("SELECT correlation FROM outbox WHERE topic = 'document.events'")
    return {row["correlation"] for row in rows}


async def test_each_read_of_a_batch_has_its_own_outcome_and_trace(room, record):
    masked = await room.stored(record, confidentiality={"N", "MASQUE_PS"})
    plain = await room.stored(record, 1)
    elsewhere = await room.stored(uuid4(), 2)
    used, late, good = allowed(record), allowed(record, left=LATE), [allowed(record) for _ in range(4)]
    others = allowed(record, OTHER, Scope()), allowed(record, OTHER, Scope())
    await read(room, search(used))
    batch = [
        search(good[0]),
        search(late),
        Opening(good[1], masked),
        search(used),
        Opening(others[0], masked),
        search(others[1]),
        Opening(good[2], elsewhere),
        search(good[3], statuses=["superseded"]),
        search(good[0]),
    ]
    seen = await read(room, *batch)
    assert [type(one) for one in seen] == [
        SearchResult,
        PermitLateError,
        Found,
        PermitUsedError,
        type(None),
        SearchResult,
        type(None),
        SearchResult,
        PermitUsedError,
    ]
    assert [entry.document for entry in seen[0].entries] == [plain, masked]
    assert seen[2].entry.document == masked
    assert [entry.document for entry in seen[5].entries] == [plain]
    assert seen[7].total == 0
    assert await traced(room) == {one.id for one in (used, good[0], good[1], others[1], good[3])}
    rows = await room.rows("SELECT request FROM consulted")
    assert {row["request"] for row in rows} == {one.id for one in (used, *good, *others)}


async def test_where_nothing_happens_nothing_is_read(room, record):
    used = allowed(record)
    await read(room, search(used))
    room.database.on_statements = (counted := []).append
    seen = await read(room, search(used), search(allowed(record, left=LATE)))
    assert [type(one) for one in seen] == [PermitUsedError, PermitLateError]
    assert counted == [1]


async def test_reads_of_several_records_stay_apart(room):
    records = [uuid4() for _ in range(5)]
    stored = [await room.stored(record, seed) for seed, record in enumerate(records)]
    seen = await read(room, *(search(allowed(record, HOLDER)) for record in (*records, uuid4())))
    assert [[entry.document for entry in one.entries] for one in seen] == [[one] for one in stored] + [[]]


async def test_the_number_of_statements_does_not_grow_with_the_reads(room, record):
    stored = await room.stored(record)
    room.database.on_statements = (counted := []).append
    for size in (1, 2, 16):
        await read(room, *(search(allowed(record)) for _ in range(size)))
    assert len(counted) == 3
    assert len(set(counted)) == 1
    counted.clear()
    for size in (1, 2, 16):
        reads = [(search(allowed(record)), Opening(allowed(record), stored)) for _ in range(size)]
        await read(room, *(one for pair in reads for one in pair))
    assert len(counted) == 3
    assert len(set(counted)) == 1


async def ask_all(room, *permits):
    return await asyncio.gather(*(room.ask("/search", permit=signed(one)) for one in permits))


async def test_who_reads_at_the_same_time_shares_transactions(room, record):
    await room.stored(record)
    room.database.on_statements = (counted := []).append
    answers = await ask_all(room, *(allowed(record) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(counted) < 5
    assert len(await traced(room)) == 20


async def test_a_permit_that_ends_while_others_are_read_takes_none_of_them_along(room, record, monkeypatch):
    """The shared transaction ends with the first permit; then the others happen by themselves, each in its time."""
    await room.stored(record)
    trace = Reads._trace

    async def held_up(self, tx, reads):
        await asyncio.sleep(1.0 if len(reads) > 1 else 0)
        await trace(self, tx, reads)

    monkeypatch.setattr(Reads, "_trace", held_up)
    first, short = allowed(record), allowed(record, left=timedelta(seconds=0.6))
    long = [allowed(record) for _ in range(4)]
    answers = await ask_all(room, first, *long[:2], short, *long[2:])
    assert [answer.status_code for answer in answers] == [200, 200, 200, 403, 200, 200]
    assert answers[3].json()["code"] == "permit_expired"
    assert await traced(room) == {one.id for one in (first, *long)}
    ends = {one.id: one.expires for one in (first, *long)}
    rows = await room.rows("SELECT request, read_at FROM consulted")
    assert len(rows) == 5
    assert all(row["read_at"] < ends[row["request"]] for row in rows)


async def test_a_fault_that_passes_is_told_to_all_and_uses_no_permit(room, record, monkeypatch):
    async def gone(self, *_):
        raise ConnectionResetError

    permits = [allowed(record) for _ in range(4)]
    with monkeypatch.context() as patch:
        patch.setattr(Reads, "_trace", gone)
        answers = await ask_all(room, *permits)
    assert {answer.status_code for answer in answers} == {503}
    assert not await room.rows("SELECT FROM consulted")
    assert {answer.status_code for answer in await ask_all(room, allowed(record), allowed(record))} == {200}


async def test_a_destroyed_key_concerns_the_reads_of_its_record_alone(room, record, tmp_path):
    other = uuid4()
    await room.stored(record)
    await room.stored(other, 1)
    await room.rows("UPDATE record_key SET key_id = 'kek-0' WHERE record = $1 RETURNING record", other)
    asked = [record, other, record, other, record]
    answers = await ask_all(room, *(allowed(one) for one in asked))
    assert [answer.status_code for answer in answers] == [200, 410, 200, 410, 200]
    assert len(await traced(room)) == 3


async def test_a_damaged_row_concerns_its_own_read_alone(room, record):
    other = uuid4()
    await room.stored(record)
    await room.stored(other, 1)
    await room.rows("UPDATE document SET details = '\\x00' WHERE record = $1 RETURNING id", other)
    answers = await ask_all(room, *(allowed(one) for one in (record, record, other, record)))
    assert [answer.status_code for answer in answers] == [200, 200, 500, 200]


async def test_documents_are_opened_together_byte_for_byte(room, record):
    stored = {await room.stored(record, seed): sample(seed) for seed in range(6)}
    answers = await asyncio.gather(
        *(room.ask("/open", permit=signed(allowed(record)), document=str(document)) for document in stored)
    )
    assert [answer.content for answer in answers] == list(stored.values())
