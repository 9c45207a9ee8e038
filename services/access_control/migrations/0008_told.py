"""Delegates who are known as professionals, and whom it was told that a minor will come of age."""

from shared.database.migrations import run_sql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UP = """
-- Directory number of a delegate who was invited as a professional: his block ends the delegation. Of delegations from
-- before it is not known.
ALTER TABLE delegation ADD COLUMN professional text;

-- Holders of whom it was told that they will come of age; the day itself stands encrypted in `identity`.
CREATE TABLE majority_foreseen (
    record uuid PRIMARY KEY REFERENCES record (id),
    told_at timestamptz NOT NULL
);
"""


def upgrade() -> None:
    """Add both."""
    run_sql(UP)


def downgrade() -> None:
    """Not offered: a delegation would outlive the block of its delegate."""
    raise NotImplementedError("blocks would no longer end delegations: restore a backup")
