import hashlib
import os
import time
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.document.clients import ContentUnreadableError, FileContent, beside, seal, unseal
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


async def test_files_are_kept_apart_read_and_removed(tmp_path):
    store, name = FileContent(tmp_path / "content"), uuid4()
    await store.put(name, b"sealed")
    assert await store.get(name) == b"sealed"
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.name == path.name[:2]
    await store.remove([name, uuid4()])
    with pytest.raises(ContentUnreadableError):
        await store.get(name)
    await store.close()


async def test_a_name_is_written_once(tmp_path):
    store, name = FileContent(tmp_path), uuid4()
    (tmp_path / name.hex[:2] / f"{name.hex}.part").write_bytes(b"of another")
    with pytest.raises(FileExistsError):
        await store.put(name, b"sealed")
    assert not (tmp_path / name.hex[:2] / name.hex).exists()
    await store.close()


async def test_nothing_half_written_stays(tmp_path, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    store, name = FileContent(tmp_path), uuid4()
    monkeypatch.setattr(os, "fdatasync", full)
    with pytest.raises(OSError, match="No space"):
        await store.put(name, b"sealed")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    await store.close()


async def test_content_and_folder_are_synced_before_it_counts_as_kept(tmp_path, monkeypatch):
    store, steps = FileContent(tmp_path), []

    def noted(kind):
        return lambda handle: steps.append((kind, Path(f"/proc/self/fd/{handle}").is_dir()))

    for kind in ("fdatasync", "fsync"):
        monkeypatch.setattr(os, kind, noted(kind))
    await store.put(uuid4(), b"sealed")
    assert steps == [("fdatasync", False), ("fsync", True)]
    await store.close()


async def test_every_part_of_the_store_has_its_turn_to_show_what_is_old(tmp_path):
    store = FileContent(tmp_path)
    old, young = [uuid4() for _ in range(20)], uuid4()
    for name in (*old, young):
        await store.put(name, b"sealed")
    left = tmp_path / "00" / f"{'0' * 32}.part"
    left.write_bytes(b"unfinished")
    past = time.time() - 100
    for name in old:
        os.utime(tmp_path / name.hex[:2] / name.hex, (past, past))
    os.utime(left, (past, past))
    found = [name for turn in range(256) for name in await store.older_than(60, turn)]
    assert sorted(found) == sorted(old)
    assert not left.exists()
    await store.close()


@pytest.mark.parametrize("size", [10, 10_000_000])
async def test_work_is_done_wherever_it_runs(size):
    assert await beside(size, lambda: 7) == 7
