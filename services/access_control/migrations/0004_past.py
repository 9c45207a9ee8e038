"""What each change of rights replaced and put there: what was decided at a past moment can be explained."""

from shared.database.migrations import run_sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UP = """
-- One row per thing that a command changed; written with the change, never changed, gone with the record.
CREATE TABLE past_right (
    record uuid NOT NULL REFERENCES record (id) ON DELETE CASCADE,
    id bigint GENERATED ALWAYS AS IDENTITY,
    what text NOT NULL,
    key jsonb NOT NULL,
    before jsonb,
    after jsonb,
    at timestamptz NOT NULL,
    secret boolean NOT NULL DEFAULT false,
    PRIMARY KEY (record, id)
);

-- From when on it is told. A consent at a consultation that had ended is written over without a trace, and lasts four
-- hours at most: those that were given before this revision have ended by then.
CREATE TABLE past_told (since timestamptz NOT NULL);
INSERT INTO past_told SELECT CASE WHEN EXISTS (SELECT FROM record) THEN clock_timestamp() + interval '4 hours'
                                  ELSE clock_timestamp() END;
"""


def upgrade() -> None:
    run_sql(UP)


def downgrade() -> None:
    raise NotImplementedError("what was decided at a past moment must stay explainable")
