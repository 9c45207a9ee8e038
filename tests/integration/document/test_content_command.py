"""`carnet content` beside a running service: what it finds, what it leaves alone, how it ends."""

import asyncio
import errno
import os
from collections import Counter
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from services.document.commands import content as verbs
from services.document.commands import contents as console
from services.document.content import LARGE, seal
from services.document.repository import State, Verification
from services.document.repository import verification as verifying
from shared.database.key_rotation import Rotation
from shared.security import FileKeyProvider, new_key
from tests.integration.document.conftest import grow_old
from tests.support.documents import sample

SECRET = "TITRE-SECRET"


@pytest.fixture
def verification(room):
    return Verification(room.database, room.content, room.keys)


async def carnet(room, url, *arguments, **settings):
    console.out.width = 200
    environment = {
        "CARNET_DATABASE_URL": url,
        "CARNET_KEYS_DIR": str(room.content._folder.parent / "keys"),
        "CARNET_CONTENT_DIR": str(room.content._folder),
        **settings,
    }
    result = await asyncio.to_thread(CliRunner().invoke, verbs, list(arguments), env=environment)
    return result.exit_code, result.output


async def url_of(room):
    rows = await room.rows("SELECT current_database() AS name")
    return room.database._url.rpartition("/")[0] + "/" + rows[0]["name"]


async def objects(room, documents):
    rows = await room.rows("SELECT id, object FROM document WHERE id = ANY($1::uuid[])", documents)
    found = {row["id"]: row["object"] for row in rows}
    return [found[document] for document in documents]


async def three(room, record):
    return [await room.stored(record, seed) for seed in range(3)]


def segment_of(room, name):
    return room.content._folder / "segments" / name.bytes[:12].hex(), int.from_bytes(name.bytes[12:], "big")


def flip(path, at):
    whole = bytearray(path.read_bytes())
    whole[at] ^= 1
    path.write_bytes(whole)


def damage(room, kind, names):
    path, at = segment_of(room, names[-1])
    if kind == "flipped":
        flip(path, at + 60)
    elif kind == "torn":
        os.truncate(path, at + 60)
    elif kind == "torn before":
        os.truncate(path, at)
    elif kind == "torn header":
        os.truncate(path, at + 5)
    elif kind == "other header":
        flip(path, at)
    elif kind == "removed":
        room.content._segments.remove(names[-1])
    elif kind == "segment":
        path.unlink()


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("flipped", State.WRONG),
        ("torn", State.TORN),
        ("torn before", State.TORN),
        ("torn header", State.TORN),
        ("other header", State.TORN),
        ("removed", State.MISSING),
    ],
)
async def test_damage_of_one_content_is_found_and_told_from_the_others(room, record, verification, kind, state):
    documents = await three(room, record)
    assert (await verification.all()).states == Counter({State.WHOLE: 3})
    damage(room, kind, await objects(room, documents))
    found = await verification.all()
    assert found.states == Counter({State.WHOLE: 2, state: 1})
    assert found.named == [(documents[-1], state)]
    assert not found.ok


async def test_a_missing_segment_takes_all_its_contents(room, record, verification):
    documents = await three(room, record)
    damage(room, "segment", await objects(room, documents))
    assert (await verification.all()).states == Counter({State.MISSING: 3})


async def test_a_swapped_content_is_wrong_though_it_is_whole_in_itself(room, record, verification):
    first, second, _ = await three(room, record)
    one, other = await objects(room, [first, second])
    await room.rows("UPDATE document SET object = $2 WHERE id = $1", first, uuid4())
    await room.rows("UPDATE document SET object = $2 WHERE id = $1", second, one)
    await room.rows("UPDATE document SET object = $2 WHERE id = $1", first, other)
    assert (await verification.all()).states == Counter({State.WHOLE: 1, State.WRONG: 2})


