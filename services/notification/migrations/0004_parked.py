"""What came of a parked message in the end: replayed or discarded, by whom and why."""

from shared.database.migrations import run_sql
from shared.messaging import PARKED_RESOLUTION

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what operators do with parked messages."""
    run_sql(PARKED_RESOLUTION)


def downgrade() -> None:
    """Not offered: who resolved what would be forgotten."""
    raise NotImplementedError("who resolved a parked message would be forgotten: restore a backup")
