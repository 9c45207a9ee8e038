"""How far each place was sent, as PostgreSQL holds it: the relay's statements.

Names of topics stand in two of these statements as they are, so that they need no arguments and share a round trip
with the beginning and the end of their transaction. `checked` sees to it that only names which Kafka allows get there.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.database import Database, Transaction
from shared.messaging.outbox import Outgoing, Place, Stored

_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a place was sent: the last number, the offset where it stands, and the epoch of this knowledge."""

    place: Place
    number: int
    offset: int
    epoch: int
    sent_on: date
    """The day on which the last message sent was stored; nothing behind it is older than the day before."""


def checked(places: Iterable[Place]) -> list[Place]:
    """The places, sorted.

    Raises:
        ValueError: a topic has a name that Kafka would refuse.
    """
    found = sorted(places)
    for topic, _ in found:
        if not _NAME.fullmatch(topic):
            raise ValueError(f"no name of a topic: {topic!r}; letters, digits, dot, underscore and hyphen are")
    return found


def taking(cursors: Iterable[Cursor]) -> str:
    """The statement that locks cursors which stand where they are known to stand, and which nobody else is sending."""
    known = ",".join(f"('{one.place[0]}',{one.place[1]},{one.number},{one.offset},{one.epoch})" for one in cursors)
    return (
        'SELECT FROM relay_cursor WHERE (topic, partition, number, "offset", epoch) '
        f"IN ({known}) FOR UPDATE SKIP LOCKED"
    )


async def take(tx: Transaction, places: Sequence[Place]) -> dict[Place, Cursor]:
    """Lock the cursors of places that nobody else is sending."""
    rows = await tx.fetch(
        """
        SELECT c.topic, c.partition, c.number, c."offset", c.epoch, c.sent_on
        FROM relay_cursor c JOIN unnest($1::text[], $2::int[]) AS w (topic, partition) USING (topic, partition)
        FOR UPDATE OF c SKIP LOCKED
        """,
        [topic for topic, _ in places],
        [partition for _, partition in places],
    )
    cursors = map(_cursor, rows)
    return {cursor.place: cursor for cursor in cursors}


async def following(tx: Transaction, cursors: Sequence[Cursor], at_most: int) -> dict[Place, list[Stored]]:
    """What stands in the outbox behind cursors, in order, for each place so many at most."""
    rows = await tx.fetch(
        """
        SELECT o.topic, o.partition, o.number, o.message_id, o.type, o.key, o.correlation, o.cause, o.created_at,
               o.payload
        FROM unnest($1::text[], $2::int[], $3::bigint[], $4::date[]) AS c (topic, partition, number, sent_on)
        CROSS JOIN LATERAL (
            SELECT * FROM outbox
            WHERE topic = c.topic AND partition = c.partition AND number > c.number AND created_on >= c.sent_on - 1
            ORDER BY number LIMIT $5
        ) o
        ORDER BY o.topic, o.partition, o.number
        """,
        [cursor.place[0] for cursor in cursors],
        [cursor.place[1] for cursor in cursors],
        [cursor.number for cursor in cursors],
        [cursor.sent_on for cursor in cursors],
        at_most,
    )
    found: dict[Place, list[Stored]] = {}
    for row in rows:
        place = (row["topic"], row["partition"])
        found.setdefault(place, []).append(_stored(place, row))
    return found


def moving(reached: Iterable[Cursor]) -> str:
    """The statement that moves cursors on; one that went back to heal meanwhile has another epoch and stays."""
    values = ",".join(
        f"('{one.place[0]}',{one.place[1]},{one.number},{one.offset},{one.epoch},date '{one.sent_on}')"
        for one in reached
    )
    return (
        'UPDATE relay_cursor c SET number = s.number, "offset" = s."offset", sent_on = s.sent_on '  # noqa: S608
        f'FROM (VALUES {values}) AS s (topic, partition, number, "offset", epoch, sent_on) '
        "WHERE c.topic = s.topic AND c.partition = s.partition AND c.epoch = s.epoch AND c.number < s.number"
    )


async def all_cursors(database: Database) -> list[Cursor]:
    """Every cursor of this database."""
    rows = await database.fetch('SELECT topic, partition, number, "offset", epoch, sent_on FROM relay_cursor')
    return [_cursor(row) for row in rows]


async def go_back(tx: Transaction, torn: Cursor, number: int, offset: int) -> bool:
    """Have a place sent again from a number on.

    False where somebody else has seen to it, or has sent since: what was found does not fit the cursor any more.
    """
    status = await tx.execute(
        """
        UPDATE relay_cursor SET number = $3, "offset" = $4, epoch = epoch + 1, sent_on = '2000-01-01'
        WHERE topic = $1 AND partition = $2 AND epoch = $5 AND relay_cursor.number = $6
        """,
        *torn.place,
        number,
        offset,
        torn.epoch,
        torn.number,
    )
    return status == "UPDATE 1"


async def unsent(database: Database) -> list[tuple[Place, int, int]]:
    """The places that have something to send: place, last number sent, how many are not."""
    rows = await database.fetch(
        """
        SELECT c.topic, c.partition, c.number, o.last - c.number AS pending
        FROM relay_cursor c JOIN outbox_counter o USING (topic, partition) WHERE o.last > c.number
        """,
    )
    return [((row["topic"], row["partition"]), row["number"], row["pending"]) for row in rows]


def _cursor(row: Any) -> Cursor:
    return Cursor((row["topic"], row["partition"]), row["number"], row["offset"], row["epoch"], row["sent_on"])


def _stored(place: Place, row: Any) -> Stored:
    message = Outgoing(
        place=place,
        key=row["key"],
        id=row["message_id"],
        type=row["type"],
        correlation=row["correlation"],
        cause=row["cause"],
        payload=row["payload"],
    )
    return Stored(message, row["number"], row["created_at"])
