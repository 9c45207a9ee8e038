"""Emergencies and their texts, what an operator reviews, the register of apps, contested accesses, suspended actors."""

from shared.database.migrations import run_sql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

EMERGENCIES = """
-- One row per emergency, not per read: the request that began it, with its reason.
CREATE TABLE emergency (
    request uuid PRIMARY KEY,
    record uuid NOT NULL REFERENCES record (id) ON DELETE CASCADE,
    professional text NOT NULL,
    mode text NOT NULL,
    reason text NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    secret boolean NOT NULL
);
CREATE INDEX emergency_by_record ON emergency (record, since);
CREATE INDEX emergency_by_time ON emergency (since, professional);

-- How many a professional began in a day (Paris), on all records; its row is what two processes take turns on.
CREATE TABLE emergency_day (
    professional text NOT NULL,
    mode text NOT NULL,
    day date NOT NULL,
    accesses int NOT NULL,
    PRIMARY KEY (professional, mode, day)
) WITH (fillfactor = 70);

CREATE TABLE emergency_confirmation (
    record uuid NOT NULL REFERENCES record (id) ON DELETE CASCADE,
    professional text NOT NULL,
    colleague text NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (record, professional)
);

-- What a person wrote beside a code, encrypted under the record's key; gone with it.
CREATE TABLE written (
    subject uuid PRIMARY KEY,
    record uuid NOT NULL REFERENCES record (id) ON DELETE CASCADE,
    text bytea NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX written_by_record ON written (record);
"""

REVIEWS = """
-- What an operator looks at; one per kind, actor and period, however often it is counted.
CREATE TABLE review (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL,
    actor text NOT NULL,
    period timestamptz NOT NULL,
    counted int NOT NULL,
    usual int NOT NULL,
    raised_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    told_at timestamptz,
    closed_at timestamptz,
    closed_by text,
    finding text CHECK (finding IN ('founded', 'unfounded')),
    UNIQUE (kind, actor, period)
);
CREATE INDEX review_untold ON review (raised_at) WHERE told_at IS NULL;
CREATE INDEX review_open ON review (raised_at) WHERE closed_at IS NULL;

-- Who asked to read, for the counting of odd accesses: no other row is written for a read.
ALTER TABLE decision ADD COLUMN actor text;

-- Up to where decisions are counted; the one row that processes take turns on.
CREATE TABLE review_cursor (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    counted_until timestamptz NOT NULL
);
INSERT INTO review_cursor (counted_until) VALUES (clock_timestamp());

-- What a professional asked for in a clock hour, as far as it is counted; forgotten after a few hours.
CREATE TABLE actor_hour (
    hour timestamptz NOT NULL,
    actor text NOT NULL,
    records uuid[] NOT NULL,
    unrelated uuid[] NOT NULL,
    PRIMARY KEY (hour, actor)
) WITH (fillfactor = 70);
"""

APPS = """
-- What the operator decided about an app; the last entry holds. Its order is that of the decisions.
CREATE TABLE app_register (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app text NOT NULL CHECK (app ~ '^[A-Za-z0-9_.:^|/-]{1,64}$'),
    state text NOT NULL CHECK (state IN ('registered', 'reviewed', 'suspended')),
    name text NOT NULL,
    scopes text[] NOT NULL,
    types text[],
    decided_by text NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    why text NOT NULL
);
CREATE INDEX app_register_last ON app_register (app, id DESC);

CREATE FUNCTION register_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an entry of the register is never changed or removed: add another one';
END
$$;
CREATE TRIGGER kept BEFORE UPDATE OR DELETE OR TRUNCATE ON app_register EXECUTE FUNCTION register_is_kept();
"""

CASES = """
-- An access that the holder contests; what is written beside it stands in `written` under the case's id.
CREATE TABLE contest (
    id uuid PRIMARY KEY,
    record uuid NOT NULL REFERENCES record (id) ON DELETE CASCADE,
    request uuid NOT NULL,
    professional text,
    structure text,
    by_representative boolean NOT NULL,
    opened_at timestamptz NOT NULL,
    due timestamptz NOT NULL,
    answered_at timestamptz,
    answered_by text,
    finding text CHECK (finding IN ('founded', 'unfounded')),
    answer bytea,
    suspends boolean NOT NULL DEFAULT false,
    UNIQUE (record, request)
);
CREATE INDEX contest_waiting ON contest (due) WHERE answered_at IS NULL;

-- A professional or structure whom the operator suspended; what has ended stays known.
CREATE TABLE actor_suspension (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor text NOT NULL CHECK (actor ~ '^[A-Za-z0-9_.:^|/-]{1,64}$'),
    suspended_by text NOT NULL,
    suspended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    why text NOT NULL,
    ended_by text,
    ended_at timestamptz
);
CREATE UNIQUE INDEX actor_suspended ON actor_suspension (actor) WHERE ended_at IS NULL;
"""


def upgrade() -> None:
    run_sql(EMERGENCIES + REVIEWS + APPS + CASES)


def downgrade() -> None:
    raise NotImplementedError("what was reviewed and answered would be lost; restore a backup instead")
