"""Permits that are out are found among the decisions: a read writes no row of the record any more."""

from shared.database.migrations import run_sql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

UP = """
-- A process of the release before fails on its statements without this column, and stops its line: it would not see the
-- permits that are given from now on. Those it gave are decisions, too.
ALTER TABLE record DROP COLUMN permits_until;
-- Only commands change a record now.
ALTER TABLE record SET (fillfactor = 90);

-- Those of the last seconds are looked for, so in order, not by ranges of pages. It grows at its end, and decisions of
-- one batch have one moment: a few bytes each.
DROP INDEX decision_by_age;
CREATE INDEX decision_by_age ON decision (decided_at);
"""


def upgrade() -> None:
    """Find permits by the age of their decisions."""
    run_sql(UP)


def downgrade() -> None:
    """Not offered: the release before would not know which permits are out."""
    raise NotImplementedError("the release before would not know which permits are out: restore a backup")
