"""A permit opens one read, in time; a read that is not committed in time did not happen."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.database import is_transient
from shared.database.reads import CONSULTED_TABLE, PermitLateError, PermitUsedError, forget_permits, use_permit
from tests.support.system import fresh_database, opened


@pytest.fixture
async def database(system):
    async with fresh_database(system, CONSULTED_TABLE) as url, opened(url) as pool:
        yield pool


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def test_a_permit_opens_one_read(database):
    request, record = uuid4(), uuid4()
    async with database.transaction() as tx:
        await use_permit(tx, request=request, record=record, expires=soon(5))
    with pytest.raises(PermitUsedError):
        async with database.transaction() as tx:
            await use_permit(tx, request=request, record=record, expires=soon(5))


async def test_a_late_permit_opens_none(database):
    request = uuid4()
    with pytest.raises(PermitLateError):
        async with database.transaction() as tx:
            await use_permit(tx, request=request, record=uuid4(), expires=soon(-0.01))
    async with database.transaction() as tx:
        assert await tx.fetch("SELECT FROM consulted") == []


async def test_a_read_that_is_held_up_beyond_its_permit_did_not_happen(database):
    """As with a process that is frozen after its look at the clock."""
    with pytest.raises(Exception) as caught:  # noqa: PT012 - the driver tells a lost connection in several ways
        async with database.transaction() as tx:
            await use_permit(tx, request=uuid4(), record=uuid4(), expires=soon(0.3))
            await asyncio.sleep(0.8)
            await tx.fetch("SELECT 1")
    assert is_transient(caught.value)
    async with database.transaction() as tx:
        assert await tx.fetch("SELECT FROM consulted") == []


async def test_the_next_transaction_has_its_own_time(database):
    async with database.transaction() as tx:
        await use_permit(tx, request=uuid4(), record=uuid4(), expires=soon(0.3))
    async with database.transaction() as tx:
        await tx.fetch("SELECT pg_sleep(0.6)")


async def test_old_permits_are_forgotten(database):
    async with database.transaction() as tx:
        await use_permit(tx, request=uuid4(), record=uuid4(), expires=soon(5))
    async with database.transaction() as tx:
        assert await forget_permits(tx, older_than_s=60) == 0
        assert await forget_permits(tx, older_than_s=-1) == 1