async def test_another_content_under_the_right_key_is_wrong(room, record, verification):
    """Whoever has the key may seal anything: the hash of the metadata tells."""
    document = await room.stored(record)
    keys = await room.rows("SELECT content_key FROM document")
    async with room.database.transaction() as tx:
        record_key = (await room.keys.get(tx, [record]))[record]
    key = verifying.unwrap_with(record_key, keys[0]["content_key"])
    (name,) = await room.content.put([seal(sample(99), key, document)])
    await room.rows("UPDATE document SET object = $1", name)
    assert (await verification.all()).states == Counter({State.WRONG: 1})


async def test_a_large_content_in_a_file_of_its_own_is_verified_too(room, record, verification):
    document = await room.stored(record, content=sample(1))
    (name,) = await room.content.put([os.urandom(LARGE)])
    await room.rows("UPDATE document SET object = $1", name)
    assert (await verification.all()).named == [(document, State.WRONG)]
    (room.content._folder / name.hex[:2] / name.hex).unlink()
    assert (await verification.all()).named == [(document, State.MISSING)]


async def test_a_content_that_the_disk_does_not_give_is_a_fault_and_the_others_are_verified(room, record, monkeypatch):
    documents = await three(room, record)
    names = await objects(room, documents)
    get = room.content.get

    async def failing(name):
        if name == names[1]:
            raise OSError(errno.EIO, "Input/output error")
        return await get(name)

    monkeypatch.setattr(room.content, "get", failing)
    found = await Verification(room.database, room.content, room.keys).all()
    assert found.states == Counter({State.WHOLE: 2, State.TORN: 1})
    assert found.named == [(documents[1], State.TORN)]


async def test_whose_key_does_not_open_is_locked_and_the_others_are_verified(room, verification):
    records = [uuid4() for _ in range(3)]
    documents = [await room.stored(record, seed) for seed, record in enumerate(records)]
    await room.rows("UPDATE record_key SET key_id = 'kek-0' WHERE record = $1", records[1])
    found = await verification.all()
    assert found.states == Counter({State.WHOLE: 2, State.LOCKED: 1})
    assert found.named == [(documents[1], State.LOCKED)]


async def test_a_document_deleted_while_it_is_verified_is_no_fault(room, record, monkeypatch):
    await three(room, record)
    stays = await room.stored(uuid4(), 7)
    get, deleted = room.content.get, False

    async def late(name):
        nonlocal deleted
        if not deleted:
            deleted = True
            await room.delete(record)
            await room.content.remove([row["object"] for row in await room.rows("SELECT object FROM discarded")])
        return await get(name)

    monkeypatch.setattr(room.content, "get", late)
    found = await Verification(room.database, room.content, room.keys).all()
    assert found.ok
    assert [row["id"] for row in await room.rows("SELECT id FROM document")] == [stays]


@pytest.mark.parametrize("number", [1, 3, 12])
async def test_statements_of_a_batch_do_not_grow_with_it(room, record, verification, number):
    for seed in range(number):
        await room.stored(record, seed)
    counts = []
    room.database.on_statements = counts.append
    assert (await verification.all()).seen == number
    assert sum(counts) == 3, "rows, keys, and that there are no more rows"


async def test_no_more_contents_are_in_memory_at_once_than_told(room, record, monkeypatch):
    for seed in range(12):
        await room.stored(record, seed)
    get, now, most = room.content.get, 0, 0

    async def counted(name):
        nonlocal now, most
        now += 1
        most = max(most, now)
        try:
            return await get(name)
        finally:
            now -= 1

    monkeypatch.setattr(room.content, "get", counted)
    await Verification(room.database, room.content, room.keys).all()
    assert 1 <= most <= verifying._OPEN_AT_ONCE


async def test_batches_reach_every_document_and_a_sample_none_twice(room, record, verification, monkeypatch):
    monkeypatch.setattr(verifying, "AT_ONCE", 2)
    documents = [await room.stored(record, seed) for seed in range(5)]
    assert (await verification.all()).seen == 5
    assert 1 <= (await verification.sample(4)).seen <= 4
    names = await objects(room, documents)
    damage(room, "segment", names)
    found = await verification.sample(200)
    assert len({document for document, _ in found.named}) == len(found.named) == found.seen


