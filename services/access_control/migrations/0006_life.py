"""The end of a record's life: its archive, its deletion, and who has confirmed it."""

from shared.database.migrations import run_sql
from shared.database.record_keys import KEYS_ARE_DESTROYED

revision = "0006"
down_revision = "0003"
branch_labels = None
depends_on = None

UP = """
-- A record with `deletion_due` is being deleted or was: then it is the tombstone, and says nothing of anybody.
ALTER TABLE record
    ADD COLUMN closed_at timestamptz,
    ADD COLUMN foreseen_at timestamptz,
    ADD COLUMN deleted_because text CHECK (deleted_because IN ('request', 'archive'));
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
"""


def upgrade() -> None:
    run_sql(KEYS_ARE_DESTROYED + UP)


def downgrade() -> None:
    raise NotImplementedError("what was destroyed can't be brought back; restore a backup instead")
