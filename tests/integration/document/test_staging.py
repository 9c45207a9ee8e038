"""Deposits that are staged together: one transaction, and each its own outcome."""

import asyncio
import os
from uuid import uuid4

import asyncpg
import pytest

from deploy.proof import made
from services.document.content import LARGE
from services.document.domain.deposit import accept
from services.document.repository import Checked, Staging, UsedUniqueIdError
from shared.contracts.http_document import DepositState, DepositView
from shared.security import new_key
from tests.integration.document.conftest import collection, grow_old, whole_turn
from tests.support.documents import HOLDER, OTHER, metadata, sample

pytestmark = pytest.mark.kafka

LIMITS = {"max_bytes": 10_000_000, "max_patient_bytes": 10_000_000}
PLAIN = {"actor": HOLDER, "unique_id": "1.2.9", "type_code": "EXPPAT_1", "content_type": "application/pdf"}
CHANGED = (b"</ClinicalDocument>", b"<!-- changed --></ClinicalDocument>")


def checked(record, seed=0, content=None, **changes):
    content = content or sample(seed)
    stated = metadata(content, record, **changes)
    return Checked(stated.deposit, accept(content, stated, **LIMITS), uuid4(), new_key())


async def staged(room, *batch):
    async with room.database.transaction() as tx:
        return await room.staging.stage(tx, batch)


def views(outcomes):
    return [one.deposit if isinstance(one, DepositView) else type(one) for one in outcomes]


async def test_each_of_a_batch_has_its_own_outcome(room, record):
    stored = await room.stored(record)
    before = checked(record, 1)
    await staged(room, before)
    batch = [
        checked(record, 2),
        checked(record, 1),
        checked(record, 1, content=sample(1).replace(*CHANGED)),
        checked(record, 3, replaces_document=uuid4()),
        checked(uuid4(), 3, replaces_document=stored),
        checked(record, 4, replaces_document=stored),
        checked(uuid4(), 2),
        checked(record, 2, actor=OTHER),
    ]
    outcomes = await staged(room, *batch)
    assert views(outcomes) == [
        batch[0].deposit,
        before.deposit,
        UsedUniqueIdError,
        batch[3].deposit,
        batch[4].deposit,
        batch[5].deposit,
        batch[6].deposit,
        batch[7].deposit,
    ]
    rows = await room.rows("SELECT id, object, replaces, owners FROM document WHERE id <> $1", stored)
    new = {one.deposit: one for one in (before, batch[0], *batch[3:])}
    assert {row["id"]: row["object"] for row in rows} == {deposit: one.name for deposit, one in new.items()}
    replaced = {row["id"]: row["replaces"] for row in rows if row["replaces"]}
    assert replaced.pop(batch[5].deposit) == metadata(sample()).unique_id
    assert replaced.keys() == {batch[3].deposit, batch[4].deposit}
    assert all(unique.startswith(" ") for unique in replaced.values()), "no unique id begins so: nothing is found"
    assert all(row["owners"] == list(new[row["id"]].accepted.owners) for row in rows)
    requests = await room.rows("SELECT correlation, key FROM outbox WHERE topic = 'record.deposits'")
    assert {row["correlation"]: row["key"] for row in requests} == {
        deposit: str(one.record) for deposit, one in new.items()
    } | {stored: str(record)}


async def test_the_first_of_two_alike_in_a_batch_wins_and_the_second_is_its_repeat(room, record):
    batch = [checked(record), checked(record), checked(record, content=sample().replace(*CHANGED))]
    assert views(await staged(room, *batch)) == [batch[0].deposit, batch[0].deposit, UsedUniqueIdError]
    (row,) = await room.rows("SELECT id, object FROM document")
    assert (row["id"], row["object"]) == (batch[0].deposit, batch[0].name)
    assert len(await room.sent("record.deposits", record)) == 1


async def test_a_repeat_in_a_batch_is_told_how_far_the_first_is(room, record):
    first = await room.stored(record)
    again, new = await staged(room, checked(record), checked(record, 1))
    assert (again.deposit, again.state, again.document) == (first, DepositState.STORED, first)
    assert new.state is DepositState.STAGED


async def test_what_a_staged_document_says_of_itself_does_not_depend_on_its_company(room, record):
    pdf = b"%PDF-1.4\n1 0 obj <<>> endobj\n%%EOF\n"
    bare = checked(record, content=pdf, **PLAIN)
    full = checked(record, description="Description", language="fr-FR", confidentiality={"N", "INVISIBLE_PATIENT"})
    await staged(room, bare, full)
    columns = "submitter, owners, language, withheld, withheld_since IS NULL AS open, size, sha1"
    rows = {row["id"]: tuple(row)[1:] for row in await room.rows(f"SELECT id, {columns} FROM document")}
    assert rows[bare.deposit] == ("patient:", [], None, False, True, len(pdf), bare.accepted.sha1)
    assert rows[full.deposit][:5] == (
        f"professional:{made.AUTHOR.number}",
        list(full.accepted.owners),
        "fr-FR",
        True,
        False,
    )