async def test_every_document_may_be_drawn_the_first_and_the_last_too(room, record, verification):
    documents = await three(room, record)
    assert (await verification.sample(200)).seen == len(documents)


async def test_an_empty_store_is_whole(verification):
    assert (await verification.sample(10)).ok
    assert (await verification.all()).seen == 0


async def test_the_command_tells_what_is_wrong_without_saying_whose(room, record):
    documents = [await room.stored(record, 0, title=SECRET), await room.stored(record, 1)]
    url = await url_of(room)
    code, told = await carnet(room, url, "verify", "--all")
    assert (code, "2 contents are whole" in told) == (0, True)
    damage(room, "flipped", await objects(room, documents))
    code, told = await carnet(room, url, "verify", "--sample", "500")
    assert code == 1
    assert str(documents[1]) in told
    assert not any(text in told for text in (SECRET, str(record)))


async def test_the_command_rotates_and_retires_and_contents_stay_bit_for_bit(room, record):
    await three(room, record)
    url, folder = await url_of(room), room.content._folder.parent / "keys"
    before = {path: path.read_bytes() for path in room.files()}
    code, told = await carnet(room, url, "rotate-keys", "--to", "kek-2", "--retire", "kek-1")
    assert (code, "CARNET_KEYS_CURRENT" in told) == (1, True), "by the settings it wraps new keys"
    assert [path.name for path in folder.iterdir()] == ["kek-1.key"]
    assert (await carnet(room, url, "rotate-keys", "--to", "kek-2"))[0] == 0
    assert [row["key_id"] for row in await room.rows("SELECT key_id FROM record_key")] == ["kek-2"]
    code, told = await carnet(room, url, "rotate-keys", "--retire", "kek-1", CARNET_KEYS_CURRENT="kek-2")
    assert code == 0, told
    assert sorted(path.name for path in folder.iterdir()) == ["kek-2.key"]
    assert {path: path.read_bytes() for path in room.files()} == before
    assert (await carnet(room, url, "verify", "--all", CARNET_KEYS_CURRENT="kek-2"))[0] == 0


async def test_database_and_contents_from_before_a_retirement_open_nothing(room, record, verification):
    await three(room, record)
    folder = room.content._folder.parent / "keys"
    dump = await room.rows("SELECT wrapped_key FROM record_key")
    (folder / "kek-2.key").write_text(new_key().hex())
    await Rotation(room.database, FileKeyProvider(folder, "kek-2")).whole()
    (folder / "kek-1.key").unlink()
    assert (await verification.all()).ok
    await room.rows("UPDATE record_key SET key_id = 'kek-1', wrapped_key = $1", dump[0]["wrapped_key"])
    assert (await verification.all()).states == Counter({State.LOCKED: 3})


async def test_the_command_collects_what_is_of_no_use_and_leaves_the_rest(room, record):
    await three(room, record)
    await room.stored(gone := uuid4(), 8)
    kept = {row["object"] for row in await room.rows("SELECT object FROM document WHERE record = $1", record)}
    await room.content.put([b"orphan", os.urandom(LARGE)])
    await room.delete(gone)
    room.content._segments.close()
    grow_old(room)
    code, told = await carnet(room, await url_of(room), "collect")
    assert code == 0, told
    assert [line.split()[-1] for line in told.splitlines() if line.strip()] == ["count", "1", "0", "2", "0"]
    assert set(room.contents()) == kept


@pytest.mark.parametrize("verb", ["verify", "rotate-keys", "collect"])
async def test_without_a_place_it_says_what_to_set(room, verb, tmp_path):
    code, told = await carnet(room, "", verb)
    assert (code, "CARNET_DATABASE_URL" in told) == (1, True)
    code, told = await carnet(room, await url_of(room), verb, CARNET_CONTENT_DIR=str(tmp_path / "nowhere"))
    assert (code, "CARNET_CONTENT_DIR" in told) == (1, True)
    assert not (tmp_path / "nowhere").exists()
