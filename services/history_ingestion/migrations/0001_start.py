"""The first tables: who has a record, the lines, which versions came, what was read."""

from shared.database.migrations import run_sql
from shared.database.reads import CONSULTED_TABLE
from shared.database.record_keys import RECORD_KEY_TABLE
from shared.messaging import MESSAGING_TABLES

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OWN = """
-- A record and its holder. access_control says its state, the gateway its INS; either may come first.
CREATE TABLE person (
    record uuid PRIMARY KEY,
    hash bytea UNIQUE,
    identity bytea,
    state text CHECK (state IN ('open', 'closed')),
    fed boolean NOT NULL DEFAULT false,
    CHECK ((hash IS NULL) = (identity IS NULL))
) WITH (fillfactor = 80);

-- The content of lines, by the keyed hash of insurer and line; what describes the care is encrypted.
CREATE TABLE line (
    line uuid PRIMARY KEY,
    record uuid NOT NULL,
    insurer text NOT NULL,
    version int NOT NULL,
    care_date date NOT NULL,
    section text NOT NULL,
    content bytea NOT NULL
);
CREATE INDEX line_of_record ON line (record, care_date);
CREATE INDEX line_by_date ON line (care_date);

-- The highest version that came of every line, whether its person has a record or not: what receipts follow from.
CREATE TABLE line_seen (
    line uuid PRIMARY KEY,
    version int NOT NULL,
    gone boolean NOT NULL,
    seen_on date NOT NULL
);
CREATE INDEX line_seen_on ON line_seen USING brin (seen_on);

-- The insurers' messages that were handled, by batch and place: what comes again from there is dropped.
CREATE TABLE taken (
    topic text NOT NULL,
    partition int NOT NULL,
    last_offset bigint NOT NULL,
    first_offset bigint NOT NULL,
    messages bytea NOT NULL, -- their ids, 16 bytes each
    taken_on date NOT NULL,
    PRIMARY KEY (topic, partition, last_offset, first_offset)
);
"""


def upgrade() -> None:
    run_sql(MESSAGING_TABLES + RECORD_KEY_TABLE + CONSULTED_TABLE + OWN)


def downgrade() -> None:
    raise NotImplementedError("there is nothing before the first revision; drop the database instead")
