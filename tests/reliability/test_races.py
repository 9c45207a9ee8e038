"""Block and revocation against reads, in short. The long form: `python -m deploy.proof.races --races 100000`."""

import asyncio

import pytest

from deploy.local import environment
from deploy.local.home import Home
from deploy.local.options import Options
from deploy.local.system import LocalSystem
from deploy.proof.checker.databases import connect
from deploy.proof.faults.inject import tending
from deploy.proof.faults.schedule import SESSION_S, TRANSACTION_TIMEOUT_S, Fault, Kind
from deploy.proof.load import connected
from deploy.proof.races.run import keep_commit_times, run
from shared.contracts.topics import ACCESS_CONTROL, DOCUMENT

RACES = 60
FAULTS = (
    Fault(0, Kind.FREEZE, environment.unit(ACCESS_CONTROL, 1), SESSION_S + 1.5),
    Fault(0, Kind.FREEZE, environment.unit(DOCUMENT, 2), TRANSACTION_TIMEOUT_S + 1),
    Fault(0, Kind.KILL, environment.unit(ACCESS_CONTROL, 2)),
)


async def test_no_read_happens_after_its_restriction_was_told(tended, acts, judged):
    await keep_commit_times(tended)
    async with connected(tended) as target:
        target.replies = acts.target.replies
        found = await run(tended, target, races=RACES, seed=3, grounds=30, faults=FAULTS)
    assert found.verdict.ok, f"{found.verdict}\n{found.faults}"
    assert found.verdict.counts["races"] >= RACES
    assert found.verdict.counts["faults"] >= len(FAULTS), found.faults
    verdict = await judged()
    assert verdict.ok, verdict


FORGETS = """
    CREATE FUNCTION forgets() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.decided_at := NEW.decided_at - interval '1 minute';
        RETURN NEW;
    END
    $$;
    CREATE TRIGGER forgets BEFORE INSERT ON decision FOR EACH ROW EXECUTE FUNCTION forgets();
"""
"""access_control never knows that permits are out."""


@pytest.fixture
def forgetful(tmp_path):
    """A small system with a bug: a block is told at once, whatever permits are out."""
    options = Options(services=(ACCESS_CONTROL, DOCUMENT))
    system = LocalSystem(Home(tmp_path / "home"), options)
    system.start()
    yield system
    system.stop()


@pytest.mark.long
async def test_a_planted_bug_is_found_on_the_real_system(forgetful):
    connection = await connect(forgetful.places.postgres_admin_url, ACCESS_CONTROL)
    await connection.execute(FORGETS)
    await connection.close()
    async with tending(forgetful), connected(forgetful) as target:
        reading = asyncio.create_task(target.replies.run())
        await asyncio.wait_for(target.replies.ready.wait(), 30)
        found = await run(forgetful, target, races=RACES, seed=4, grounds=20, faults=())
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    wrong = {one.claim for one in found.verdict.findings if not one.ok}
    assert wrong >= {
        "no read happened after its restriction was told",
        "no use of a permit begun after that was answered",
        "a restriction is told after the last permit before it",
    }, found.verdict
