"""Who does without the history of reimbursed care."""

from shared.database.migrations import run_sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UP = """
-- The holder does without the history (opt-out), and the number of the message of access_control that said so last.
ALTER TABLE person
    ADD COLUMN unwanted boolean NOT NULL DEFAULT false,
    ADD COLUMN wish_told bigint NOT NULL DEFAULT 0;
"""


def upgrade() -> None:
    """Add the wish; one from before this version counts when it is told again."""
    run_sql(UP)


def downgrade() -> None:
    """Not offered: what holders do without would be kept again."""
    raise NotImplementedError("holders' wishes would be forgotten: restore a backup")
