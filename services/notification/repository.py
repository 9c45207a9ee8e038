"""Contacts and the delivery ledger in PostgreSQL."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.notification.domain.deliveries import Delivery, Due, Leaving, Outcome, Reach, Status
from services.notification.domain.letters import Matter
from services.notification.domain.notices import Event
from services.notification.domain.rules import ACCESSES, TO_OTHERS
from shared.contracts.common import ActorKind
from shared.contracts.envelope import Message, named_id
from shared.contracts.http_notification import Contact, Language
from shared.contracts.notification_events import RecordDestroyed, Silence
from shared.database import Database, Transaction
from shared.database.record_keys import RecordDestroyedError, RecordKeys
from shared.messaging import Outbox, lock_partitions
from shared.security import context, decrypt, encrypt

FAREWELLS_AT_ONCE = 100
_ALL_TOLD = "NOT EXISTS (SELECT FROM delivery AS d WHERE d.record = l.record AND d.status = 'planned')"
_UNKNOWN = Reach(contact=False)
_KNOWN = Reach(contact=True)


class Ledger:
    """Begins notices: what the consumer loads and saves."""

    def __init__(self, window: timedelta) -> None:
        """Name how long what one professional reads of a record counts as one access."""
        self._window = window

    async def load(self, tx: Transaction, messages: Sequence[Message[Any]]) -> Mapping[str, Reach]:
        """Who of the records' people has an address; where something was read, what was told of late and may not be."""
        keys = {message.key for message in messages}
        rows = await tx.fetch("SELECT record FROM contact WHERE record = ANY($1::uuid[])", [UUID(key) for key in keys])
        reach = dict.fromkeys(keys, _UNKNOWN) | {str(row["record"]): _KNOWN for row in rows}
        if others := {message.record for message in messages if type(message.body) in TO_OTHERS}:
            await _add_others(tx, others, reach)
        if accesses := [message for message in messages if type(message.body) in ACCESSES]:
            since = min(message.envelope.time for message in accesses) - self._window
            await _add_told(tx, {message.record for message in accesses}, since, reach)
        return reach

    async def save(self, tx: Transaction, changes: Sequence[Delivery | Leaving]) -> None:
        """Begin notices; one that stands there already is left as it is. Note deleted records."""
        begun = [change for change in changes if isinstance(change, Delivery)]
        if begun:
            await self._begin(tx, begun)
        leaving = {change.record: change.cause for change in changes if isinstance(change, Leaving)}
        if leaving:
            await tx.execute(
                """
                INSERT INTO leaving (record, cause) SELECT * FROM unnest($1::uuid[], $2::uuid[])
                ON CONFLICT (record) DO UPDATE SET cause = excluded.cause
                """,
                list(leaving),
                list(leaving.values()),
            )

    @staticmethod
    async def _begin(tx: Transaction, changes: Sequence[Delivery]) -> None:
        """Copied, which costs less per row; the records' partitions are locked, so that nobody else begins the same."""
        notices: dict[UUID, Delivery] = {}
        for item in changes:
            notices.setdefault(item.notice, item)
        rows = await tx.fetch("SELECT notice FROM delivery WHERE notice = ANY($1::uuid[])", list(notices))
        for row in rows:
            del notices[row["notice"]]
        if notices:
            columns = (*Delivery._fields, "next_attempt_at")
            await tx.copy("delivery", columns, [(*item, item.not_before) for item in notices.values()])


async def _add_others(tx: Transaction, records: Collection[UUID], reach: dict[str, Reach]) -> None:
    found: dict[str, set[str]] = defaultdict(set)
    rows = await tx.fetch(
        "SELECT record, recipient FROM other_contact WHERE record = ANY($1::uuid[])",
        list(records),
    )
    for row in rows:
        found[str(row["record"])].add(row["recipient"])
    for key, others in found.items():
        reach[key] = replace(reach[key], others=frozenset(others))


async def _add_told(tx: Transaction, records: Collection[UUID], since: datetime, reach: dict[str, Reach]) -> None:
    told: dict[str, dict[UUID, datetime]] = defaultdict(dict)
    silent: dict[str, dict[UUID, Silence]] = defaultdict(dict)
    rows = await tx.fetch(
        """
        SELECT record, subject, occurred_at, silence FROM delivery
        WHERE record = ANY($1::uuid[]) AND subject IS NOT NULL AND channel = 'none'
          AND silence IN ('withheld', 'hidden_from_representatives', 'secret_connection')
        UNION ALL
        SELECT record, subject, occurred_at, silence FROM delivery
        WHERE record = ANY($1::uuid[]) AND subject IS NOT NULL AND channel = 'email'
          AND status <> 'failed' AND occurred_at > $2
        ORDER BY occurred_at
        """,
        list(records),
        since,
    )
    for row in rows:
        if row["silence"] is None:
            told[str(row["record"])][row["subject"]] = row["occurred_at"]
        else:
            silent[str(row["record"])][row["subject"]] = Silence(row["silence"])
    for key in told.keys() | silent.keys():
        reach[key] = replace(reach[key], told=told[key], silent=silent[key])


