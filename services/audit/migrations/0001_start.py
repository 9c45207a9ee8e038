"""The log as it stays: later work adds tables beside it."""

from shared.database.migrations import run_sql
from shared.database.reads import CONSULTED_TABLE
from shared.database.record_keys import RECORD_KEY_TABLE
from shared.messaging import MESSAGING_TABLES

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OWN_SQL = """
-- `commitment` is SHA-256(salt || event), `leaf_hash` is RFC 6962's over the commitment, `event` is salt || event
-- encrypted under the record's key. A trace of audit's own reads has no place in Kafka.
CREATE TABLE leaf (
    index bigint PRIMARY KEY,
    record uuid NOT NULL,
    topic text,
    partition int,
    number bigint,
    event_id uuid NOT NULL,
    type text NOT NULL,
    recorded_at timestamptz NOT NULL,
    occurred_at timestamptz NOT NULL,
    correlation uuid NOT NULL,
    commitment bytea NOT NULL CHECK (length(commitment) = 32),
    leaf_hash bytea NOT NULL CHECK (length(leaf_hash) = 32),
    event bytea NOT NULL,
    UNIQUE (topic, partition, number),
    CHECK (num_nulls(topic, partition, number) IN (0, 3))
);
CREATE INDEX leaf_of_record ON leaf (record, occurred_at, event_id);

CREATE FUNCTION leaf_is_for_ever() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: leaves are never changed or removed; to forget, destroy the record''s key';
END $$;
CREATE TRIGGER leaf_is_for_ever BEFORE UPDATE OR DELETE OR TRUNCATE ON leaf
    FOR EACH STATEMENT EXECUTE FUNCTION leaf_is_for_ever();

-- How many leaves there are: the one row is held until commit, so indices have no gaps and commit order is their order.
CREATE TABLE tree (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    size bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO tree DEFAULT VALUES;

-- Documents whose traces some readers may not see; a row goes when its document is announced.
CREATE TABLE concealed_document (
    record uuid NOT NULL,
    document uuid NOT NULL,
    withheld boolean NOT NULL,
    from_representatives boolean NOT NULL,
    PRIMARY KEY (record, document)
);
"""


def upgrade() -> None:
    """Create everything."""
    run_sql(MESSAGING_TABLES + RECORD_KEY_TABLE + CONSULTED_TABLE + OWN_SQL)


def downgrade() -> None:
    """Not offered: the log is append-only."""
    raise NotImplementedError("there is nothing before the first revision: restore a backup, or make a new database")
