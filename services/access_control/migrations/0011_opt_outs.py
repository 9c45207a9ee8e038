"""Opt-outs that are still to be told to who feeds the history."""

from shared.database.migrations import run_sql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

UP = """
-- Records whose holder opted out of the history before its owner followed it: it is told them once.
CREATE TABLE opt_out_untold (
    record uuid PRIMARY KEY REFERENCES record (id)
);
INSERT INTO opt_out_untold SELECT id FROM record WHERE 'history' = ANY (opted_out) AND deletion_due IS NULL;
"""


def upgrade() -> None:
    """Add them."""
    run_sql(UP)


def downgrade() -> None:
    """Not offered: who opted out would be fed again."""
    raise NotImplementedError("who opted out would be fed again: restore a backup")
