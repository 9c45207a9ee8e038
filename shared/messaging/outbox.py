"""The transactional outbox: what leaves is numbered without gaps per topic and partition, and kept for 30 days."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import to_json

from shared.contracts.common import Body
from shared.contracts.envelope import Message, derived_id
from shared.contracts.topics import Topic
from shared.database import Transaction
from shared.errors import SettingError
from shared.messaging._kafka import MAX_MESSAGE_BYTES, partition_of
from shared.messaging.effects import Emit

KEEP = timedelta(days=30)
"""Longer than the longest outage promised: any topic can be wiped and sent again."""
DAYS_AHEAD = 7
_DAY = "WITH (autovacuum_enabled = off, toast_tuple_target = 8160)"
"""A day's rows are written once and never changed, are found by their key alone, and their table is dropped long before
it would have to be frozen: to vacuum and analyse it costs processor time beside whoever is at work, and gives nothing.

A row that fits into a page stays in it: of those above 2 KB, which most permits are, PostgreSQL would try to compress
the payload, in vain since it is signed, and then cut it into rows of a second table.
"""

Place = tuple[str, int]
"""A topic and a partition."""

_ADVANCE = """
    INSERT INTO progress AS p (topic, partition, last_number, last_offset)
    SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[])
    ON CONFLICT (topic, partition) DO UPDATE
    SET last_number = excluded.last_number,
        last_offset = CASE WHEN excluded.last_number > 0 THEN excluded.last_offset
                      ELSE greatest(p.last_offset, excluded.last_offset) END
"""
"""Moves progress on; what a frozen process repeats of a topic without numbers does not move it back."""

_TAKE = """
    -- rows are inserted in the order given, so that two writers lock counters in one order
    INSERT INTO outbox_counter AS c (topic, partition, last)
    SELECT * FROM unnest($5::text[], $6::int[], $7::bigint[])
    ON CONFLICT (topic, partition) DO UPDATE SET last = c.last + excluded.last
    RETURNING topic, partition, last, clock_timestamp() AS now
"""
"""Takes the next numbers."""

_NUMBER = f"WITH advanced AS ({_ADVANCE}) {_TAKE}"

_COLUMNS = (
    "topic",
    "partition",
    "number",
    "created_on",
    "message_id",
    "type",
    "key",
    "correlation",
    "cause",
    "created_at",
    "payload",
)

FEW = 100
"""Up to so many messages are stored by the statement that numbers them; more are copied, which costs a round trip and
much less per row."""

_STORE = f"""
    WITH advanced AS ({_ADVANCE}), counted AS ({_TAKE}), stored AS (
        INSERT INTO outbox ({", ".join(_COLUMNS)})
        SELECT topic, partition, last - behind, (now AT TIME ZONE 'UTC')::date, message_id, type, key, correlation,
               cause, now, payload
        FROM counted JOIN unnest($8::text[], $9::int[], $10::int[], $11::uuid[], $12::text[], $13::text[], $14::uuid[],
                                 $15::uuid[], $16::bytea[])
             AS m (topic, partition, behind, message_id, type, key, correlation, cause, payload)
             USING (topic, partition)
    )
    SELECT topic, partition, last, now FROM counted
"""  # noqa: S608 - put together of constants
"""Advances, takes the next numbers, and stores each message under its place's last number less what is behind it."""


class Outgoing(NamedTuple):
    """A message ready to be numbered."""

    place: Place
    key: str
    id: UUID
    type: str
    correlation: UUID
    cause: UUID | None
    payload: bytes