async def test_the_number_of_statements_does_not_grow_with_the_batch(room, record):
    stored = await room.stored(record, 1000)
    await asyncio.gather(*(room.staged(record, seed) for seed in range(16)))
    room.database.on_statements = (counted := []).append
    for size in (1, 2, 16):
        await staged(room, *(checked(record, 100 * size + seed) for seed in range(size)))
    assert len(counted) == 3
    assert len(set(counted)) == 1
    assert counted[0] <= 4  # keys, rows, numbers and outbox
    counted.clear()
    for size in (1, 2, 16):
        news = (checked(uuid4(), seed) for seed in range(size))
        targets = (checked(record, 200 * size + seed, replaces_document=stored) for seed in range(size))
        repeats = (checked(record, seed) for seed in range(size))
        await staged(room, *news, *targets, *repeats)
    assert len(counted) == 3
    assert len(set(counted)) == 1
    assert counted[0] <= 8  # besides: targets, new keys, these keys again, firsts


async def test_who_comes_at_the_same_time_shares_transactions(room, record):
    room.database.on_statements = (counted := []).append
    found = await asyncio.gather(*(room.staged(record, seed) for seed in range(20)))
    assert len(set(found)) == 20
    assert len(counted) < 5
    assert len(room.contents()) == 20
    assert len(await room.sent("record.deposits", record)) == 20


async def test_one_bad_item_hurts_nobody_else(room, record):
    """Two deposits of one id can't both be staged: the batch breaks, and each is tried by itself."""
    content, same = [sample(seed) for seed in range(6)], uuid4()
    stated = [metadata(one, record, **({"deposit": same} if at in {2, 4} else {})) for at, one in enumerate(content)]
    answers = await asyncio.gather(*(room.post(*pair) for pair in zip(content, stated, strict=True)))
    assert sorted(answer.status_code for answer in answers) == [202] * 5 + [500]
    assert {answers[at].status_code for at in (2, 4)} == {202, 500}
    rows = await room.rows("SELECT object FROM document")
    assert len(rows) == 5
    assert {row["object"] for row in rows} < set(room.contents())


async def test_a_batch_that_breaks_between_content_and_commit_leaves_only_what_is_collected(room, record, monkeypatch):
    async def broken(self, *_):
        raise asyncpg.InterfaceError("gone")

    content = [sample(seed) for seed in range(5)]
    stated = [metadata(one, record) for one in content]
    with monkeypatch.context() as patch:
        patch.setattr(Staging, "stage", broken)
        answers = await asyncio.gather(*(room.post(*pair) for pair in zip(content, stated, strict=True)))
    assert {answer.status_code for answer in answers} == {503}
    assert len(room.contents()) == 5
    assert not await room.rows("SELECT FROM document")
    answers = await asyncio.gather(*(room.post(*pair) for pair in zip(content, stated, strict=True)))
    assert {answer.status_code for answer in answers} == {202}
    grow_old(room)
    await whole_turn(collection(room))
    rows = await room.rows("SELECT object FROM document")
    assert {row["object"] for row in rows} == set(room.contents())
    assert len(rows) == 5


async def test_a_deposit_whose_caller_is_gone_is_found_by_its_repeat(room, record, monkeypatch):
    content, kept = sample(), asyncio.Event()
    stated, put = metadata(content, record), room.content.put

    async def noted(contents):
        names = await put(contents)
        kept.set()
        return names

    monkeypatch.setattr(room.content, "put", noted)
    gone = asyncio.create_task(room.post(content, stated))
    await kept.wait()
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    again = DepositView.model_validate_json((await room.post(content, metadata(content, record))).content)
    assert again.deposit == stated.deposit
    assert len(await room.rows("SELECT FROM document")) == 1


async def test_a_full_disk_is_told_to_all_and_nothing_is_staged(room, record, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    content = [sample(seed) for seed in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr("services.document.content.segments.os.fdatasync", full)
        answers = await asyncio.gather(*(room.post(one, metadata(one, record)) for one in content))
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(503, "unavailable")}
    assert not room.contents()
    assert not await room.rows("SELECT FROM document")


async def test_no_row_is_there_before_its_content(room, record, monkeypatch):
    content, put = sample(), room.content.put
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow(contents):
        begun.set()
        await may_end.wait()
        return await put(contents)

    monkeypatch.setattr(room.content, "put", slow)
    deposit = asyncio.create_task(room.post(content, metadata(content, record)))
    await begun.wait()
    await asyncio.sleep(0.1)
    assert not await room.rows("SELECT FROM document")
    may_end.set()
    assert (await deposit).status_code == 202
    assert len(await room.rows("SELECT FROM document")) == len(room.contents()) == 1


async def test_a_large_content_keeps_nobody_waiting(room, record, monkeypatch):
    """It is kept on its own, before it joins the others in their transaction."""
    kept = []
    put = room.content.put

    async def noted(contents):
        kept.append([len(sealed) for sealed in contents])
        return await put(contents)

    monkeypatch.setattr(room.content, "put", noted)
    large = b"%PDF-1.4\n" + os.urandom(LARGE) + b"%%EOF\n"
    await asyncio.gather(
        *(room.staged(record, seed) for seed in range(3)),
        room.staged(record, content=large, **PLAIN),
        room.staged(record, content=large, **PLAIN | {"unique_id": "1.2.10"}),
    )
    assert [sizes for sizes in kept if max(sizes) >= LARGE] == [[len(large) + 29]] * 2
    assert len(room.contents()) == 5
