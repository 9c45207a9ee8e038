"""When holders come of age (AR-045), from the birth date that stands encrypted under each record's key.

It is read only for records where something ends then, so that the batches of every day open no key.
"""

import json
from collections.abc import Collection
from datetime import date, datetime
from typing import Final
from uuid import UUID

from services.access_control.domain.majority import majority
from shared.database import Transaction
from shared.database.record_keys import RecordKeys
from shared.security import context, decrypt

SERVICE: Final = "access_control"


def identity_context(record: UUID) -> bytes:
    """Where a person's traits stand."""
    return context(SERVICE, "identity", "traits", record)


async def load(tx: Transaction, keys: RecordKeys, records: Collection[UUID]) -> dict[UUID, datetime]:
    """The moment of majority by record, in two statements; one whose traits or key are gone is left out."""
    if not records:
        return {}
    opened = await keys.get(tx, records)
    rows = await tx.fetch("SELECT record, traits FROM identity WHERE record = ANY($1::uuid[])", list(opened))
    return {row["record"]: _of_age(opened[row["record"]], row["traits"], row["record"]) for row in rows}


def _of_age(key: bytes, traits: bytes, record: UUID) -> datetime:
    told = json.loads(decrypt(key, traits, identity_context(record)))
    return majority(date.fromisoformat(told["traits"]["birth_date"]))
