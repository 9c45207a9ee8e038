"""Block and revocation against reads, in short. The long form: `python -m deploy.proof.races --races 100000`."""

from deploy.local import environment
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
