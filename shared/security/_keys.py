"""Key-encryption keys (KEK): what wraps the records' keys, and how it is rotated and destroyed.

A wrapped key carries the id of its KEK. After a rotation new keys are wrapped by the new KEK while the old one still
opens; once everything is wrapped anew the old KEK is destroyed, and with it every backup that holds old wrapped keys.
"""

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from shared.files import new_file, sync_folder
from shared.security._encryption import KEY_BYTES
from shared.security._errors import KeyDestroyedError, KeyUnreadableError, UndecryptableError

_SUFFIX: Final = ".key"
_ASIDE: Final = ".retired"


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A key encrypted by a key-encryption key, as it is stored."""

    kek: str
    """Id of the key-encryption key."""
    key: bytes
    """AES-KW (RFC 3394): 8 bytes longer than the key inside."""


class KeyProvider(Protocol):
    """Wraps and unwraps records' keys; never gives a key-encryption key away."""

    @property
    def current(self) -> str:
        """Id of the key-encryption key that wraps new keys."""
        ...

    def wrap(self, key: bytes) -> Wrapped:
        """Encrypt a key under the current key-encryption key."""
        ...

    def unwrap(self, wrapped: Wrapped) -> bytes:
        """The key again; `KeyDestroyedError` where its key-encryption key is gone."""
        ...

    def unwrap_each(self, wrapped: Sequence[Wrapped]) -> list[bytes]:
        """Many keys at one moment, in their order; as `unwrap`."""
        ...

    def rewrap_each(self, kek: str, wrapped: Sequence[bytes]) -> list[bytes | None]:
        """Keys wrapped by one key-encryption key, wrapped by the current one; None for each that does not open."""
        ...


class FileKeyProvider:
    """Key-encryption keys as files `<kek id>.key` of 64 hexadecimal digits in one folder. For local systems only.

    Each call looks whether the key's file still stands, so that a destroyed key stops opening without a restart.
    """

    def __init__(self, folder: Path, current: str) -> None:
        self._folder = folder
        self._current = current
        self._known: dict[str, bytes] = {}
        self._paths: dict[str, str] = {}
        self._kek(current)

    def __repr__(self) -> str:
        return f"FileKeyProvider(current={self._current!r})"

    @property
    def current(self) -> str:
        """Id of the key-encryption key that wraps new keys."""
        return self._current

    def wrap(self, key: bytes) -> Wrapped:
        """Encrypt a key under the current key-encryption key."""
        return Wrapped(self._current, aes_key_wrap(self._kek(self._current), key))

    def unwrap(self, wrapped: Wrapped) -> bytes:
        """The key again.

        Raises:
            KeyDestroyedError: The key-encryption key is gone.
            KeyUnreadableError: Its file can't be read or is no key.
            UndecryptableError: The wrapped key was altered.
        """
        return _opened(self._kek(wrapped.kek), wrapped)

    def unwrap_each(self, wrapped: Sequence[Wrapped]) -> list[bytes]:
        """Many keys at one moment: each key-encryption key's file is looked for once, which costs more than to unwrap.

        Raises:
            KeyDestroyedError, KeyUnreadableError, UndecryptableError: as `unwrap`, of the first one that does not open.
        """
        keks = {kek: self._kek(kek) for kek in {one.kek for one in wrapped}}
        return [_opened(keks[one.kek], one) for one in wrapped]

    def rewrap_each(self, kek: str, wrapped: Sequence[bytes]) -> list[bytes | None]:
        """Keys wrapped by one key-encryption key, wrapped by the current one; None for each that was altered.

        Raises:
            KeyDestroyedError, KeyUnreadableError: as `unwrap`, of either of the two.
        """
        old, new = self._kek(kek), self._kek(self._current)
        return [_rewrapped(old, new, one) for one in wrapped]

    def add(self, kek: str) -> bool:
        """Make a new random key-encryption key of this id; False where there is one, which stays as it is.

        Raises:
            KeyUnreadableError: The id is none, or was that of a key which is being retired.
        """
        if self._aside(kek).exists():
            raise KeyUnreadableError(f"the key-encryption key {kek!r} is being retired: take another id")
        hidden = self._path(kek).with_name(f".{kek}.{secrets.token_hex(4)}")
        with os.fdopen(new_file(hidden), "wb") as file:
            file.write(secrets.token_hex(KEY_BYTES).encode())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(hidden, self._path(kek))  # whole or not at all, and never over another
        except FileExistsError:
            return False
        finally:
            hidden.unlink()
            sync_folder(self._folder)
        return True

    def set_aside(self, kek: str) -> None:
        """From now on no process wraps or opens anything with this key-encryption key; it can still be put back.

        Raises:
            KeyDestroyedError: It is gone already.
        """
        if not self._aside(kek).exists():
            self._kek(kek)
            self._path(kek).rename(self._aside(kek))
            sync_folder(self._folder)

    def put_back(self, kek: str) -> None:
        """What was set aside wraps and opens again; nothing is done where nothing was."""
        if self._aside(kek).exists():
            self._aside(kek).rename(self._path(kek))
            sync_folder(self._folder)

    def destroy(self, kek: str) -> None:
        """Destroy for good what was set aside: whatever it wrapped, backups included, is unreadable from now on.

        It is overwritten first; on media that keep old blocks (SSD, snapshots) only their own encryption helps.
        """
        path = self._aside(kek)
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        sync_folder(self._folder)

    def _aside(self, kek: str) -> Path:
        return self._path(kek).with_suffix(_ASIDE)

    def _kek(self, kek: str) -> bytes:
        path = self._paths.get(kek)
        if path is None:
            path = self._paths[kek] = str(self._path(kek))
        if not os.path.isfile(path):  # noqa: PTH113 - asked at each unwrap: a path object costs five times as much
            self._known.pop(kek, None)
            raise KeyDestroyedError(
                f"the key-encryption key {kek!r} does not exist in the keys folder: what it wrapped is unreadable; "
                "if it was not destroyed on purpose, restore its file",
            )
        if kek not in self._known:
            self._known[kek] = read_hex_key(Path(path))
        return self._known[kek]

    def _path(self, kek: str) -> Path:
        # an id comes from a row: it must never lead out of the folder
        if not kek or not all(character.isalnum() or character in "-_" for character in kek):
            raise KeyUnreadableError("a key id holds letters, digits, - and _ only; the stored id is something else")
        return self._folder / f"{kek}{_SUFFIX}"


def _opened(kek: bytes, wrapped: Wrapped) -> bytes:
    try:
        return aes_key_unwrap(kek, wrapped.key)
    except (InvalidUnwrap, ValueError):
        raise UndecryptableError(
            f"a key wrapped by {wrapped.kek!r} does not open: it was altered; restore the row from a backup",
        ) from None


def _rewrapped(old: bytes, new: bytes, wrapped: bytes) -> bytes | None:
    try:
        return aes_key_wrap(new, aes_key_unwrap(old, wrapped))
    except (InvalidUnwrap, ValueError):
        return None


def read_hex_key(path: Path) -> bytes:
    """A 32-byte key (KEK or keyed-hash key) from a file of 64 hexadecimal digits.

    Raises:
        KeyUnreadableError: Missing, unreadable or of another form; the text never holds the file's content.
    """
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise KeyUnreadableError(
            f"key file {path.name} can't be read ({type(error).__name__}); expected 64 hexadecimal digits; "
            "put the key back or correct the setting",
        ) from None
    if len(key) != KEY_BYTES:
        raise KeyUnreadableError(
            f"key file {path.name} holds {len(key)} bytes; expected {KEY_BYTES} as 64 hexadecimal digits",
        )
    return key
