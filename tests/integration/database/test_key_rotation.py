"""Rotation and retirement of key-encryption keys on the real PostgreSQL."""

import asyncio
from contextlib import suppress
from uuid import UUID, uuid4

import pytest

from shared.database import Transaction
from shared.database.key_rotation import Retirement, Rotation, StillWrappedError, Told
from shared.database.record_keys import KEYS_ARE_DESTROYED, RECORD_KEY_TABLE, RecordKeys
from shared.security import FileKeyProvider, KeyDestroyedError, new_key
from tests.support.system import eventually, fresh_database, opened

FIRST, LAST = UUID(int=0), UUID(int=(1 << 128) - 1)
AT_ONCE = 7
WAITING = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'record_key'::regclass"
RECORDS = 30


class CrashError(Exception):
    """The process ends here."""


@pytest.fixture
def folder(tmp_path):
    for kek in ("kek-1", "kek-2"):
        (tmp_path / f"{kek}.key").write_text(new_key().hex())
    return tmp_path


@pytest.fixture
def old(folder):
    return FileKeyProvider(folder, "kek-1")


@pytest.fixture
def new(folder):
    return FileKeyProvider(folder, "kek-2")


@pytest.fixture
async def database(system):
    async with fresh_database(system, RECORD_KEY_TABLE + KEYS_ARE_DESTROYED) as url, opened(url, pool=8) as database:
        yield database


async def made(database, provider, number=RECORDS):
    async with database.transaction() as tx:
        return dict(await RecordKeys(provider).ensure(tx, [uuid4() for _ in range(number)]))


async def keys(database, provider, records):
    async with database.transaction() as tx:
        return dict(await RecordKeys(provider).get(tx, records))


async def by_kek(database):
    rows = await database.fetch("SELECT key_id, count(*) FROM record_key GROUP BY key_id")
    return {row[0]: row[1] for row in rows}


async def test_every_key_is_wrapped_anew_and_none_changes(database, old, new):
    before = await made(database, old)
    told = await Rotation(database, new, AT_ONCE).whole()
    assert (told.seen, told.rewrapped, told.unopened.total()) == (RECORDS, RECORDS, 0)
    assert await by_kek(database) == {"kek-2": RECORDS}
    assert await keys(database, old, before) == before


async def test_what_is_done_is_not_done_again(database, old, new):
    await made(database, old)
    await Rotation(database, new, AT_ONCE).whole()
    rows = await database.fetch("SELECT record, wrapped_key, xmin::text FROM record_key ORDER BY record")
    assert (await Rotation(database, new, AT_ONCE).whole()).rewrapped == 0
    assert await database.fetch("SELECT record, wrapped_key, xmin::text FROM record_key ORDER BY record") == rows


@pytest.mark.parametrize("crash", range(6))
@pytest.mark.parametrize("where", ["read", "written", "committed"])
async def test_interrupted_at_any_batch_it_goes_on_when_run_again(database, old, new, crash, where, monkeypatch):
    before = await made(database, old)

    class Crashing(Rotation):
        batches = 0

        async def batch(self, *arguments):
            self.batches += 1
            if self.batches <= crash or where == "committed":
                found = await super().batch(*arguments)
                if self.batches > crash:
                    raise CrashError
                return found
            if where == "read":
                monkeypatch.setattr(new, "rewrap_each", fails)
            else:
                monkeypatch.setattr("shared.database._database.Transaction.execute", written_then_fails)
            return await super().batch(*arguments)

    def fails(*_):
        raise CrashError

    async def written_then_fails(tx, sql, *arguments):
        await tx.connection.execute(sql, *arguments)
        raise CrashError

    with suppress(CrashError):
        await Crashing(database, new, AT_ONCE).whole()
    monkeypatch.undo()
    done = (await by_kek(database)).get("kek-2", 0)
    assert await keys(database, new, before) == before
    told = await Rotation(database, new, AT_ONCE).whole()
    assert told.rewrapped == RECORDS - done
    assert await keys(database, new, before) == before
    assert await by_kek(database) == {"kek-2": RECORDS}


async def test_beside_readers_writers_and_deletions_every_key_stays_what_it_is(database, old, new):
    known = await made(database, old, 200)
    gone = set(list(known)[:40])
    over = asyncio.Event()

    async def read():
        while not over.is_set():
            assert {**known, **await keys(database, old, list(known)[40:])} == known

    async def write():
        while not over.is_set():
            later.update(await made(database, old, 3))

    async def delete():
        for record in gone:
            async with database.transaction() as tx:
                await RecordKeys(old).destroy(tx, [record])

    later: dict[UUID, bytes] = {}
    beside = [asyncio.create_task(work()) for work in (read, write)]
    await asyncio.gather(delete(), *(Rotation(database, new, AT_ONCE).whole() for _ in range(2)))
    over.set()
    await asyncio.gather(*beside)
    await Rotation(database, new, AT_ONCE).whole()
    stay = {record: key for record, key in known.items() if record not in gone} | later
    assert later
    assert await keys(database, new, [*known, *later]) == stay
    assert await by_kek(database) == {"kek-2": len(stay), "": len(gone)}


