"""A right is read from the index by which it is found: no page of the table is visited for it."""

from shared.database.migrations import run_sql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

UP = """
-- With millions of rights each one that is asked for stands in another page of the table, which is in no cache.
CREATE UNIQUE INDEX right_of_professional ON professional_right (record, professional)
    INCLUDE (standing, until, administrator, collector, why, by_representative);
ALTER TABLE professional_right
    DROP CONSTRAINT professional_right_pkey,
    ADD CONSTRAINT professional_right_pkey PRIMARY KEY USING INDEX right_of_professional;
-- The index alone is read where a page is known to hold nothing that is under way: that is noted by vacuuming.
ALTER TABLE professional_right SET (autovacuum_vacuum_insert_scale_factor = 0.02);
"""


def upgrade() -> None:
    """Put what a right says beside its key."""
    run_sql(UP)


def downgrade() -> None:
    """Not offered, as for every revision here."""
    raise NotImplementedError("a later revision may build on it: restore a backup")
