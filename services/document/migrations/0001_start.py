"""The tables of the document service."""

from shared.database.migrations import run_sql
from shared.database.reads import CONSULTED_TABLE
from shared.database.record_keys import RECORD_KEY_TABLE
from shared.messaging import MESSAGING_TABLES

revision = "0001"
down_revision = None

OWN_TABLES = """
-- One row per deposit from the moment it is staged; a permit makes the same row part of the record. What describes
-- it (title, description, authors) is encrypted under the record's key.
CREATE TABLE document (
    id uuid PRIMARY KEY,
    record uuid NOT NULL,
    status text NOT NULL DEFAULT 'staged'
        CHECK (status IN ('staged', 'current', 'superseded', 'refused', 'held')),
    version int NOT NULL DEFAULT 1,
    -- who deposits, as kind:number, and for which structure
    submitter text NOT NULL,
    submitter_structure text,
    -- assigned by the author; may come again from the same submitter only as a repeat
    unique_id text NOT NULL,
    -- unique id of the document to replace, and the document that was replaced
    replaces text,
    replaces_document uuid,
    type_code text NOT NULL,
    class_code text NOT NULL,
    format_code text,
    content_type text NOT NULL,
    language text,
    created timestamptz NOT NULL,
    service_start timestamptz,
    service_stop timestamptz,
    practice_setting text,
    facility_type text,
    -- directory numbers that keep sight of the document whatever its type or mask
    owners text[] NOT NULL,
    label text NOT NULL,
    masked boolean NOT NULL,
    withheld boolean NOT NULL,
    hidden boolean NOT NULL,
    withheld_since timestamptz,
    -- the content: its random name in the content store, its key wrapped by the record's key
    object uuid NOT NULL,
    content_key bytea NOT NULL,
    size bigint NOT NULL,
    sha1 bytea NOT NULL,
    sha256 bytea NOT NULL,
    details bytea NOT NULL,
    staged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at timestamptz,
    reason text,
    because text,
    UNIQUE (record, unique_id, submitter),
    UNIQUE (object)
) WITH (fillfactor = 60);  -- each row is settled soon after it is staged: room for that on the same page

-- Refused deposits, whose rows and contents are removed after a while.
CREATE TABLE refusal (
    document uuid PRIMARY KEY,
    refused_at timestamptz NOT NULL
);
CREATE INDEX refusal_due ON refusal (refused_at);
"""


def upgrade() -> None:
    run_sql(MESSAGING_TABLES + RECORD_KEY_TABLE + CONSULTED_TABLE + OWN_TABLES)


def downgrade() -> None:
    raise NotImplementedError("the first revision is not undone: drop the database instead")
