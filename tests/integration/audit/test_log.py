"""The log on a real PostgreSQL: leaves verify, indices have no gaps, nothing is changed afterwards."""

import asyncio
from hashlib import sha256
from uuid import uuid4

import asyncpg
import pytest

from services.audit.domain.events import SALT_BYTES, parts
from services.audit.domain.merkle import leaf_hash, root
from services.audit.repository import leaf_hashes
from shared.contracts.access_decisions import RecordOpened
from shared.contracts.common import Actor, ActorKind
from shared.contracts.document_events import Consulted
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT_EVENTS, NOTIFICATION_EVENTS
from shared.security import context, decrypt

pytestmark = pytest.mark.kafka
DOCTOR = Actor(kind=ActorKind.PROFESSIONAL, number="810000000001")
OPENED = RecordOpened(actor=DOCTOR)
CONSTANT = 12
"""Statements of a batch, the clock and the keys included; more would grow with the batch."""


async def test_every_valid_envelope_becomes_a_leaf_that_verifies(audit):
    follower, record = audit.follower, uuid4()
    sent = [
        follower.record(ACCESS_DECISIONS, record, OPENED),
        follower.record(DOCUMENT_EVENTS, record, Consulted(request=uuid4(), actor=DOCTOR)),
        follower.record(NOTIFICATION_EVENTS, record, b'{"some": "later version"}'),
    ]
    await follower.take(*sent)
    rows = await follower.rows("SELECT * FROM leaf ORDER BY index")
    async with follower.database.transaction() as tx:
        key = (await audit.keys.get(tx, [record]))[record]
        hashes = await leaf_hashes(tx, 0, 10)
    assert [row["index"] for row in rows] == [0, 1, 2]
    for row, kafka in zip(rows, sent, strict=True):
        opened = decrypt(key, row["event"], context("audit", "leaf", "event", row["event_id"]))
        head, payload = parts(opened[SALT_BYTES:])
        assert payload == kafka.value
        assert (head["topic"], head["partition"], head["number"]) == (row["topic"], row["partition"], row["number"])
        assert sha256(opened).digest() == row["commitment"]
        assert leaf_hash(row["commitment"]) == row["leaf_hash"]
        assert kafka.value not in row["event"]
    assert root(hashes) == root([row["leaf_hash"] for row in rows])
    assert [row["size"] for row in await follower.rows("SELECT size FROM tree")] == [3]


async def test_a_message_that_comes_twice_is_one_leaf(audit):
    record = uuid4()
    one = audit.follower.record(ACCESS_DECISIONS, record, OPENED)
    await audit.follower.take(one)
    await audit.follower.take(one)
    assert len(await audit.follower.rows("SELECT FROM leaf")) == 1


async def test_an_unreadable_envelope_is_parked_and_its_neighbours_pass(audit):
    record = uuid4()
    bad = audit.follower.record(ACCESS_DECISIONS, record, OPENED)
    bad.headers = tuple(header for header in bad.headers if header[0] != "ce_type")
    outcome = await audit.follower.take(bad, audit.follower.record(ACCESS_DECISIONS, record, OPENED))
    assert outcome.last[bad.topic, bad.partition] == 2
    assert len(await audit.follower.rows("SELECT FROM leaf")) == 1
    assert len(await audit.follower.rows("SELECT FROM parked")) == 1


async def test_batches_at_the_same_time_leave_no_gap_in_the_indices(audit):
    follower = audit.follower
    batches = [[follower.record(ACCESS_DECISIONS, uuid4(), OPENED) for _ in range(25)] for _ in range(1)]
    by_partition = {}
    for _ in range(200):
        one = follower.record(DOCUMENT_EVENTS, uuid4(), Consulted(request=uuid4(), actor=DOCTOR))
        by_partition.setdefault(one.partition, []).append(one)
    await asyncio.gather(*(follower.take(*batch) for batch in [*batches, *by_partition.values()]))
    rows = await follower.rows("SELECT index, recorded_at FROM leaf ORDER BY index")
    assert [row["index"] for row in rows] == list(range(225))


async def test_the_number_of_statements_does_not_grow_with_the_batch(audit):
    follower = audit.follower
    counts = []
    for size in (1, 2, 300):
        batch = [follower.record(ACCESS_DECISIONS, uuid4(), OPENED) for _ in range(size)]
        await follower.take(*batch)
        counts.append(follower.statements[-1])
    assert len(set(counts)) == 1
    assert counts[0] <= CONSTANT


@pytest.mark.parametrize(
    "sql",
    ["UPDATE leaf SET type = 'other'", "DELETE FROM leaf", "TRUNCATE leaf", "DELETE FROM leaf WHERE index = 7"],
)
async def test_leaves_are_never_changed_or_removed(audit, sql):
    await audit.follower.take(audit.follower.record(ACCESS_DECISIONS, uuid4(), OPENED))
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await audit.follower.rows(sql)
    assert len(await audit.follower.rows("SELECT FROM leaf")) == 1


async def test_when_the_records_key_is_destroyed_the_tree_still_stands(audit):
    follower, record = audit.follower, uuid4()
    await follower.take(*(follower.record(ACCESS_DECISIONS, one, OPENED) for one in (record, uuid4())))
    async with follower.database.transaction() as tx:
        before = root(await leaf_hashes(tx, 0, 10))
    await follower.rows("DELETE FROM record_key WHERE record = $1", record)
    async with follower.database.transaction() as tx:
        assert root(await leaf_hashes(tx, 0, 10)) == before
        assert await audit.keys.get(tx, [record]) == {}
