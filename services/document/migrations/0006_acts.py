"""Acts on documents: archived and deleted ones, one that an error holds, the holder's default mask, the month's end."""

from shared.database.migrations import run_sql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ACTS = """
ALTER TABLE document
    DROP CONSTRAINT document_status_check,
    ADD CONSTRAINT document_status_check
        CHECK (status IN ('staged', 'current', 'superseded', 'archived', 'deleted', 'refused', 'held')),
    -- the request for an act that failed unexpectedly: nothing of the document is shown until that is done
    ADD COLUMN held_by uuid;

-- Records whose holders want new documents masked, whatever their depositors say.
CREATE TABLE masked_by_default (record uuid PRIMARY KEY);

-- What is withheld, by when it opens.
CREATE INDEX document_withheld ON document (withheld_since) WHERE withheld;
"""


def upgrade() -> None:
    run_sql(ACTS)


def downgrade() -> None:
    raise NotImplementedError("what was deleted would be shown again; restore a backup instead")
