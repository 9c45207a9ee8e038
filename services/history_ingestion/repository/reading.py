"""What a permitted read sees."""

from datetime import date
from uuid import UUID

import orjson

from services.history_ingestion.repository.lines import content_context
from shared.contracts.http_history import HistoryLine
from shared.contracts.insurance import CareSection
from shared.database import Transaction
from shared.database.record_keys import RecordKeys
from shared.security import decrypt


async def lines_of(
    tx: Transaction, keys: RecordKeys, record: UUID, since: date
) -> dict[CareSection, list[HistoryLine]]:
    """The lines of a record by section, newest care first; cancelled ones and older ones are not among them.

    Raises:
        RecordDestroyedError, KeyDestroyedError: the record's key is gone, and with it every line.
        UndecryptableError: a line was altered in the database.
    """
    key = await keys.living(tx, record)
    rows = await tx.fetch(
        """
        SELECT line, insurer, version, care_date, section, content FROM line
        WHERE record = $1 AND care_date >= $2 ORDER BY care_date DESC, line
        """,
        record,
        since,
    )
    found: dict[CareSection, list[HistoryLine]] = {}
    if key is None:  # no line ever came
        return found
    for row in rows:
        content = orjson.loads(decrypt(key, row["content"], content_context(row["line"])))
        line = HistoryLine(care_date=row["care_date"], insurer=row["insurer"], version=row["version"], **content)
        found.setdefault(CareSection(row["section"]), []).append(line)
    return found
