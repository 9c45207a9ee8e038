"""Actors whom the operator has suspended: denied everything from the next decision on, in every process.

Which of a batch's actors are suspended is read with the records themselves (`records`), in no statement of its own.
"""

from dataclasses import dataclass
from datetime import datetime

from shared.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class Suspension:
    """One suspension of a professional or a structure."""

    actor: str
    suspended_by: str
    suspended_at: datetime
    why: str
    ended_by: str | None
    ended_at: datetime | None


class Suspensions:
    """Who is suspended, for the commands. What has ended stays known."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def suspend(self, actor: str, by: str, why: str) -> bool:
        """Suspend a professional or a structure; False where it is suspended already."""
        async with self._database.transaction() as tx:
            return await add(tx, actor, by, why)

    async def end(self, actor: str, by: str) -> bool:
        """End a suspension; False where there is none."""
        async with self._database.transaction() as tx:
            status = await tx.execute(
                """
                UPDATE actor_suspension SET ended_at = clock_timestamp(), ended_by = $2
                WHERE actor = $1 AND ended_at IS NULL
                """,
                actor,
                by,
            )
        return status == "UPDATE 1"

    async def listed(self, *, ended: bool = False) -> list[Suspension]:
        """Suspensions, the last first: those in force, or all."""
        async with self._database.transaction() as tx:
            rows = await tx.fetch(
                """
                SELECT actor, suspended_by, suspended_at, why, ended_by, ended_at FROM actor_suspension
                WHERE $1 OR ended_at IS NULL ORDER BY id DESC
                """,
                ended,
            )
        return [Suspension(*row) for row in rows]


async def add(tx: Transaction, actor: str, by: str, why: str) -> bool:
    """Suspend an actor in a transaction; False where that is so already."""
    status = await tx.execute(
        """
        INSERT INTO actor_suspension (actor, suspended_by, why) VALUES ($1, $2, $3)
        ON CONFLICT (actor) WHERE ended_at IS NULL DO NOTHING
        """,
        actor,
        by,
        why,
    )
    return status == "INSERT 0 1"
