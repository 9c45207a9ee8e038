"""A place in Kafka stands once in the log, found by its number first."""

from shared.database.migrations import run_sql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UP = """
-- Numbers differ from leaf to leaf and topics hardly do: with the topic first, most of what a leaf costs the database
-- was the comparison of equal texts.
ALTER TABLE leaf DROP CONSTRAINT leaf_topic_partition_number_key, ADD UNIQUE (number, partition, topic);
"""


def upgrade() -> None:
    run_sql(UP)


def downgrade() -> None:
    raise NotImplementedError("the log is append-only: restore a backup")
