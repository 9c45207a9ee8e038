"""Deleted records."""

from shared.database.migrations import run_sql
from shared.database.record_keys import KEYS_ARE_DESTROYED

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql(KEYS_ARE_DESTROYED)


def downgrade() -> None:
    raise NotImplementedError("what was destroyed can't be brought back; restore a backup instead")