class Contacts:
    """How holders are reached; addresses are encrypted under the record's key."""

    def __init__(self, keys: RecordKeys) -> None:
        self._keys = keys

    async def put(self, tx: Transaction, record: UUID, contact: Contact, *, keep: bool = False) -> None:
        """Keep the contact of a record instead of the one there was. The record's partition is locked by the caller.

        Args:
            tx: The transaction.
            record: The record.
            contact: The address.
            keep: One that is there stays.

        Raises:
            RecordDestroyedError: the record was deleted.
        """
        key = await self._key(tx, record)
        await tx.execute(
            """
            INSERT INTO contact (record, email, language) VALUES ($1, $2, $3)
            ON CONFLICT (record) DO UPDATE
            SET email = excluded.email, language = excluded.language, changed_at = clock_timestamp() WHERE NOT $4
            """,
            record,
            encrypt(key, contact.email.encode(), _place(record)),
            contact.language,
            keep,
        )

    async def of(self, tx: Transaction, records: Sequence[UUID]) -> dict[UUID, Contact]:
        """The contacts that exist and can be read."""
        keys = await self._keys.get(tx, records)
        rows = await tx.fetch("SELECT record, email, language FROM contact WHERE record = ANY($1::uuid[])", list(keys))
        return {
            row["record"]: Contact(
                email=decrypt(keys[row["record"]], row["email"], _place(row["record"])).decode(),
                language=row["language"],
            )
            for row in rows
        }

    async def put_other(self, tx: Transaction, record: UUID, recipient: str, contact: Contact) -> bool:
        """Keep how somebody else is reached about a record. The record's partition is locked by the caller.

        Args:
            tx: The transaction.
            record: The record.
            recipient: A professional's directory number, or a delegation.
            contact: The address.

        Returns:
            False where that is kept already.

        Raises:
            RecordDestroyedError: the record was deleted.
        """
        key = await self._key(tx, record)
        known = (await self.of_others(tx, [(record, recipient)])).get((record, recipient))
        if known is not None and (known.email, known.language) == (contact.email, contact.language):
            return False
        await tx.execute(
            """
            INSERT INTO other_contact (record, recipient, email, language) VALUES ($1, $2, $3, $4)
            ON CONFLICT (record, recipient) DO UPDATE
            SET email = excluded.email, language = excluded.language, changed_at = clock_timestamp()
            """,
            record,
            recipient,
            encrypt(key, contact.email.encode(), _other_place(record, recipient)),
            contact.language,
        )
        return True

    async def of_others(self, tx: Transaction, wanted: Collection[tuple[UUID, str]]) -> dict[tuple[UUID, str], Contact]:
        """The contacts of these recipients about these records, where they exist and can be read."""
        keys = await self._keys.get(tx, {record for record, _ in wanted})
        known = [(record, recipient) for record, recipient in wanted if record in keys]
        rows = await tx.fetch(
            """
            SELECT record, recipient, email, language
            FROM unnest($1::uuid[], $2::text[]) AS w (record, recipient) JOIN other_contact USING (record, recipient)
            """,
            [record for record, _ in known],
            [recipient for _, recipient in known],
        )
        return {
            (row["record"], row["recipient"]): Contact(
                email=decrypt(
                    keys[row["record"]], row["email"], _other_place(row["record"], row["recipient"])
                ).decode(),
                language=row["language"],
            )
            for row in rows
        }

    async def _key(self, tx: Transaction, record: UUID) -> bytes:
        keys = await self._keys.ensure(tx, [record])
        if record in keys.destroyed:
            raise RecordDestroyedError
        return keys[record]


class Farewells:
    """Destroys what is kept of deleted records, once nothing is left to be told."""

    def __init__(self, database: Database, outbox: Outbox, keys: RecordKeys, partition: Callable[[UUID], int]) -> None:
        self._database = database
        self._outbox = outbox
        self._keys = keys
        self._partition = partition

    async def once(self) -> bool:
        """One bounded turn: chosen without locks, done under those of the records. True where more may be waiting."""
        async with self._database.transaction() as tx:
            due = await tx.fetch(
                f"SELECT record FROM leaving AS l WHERE {_ALL_TOLD} ORDER BY since LIMIT $1",  # noqa: S608 - a constant
                FAREWELLS_AT_ONCE,
            )
        if due:
            async with self._database.transaction() as tx:
                await lock_partitions(tx, {self._partition(row["record"]) for row in due})
                await self._destroy(tx, [row["record"] for row in due])
        return len(due) == FAREWELLS_AT_ONCE

    async def _destroy(self, tx: Transaction, records: Sequence[UUID]) -> None:
        rows = await tx.fetch(
            # another process may have been first, or another notice have been begun
            f"DELETE FROM leaving AS l WHERE record = ANY($1::uuid[]) AND {_ALL_TOLD} RETURNING record, cause",  # noqa: S608 - a constant
            records,
        )
        gone = [row["record"] for row in rows]
        await self._keys.destroy(tx, gone)
        await tx.execute(
            """
            WITH told AS (DELETE FROM delivery WHERE record = ANY($1::uuid[])),
                 others AS (DELETE FROM other_contact WHERE record = ANY($1::uuid[]))
            DELETE FROM contact WHERE record = ANY($1::uuid[])
            """,
            gone,
        )
        outgoing = [
            message
            for row in rows
            for message in self._outbox.root((RecordDestroyed(),), cause=row["cause"], key=row["record"])
        ]
        await self._outbox.append(tx, outgoing)


