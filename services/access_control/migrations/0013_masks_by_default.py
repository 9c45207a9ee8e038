"""Holders who have new documents masked (AR-025)."""

from shared.database.migrations import run_sql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add their choice; nobody has made it yet."""
    run_sql("ALTER TABLE record ADD COLUMN masks_by_default boolean NOT NULL DEFAULT false;")


def downgrade() -> None:
    """Not offered: what holders chose would be forgotten."""
    raise NotImplementedError("what holders chose would be forgotten: restore a backup")
