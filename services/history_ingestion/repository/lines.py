"""Lines of one insurer, by batch. The number of statements does not grow with the batch."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from services.history_ingestion.domain.lines import Known
from services.history_ingestion.handlers import OPEN, Batch, Fed, Holder, Kept, LineChange, Taken
from services.history_ingestion.repository.hashes import Hashes
from shared.contracts.envelope import Message
from shared.contracts.insurance import ReimbursedCare
from shared.database import Transaction
from shared.database.record_keys import RecordKeys
from shared.messaging import lock_partitions
from shared.security import context, encrypt

SERVICE = "history_ingestion"
ALL = ""
"""The one state of a batch."""
UUID_BYTES = 16
_CONTENT = context(SERVICE, "line", "content", "")
Places = dict[tuple[str, int], list[Message[Any]]]
"""Messages by topic and partition, in the order of their offsets."""


class VersionRaceError(asyncpg.SerializationError):
    """Another partition's batch took a version of the same line meanwhile; the batch is tried again."""


def content_context(line: UUID) -> bytes:
    """Where a line's content stands, so that it opens nowhere else; an id has always 16 bytes, so it needs no frame."""
    return _CONTENT + line.bytes


class LineStore:
    """What the lane of one insurer loads and saves."""

    def __init__(self, insurer: str, hashes: Hashes, keys: RecordKeys, partition: Callable[[UUID], int]) -> None:
        self._insurer = insurer
        self._hashes = hashes
        self._keys = keys
        self._partition = partition

    async def load(self, tx: Transaction, messages: Sequence[Message[Any]]) -> Mapping[str, Batch]:
        """What is known of the batch's lines and persons, read under the locks of the records concerned."""
        places = _by_place(messages)
        repeats = await self._repeats(tx, places)
        care = [message.body for message in messages if isinstance(message.body, ReimbursedCare)]
        ids = {line.line: self._hashes.line(self._insurer, line.line) for line in care}
        persons = {(line.oid, line.matricule) for line in care}
        hashes = {self._hashes.person(*person): person for person in persons}
        records = await self._records(tx, hashes, ids.values())
        if records:  # lane `decisions` and the gateway's calls change the same records
            await lock_partitions(tx, {self._partition(record) for record in records})
        known = await self._known(tx, ids.values())
        batch = Batch(
            lines={line: known.get(identity) or Known(identity) for line, identity in ids.items()},
            holders=await self._holders(tx, hashes, records) if records else {},
            # of messages with the same id only the first is handled: the last of the firsts closes the batch
            last=list(dict.fromkeys(message.id for message in messages))[-1],
            repeats=repeats,
            taken=tuple(_taken(place, found, repeats) for place, found in places.items()),
        )
        return {ALL: batch}

    @staticmethod
    async def _repeats(tx: Transaction, places: Places) -> frozenset[UUID]:
        """Messages that were handled before; offsets alone do not tell, since a topic may be made anew."""
        rows = await tx.fetch(
            """
            SELECT messages FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[])
                AS w (topic, partition, first, last)
            JOIN taken t ON t.topic = w.topic AND t.partition = w.partition
                AND t.last_offset >= w.first AND t.first_offset <= w.last
            """,
            [topic for topic, _ in places],
            [partition for _, partition in places],
            [found[0].offset for found in places.values()],
            [found[-1].offset for found in places.values()],
        )
        return frozenset(one for row in rows for one in _uuids(row["messages"]))

    @staticmethod
    async def _records(tx: Transaction, hashes: Iterable[bytes], ids: Iterable[UUID]) -> list[UUID]:
        """The records to lock; who is indexed after this counts as unknown, and is asked for by a backfill."""
        rows = await tx.fetch(
            """
            SELECT record FROM person WHERE hash = ANY($1::bytea[])
            UNION SELECT record FROM line WHERE line = ANY($2::uuid[])
            """,
            list(hashes),
            list(ids),
        )
        return [row["record"] for row in rows]

    @staticmethod
    async def _holders(
        tx: Transaction, hashes: Mapping[bytes, tuple[str, str]], records: list[UUID]
    ) -> dict[tuple[str, str], Holder]:
        rows = await tx.fetch(
            "SELECT record, hash, fed FROM person WHERE record = ANY($1::uuid[]) AND state = $2 AND wanted",
            records,
            OPEN,
        )
        return {hashes[row["hash"]]: Holder(row["record"], row["fed"]) for row in rows if row["hash"] in hashes}

    @staticmethod
    async def _known(tx: Transaction, ids: Iterable[UUID]) -> dict[UUID, Known]:
        rows = await tx.fetch(
            """
            SELECT s.line, s.version, s.gone, l.record, coalesce(l.version, 0) AS kept
            FROM line_seen s LEFT JOIN line l USING (line) WHERE s.line = ANY($1::uuid[])
            """,
            list(ids),
        )
        return {row["line"]: Known(*row) for row in rows}

    async def save(self, tx: Transaction, changes: Sequence[LineChange]) -> None:
        """Write what the batch changed; of several versions of a line the last counts."""
        taken = [change for change in changes if isinstance(change, Taken) and change.messages]
        kept = {change.known.id: change for change in changes if isinstance(change, Kept)}
        fed = [change.record for change in changes if isinstance(change, Fed)]
        raised = {change.known.id for change in changes if isinstance(change, Kept) and change.raised}
        if raised:
            await self._save_seen(tx, [kept[line] for line in sorted(raised)])
        if kept:
            await self._save_content(tx, list(kept.values()))
        if fed:
            await tx.execute("UPDATE person SET fed = true WHERE record = ANY($1::uuid[])", fed)
        if taken:
            await self._save_taken(tx, taken)

    @staticmethod
    async def _save_seen(tx: Transaction, kept: list[Kept]) -> None:
        """Raise versions, in the order of their ids, so that two batches never wait for each other in a circle.

        Raises:
            VersionRaceError: another batch raised one of them as far or farther since it was loaded.
        """
        status = await tx.execute(
            """
            INSERT INTO line_seen AS s (line, version, gone, seen_on)
            SELECT line, version, gone, (clock_timestamp() AT TIME ZONE 'Europe/Paris')::date
            FROM unnest($1::uuid[], $2::int[], $3::bool[]) AS n (line, version, gone)
            ON CONFLICT (line) DO UPDATE
            SET version = excluded.version, gone = excluded.gone, seen_on = excluded.seen_on
            WHERE s.version < excluded.version
            """,
            [change.known.id for change in kept],
            [change.known.version for change in kept],
            [change.known.gone for change in kept],
        )
        if status != f"INSERT 0 {len(kept)}":
            raise VersionRaceError("a version of one of these lines was taken by another batch meanwhile")

    async def _save_content(self, tx: Transaction, kept: list[Kept]) -> None:
        contents = [(change, change.known.record, change.content) for change in kept]
        stored = [(change, record, content) for change, record, content in contents if record and content]
        keys = await self._keys.ensure(tx, {record for _, record, _ in stored}) if stored else {}
        await tx.execute(
            """
            WITH removed AS (DELETE FROM line WHERE line = ANY($1::uuid[]))
            INSERT INTO line (line, record, insurer, version, care_date, section, content)
            SELECT line, record, $8, version, care_date, section, content
            FROM unnest($2::uuid[], $3::uuid[], $4::int[], $5::date[], $6::text[], $7::bytea[])
                AS n (line, record, version, care_date, section, content)
            ON CONFLICT (line) DO UPDATE SET record = excluded.record, version = excluded.version,
                care_date = excluded.care_date, section = excluded.section, content = excluded.content
            """,
            [change.known.id for change in kept if change.remove],
            [change.known.id for change, _, _ in stored],
            [record for _, record, _ in stored],
            [change.known.version for change, _, _ in stored],
            [change.care_date for change, _, _ in stored],
            [change.section for change, _, _ in stored],
            [encrypt(keys[record], content, content_context(change.known.id)) for change, record, content in stored],
            self._insurer,
        )

    @staticmethod
    async def _save_taken(tx: Transaction, taken: list[Taken]) -> None:
        """One row per place and batch."""
        await tx.execute(
            """
            INSERT INTO taken (topic, partition, first_offset, last_offset, messages, taken_on)
            SELECT topic, partition, first_offset, last_offset, messages,
                   (clock_timestamp() AT TIME ZONE 'UTC')::date
            FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bytea[])
                AS t (topic, partition, first_offset, last_offset, messages)
            ON CONFLICT (topic, partition, last_offset, first_offset)
            DO UPDATE SET messages = taken.messages || excluded.messages, taken_on = excluded.taken_on
            """,
            [one.topic for one in taken],
            [one.partition for one in taken],
            [one.first_offset for one in taken],
            [one.last_offset for one in taken],
            [b"".join(message.bytes for message in one.messages) for one in taken],
        )


def _by_place(messages: Sequence[Message[Any]]) -> Places:
    places: Places = {}
    for message in messages:
        places.setdefault((message.topic, message.partition), []).append(message)
    return places


def _taken(place: tuple[str, int], messages: list[Message[Any]], repeats: frozenset[UUID]) -> Taken:
    new = tuple(message.id for message in messages if message.id not in repeats)
    return Taken(*place, messages[0].offset, messages[-1].offset, new)


def _uuids(joined: bytes) -> list[UUID]:
    return [UUID(bytes=joined[start : start + UUID_BYTES]) for start in range(0, len(joined), UUID_BYTES)]