def _place(record: UUID) -> bytes:
    return context("notification", "contact", "email", record)


def _other_place(record: UUID, recipient: str) -> bytes:
    return context("notification", "other_contact", "email", named_id(record, recipient))


@dataclass(frozen=True, slots=True)
class Settled:
    """A notice that reached its end, with what its event says."""

    notice: UUID
    record: UUID
    event: Event
    about: UUID
    correlation: UUID
    status: Status
    recipient: str | None
    silence: Silence | None


class Outbound:
    """Planned e-mails: leased before an attempt, settled after it. Replicas never hold the same one at one time."""

    def __init__(self, contacts: Contacts) -> None:
        self._contacts = contacts

    @staticmethod
    async def any_due(database: Database) -> bool:
        """True where an e-mail is due. Asked several times a second: one round trip where there is nothing to do."""
        return bool(
            await database.fetch(
                "SELECT FROM delivery WHERE status = 'planned' AND next_attempt_at <= clock_timestamp() LIMIT 1"
            )
        )

    async def lease(self, tx: Transaction, count: int, lease: timedelta) -> list[Due]:
        """Take due e-mails, the oldest first, and put off their next attempt until the lease has run out."""
        rows = await tx.fetch(
            """
            WITH due AS (
                SELECT notice FROM delivery WHERE status = 'planned' AND next_attempt_at <= clock_timestamp()
                ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED
            )
            UPDATE delivery AS d SET attempts = d.attempts + 1, next_attempt_at = clock_timestamp() + $2
            FROM due WHERE d.notice = due.notice
            RETURNING d.notice, d.record, d.event, d.variant, d.who, d.occurred_at, d.not_before, d.attempts,
                      d.recipient
            """,
            count,
            lease,
        )
        if not rows:
            return []
        holders = await self._contacts.of(tx, [row["record"] for row in rows if row["recipient"] is None])
        to_others = {(row["record"], row["recipient"]) for row in rows if row["recipient"] is not None}
        others = await self._contacts.of_others(tx, to_others) if to_others else {}
        return [
            _due(row, others.get((row["record"], row["recipient"])) if row["recipient"] else holders.get(row["record"]))
            for row in rows
        ]

    async def settle(self, tx: Transaction, outcomes: Sequence[Outcome]) -> list[Settled]:
        """Record outcomes; gives the notices that reached their end by it.

        An outcome of a lease that another process has taken over counts only where the e-mail was sent.
        """
        rows = await tx.fetch(
            """
            UPDATE delivery AS d
            SET status = o.status, next_attempt_at = o.next_attempt_at,
                channel = CASE WHEN o.status = 'suppressed' THEN 'none' ELSE d.channel END,
                silence = CASE WHEN o.status = 'suppressed' THEN 'no_address' END,
                sent_at = CASE WHEN o.status = 'sent' THEN clock_timestamp() END
            FROM unnest($1::uuid[], $2::int[], $3::text[], $4::timestamptz[])
                 AS o (notice, attempt, status, next_attempt_at)
            WHERE d.notice = o.notice AND d.status = 'planned' AND (o.status = 'sent' OR d.attempts = o.attempt)
            RETURNING d.notice, d.record, d.event, d.about, d.correlation, d.status, d.recipient, d.silence
            """,
            [item.notice for item in outcomes],
            [item.attempt for item in outcomes],
            [item.status for item in outcomes],
            [item.next_attempt_at for item in outcomes],
        )
        return [
            Settled(
                notice=row["notice"],
                record=row["record"],
                event=Event(row["event"]),
                about=row["about"],
                correlation=row["correlation"],
                status=Status(row["status"]),
                recipient=row["recipient"],
                silence=Silence(row["silence"]) if row["silence"] else None,
            )
            for row in rows
            if row["status"] != Status.PLANNED
        ]


def _due(row: Any, contact: Contact | None) -> Due:
    return Due(
        notice=row["notice"],
        record=row["record"],
        matter=Matter.of(
            Event(row["event"]),
            row["variant"],
            ActorKind(row["who"]) if row["who"] else None,
            row["occurred_at"],
            contact.language if contact else Language.FRENCH,
        ),
        not_before=row["not_before"],
        attempt=row["attempts"],
        address=contact.email if contact else None,
    )
