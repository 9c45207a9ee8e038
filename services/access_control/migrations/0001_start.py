"""Records, rights, decisions, and the index from a person to a record."""

from shared.database.migrations import run_sql
from shared.database.record_keys import RECORD_KEY_TABLE
from shared.messaging import MESSAGING_TABLES

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OWN = """
-- Each consultation moves permits_until: room is left in the pages, and no index holds what moves.
CREATE TABLE record (
    id uuid PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('open', 'closed')),
    suspended boolean NOT NULL DEFAULT false,
    held boolean NOT NULL DEFAULT false,
    rights_version int NOT NULL DEFAULT 0,
    permits_until timestamptz,
    treating_doctor text,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 70);

-- What the holder decided about a professional; a decision that was taken back stays as 'none'.
CREATE TABLE professional_right (
    record uuid NOT NULL REFERENCES record (id),
    professional text NOT NULL,
    standing text NOT NULL CHECK (standing IN ('authorised', 'blocked', 'none')),
    until timestamptz CHECK (until IS NULL OR standing = 'authorised'),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (record, professional)
) WITH (fillfactor = 80);

-- One decision per request: the topic of requests has no numbers, so that a repeat is known by this row alone.
CREATE TABLE decision (
    request uuid PRIMARY KEY,
    record uuid NOT NULL,
    act text NOT NULL,
    outcome text NOT NULL,
    reason text NOT NULL,
    rights_version int NOT NULL,
    decided_at timestamptz NOT NULL
);
CREATE INDEX decision_by_age ON decision USING brin (decided_at);

-- Who has a record, by keyed hash of the INS. No record: the person opposed its opening. One row for both, so that an
-- opening and an opposition at the same time can't both succeed; it is written first, so its reference is checked last.
CREATE TABLE person (
    hash bytea PRIMARY KEY,
    record uuid UNIQUE REFERENCES record (id) DEFERRABLE INITIALLY DEFERRED,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Identity traits and INS, encrypted under the record's key.
CREATE TABLE identity (
    record uuid PRIMARY KEY REFERENCES record (id),
    traits bytea NOT NULL
);
"""


def upgrade() -> None:
    run_sql(MESSAGING_TABLES + RECORD_KEY_TABLE + OWN)


def downgrade() -> None:
    raise NotImplementedError("there is nothing before the first revision; drop the database instead")
