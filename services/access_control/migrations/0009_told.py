"""Delegates who are known as professionals, and what is to be told: declarations, and that a minor comes of age."""

from shared.database.migrations import run_sql

revision = "0009"
down_revision = "0008"
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

-- Records whose médecin traitant was declared before owners noted it: it is told them once.
CREATE TABLE declaration_untold (
    record uuid PRIMARY KEY REFERENCES record (id)
);
INSERT INTO declaration_untold SELECT id FROM record WHERE treating_doctor IS NOT NULL AND deletion_due IS NULL;
"""


def upgrade() -> None:
    """Add them."""
    run_sql(UP)


def downgrade() -> None:
    """Not offered: a delegation would outlive the block of its delegate."""
    raise NotImplementedError("blocks would no longer end delegations: restore a backup")
