import hashlib
import os
import threading
import time
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.document.content import LARGE, ContentUnreadableError, FileContent, beside, seal, unseal
from services.document.content import segments as places
from shared.security import new_key
from tests.support.documents import contents_of, sample

TEXT = sample() * 3


def sha(content):
    return hashlib.sha256(content).digest()


@given(st.binary(max_size=2000))
def test_what_is_sealed_opens_again(content):
    key, name = new_key(), uuid4()
    assert unseal(seal(content, key, name), key, name, sha(content), len(content)) == content


def test_a_sealed_content_shows_nothing_and_is_smaller_where_that_helps():
    key, name = new_key(), uuid4()
    sealed = seal(TEXT, key, name)
    assert len(sealed) < len(TEXT) / 2
    assert not any(TEXT[at : at + 12] in sealed for at in range(0, len(TEXT) - 12, 7))
    noise = os.urandom(1000)
    assert len(seal(noise, key, name)) == 1000 + 1 + 12 + 16


@pytest.mark.parametrize("damage", ["byte", "cut", "key", "document", "hash", "size"])
def test_what_is_not_the_content_does_not_open(damage):
    key, name = new_key(), uuid4()
    sealed = seal(TEXT, key, name)
    arguments = {
        "byte": (sealed[:50] + bytes([sealed[50] ^ 1]) + sealed[51:], key, name, sha(TEXT), len(TEXT)),
        "cut": (sealed[:-1], key, name, sha(TEXT), len(TEXT)),
        "key": (sealed, new_key(), name, sha(TEXT), len(TEXT)),
        "document": (sealed, key, uuid4(), sha(TEXT), len(TEXT)),
        "hash": (sealed, key, name, sha(b"other"), len(TEXT)),
        "size": (sealed, key, name, sha(TEXT), len(TEXT) - 1),
    }[damage]
    with pytest.raises(ContentUnreadableError):
        unseal(*arguments)


BIG = b"b" * LARGE


@pytest.fixture
async def store(tmp_path):
    store = FileContent(tmp_path / "content")
    yield store
    await store.close()


def files(store):
    return [path for path in store._folder.rglob("*") if path.is_file()]


def segments(store):
    return [path for path in files(store) if path.parent.name == "segments"]


def grow_old(*paths):
    for path in paths:
        os.utime(path, (time.time() - 100, time.time() - 100))


async def old(store):
    return [name for turn in range(256) for name in await store.older_than(60, turn)]


async def test_contents_are_kept_apart_read_and_removed(store):
    sealed = [os.urandom(size) for size in (0, 1, 8, 1000, 8 * 1024 - 8, 8 * 1024 - 7, LARGE - 1, LARGE, 3 * LARGE)]
    names = await store.put(sealed)
    assert len(set(names)) == len(sealed)
    assert [await store.get(name) for name in names] == sealed
    assert sorted(contents_of(store)) == sorted(names)
    assert {path.stat().st_mode & 0o777 for path in files(store)} == {0o600}
    await store.remove([*names[1:], uuid4()])
    assert contents_of(store) == [names[0]]
    assert await store.get(names[0]) == b""
    for name in (*names[1:], uuid4(), UUID(int=names[0].int + 1)):
        with pytest.raises(ContentUnreadableError):
            await store.get(name)


async def test_small_contents_lie_in_one_segment_and_large_ones_alone(store):
    await store.put([b"1", BIG, b"2"])
    await store.put([b"3"])
    assert [path.stat().st_size for path in segments(store)] == [3 * (8 + 1)]
    assert [path.stat().st_size for path in files(store) if path not in segments(store)] == [LARGE]


async def test_what_is_removed_is_overwritten_and_its_neighbours_stay(store):
    names = await store.put([b"before", b"secret", b"behind"])
    await store.remove([names[1]])
    await store.remove([names[1]])
    (segment,) = segments(store)
    assert b"secret" not in segment.read_bytes()
    assert [await store.get(name) for name in (names[0], names[2])] == [b"before", b"behind"]
    (more,) = await store.put([b"more"])
    assert await store.get(more) == b"more"
    assert sorted(contents_of(store)) == sorted([names[0], names[2], more])


async def test_another_process_reads_and_removes_and_appends_to_a_segment_of_its_own(store, tmp_path):
    other = FileContent(tmp_path / "content")
    (mine,), (his,) = await store.put([b"mine"]), await other.put([b"his"])
    assert len(segments(store)) == 2
    assert await other.get(mine) == b"mine"
    await other.remove([mine])
    with pytest.raises(ContentUnreadableError):
        await store.get(mine)
    await other.close()
    assert await store.get(his) == b"his"


@pytest.mark.parametrize("limit", ["SEGMENT_BYTES", "SEGMENT_S"])
async def test_a_segment_that_is_large_or_old_enough_is_left(store, monkeypatch, limit):
    monkeypatch.setattr(places, limit, 0)
    names = [name for sealed in (b"one", b"two") for name in await store.put([sealed])]
    assert len(segments(store)) == 2
    assert [await store.get(name) for name in names] == [b"one", b"two"]


