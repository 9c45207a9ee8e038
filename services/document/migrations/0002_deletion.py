"""Deleted records: their keys, and their contents until they are removed."""

from shared.database.migrations import run_sql
from shared.database.record_keys import KEYS_ARE_DESTROYED

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

DISCARDED = """
-- Contents of deleted records, unreadable without their keys; the collection removes them from the content store.
CREATE TABLE discarded (object uuid PRIMARY KEY);
"""


def upgrade() -> None:
    run_sql(KEYS_ARE_DESTROYED + DISCARDED)


def downgrade() -> None:
    raise NotImplementedError("what was destroyed can't be brought back; restore a backup instead")
