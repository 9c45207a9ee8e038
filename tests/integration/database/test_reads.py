"""A permit opens one read, in time; a read that is not committed in time did not happen."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from shared.database import is_transient
from shared.database.reads import (
    CONSULTED_TABLE,
    PermitLateError,
    PermitUsedError,
    Use,
    forget_permits,
    use_permit,
    use_permits,
)
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


async def test_the_time_that_another_use_of_the_permit_took_is_not_given_again(database):
    """The second use waits for the first, which breaks off: the permit is then no younger."""
    request, record, expires = uuid4(), uuid4(), soon(0.8)
    waiting = asyncio.Event()

    async def first():
        async with database.transaction() as tx:
            await use_permit(tx, request=request, record=record, expires=expires)
            waiting.set()
            await asyncio.sleep(0.5)
            raise ZeroDivisionError

    async def second():
        await waiting.wait()
        async with database.transaction() as tx:
            await use_permit(tx, request=request, record=record, expires=expires)
            await asyncio.sleep(0.6)
            await tx.fetch("SELECT 1")

    broken, held_up = await asyncio.gather(first(), second(), return_exceptions=True)
    assert isinstance(broken, ZeroDivisionError)
    assert held_up is not None, "the read was committed after its permit's end"
    assert is_transient(held_up)
    async with database.transaction() as tx:
        assert await tx.fetch("SELECT FROM consulted") == []


def use(seconds: float, request: UUID | None = None) -> Use:
    return Use(request or uuid4(), uuid4(), soon(seconds))


async def test_permits_used_together_are_told_one_by_one(database):
    good, late, used, other = use(5), use(-0.01), use(5), use(4)
    async with database.transaction() as tx:
        await use_permits(tx, [used])
    async with database.transaction() as tx:
        told = await use_permits(tx, [late, good, used, other, good])
        assert tx.statements == 1
    assert [type(one) for one in told] == [PermitLateError, datetime, PermitUsedError, datetime, PermitUsedError]
    async with database.transaction() as tx:
        rows = await tx.fetch("SELECT request FROM consulted")
    assert {row["request"] for row in rows} == {good.request, used.request, other.request}


@pytest.mark.parametrize("idle", ["used", "late"])
async def test_only_what_happens_counts_for_the_time_that_is_left(database, idle):
    short = use(-0.01) if idle == "late" else use(0.3)
    if idle == "used":
        async with database.transaction() as tx:
            await use_permits(tx, [short])
    async with database.transaction() as tx:
        told = await use_permits(tx, [short, use(5)])
        assert isinstance(told[1], datetime)
        await tx.fetch("SELECT pg_sleep(0.5)")


async def test_reads_together_end_with_the_first_of_their_permits(database):
    short, long = use(0.3), use(5)
    with pytest.raises(Exception) as caught:  # noqa: PT012 - the driver tells a lost connection in several ways
        async with database.transaction() as tx:
            assert all(isinstance(one, datetime) for one in await use_permits(tx, [long, short]))
            await asyncio.sleep(0.8)
            await tx.fetch("SELECT 1")
    assert is_transient(caught.value)
    async with database.transaction() as tx:
        assert await tx.fetch("SELECT FROM consulted") == []
        assert isinstance((await use_permits(tx, [long]))[0], datetime)


async def test_a_permit_that_runs_out_while_another_is_waited_for_lets_nothing_be_read(database):
    short, shared = use(0.4), use(5)
    waiting = asyncio.Event()

    async def first():
        async with database.transaction() as tx:
            await use_permits(tx, [shared])
            waiting.set()
            await asyncio.sleep(0.8)

    async def second():
        await waiting.wait()
        async with database.transaction() as tx:
            await use_permits(tx, [short, shared])

    done, refused = await asyncio.gather(first(), second(), return_exceptions=True)
    assert done is None
    assert isinstance(refused, PermitLateError)


async def test_the_next_transaction_has_its_own_time(database):
    async with database.transaction() as tx:
        await use_permit(tx, request=uuid4(), record=uuid4(), expires=soon(0.3))
    async with database.transaction() as tx:
        await tx.fetch("SELECT pg_sleep(0.6)")


@pytest.mark.parametrize("seen_by", ["a permit", "a message"])
async def test_ar_018_by_a_clock_that_is_behind_no_permit_lives_longer(database, seen_by):
    """A block is told when the last permit has run out on access_control's clock, which here is 3 s ahead."""
    if seen_by == "a permit":
        async with database.transaction() as tx:
            ahead = Use(uuid4(), uuid4(), soon(8), issued=soon(3))
            (at,) = await use_permits(tx, [ahead])
        assert at >= ahead.issued, "it happened when it could"
    else:
        database.behind.seen(timedelta(seconds=3))
    for held_back in (use(2.9), Use(uuid4(), uuid4(), soon(2.9), issued=soon(-2.1))):
        async with database.transaction() as tx:
            assert [type(one) for one in await use_permits(tx, [held_back])] == [PermitLateError]
    async with database.transaction() as tx:
        assert isinstance((await use_permits(tx, [use(3.5)]))[0], datetime)


async def test_ar_018_by_a_clock_that_is_behind_no_read_takes_longer(database):
    with pytest.raises(Exception) as caught:  # noqa: PT012 - the driver tells a lost connection in several ways
        async with database.transaction() as tx:
            await use_permits(tx, [Use(uuid4(), uuid4(), soon(3.3), issued=soon(3))])
            await asyncio.sleep(0.8)
            await tx.fetch("SELECT 1")
    assert is_transient(caught.value)


async def test_a_clock_that_is_right_or_ahead_shortens_nothing(database):
    async with database.transaction() as tx:
        await use_permits(tx, [Use(uuid4(), uuid4(), soon(4), issued=soon(-1))])
    assert database.behind.by == timedelta(0)


async def test_old_permits_are_forgotten(database):
    async with database.transaction() as tx:
        await use_permit(tx, request=uuid4(), record=uuid4(), expires=soon(5))
    async with database.transaction() as tx:
        assert await forget_permits(tx, older_than_s=60) == 0
        assert await forget_permits(tx, older_than_s=-1) == 1
