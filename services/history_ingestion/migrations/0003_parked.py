"""What came of a parked message in the end: replayed or discarded, by whom and why; which message told a state."""

from shared.database.migrations import run_sql
from shared.messaging import PARKED_RESOLUTION

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TOLD = """
-- Number of the message of access_control that said the state last: what is replayed late does not undo a later one.
ALTER TABLE person ADD COLUMN told bigint NOT NULL DEFAULT 0;
"""


def upgrade() -> None:
    """Add what operators do with parked messages."""
    run_sql(PARKED_RESOLUTION + TOLD)


def downgrade() -> None:
    """Not offered: who resolved what would be forgotten."""
    raise NotImplementedError("who resolved a parked message would be forgotten: restore a backup")
