"""Whether lines may have been missed while a holder's choice could not be handled."""

from shared.database.migrations import run_sql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MISSED = """
-- True while a choice is parked that may have been to do without the history: lines are not kept meanwhile, and
-- insurers are asked for them once it is known that the holder wants them.
ALTER TABLE person ADD COLUMN missed boolean NOT NULL DEFAULT false;
"""


def upgrade() -> None:
    """Add it. What was parked before stops nothing: it is replayed or discarded."""
    run_sql(MISSED)


def downgrade() -> None:
    """Not offered: what was missed would never be asked for."""
    raise NotImplementedError("what was missed would never be asked for: restore a backup")
