"""Encryption of fields, wrapped keys, keyed hashes, key-encryption keys."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.security import (
    FileKeyProvider,
    KeyDestroyedError,
    KeyUnreadableError,
    UndecryptableError,
    Wrapped,
    context,
    decrypt,
    encrypt,
    encrypt_each,
    keyed_hash,
    new_key,
    read_hex_key,
    unwrap_with,
    wrap_with,
)

KEY = bytes(range(32))
PLACE = context("document", "version", "title", 7)


@given(st.binary(max_size=300))
def test_what_was_encrypted_opens_again(plaintext: bytes) -> None:
    assert decrypt(KEY, encrypt(KEY, plaintext, PLACE), PLACE) == plaintext


@given(st.binary(max_size=40), st.data())
def test_any_altered_byte_is_found(plaintext: bytes, data: st.DataObject) -> None:
    ciphertext = bytearray(encrypt(KEY, plaintext, PLACE))
    at = data.draw(st.integers(0, len(ciphertext) - 1))
    ciphertext[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(UndecryptableError):
        decrypt(KEY, bytes(ciphertext), PLACE)


@pytest.mark.parametrize("length", range(28))
def test_a_cut_cipher_text_is_refused(length: int) -> None:
    with pytest.raises(UndecryptableError, match="shorter"):
        decrypt(KEY, encrypt(KEY, b"text", PLACE)[:length], PLACE)


def test_a_cipher_text_does_not_open_in_another_row_or_under_another_key() -> None:
    ciphertext = encrypt(KEY, b"title", PLACE)
    with pytest.raises(UndecryptableError):
        decrypt(KEY, ciphertext, context("document", "version", "title", 8))
    with pytest.raises(UndecryptableError):
        decrypt(new_key(), ciphertext, PLACE)


def test_equal_texts_never_give_equal_cipher_texts() -> None:
    assert len({encrypt(KEY, b"text", PLACE) for _ in range(500)}) == 500
    assert len(set(encrypt_each([(KEY, b"text", PLACE)] * 500))) == 500


@given(
    st.lists(st.tuples(st.sampled_from([KEY, KEY[::-1]]), st.binary(max_size=40), st.binary(max_size=9)), max_size=9)
)
def test_what_was_encrypted_together_opens_each_under_its_own_key_and_place(texts) -> None:
    sealed = encrypt_each(texts)
    assert len({ciphertext[:12] for ciphertext in sealed}) == len(texts), "a nonce came twice"
    for ciphertext, (key, plaintext, place) in zip(sealed, texts, strict=True):
        assert decrypt(key, ciphertext, place) == plaintext
        for wrong_key, wrong_place in ((key[::-1], place), (key, place + b"x")):
            with pytest.raises(UndecryptableError):
                decrypt(wrong_key, ciphertext, wrong_place)


PARTS = st.tuples(*[st.text(max_size=6)] * 4)


@given(PARTS, PARTS)
def test_different_places_have_different_contexts(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert (context(*one) == context(*other)) == (one == other)


def test_parts_that_join_to_the_same_text_stay_apart() -> None:
    assert context("ab", "c", "d", 1) != context("a", "bc", "d", 1)
    assert keyed_hash(KEY, "p", "ab", "c") != keyed_hash(KEY, "p", "a", "bc")


def test_a_content_key_opens_only_under_its_record_key() -> None:
    inner, record_key = new_key(), new_key()
    wrapped = wrap_with(record_key, inner)
    assert unwrap_with(record_key, wrapped) == inner
    for key, text in ((new_key(), wrapped), (record_key, wrapped[:-1]), (record_key, b"")):
        with pytest.raises(UndecryptableError):
            unwrap_with(key, text)


def test_a_wrapped_key_is_the_one_of_rfc_3394() -> None:
    # RFC 3394, 4.6: 256 bits of key data with a 256-bit key-encryption key
    data = bytes.fromhex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F")
    expected = "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"
    assert wrap_with(KEY, data).hex().upper() == expected


def test_keyed_hashes_differ_by_key_purpose_and_value() -> None:
    hashes = {keyed_hash(key, purpose, value) for key in (KEY, new_key()) for purpose in "ab" for value in ("1", "2")}
    assert len(hashes) == 8
    assert keyed_hash(KEY, "ins", "1") == keyed_hash(KEY, "ins", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for kek in ("kek-1", "kek-2"):
        (tmp_path / f"{kek}.key").write_text(new_key().hex() + "\n")
    return tmp_path


def test_after_a_rotation_old_keys_still_open_and_new_ones_are_under_the_new_kek(folder: Path) -> None:
    key = new_key()
    old = FileKeyProvider(folder, "kek-1").wrap(key)
    rotated = FileKeyProvider(folder, "kek-2")
    assert old.kek == "kek-1"
    assert rotated.unwrap(old) == key
    assert rotated.wrap(key).kek == "kek-2"


def test_a_destroyed_kek_opens_nothing_any_more_even_in_a_running_process(folder: Path) -> None:
    provider = FileKeyProvider(folder, "kek-2")
    wrapped = FileKeyProvider(folder, "kek-1").wrap(new_key())
    provider.unwrap(wrapped)
    (folder / "kek-1.key").unlink()
    with pytest.raises(KeyDestroyedError, match="kek-1"):
        provider.unwrap(wrapped)


def test_many_keys_open_in_their_order_and_none_of_them_once_a_kek_is_destroyed(folder: Path) -> None:
    keys = [new_key() for _ in range(6)]
    wrapped = [FileKeyProvider(folder, f"kek-{1 + at % 2}").wrap(key) for at, key in enumerate(keys)]
    provider = FileKeyProvider(folder, "kek-2")
    assert provider.unwrap_each(wrapped) == keys
    assert provider.unwrap_each([]) == []
    with pytest.raises(UndecryptableError):
        provider.unwrap_each([*wrapped, Wrapped("kek-2", wrapped[1].key[::-1])])
    (folder / "kek-1.key").unlink()
    assert provider.unwrap_each(wrapped[1::2]) == keys[1::2]
    with pytest.raises(KeyDestroyedError, match="kek-1"):
        provider.unwrap_each(wrapped)


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=9), st.sets(st.integers(0, 8)))
def test_what_is_wrapped_anew_opens_under_the_new_kek_alone_and_altered_ones_are_named(keys, altered) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        for kek in ("kek-1", "kek-2"):
            (folder / f"{kek}.key").write_text(new_key().hex())
        old, new = FileKeyProvider(folder, "kek-1"), FileKeyProvider(folder, "kek-2")
        wrapped = [old.wrap(key).key for key in keys]
        asked = [key[::-1] if place in altered else key for place, key in enumerate(wrapped)]
        anew = new.rewrap_each("kek-1", asked)
        assert [key is None for key in anew] == [place in altered for place in range(len(keys))]
        (folder / "kek-1.key").unlink()
        whole = [(key, found) for key, found in zip(keys, anew, strict=True) if found is not None]
        assert new.unwrap_each([Wrapped("kek-2", found) for _, found in whole]) == [key for key, _ in whole]


def test_nothing_is_wrapped_anew_once_a_kek_is_gone_and_a_key_cut_short_does_not_open(folder: Path) -> None:
    old, new = FileKeyProvider(folder, "kek-1"), FileKeyProvider(folder, "kek-2")
    wrapped = old.wrap(new_key()).key
    assert new.rewrap_each("kek-1", [b"", wrapped[:-8], wrapped[:-1]]) == [None] * 3
    (folder / "kek-1.key").unlink()
    with pytest.raises(KeyDestroyedError):
        new.rewrap_each("kek-1", [wrapped])


def test_a_kek_is_made_once_and_for_its_owner_alone(folder: Path) -> None:
    provider = FileKeyProvider(folder, "kek-1")
    assert provider.add("kek-3")
    made = folder / "kek-3.key"
    first = made.read_bytes()
    assert made.stat().st_mode & 0o777 == 0o600
    assert not provider.add("kek-3")
    assert made.read_bytes() == first
    assert sorted(path.name for path in folder.iterdir()) == ["kek-1.key", "kek-2.key", "kek-3.key"]
    assert FileKeyProvider(folder, "kek-3").wrap(new_key()).kek == "kek-3"


@pytest.mark.parametrize("kek", ["../kek-3", "", "a/b", "\x00"])
def test_a_kek_that_is_made_or_retired_never_leads_out_of_the_folder(folder: Path, kek: str) -> None:
    provider = FileKeyProvider(folder, "kek-1")
    for act in (provider.add, provider.set_aside, provider.put_back):
        with pytest.raises(KeyUnreadableError):
            act(kek)


def test_a_kek_set_aside_opens_nothing_until_it_is_put_back_and_destroyed_never_again(folder: Path) -> None:
    provider = FileKeyProvider(folder, "kek-2")
    wrapped = FileKeyProvider(folder, "kek-1").wrap(key := new_key())
    provider.set_aside("kek-1")
    provider.set_aside("kek-1")  # as after a crash
    with pytest.raises(KeyDestroyedError):
        provider.unwrap(wrapped)
    with pytest.raises(KeyUnreadableError, match="another id"):
        provider.add("kek-1")
    provider.put_back("kek-1")
    provider.put_back("kek-1")
    assert provider.unwrap(wrapped) == key
    provider.set_aside("kek-1")
    provider.destroy("kek-1")
    assert sorted(path.name for path in folder.iterdir()) == ["kek-2.key"]
    with pytest.raises(KeyDestroyedError):
        provider.set_aside("kek-1")


def test_an_altered_wrapped_key_is_refused(folder: Path) -> None:
    provider = FileKeyProvider(folder, "kek-1")
    wrapped = provider.wrap(new_key())
    with pytest.raises(UndecryptableError):
        provider.unwrap(Wrapped("kek-2", wrapped.key))
    with pytest.raises(UndecryptableError):
        provider.unwrap(Wrapped("kek-1", wrapped.key[::-1]))


@pytest.mark.parametrize("kek", ["../kek-1", "", "a/b", "kek-1.key", "\x00"])
def test_a_kek_id_never_leads_out_of_the_folder(folder: Path, kek: str) -> None:
    with pytest.raises(KeyUnreadableError):
        FileKeyProvider(folder, "kek-1").unwrap(Wrapped(kek, b"x" * 40))


@pytest.mark.parametrize("content", ["", "zz" * 32, "00" * 31, "é", "secret-that-is-no-key"])
def test_a_file_that_is_no_key_is_refused_without_telling_its_content(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kek-1.key"
    path.write_text(content)
    with pytest.raises(KeyUnreadableError, match="64 hexadecimal digits") as caught:
        read_hex_key(path)
    assert "secret" not in str(caught.value)
    with pytest.raises(KeyUnreadableError):
        FileKeyProvider(tmp_path, "kek-1")


def test_a_provider_whose_current_key_is_missing_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(KeyDestroyedError):
        FileKeyProvider(tmp_path, "kek-1")
