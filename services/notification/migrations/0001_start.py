"""Contacts and the delivery ledger."""

from shared.database.migrations import run_sql
from shared.database.record_keys import RECORD_KEY_TABLE
from shared.messaging import MESSAGING_TABLES

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OWN_SQL = """
-- How a record's holder is reached; the address is encrypted under the record's key.
CREATE TABLE contact (
    record uuid PRIMARY KEY,
    email bytea NOT NULL,
    language text NOT NULL CHECK (language IN ('fr', 'en')),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One row per notice and recipient, whatever became of it. While an e-mail is under way `next_attempt_at` is its lease.
CREATE TABLE delivery (
    notice uuid PRIMARY KEY,
    record uuid NOT NULL,
    event text NOT NULL,
    variant text NOT NULL,
    who text,
    about uuid NOT NULL,
    correlation uuid NOT NULL,
    channel text NOT NULL CHECK (channel IN ('email', 'none')),
    status text NOT NULL CHECK (status IN ('planned', 'sent', 'failed', 'suppressed')),
    attempts int NOT NULL DEFAULT 0,
    occurred_at timestamptz NOT NULL,
    not_before timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at timestamptz,
    CHECK (status <> 'suppressed' OR channel = 'none')
);
CREATE INDEX delivery_due ON delivery (next_attempt_at) WHERE status = 'planned';
"""


def upgrade() -> None:
    """Create everything."""
    run_sql(MESSAGING_TABLES + RECORD_KEY_TABLE + OWN_SQL)


def downgrade() -> None:
    """Not offered: the ledger says what was told to whom."""
    raise NotImplementedError("there is nothing before the first revision: restore a backup, or make a new database")
