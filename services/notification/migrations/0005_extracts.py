"""What decides whether a holder is told of extracts: deaths, and which cases are court experts'."""

from shared.database.migrations import run_sql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UP = """
-- Records of whose holder a death was told.
CREATE TABLE deceased (record uuid PRIMARY KEY);

-- Cases for extracts: court experts', or heirs', of whose extracts nobody is told.
CREATE TABLE extract_case (
    record uuid NOT NULL,
    case_id uuid NOT NULL,
    experts boolean NOT NULL,
    PRIMARY KEY (record, case_id)
);

-- Extracts that were told before their case, since topics are not in step; `about` is the event to be told of.
CREATE TABLE extract_waiting (
    record uuid NOT NULL,
    case_id uuid NOT NULL,
    request uuid NOT NULL,
    about uuid NOT NULL,
    correlation uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (record, request)
);
"""


def upgrade() -> None:
    """Add them, empty: an extract under an older case is told once that case is approved anew."""
    run_sql(UP)


def downgrade() -> None:
    """Not offered: holders would be told of extracts after their death."""
    raise NotImplementedError("holders would be told of extracts after their death: restore a backup")
