"""Cases that a minor opened himself are kept from representatives; those of an adult are not."""

from shared.database.migrations import run_sql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UP = """
-- Whose holder was a minor when it was opened is not known of the cases that are there: they stay hidden.
ALTER TABLE contest ADD COLUMN secret boolean NOT NULL DEFAULT true;
UPDATE contest SET secret = NOT by_representative;
ALTER TABLE contest ALTER COLUMN secret DROP DEFAULT;
"""


def upgrade() -> None:
    run_sql(UP)


def downgrade() -> None:
    raise NotImplementedError("what is kept from representatives would be shown to them; restore a backup instead")
