"""Deleted records: their keys, and those whose holders are still to be told."""

from shared.database.migrations import run_sql
from shared.database.record_keys import KEYS_ARE_DESTROYED

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LEAVING = """
-- Deleted records of which nothing is kept once their last notice is sent; `cause` is the message that said so.
CREATE TABLE leaving (
    record uuid PRIMARY KEY,
    cause uuid NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX delivery_of_record ON delivery (record);
"""


def upgrade() -> None:
    run_sql(KEYS_ARE_DESTROYED + LEAVING)


def downgrade() -> None:
    raise NotImplementedError("what was destroyed can't be brought back; restore a backup instead")
