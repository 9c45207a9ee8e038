"""Migrations by Alembic: one history per service, in plain SQL, in `services/<service>/migrations`."""

from pathlib import Path
from typing import Any

from alembic import command, op
from alembic.config import Config
from sqlalchemy.util import await_only


def upgrade(migrations: Path, url: str, password: str | None) -> None:
    """Bring a database to the newest revision in a folder of revisions. Doing it twice changes nothing.

    Raises:
        OSError, asyncpg.PostgresError: the database is not there or refuses.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("alembic")))
    config.set_main_option("version_locations", str(migrations))
    config.set_main_option("path_separator", "newline")
    config.attributes["url"] = url
    config.attributes["password"] = password
    command.upgrade(config, "head")


def run_sql(script: str) -> None:
    """Run a script of several statements inside a revision."""
    connection: Any = op.get_bind().connection.driver_connection
    await_only(connection.execute(script))
