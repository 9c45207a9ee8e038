"""Whether the holder wants the history, and which message told so."""

from shared.database.migrations import run_sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WANTED = """
-- False while the holder does without the history: lines that come are not kept. Numbered apart from the state: a life
-- that is replayed late does not outdate a wish, nor a wish a life.
ALTER TABLE person ADD COLUMN wanted boolean NOT NULL DEFAULT true, ADD COLUMN wanted_told bigint NOT NULL DEFAULT 0;
"""


def upgrade() -> None:
    """Add them. Who opted out before is told by access_control, once."""
    run_sql(WANTED)


def downgrade() -> None:
    """Not offered: who did without the history would be fed again."""
    raise NotImplementedError("who does without the history would be fed again: restore a backup")
