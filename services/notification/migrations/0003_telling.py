"""Others than the holder are told; why a notice was not sent; which access it told, or document it is silent about."""

from shared.database.migrations import run_sql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UP = """
-- How the médecin traitant (by directory number) or an invited person (by delegation) is told of a record; the address
-- is encrypted under the record's key.
CREATE TABLE other_contact (
    record uuid NOT NULL,
    recipient text NOT NULL,
    email bytea NOT NULL,
    language text NOT NULL CHECK (language IN ('fr', 'en')),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (record, recipient)
);

-- `recipient` as above, null for the holder. `subject` is the access that an e-mail tells, so that its other reads are
-- not told again, or the document of which nothing may be told.
ALTER TABLE delivery
    ADD COLUMN recipient text,
    ADD COLUMN silence text,
    ADD COLUMN subject uuid;
CREATE INDEX delivery_told ON delivery (record, occurred_at) WHERE subject IS NOT NULL AND channel = 'email';
CREATE INDEX delivery_silent ON delivery (record) WHERE subject IS NOT NULL AND channel = 'none';
"""


def upgrade() -> None:
    """Add what telling others needs."""
    run_sql(UP)


def downgrade() -> None:
    """Not offered: the ledger says what was told to whom."""
    raise NotImplementedError("the ledger says what was told to whom: restore a backup")
