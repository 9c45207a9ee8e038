"""Alembic's environment, the same for every service: plain SQL over asyncpg."""

import asyncio

import asyncpg
from alembic import context
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def _run() -> None:
    # a migration may take longer than a service's transaction, but never waits long for a lock
    limits = {"lock_timeout": "5s", "statement_timeout": "0", "transaction_timeout": "0"}
    url, password = context.config.attributes["url"], context.config.attributes["password"]

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url, password=password or None, server_settings=limits)

    # the URL is read by the client that services use: SQLAlchemy would refuse sslmode
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect)
    async with engine.connect() as connection:
        await connection.run_sync(_migrate)
        await connection.commit()
    await engine.dispose()


asyncio.run(_run())
