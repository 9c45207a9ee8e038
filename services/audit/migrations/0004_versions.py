"""From whom a document is concealed, by the version of its metadata: acts change it, the last version counts."""

from shared.database.migrations import run_sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UP = """
-- A row stays when its document opens, so that what comes late conceals nothing again. 0 is the deposit.
ALTER TABLE concealed_document ADD COLUMN version int NOT NULL DEFAULT 0;
"""


def upgrade() -> None:
    """Add the version."""
    run_sql(UP)


def downgrade() -> None:
    """Not offered: documents that have opened would be concealed again."""
    raise NotImplementedError("documents that have opened would be concealed again: restore a backup")
