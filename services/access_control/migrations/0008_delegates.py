"""A delegate who was invited as a professional is known by his directory number: a block of his ends the delegation."""

from shared.database.migrations import run_sql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the number; of delegations from before it is not known, and they end as they did."""
    run_sql("ALTER TABLE delegation ADD COLUMN professional text")


def downgrade() -> None:
    """Not offered: a delegation would outlive the block of its delegate."""
    raise NotImplementedError("blocks would no longer end delegations: restore a backup")
