"""The end of a record's life: its archive, its deletion, and who has confirmed it."""

from shared.database.migrations import run_sql
from shared.database.record_keys import KEYS_ARE_DESTROYED

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UP = """
-- A record with `deletion_due` is being deleted or was: then it is the tombstone, and says nothing of anybody.
ALTER TABLE record
    ADD COLUMN closed_at timestamptz,
    ADD COLUMN foreseen_at timestamptz,
    ADD COLUMN deleted_because text CHECK (deleted_because IN ('request', 'archive', 'opposition'));
UPDATE record SET closed_at = clock_timestamp() WHERE state = 'closed';
UPDATE record SET deleted_because = 'request' WHERE deletion_due IS NOT NULL;
ALTER TABLE record
    ADD CHECK (state = 'open' OR closed_at IS NOT NULL),
    ADD CHECK ((deleted_because IS NULL) = (deletion_due IS NULL));

-- How far each deletion is: how often and when it was told last, and which services confirmed it.
CREATE TABLE deletion (
    record uuid PRIMARY KEY REFERENCES record (id),
    round int NOT NULL,
    announced_at timestamptz NOT NULL,
    confirmed text[] NOT NULL,
    ended_at timestamptz
) WITH (fillfactor = 80);
CREATE INDEX deletion_open ON deletion (announced_at) WHERE ended_at IS NULL;
INSERT INTO deletion (record, round, announced_at, confirmed)
SELECT id, 0, '-infinity', '{}' FROM record WHERE deletion_due IS NOT NULL;

CREATE INDEX delegate_of_record ON delegate (record);

-- What the clock looks for. None of these columns moves with a consultation.
CREATE INDEX record_suspended ON record (suspended_at) WHERE suspended AND state = 'open' AND deletion_due IS NULL;
CREATE INDEX record_archived ON record (closed_at) WHERE state = 'closed' AND deletion_due IS NULL;
CREATE INDEX delegation_asked ON delegation (expires) WHERE state = 'PENDING';
CREATE INDEX delegation_ending ON delegation (until) WHERE state = 'ACCEPTED';
CREATE INDEX delegation_of_minor ON delegation (record)
    WHERE kind = 'LEGAL_REPRESENTATION' AND state IN ('PENDING', 'ACCEPTED');
CREATE INDEX right_of_minor ON professional_right (record) WHERE by_representative;
CREATE INDEX team_of_minor ON care_team (record) WHERE by_representative;
CREATE INDEX agreement_of_minor ON app_agreement (record) WHERE by_representative;

-- An INS that was replaced leads to no record, and opens none: it stays as a row without one. A record whose person has
-- another one, which is in use, says which.
ALTER TABLE person ADD COLUMN moved boolean NOT NULL DEFAULT false CHECK (NOT moved OR record IS NULL);
ALTER TABLE record ADD COLUMN merged_into uuid REFERENCES record (id);

-- Records that are going to be opened automatically: found by the keyed hash of the INS, encrypted under the key that
-- the record has already.
CREATE TABLE foreseen_opening (
    hash bytea PRIMARY KEY,
    record uuid NOT NULL UNIQUE,
    traits bytea NOT NULL,
    actor jsonb NOT NULL,
    opens_at timestamptz NOT NULL
);
CREATE INDEX foreseen_opening_due ON foreseen_opening (opens_at);
"""


def upgrade() -> None:
    run_sql(KEYS_ARE_DESTROYED + UP)


def downgrade() -> None:
    raise NotImplementedError("what was destroyed can't be brought back; restore a backup instead")
