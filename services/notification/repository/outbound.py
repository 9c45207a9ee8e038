"""Planned e-mails on their way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.notification.domain.deliveries import Due, Outcome, Status
from services.notification.domain.letters import Matter
from services.notification.domain.notices import Event
from services.notification.repository.contacts import Contacts
from shared.contracts.common import ActorKind
from shared.contracts.http_notification import Contact, Language
from shared.contracts.notification_events import Silence
from shared.database import Database, Transaction


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