class Stored(NamedTuple):
    """A message as it stands in the outbox."""

    message: Outgoing
    number: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a batch handled an input: its last number (0 where the topic has none), and the offset read last."""

    place: Place
    number: int
    offset: int


class Outbox:
    """Addresses messages by the registry, and appends them in the transaction of their cause."""

    def __init__(self, service: str, topics: Mapping[str, Topic], wake: Callable[[list[Stored]], None]) -> None:
        self._topics = topics
        self._written = {name for name, topic in topics.items() if topic.numbered and service in topic.writers}
        self._topic_of = {
            message.type_name: name
            for name in self._written
            if topics[name].record_keyed  # an insurer's topic has to be named
            for message in topics[name].messages
        }
        self._wake = wake

    def caused_by(self, message: Message[Any], emits: Sequence[Body | Emit]) -> list[Outgoing]:
        """Address what a message caused: ids follow from it, so that a rebuild repeats them."""
        if not emits:
            return []  # the usual case of most lanes
        cause, correlation, key = message.envelope.id, message.envelope.correlation, message.key
        return [
            self._address(emit, cause=cause, correlation=correlation, key=key, ordinal=ordinal)
            for ordinal, emit in enumerate(emits)
        ]

    def root(self, emits: Sequence[Body | Emit], *, cause: UUID, key: UUID) -> list[Outgoing]:
        """Address what an HTTP call or a timer caused; `cause` names the act and starts the correlation."""
        return [
            self._address(emit, cause=cause, correlation=cause, key=str(key), ordinal=ordinal)
            for ordinal, emit in enumerate(emits)
        ]

    def _address(
        self,
        emit: Body | Emit,
        *,
        cause: UUID,
        correlation: UUID,
        key: str,
        ordinal: int,
    ) -> Outgoing:
        body, topic, own_key = (emit.body, emit.topic, emit.key) if isinstance(emit, Emit) else (emit, None, None)
        key = own_key or key
        topic = topic or self._topic_of.get(body.type_name)
        if topic is None or topic not in self._written:
            raise LookupError(f"{body.type_name} is in no numbered topic that this service writes: see the registry")
        if not self._topics[topic].takes(key):
            raise ValueError(f"the key of {body.type_name} is no id: {topic} is keyed by {self._topics[topic].key}")
        payload = to_json(body, exclude_none=True)
        if len(payload) > MAX_MESSAGE_BYTES:
            raise ValueError(f"a message of type {body.type_name} is larger than {MAX_MESSAGE_BYTES} bytes")
        place = (topic, partition_of(key, self._topics[topic].partitions))
        identity = derived_id(cause, body.type_name, ordinal)
        return Outgoing(place, key, identity, body.type_name, correlation, cause, payload)

    async def append(self, tx: Transaction, outgoing: Sequence[Outgoing], reached: Sequence[Reached] = ()) -> None:
        """Number and store messages, and move progress on: the last statement, since counters stay locked."""
        advance = (
            [one.place[0] for one in reached],
            [one.place[1] for one in reached],
            [one.number for one in reached],
            [one.offset for one in reached],
        )
        if not outgoing:
            if reached:
                await tx.execute(_ADVANCE, *advance)
            return
        counts = Counter(message.place for message in outgoing)
        places = sorted(counts)
        behind = _behind(outgoing, counts)
        number = (
            *advance,
            [topic for topic, _ in places],
            [partition for _, partition in places],
            [counts[place] for place in places],
        )
        few = len(outgoing) <= FEW
        rows = await (_store(tx, number, outgoing, behind) if few else tx.fetch(_NUMBER, *number))
        taken = {(row["topic"], row["partition"]): (row["last"], row["now"]) for row in rows}
        stored = []
        for message, after in zip(outgoing, behind, strict=True):
            last, now = taken[message.place]
            stored.append(Stored(message, last - after, now))
        if not few:
            await tx.copy("outbox", _COLUMNS, list(map(_row, stored)))
        tx.after_commit(lambda: self._wake(stored))


async def _store(
    tx: Transaction, number: tuple[object, ...], outgoing: Sequence[Outgoing], behind: Sequence[int]
) -> list[Any]:
    """Number messages and store them, in one statement."""
    return await tx.fetch(
        _STORE,
        *number,
        [message.place[0] for message in outgoing],
        [message.place[1] for message in outgoing],
        behind,
        [message.id for message in outgoing],
        [message.type for message in outgoing],
        [message.key for message in outgoing],
        [message.correlation for message in outgoing],
        [message.cause for message in outgoing],
        [message.payload for message in outgoing],
    )


def _row(one: Stored) -> tuple[object, ...]:
    """A message as a row of the outbox."""
    message = one.message
    return (
        *message.place,
        one.number,
        one.created_at.astimezone(UTC).date(),
        message.id,
        message.type,
        message.key,
        message.correlation,
        message.cause,
        one.created_at,
        message.payload,
    )


def _behind(outgoing: Sequence[Outgoing], counts: Mapping[Place, int]) -> list[int]:
    """How many of these messages follow each one at its place."""
    left = dict(counts)
    behind: list[int] = []
    for message in outgoing:
        left[message.place] -= 1
        behind.append(left[message.place])
    return behind


async def prepare_tables(
    tx: Transaction, *, partitions: int, inputs: Iterable[Place], outputs: Iterable[Place]
) -> None:
    """Make the rows that batches lock: per record partition, per input, per output. Repeating changes nothing."""
    await tx.execute(
        "INSERT INTO partition_lock SELECT generate_series(0, $1 - 1) ON CONFLICT DO NOTHING",
        partitions,
    )
    await check_partitions(tx, partitions)
    for table, places in (("progress", sorted(inputs)), ("relay_cursor", sorted(outputs))):
        await tx.execute(
            f"INSERT INTO {table} (topic, partition) SELECT * FROM unnest($1::text[], $2::int[]) "  # noqa: S608
            "ON CONFLICT DO NOTHING",
            [topic for topic, _ in places],
            [partition for _, partition in places],
        )


async def check_partitions(tx: Transaction, partitions: int) -> None:
    """See that a database is of this number of partitions, or new.

    Raises:
        SettingError: it is of another; the text says what to do.
    """
    rows = await tx.fetch("SELECT count(*) AS n FROM partition_lock")
    if rows[0]["n"] not in {0, partitions}:
        raise SettingError(
            f"this database was made for {rows[0]['n']} partitions and the setting CARNET_PARTITIONS is "
            f"{partitions}: the number can't change once records exist; set it back",
        )


async def keep_days(tx: Transaction) -> None:
    """Make the outbox's tables of the coming days and drop those older than what is kept."""
    today = (await tx.clock()).date()
    for ahead in range(-1, DAYS_AHEAD + 1):
        day = today + timedelta(days=ahead)
        await tx.execute(
            f"CREATE TABLE IF NOT EXISTS outbox_{day:%Y%m%d} PARTITION OF outbox "
            f"FOR VALUES FROM ('{day}') TO ('{day + timedelta(days=1)}') {_DAY}",
        )
    old = await tx.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'outbox'::regclass ORDER BY 1",
    )
    limit = f"outbox_{today - KEEP:%Y%m%d}"
    for row in old:
        if row["name"] < limit:
            await tx.execute(f"DROP TABLE {row['name']}")
