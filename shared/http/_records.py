"""What is answered where the key of a record is gone: nothing can be read, nothing can be added."""

from starlette.requests import Request
from starlette.responses import Response

from shared.http._problems import Problem

GONE = 410


async def answer_destroyed_record(_: Request, _error: Exception) -> Response:
    """Handler of `RecordDestroyedError`."""
    told = "This record was deleted."
    return Problem(GONE, "record_destroyed", told, "Nothing of it can be read or added.").response()


async def answer_destroyed_key(_: Request, _error: Exception) -> Response:
    """Handler of `KeyDestroyedError`: the key-encryption key of a record is not there."""
    told = "The key of this record was destroyed."
    return Problem(GONE, "key_destroyed", told, "Nothing of it can be read or added.").response()
