"""Settling a document writes its row and no index: the index of reminders does not ask for its status any more."""

from shared.database.migrations import run_sql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SETTLED_IN_PLACE = """
-- A column that a predicate names is one of the index: with `status` in it each settling wrote every index anew.
DROP INDEX document_unannounced;
CREATE INDEX document_unannounced ON document (withheld_since) WHERE withheld AND reminded_at IS NULL;
-- Each row is written once more, when it is settled: as much room is left for that.
ALTER TABLE document SET (fillfactor = 50);
"""


def upgrade() -> None:
    run_sql(SETTLED_IN_PLACE)


def downgrade() -> None:
    raise NotImplementedError("the former index only cost more: keep this one")
