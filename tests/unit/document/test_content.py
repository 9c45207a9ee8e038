import hashlib
import os
import threading
import time
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.document.clients import ContentUnreadableError, FileContent, beside, new_name, seal, unseal
from shared.security import new_key
from tests.support.documents import sample

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


@pytest.mark.parametrize("damage", ["byte", "cut", "key", "name", "hash", "size"])
def test_what_is_not_the_content_does_not_open(damage):
    key, name = new_key(), uuid4()
    sealed = seal(TEXT, key, name)
    arguments = {
        "byte": (sealed[:50] + bytes([sealed[50] ^ 1]) + sealed[51:], key, name, sha(TEXT), len(TEXT)),
        "cut": (sealed[:-1], key, name, sha(TEXT), len(TEXT)),
        "key": (sealed, new_key(), name, sha(TEXT), len(TEXT)),
        "name": (sealed, key, uuid4(), sha(TEXT), len(TEXT)),
        "hash": (sealed, key, name, sha(b"other"), len(TEXT)),
        "size": (sealed, key, name, sha(TEXT), len(TEXT) - 1),
    }[damage]
    with pytest.raises(ContentUnreadableError):
        unseal(*arguments)


@pytest.fixture
async def store(tmp_path):
    store = FileContent(tmp_path / "content")
    yield store
    await store.close()


def files(store):
    return [path for path in store._folder.rglob("*") if path.is_file()]


def path_of(store, name):
    return store._folder / name.hex[:2] / name.hex


async def test_files_are_kept_apart_read_and_removed(store):
    names = [uuid4() for _ in range(5)]
    await store.put({name: name.bytes for name in names})
    assert [await store.get(name) for name in names] == [name.bytes for name in names]
    assert sorted(path.name for path in files(store)) == sorted(name.hex for name in names)
    assert {path.stat().st_mode & 0o777 for path in files(store)} == {0o600}
    assert all(path.parent.name == path.name[:2] for path in files(store))
    await store.remove([*names, uuid4()])
    assert not files(store)
    with pytest.raises(ContentUnreadableError):
        await store.get(names[0])


async def test_a_large_content_is_kept_whole(store):
    name, sealed = uuid4(), os.urandom(9_000_000)
    await store.put({name: sealed})
    assert await store.get(name) == sealed


async def test_a_name_is_written_once(store):
    name, other = uuid4(), uuid4()
    await store.put({name: b"first"})
    with pytest.raises(FileExistsError):
        await store.put({other: b"other", name: b"second"})
    assert await store.get(name) == b"first"
    assert len(files(store)) == 1


@pytest.mark.parametrize("step", ["write", "fdatasync", "fsync"])
async def test_a_full_disk_is_told_and_nothing_of_the_attempt_stays(store, monkeypatch, step):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, full)
        with pytest.raises(OSError, match="No space"):
            await store.put({uuid4(): b"sealed", uuid4(): b"sealed"})
    assert not files(store)
    await store.put({uuid4(): b"sealed"})


async def test_contents_and_folders_are_synced_before_they_count_as_kept(store, monkeypatch):
    """All are written before the first is synced, all are synced before their folders, and each folder once."""
    steps, threads = [], set()

    def noted(kind):
        call = getattr(os, kind)

        def wrapper(handle, *arguments):
            threads.add(threading.get_ident())
            steps.append((kind, Path(f"/proc/self/fd/{handle}").resolve().name))
            return call(handle, *arguments)

        return wrapper

    for kind in ("write", "fdatasync", "fsync"):
        monkeypatch.setattr(os, kind, noted(kind))
    names = [UUID(hex=f"{shard}{uuid4().hex[2:]}") for shard in ("07", "07", "a1")]
    await store.put(dict.fromkeys(names, b"sealed"))
    assert [kind for kind, _ in steps] == ["write"] * 3 + ["fdatasync"] * 3 + ["fsync"] * 2
    for kind in ("write", "fdatasync"):
        assert [file for done, file in steps if done == kind] == [name.hex for name in names]
    assert {file for done, file in steps if done == "fsync"} == {"07", "a1"}
    assert len(threads) == 1


async def test_every_part_of_the_store_has_its_turn_to_show_what_is_old(store):
    old, young, torn = [uuid4() for _ in range(20)], uuid4(), uuid4()
    await store.put(dict.fromkeys((*old, young), b"sealed"))
    path_of(store, torn).write_bytes(b"")
    foreign = store._folder / "00" / "notes.txt"
    foreign.write_bytes(b"of an operator")
    past = time.time() - 100
    for path in (*(path_of(store, name) for name in (*old, torn)), foreign):
        os.utime(path, (past, past))
    found = [name for turn in range(256) for name in await store.older_than(60, turn)]
    assert sorted(found) == sorted([*old, torn])
    assert foreign.exists()


def test_names_of_one_moment_share_a_folder_and_all_folders_have_their_turn(monkeypatch):
    def names(moment):
        monkeypatch.setattr(time, "monotonic", lambda: moment)
        return [new_name() for _ in range(20)]

    found = [names(100 + 0.02 * turn + 0.001) for turn in range(256)]
    assert len({name for some in found for name in some}) == 20 * 256
    assert [len({name.bytes[0] for name in some}) for some in found] == [1] * 256
    assert len({some[0].bytes[0] for some in found}) == 256


@pytest.mark.parametrize("size", [10, 10_000_000])
async def test_work_is_done_wherever_it_runs(size):
    assert await beside(size, lambda: 7) == 7