@pytest.mark.parametrize("step", ["pwrite", "fdatasync", "fsync"])
async def test_a_full_disk_is_told_and_nothing_of_the_attempt_stays(store, monkeypatch, step):
    def full(*_):
        raise OSError(28, "No space left on device")

    (kept,) = await store.put([b"kept"]) if step != "fsync" else (None,)
    with monkeypatch.context() as patch:
        patch.setattr(os, step, full)
        for sealed in (b"sealed", BIG):
            if (step, sealed) != ("pwrite", BIG):
                with pytest.raises(OSError, match="No space"):
                    await store.put([sealed, sealed])
    assert contents_of(store) == ([kept] if kept else [])
    (again,) = await store.put([b"again"])
    assert await store.get(again) == b"again"
    if kept:
        assert await store.get(kept) == b"kept"
        assert again.bytes[:12] != kept.bytes[:12], "nothing is appended behind what may not have reached the disk"


async def test_a_short_write_is_gone_on_with(store, monkeypatch):
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, rest, offset: pwrite(file, rest[:3], offset))
    names = await store.put([b"first content", b"second content"])
    assert [await store.get(name) for name in names] == [b"first content", b"second content"]


async def test_what_comes_together_costs_one_write_and_one_sync(store, monkeypatch):
    steps, threads = [], set()

    def noted(kind):
        call = getattr(os, kind)

        def wrapper(handle, *arguments):
            threads.add(threading.get_ident())
            steps.append((kind, Path(f"/proc/self/fd/{handle}").resolve()))
            return call(handle, *arguments)

        return wrapper

    for kind in ("pwrite", "fdatasync", "fsync"):
        monkeypatch.setattr(os, kind, noted(kind))
    for count in (1, 100):
        await store.put([b"sealed"] * count)
    (segment,) = segments(store)
    begun = [("fsync", segment.parent)]
    assert steps == [*begun, *[("pwrite", segment), ("fdatasync", segment)] * 2]
    steps.clear()
    (name,) = await store.put([BIG])
    alone = store._folder / name.hex[:2] / name.hex
    assert steps == [("fdatasync", alone), ("fsync", alone.parent)]
    assert len(threads) <= 3


async def test_every_part_of_the_store_has_its_turn_to_show_what_is_old(store):
    large = await store.put([BIG] * 20)
    small = await store.put([b"sealed"] * 20)
    (young,) = await store.put([BIG])
    torn, foreign = store._folder / "a7" / f"a7{uuid4().hex[2:]}", store._folder / "00" / "notes.txt"
    for path in (torn, foreign, store._folder / "segments" / "notes.txt"):
        path.write_bytes(b"")
    assert not await old(store)
    grow_old(*(path for path in files(store) if path.name != young.hex))
    found = await old(store)
    assert sorted(set(found)) == sorted([*large, *small, UUID(hex=torn.name)])
    assert foreign.exists()


async def test_removing_makes_nothing_younger_once_nobody_appends(store):
    names = await store.put([b"one", b"two"])
    await store.close()
    grow_old(*segments(store))
    again = FileContent(store._folder)
    await again.remove([names[0]])
    assert set(await old(again)) == {names[1]}
    await again.close()


async def test_what_is_added_is_young_though_the_rest_is_old(store):
    """Its document may be on its way into the database: taken for an orphan it would be lost."""
    (first,) = await store.put([b"first"])
    grow_old(*segments(store))
    assert set(await old(store)) == {first}
    await store.put([b"second"])
    assert not await old(store)
    grow_old(*segments(store))
    await store.remove([first])
    assert not await old(store), "removing from a segment that is appended to makes it young, never old"


async def test_a_segment_is_left_at_its_time_though_nothing_more_comes(store, monkeypatch):
    names = await store.put([b"first", b"second"])
    monkeypatch.setattr(places, "SEGMENT_S", 0)
    grow_old(*segments(store))
    for left in (2, 1, 0):
        assert len(set(await old(store))) == left
        await store.remove(names[left - 1 : left])
    assert not segments(store)


async def test_a_segment_in_which_nothing_lives_goes_once_nobody_appends(store):
    names = await store.put([b"one", b"two"])
    await store.remove(names)
    grow_old(*segments(store))
    await old(store)
    assert segments(store), "its process still appends to it"
    await store.close()
    again = FileContent(store._folder)
    await old(again)
    assert not segments(again)
    await again.close()


@pytest.mark.parametrize("cut", [1, 6, 7, 8, 13, 14])
async def test_a_torn_end_hides_nothing_that_was_kept_and_belongs_to_nobody(store, cut):
    names = await store.put([b"first", b"second"])
    await store.close()
    (segment,) = segments(store)
    segment.write_bytes(segment.read_bytes()[:-cut])
    again = FileContent(store._folder)
    assert await again.get(names[0]) == b"first"
    assert contents_of(again) == [names[0]]
    (more,) = await again.put([b"more"])
    assert more.bytes[:12] != names[0].bytes[:12]
    await again.remove(names)
    grow_old(segment)
    await old(again)
    assert not segment.exists()
    await again.close()


@pytest.mark.parametrize("size", [10, 10_000_000])
async def test_work_is_done_wherever_it_runs(size):
    assert await beside(size, lambda: 7) == 7
