"""Records whose holders want new documents masked (AR-025); read with the documents that are settled."""

from collections.abc import Sequence

from services.document.domain.masks import ByDefault
from shared.database import Transaction


async def save(tx: Transaction, changes: Sequence[ByDefault]) -> None:
    """Note what holders want; of several changes of one record the last counts."""
    if not changes:
        return
    wanted = {change.record: change.masked for change in changes}
    await tx.execute(
        """
        WITH over AS (DELETE FROM masked_by_default WHERE record = ANY($2::uuid[]))
        INSERT INTO masked_by_default (record) SELECT unnest($1::uuid[]) ON CONFLICT (record) DO NOTHING
        """,
        [record for record, masked in wanted.items() if masked],
        [record for record, masked in wanted.items() if not masked],
    )
