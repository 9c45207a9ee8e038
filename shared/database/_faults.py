"""Which database faults pass by themselves, so that the same work is simply tried again."""

import asyncpg

_TRANSIENT: tuple[type[BaseException], ...] = (
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


def is_transient(error: BaseException) -> bool:
    """True where repeating the same transaction can succeed; its outcome may be unknown, so it must be repeatable."""
    return isinstance(error, _TRANSIENT)


def is_refusal(error: BaseException) -> bool:
    """True where the server answers and refuses: a wrong password, a missing database or table."""
    return isinstance(
        error,
        (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError, asyncpg.UndefinedTableError),
    )
