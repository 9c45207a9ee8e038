"""How a command of the operator tells the world: into the outbox, in its own transaction; the service's relay sends."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from shared.contracts.topics import ACCESS_CONTROL, registry
from shared.database import Database
from shared.messaging import Outbox, partition_of


@dataclass(frozen=True, slots=True)
class Sending:
    """The outbox, and the partition of a record to lock before anything is changed in it."""

    outbox: Outbox
    partition: Callable[[UUID], int]

    @classmethod
    async def of(cls, database: Database) -> "Sending":
        """As this database was made: the number of partitions can't change, so it is asked and not configured."""
        (row,) = await database.fetch("SELECT count(*) AS partitions FROM partition_lock")
        partitions: int = row["partitions"]
        outbox = Outbox(ACCESS_CONTROL, registry((), partitions), lambda _: None)
        return cls(outbox, lambda record: partition_of(str(record), partitions))
