"""How long the flow took, by the clocks of the databases: from staged to stored, traced and told."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from deploy.proof.checker.databases import Databases
from deploy.proof.demo.ledger import Ledger
from shared.contracts.document_events import Deposited
from shared.contracts.topics import AUDIT, DOCUMENT, NOTIFICATION

_TRACED = "SELECT correlation AS deposit, recorded_at AS at FROM leaf WHERE correlation = ANY($1::uuid[]) AND type = $2"
_TOLD = (
    "SELECT correlation AS deposit, sent_at AS at FROM delivery "
    "WHERE correlation = ANY($1::uuid[]) AND sent_at IS NOT NULL"
)


async def measure(databases: Databases, deposits: Sequence[UUID], since: datetime, ledger: Ledger) -> int:
    """Note the times of the deposits that were staged since then; gives how many those are."""
    sql = "SELECT id, staged_at, settled_at FROM document WHERE id = ANY($1::uuid[]) AND staged_at >= $2"
    staged = {row["id"]: row for row in await databases.rows(DOCUMENT, sql, list(deposits), since)}
    for row in staged.values():
        _note(ledger, "staged → stored", row["staged_at"], row["settled_at"])
    traced = await databases.rows(AUDIT, _TRACED, list(staged), Deposited.type_name)
    told = await databases.rows(NOTIFICATION, _TOLD, list(staged))
    for kind, rows in (("staged → traced", traced), ("staged → e-mail sent", told)):
        for row in rows:
            _note(ledger, kind, staged[row["deposit"]]["staged_at"], row["at"])
    return len(staged)


def _note(ledger: Ledger, kind: str, began: datetime, ended: datetime | None) -> None:
    if ended is not None:
        ledger.took(kind, (ended - began).total_seconds() * 1000)
