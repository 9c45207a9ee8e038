"""The tables of the messaging and nothing else."""

from shared.database.migrations import run_sql
from shared.messaging import MESSAGING_TABLES, PARKED_RESOLUTION

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql(MESSAGING_TABLES + PARKED_RESOLUTION)
