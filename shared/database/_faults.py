"""What to do about an error of database work: each class maps to one action, and this is the only list."""

from enum import StrEnum

import asyncpg


class Action(StrEnum):
    """What whoever meets the error does."""

    REPEAT = "repeat"
    """It passes by itself: do the same work again. Its outcome may be unknown, so the work must be repeatable."""
    WAIT = "wait"
    """The server answers and refuses: at the start wait until somebody has set it right."""
    PARK = "park"
    """The data of some message, or what is done with it, is at fault: find that message, and go on without it."""
    STOP = "stop"
    """The statements or the server are at fault: nothing is skipped, the line stops until somebody has mended it."""


_REPEAT: tuple[type[BaseException], ...] = (
    # PostgreSQL went away, is restarting, or ended the session: a `transaction_timeout` shows as a lost connection
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidTransactionStateError,
    # two transactions met; the loser repeats
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    OSError,
    TimeoutError,
)
_WAIT = (
    # a wrong password, a missing database or table
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedTableError,
)
_PARK = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)


def action_of(error: BaseException) -> Action:
    """The one action for an error; of what is no error of the database, some message is at fault."""
    if isinstance(error, _REPEAT):
        return Action.REPEAT
    if isinstance(error, _WAIT):
        return Action.WAIT
    if isinstance(error, _PARK) or not isinstance(error, asyncpg.PostgresError):
        return Action.PARK
    return Action.STOP


def is_transient(error: BaseException) -> bool:
    """True where repeating the same transaction can succeed; its outcome may be unknown, so it must be repeatable."""
    return action_of(error) is Action.REPEAT


def is_refusal(error: BaseException) -> bool:
    """True where the server answers and refuses: a wrong password, a missing database or table."""
    return action_of(error) is Action.WAIT
