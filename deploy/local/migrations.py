"""Brings each service's database to its newest form, in one process: six processes would only import six times."""

from collections.abc import Mapping
from pathlib import Path

import asyncpg

from deploy.local import databases
from shared.database.migrations import upgrade as upgrade_one

SERVICES = Path(__file__).resolve().parents[2] / "services"


def upgrade(admin_url: str, passwords: Mapping[str, str]) -> None:
    """Migrate the database of each service (name -> password of its role); newest already: nothing happens.

    Raises DatabaseError where a role can't connect.
    """
    for service, password in passwords.items():
        try:
            upgrade_one(SERVICES / service / "migrations", databases.url_for(admin_url, service), password)
        except (OSError, asyncpg.InvalidAuthorizationSpecificationError) as error:
            raise databases.DatabaseError(
                f"PostgreSQL at {databases.address(admin_url)} does not let {service} into its database "
                f"({databases.reason(error)}): let the roles of Carnet connect with a password "
                "(pg_hba.conf), then start again."
            ) from error
