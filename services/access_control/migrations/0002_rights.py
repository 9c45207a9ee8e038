"""Every right the law gives: teams, sessions, administrators, delegations, apps, wishes, and the life of a record."""

from shared.database.migrations import run_sql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UP = """
-- A holder comes of age on a day that follows from the birth date, which stands encrypted in `identity`: no copy of it.
ALTER TABLE record
    ADD COLUMN activated boolean NOT NULL DEFAULT false,
    ADD COLUMN suspended_at timestamptz,
    ADD COLUMN objected boolean NOT NULL DEFAULT false,
    ADD COLUMN deceased boolean NOT NULL DEFAULT false,
    ADD COLUMN deletion_due timestamptz,
    ADD COLUMN break_glass boolean NOT NULL DEFAULT true,
    ADD COLUMN regulation boolean NOT NULL DEFAULT true,
    ADD COLUMN masked_in_emergency boolean NOT NULL DEFAULT false,
    ADD COLUMN opted_out text[] NOT NULL DEFAULT '{}';

ALTER TABLE professional_right
    ADD COLUMN administrator text CHECK (administrator IS NULL OR standing = 'authorised'),
    ADD COLUMN collector text CHECK (collector IS NULL OR standing = 'authorised'),
    ADD COLUMN why text CHECK (why IS NULL OR standing = 'authorised'),
    ADD COLUMN by_representative boolean NOT NULL DEFAULT false;

-- Consent at a consultation; what has ended is left behind and written over by the next.
CREATE TABLE session_consent (
    record uuid NOT NULL REFERENCES record (id),
    professional text NOT NULL,
    structure text NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (record, professional, structure)
);

-- Initial consent to a care team.
CREATE TABLE care_team (
    record uuid NOT NULL REFERENCES record (id),
    key text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('structure', 'professional', 'formalised')),
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    collector text,
    by_representative boolean NOT NULL DEFAULT false,
    PRIMARY KEY (record, key)
);

-- Who acts for the holder, by invitation. What has ended stays as what it was.
CREATE TABLE delegation (
    record uuid NOT NULL REFERENCES record (id),
    id uuid NOT NULL,
    kind text NOT NULL,
    state text NOT NULL CHECK (state IN ('PENDING', 'ACCEPTED', 'REFUSED', 'EXPIRED')),
    scopes text[] NOT NULL,
    expires timestamptz NOT NULL,
    until timestamptz,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (record, id)
);

-- Who that is: a keyed hash to find him by, and his identity encrypted under the record's key.
CREATE TABLE delegate (
    delegation uuid PRIMARY KEY,
    record uuid NOT NULL REFERENCES record (id),
    hash bytea NOT NULL,
    identity bytea NOT NULL
);
CREATE INDEX delegate_by_person ON delegate (hash);

-- The holder's agreement with an app or digital service.
CREATE TABLE app_agreement (
    record uuid NOT NULL REFERENCES record (id),
    app text NOT NULL,
    scopes text[] NOT NULL,
    until timestamptz,
    by_representative boolean NOT NULL DEFAULT false,
    PRIMARY KEY (record, app)
);
"""


def upgrade() -> None:
    run_sql(UP)


def downgrade() -> None:
    raise NotImplementedError("what holders decided would be lost; restore a backup instead")