async def test_a_key_destroyed_between_read_and_write_does_not_come_back(database, old, new, monkeypatch):
    known = await made(database, old, 3)
    read, destroyed = asyncio.Event(), asyncio.Event()
    execute = Transaction.execute

    async def destroy():
        await read.wait()
        async with database.transaction() as tx:
            await RecordKeys(old).destroy(tx, known)
        destroyed.set()

    async def late(tx, sql, *arguments):
        if "n.old" in sql:
            read.set()
            await destroyed.wait()
        return await execute(tx, sql, *arguments)

    monkeypatch.setattr(Transaction, "execute", late)
    told = Told()
    await asyncio.gather(Rotation(database, new).batch(FIRST, LAST, told), destroy())
    assert told.rewrapped == 0
    assert await keys(database, new, known) == {}


@pytest.mark.parametrize("number", [1, 6, 50])
async def test_statements_of_a_batch_do_not_grow_with_it(database, old, new, number):
    await made(database, old, number)
    counts = []
    database.on_statements = counts.append
    await Rotation(database, new, 100).batch(FIRST, LAST, Told())
    assert counts == [2]


async def test_keys_of_several_keks_in_one_batch_and_an_altered_one_is_told_and_kept(database, folder, old, new):
    before = await made(database, old, 4) | await made(database, new, 4)
    assert new.add("kek-3")
    third = FileKeyProvider(folder, "kek-3")
    broken = min(before)
    async with database.transaction() as tx:
        await tx.execute("UPDATE record_key SET wrapped_key = sha256(wrapped_key) WHERE record = $1", broken)
    told = await Rotation(database, third, 100).whole()
    assert told.rewrapped == 7
    assert told.unopened.total() == 1
    (kek,) = (+told.unopened).keys()
    del before[broken]
    assert await keys(database, third, before) == before
    with pytest.raises(StillWrappedError):
        await Retirement(database, third).retire(kek)


async def test_what_a_retired_kek_wrapped_in_a_dump_opens_no_more(database, folder, old, new):
    before = await made(database, old)
    dump = await database.fetch("SELECT record, key_id, wrapped_key FROM record_key")
    await Rotation(database, new, AT_ONCE).whole()
    await Retirement(database, new, AT_ONCE).retire("kek-1")
    assert sorted(path.name for path in folder.iterdir()) == ["kek-2.key"]
    assert await keys(database, new, before) == before
    async with database.transaction() as tx:  # the dump is restored
        await tx.execute("TRUNCATE record_key")
        await tx.copy("record_key", ("record", "key_id", "wrapped_key"), [tuple(row) for row in dump])
    for record in before:
        with pytest.raises(KeyDestroyedError):
            await keys(database, new, [record])


async def test_a_kek_in_use_is_not_retired(database, old, new):
    before = await made(database, old)
    for kek, provider in (("kek-1", new), ("kek-2", new)):
        with pytest.raises(StillWrappedError):
            await Retirement(database, provider, AT_ONCE).retire(kek)
    with pytest.raises(KeyDestroyedError):
        await Retirement(database, new, AT_ONCE).retire("kek-9")
    assert await keys(database, new, before) == before


async def test_a_writer_with_the_old_kek_under_way_while_it_is_retired_keeps_it_alive(database, old, new):
    """Its key is wrapped and written, its transaction is not over: retirement waits for it, sees it and puts back."""
    record = uuid4()

    async def waits():
        return bool(await database.fetch(WAITING))

    async with database.transaction() as tx:
        key = await RecordKeys(old).ensure(tx, [record])
        retiring = asyncio.create_task(Retirement(database, new).retire("kek-1"))
        await eventually(waits)
    with pytest.raises(StillWrappedError):
        await retiring
    assert await keys(database, new, [record]) == key


async def test_a_writer_that_comes_after_a_kek_was_set_aside_commits_nothing(database, old, new):
    await made(database, new, 2)
    wrapped = old.wrap

    def wrap(key):
        found = wrapped(key)
        new.set_aside("kek-1")
        return found

    old.wrap = wrap
    with pytest.raises(KeyDestroyedError):
        await made(database, old, 1)
    assert await by_kek(database) == {"kek-2": 2}
    await Retirement(database, new).retire("kek-1")


async def test_a_retirement_that_was_interrupted_is_undone_where_keys_need_the_kek(database, folder, old, new):
    before = await made(database, old, 3)
    new.set_aside("kek-1")
    with pytest.raises(KeyDestroyedError):
        await keys(database, new, before)
    with pytest.raises(StillWrappedError):
        await Retirement(database, new).retire("kek-1")
    assert sorted(path.name for path in folder.iterdir()) == ["kek-1.key", "kek-2.key"]
    assert await keys(database, new, before) == before
