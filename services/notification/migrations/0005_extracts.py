"""What decides whether a holder is told of extracts: deaths, and which cases are court experts'."""

from shared.database.migrations import run_sql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UP = """
-- Records of whose holder a death was told.
CREATE TABLE deceased (record uuid PRIMARY KEY);

-- Cases of court experts: what is given out under others is for heirs.
CREATE TABLE expert_case (
    record uuid NOT NULL,
    case_id uuid NOT NULL,
    PRIMARY KEY (record, case_id)
);
"""


def upgrade() -> None:
    """Add them, empty: an extract under an older case is told once the case was approved anew."""
    run_sql(UP)


def downgrade() -> None:
    """Not offered: holders would be told of extracts after their death."""
    raise NotImplementedError("holders would be told of extracts after their death: restore a backup")
