"""Cases of heirs and court experts, and a holder's opposition against access by heirs."""

from shared.database.migrations import run_sql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

UP = """
-- Who applied, and by which papers, stands in `written` under the case's id.
CREATE TABLE extract_case (
    id uuid PRIMARY KEY,
    record uuid NOT NULL REFERENCES record (id) ON DELETE CASCADE,
    kind text NOT NULL,
    purpose text NOT NULL,
    types text[] NOT NULL,
    since timestamptz,
    until timestamptz,
    opened_by text NOT NULL,
    opened_at timestamptz NOT NULL,
    approved_by text CHECK (approved_by <> opened_by),
    approved_until timestamptz,
    refused_by text CHECK (refused_by <> opened_by),
    taken int NOT NULL DEFAULT 0,
    CHECK (cardinality(types) > 0 OR (since IS NOT NULL AND until IS NOT NULL))
);
CREATE INDEX extract_case_by_record ON extract_case (record);
CREATE INDEX extract_case_open ON extract_case (opened_at) WHERE refused_by IS NULL;

ALTER TABLE record ADD COLUMN heirs_opposed boolean NOT NULL DEFAULT false;
"""


def upgrade() -> None:
    """Add them."""
    run_sql(UP)


def downgrade() -> None:
    """Not offered: a holder's opposition would be forgotten."""
    raise NotImplementedError("oppositions against access by heirs would be forgotten: restore a backup")
