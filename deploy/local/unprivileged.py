"""Running PostgreSQL, which refuses to be root, where we are root: as `postgres` or `nobody`, with our folders.

A root's home is closed to others, and the programs or data may be below it. Where that is so the child keeps one
capability, to walk through folders (CAP_DAC_OVERRIDE), and no other right of root.
"""

import ctypes
import os
import pwd
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from deploy.processes import ProcessError

_USERS = ("postgres", "nobody")
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION = 0x20080522
_PR_SET_KEEPCAPS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 8, 47, 2
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def account() -> pwd.struct_passwd | None:
    """Whom to be instead of root; None where we are not root. Raises ProcessError without such an account."""
    if os.geteuid() != 0:
        return None
    for name in _USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ProcessError(
        f"PostgreSQL does not run as root and none of the accounts {', '.join(_USERS)} exists: start Carnet as "
        "another user, or set CARNET_POSTGRES to a server that exists.",
    )


def own(folder: Path) -> None:
    """Give the folder and all in it to the account that will use it; nothing where we are not root."""
    user = account()
    if user is None:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def drop(*needed: Path) -> Callable[[], None] | None:
    """What a child runs between fork and exec to stop being root and still reach the `needed` paths; None: nothing."""
    user = account()
    if user is None:
        return None
    keep = not all(_reachable(path) for path in needed)

    def become() -> None:
        if keep and _LIBC is not None:
            _LIBC.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
        os.setgroups([])
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
        if keep and _LIBC is not None:
            _keep_walking()

    return become


def _reachable(path: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)


def _keep_walking() -> None:
    assert _LIBC is not None  # noqa: S101 - for the type checker; asked by the caller
    bit = 1 << _CAP_DAC_OVERRIDE
    header = _Header(_CAPABILITY_VERSION, 0)
    data = (_Data * 2)(_Data(bit, bit, bit), _Data(0, 0, 0))
    _LIBC.capset(ctypes.byref(header), ctypes.byref(data))
    _LIBC.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)
