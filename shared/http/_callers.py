"""Who may call an internal route: a dependency that checks the service token."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request

from shared.http._problems import Problem
from shared.observability import logger
from shared.security import CallerNotAllowedError, ServiceVerifier, TokenRefusedError

_SCHEME = "bearer "
_log = logger(__name__)


def bearer(request: Request) -> str:
    """The bearer token of a request.

    Raises:
        Problem: 401 where there is none.
    """
    value = request.headers.get("authorization", "")
    if not value.lower().startswith(_SCHEME):
        raise Problem(
            401,
            "token_missing",
            "The request carries no token.",
            "Send the header Authorization: Bearer and a token.",
            {"www-authenticate": "Bearer"},
        )
    return value[len(_SCHEME) :].strip()


def callers(verifier: ServiceVerifier, *allowed: str) -> Callable[[Request], Awaitable[str]]:
    """A dependency for routes that only these services may call; it gives the caller's name.

    Use: `caller: Annotated[str, Depends(callers(verifier, "gateway"))]`. Without names: whoever the verifier allows.
    """
    names = frozenset(allowed) or None

    # a coroutine, since a plain function would be run in a thread
    async def caller(request: Request) -> str:
        token = bearer(request)
        try:
            return verifier.verify(token, allowed=names)
        except CallerNotAllowedError as error:
            raise _refused(403, error) from None
        except TokenRefusedError as error:
            raise _refused(401, error) from None

    return caller


def _refused(status: int, error: TokenRefusedError) -> Problem:
    _log.warning("caller_refused", code=error.code, reason=str(error))
    headers = {"www-authenticate": 'Bearer error="invalid_token"'}
    return Problem(status, error.code, str(error), headers=headers)
