"""Versions of the habilitation matrix, when each takes effect, and what a decision keeps to be rehearsed."""

import json
from pathlib import Path

from alembic import op
from sqlalchemy.util import await_only

from services.access_control.domain import matrix, matrix_schedule
from shared.database.migrations import run_sql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SHIPPED = Path(__file__).parents[1] / "data" / "habilitation_matrix"
WHO = "the release"

TABLES = """
-- A version is imported once and never changed: another content is another version.
CREATE TABLE matrix_version (
    version text PRIMARY KEY,
    effective date NOT NULL,
    provenance text NOT NULL,
    inactive_groups text[] NOT NULL,
    bases jsonb NOT NULL,
    sha256 text NOT NULL,
    imported_by text NOT NULL,
    imported_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE matrix_cell (
    version text NOT NULL REFERENCES matrix_version,
    profession_group text NOT NULL,
    type_code text NOT NULL,
    consult boolean NOT NULL,
    status text NOT NULL CHECK (status IN ('documented', 'reconstructed', 'excluded')),
    confidence text NOT NULL CHECK (confidence IN ('high', 'medium', 'low')),
    basis text NOT NULL,
    PRIMARY KEY (version, profession_group, type_code)
);

-- Of two activations from the same moment the later id holds.
CREATE TABLE matrix_activation (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version text NOT NULL REFERENCES matrix_version,
    takes_effect timestamptz NOT NULL,
    activated_by text NOT NULL,
    activated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE FUNCTION matrix_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a version of the matrix is never changed or removed: import another one';
END
$$;
CREATE TRIGGER kept BEFORE UPDATE OR DELETE OR TRUNCATE ON matrix_version EXECUTE FUNCTION matrix_is_kept();
CREATE TRIGGER kept BEFORE UPDATE OR DELETE OR TRUNCATE ON matrix_cell EXECUTE FUNCTION matrix_is_kept();
CREATE TRIGGER kept BEFORE UPDATE OR DELETE OR TRUNCATE ON matrix_activation EXECUTE FUNCTION matrix_is_kept();

-- Of a consultation that was put to the matrix: for which column, about whose data, and which version answered.
ALTER TABLE decision
    ADD COLUMN profession_group text,
    ADD COLUMN owner text,
    ADD COLUMN matrix_version text;
"""

ADD_VERSION = """
INSERT INTO matrix_version (version, effective, provenance, inactive_groups, bases, sha256, imported_by)
VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7)
"""
ADD_CELLS = """
INSERT INTO matrix_cell (version, profession_group, type_code, consult, status, confidence, basis)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::boolean[], $5::text[], $6::text[], $7::text[])
"""
ACTIVATE = "INSERT INTO matrix_activation (version, takes_effect, activated_by) VALUES ($1, $2, $3)"


def upgrade() -> None:
    run_sql(TABLES)
    shipped = matrix.load(*(SHIPPED.with_suffix(ending).read_text(encoding="utf-8") for ending in (".csv", ".toml")))
    bases = {name: {"says": basis.says, "source": basis.source} for name, basis in shipped.bases.items()}
    run(
        ADD_VERSION,
        shipped.version,
        shipped.effective,
        shipped.provenance,
        sorted(shipped.inactive),
        json.dumps(bases),
        shipped.digest(),
        WHO,
    )
    cells = list(shipped.cells.values())
    run(
        ADD_CELLS,
        shipped.version,
        [group for group, _ in shipped.cells],
        [type_code for _, type_code in shipped.cells],
        [cell.consult for cell in cells],
        [cell.status for cell in cells],
        [cell.confidence for cell in cells],
        [cell.basis for cell in cells],
    )
    run(ACTIVATE, shipped.version, matrix_schedule.midnight(shipped.effective), WHO)


def run(sql: str, *arguments: object) -> None:
    await_only(op.get_bind().connection.driver_connection.execute(sql, *arguments))


def downgrade() -> None:
    raise NotImplementedError("what was decided by a version must stay explainable")
