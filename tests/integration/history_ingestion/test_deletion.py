"""Deleted and merged records, and changed identities: what is destroyed, and what leads nowhere any more."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from shared.contracts.access_decisions import DeletionAnnounced, RecordMerged, RecordOpened
from tests.integration.history_ingestion.conftest import ACTOR
from tests.support.history import care, record_of

pytestmark = pytest.mark.kafka

TABLES = ("person", "line")


def announced(round=1):  # noqa: A002 - the word of the message
    return DeletionAnnounced(because="request", latest=datetime.now(UTC), round=round)


async def test_ar_055_key_lines_and_index_are_destroyed_and_the_neighbours_stay(history):
    await history.open(1, 2)
    await history.take([care("a", person=1), care("b", person=1), care("c", person=2)])
    await history.says(1, announced())
    for table in TABLES:
        rows = await history.rows(f"SELECT record FROM {table}")
        assert {row["record"] for row in rows} == {record_of(2)}, table
    (key,) = await history.rows("SELECT wrapped_key FROM record_key WHERE record = $1", record_of(1))
    assert key["wrapped_key"] is None
    assert (await history.sent("history.events")).count({}) == 1
    assert any((await history.shown(2)).values())


async def test_ar_055_late_reads_and_calls_are_refused_and_late_lines_find_nobody(history):
    await history.open(1)
    await history.take([care("a", person=1)])
    await history.says(1, announced())
    before = len(await history.sent("history.events"))
    for answer in await asyncio.gather(history.read(1), history.put(1)):
        assert (answer.status_code, answer.json()["code"]) == (410, "record_destroyed")
    await history.take([care("a", version=2, person=1), care("b", person=1)])
    assert not await history.rows("SELECT FROM line")
    assert len(await history.sent("history.events")) == before


async def test_ar_055_each_announcement_is_confirmed_and_a_record_never_fed_too(history):
    await history.says(3, announced())
    await history.says(3, announced(2))
    assert await history.sent("history.events") == [{}, {}]
    assert (await history.read(3)).status_code == 410


async def test_ar_055_the_person_may_have_another_record(history):
    await history.open(1)
    await history.says(1, announced())
    assert (await history.put(1, record=uuid4())).status_code == 200


async def test_ar_055_a_process_that_ends_before_its_commit_has_destroyed_nothing(history, monkeypatch):
    await history.open(1)
    await history.take([care("a", person=1)])

    async def ends(*_arguments):
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(history.runtime.outbox, "append", ends)
        with pytest.raises(ConnectionError):
            await history.says(1, announced())
    assert any((await history.shown(1)).values())
    await history.says(1, announced())
    assert not await history.rows("SELECT FROM line")
    await history.says(2, RecordOpened(actor=ACTOR))


async def test_a_changed_ins_leads_to_the_record_and_the_old_one_nowhere(history):
    await history.open(1)
    await history.take([care("a", person=1)])
    refused = await history.put(9, record=record_of(1))
    assert refused.json()["code"] == "indexed_elsewhere"
    for _ in range(2):
        assert (await history.put(9, record=record_of(1), moved=True)).json() == {"open": True}
    await history.take([care("b", person=1), care("c", person=9)])
    lines = [line for section in (await history.shown(1)).values() for line in section]
    assert len(lines) == 2, "what was there, and what came under the new one"
    asked = await history.sent("insurance.backfill-requests.amo-test")
    assert len(asked) == 2
    await history.open(2)
    assert (await history.put(2, record=record_of(1), moved=True)).status_code == 409


async def test_no_line_finds_a_record_that_was_merged(history):
    await history.open(1, 2)
    await history.take([care("a", person=1)])
    await history.says(1, RecordMerged(actor=ACTOR, into=record_of(2)))
    await history.take([care("b", person=1), care("c", person=2)])
    rows = await history.rows("SELECT record FROM line ORDER BY line")
    assert sorted(row["record"] for row in rows) == sorted([record_of(1), record_of(2)])
