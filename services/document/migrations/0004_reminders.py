"""Reminders: who treats whom, since when a summary is awaited, and of which documents an update was told."""

from shared.database.migrations import run_sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

REMINDERS = """
-- The médecin traitant as the insurance declared him, as far as was told since this table is there; from when the year
-- counts within which he files a summary; and whether nobody is to be reminded of anything on this record.
CREATE TABLE treatment (
    record uuid PRIMARY KEY,
    professional text,
    year_from timestamptz,
    out_of_use boolean NOT NULL DEFAULT false
);
CREATE INDEX treatment_year ON treatment (year_from) WHERE professional IS NOT NULL AND NOT out_of_use;

-- When the holder was told of an update because a withheld document was not announced in two weeks.
ALTER TABLE document ADD COLUMN reminded_at timestamptz;
CREATE INDEX document_unannounced ON document (withheld_since)
    WHERE status = 'current' AND withheld AND reminded_at IS NULL;
"""


def upgrade() -> None:
    run_sql(REMINDERS)


def downgrade() -> None:
    raise NotImplementedError("what was told would be told again; restore a backup instead")
