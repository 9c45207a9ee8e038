"""Load and faults together, from a seed, then the verdict. The long form: `python -m deploy.proof.faults --help`."""

import pytest

from deploy.proof.faults.outside import Outside
from deploy.proof.faults.run import run
from deploy.proof.faults.schedule import KAFKA, POSTGRES, Fault, Kind
from deploy.proof.load import plan
from shared.contracts.topics import ACCESS_CONTROL, ACCESS_DECISIONS, DOCUMENT_EVENTS

SECONDS = 30.0
RATE = 40.0
RECORDS = 60
VISITS_S = 27.0
"""Clients come no more once the last fault has begun: what was asked by then is insisted upon through it."""
FAULTS = (
    Fault(2.0, Kind.KILL, "document-2"),
    Fault(2.5, Kind.KILL, "gateway"),
    Fault(3.0, Kind.FREEZE_INSIDE, ACCESS_CONTROL, 6.0),
    Fault(10.0, Kind.KILL, "history_ingestion"),
    Fault(10.5, Kind.FREEZE, "gateway-2", 3.0),
    Fault(13.0, Kind.FREEZE, "audit", 3.0),
    Fault(17.0, Kind.KILL, POSTGRES),
    Fault(20.0, Kind.WIPE_FROZEN, DOCUMENT_EVENTS, 3.0),
    Fault(24.0, Kind.WIPE, ACCESS_DECISIONS),
    Fault(26.0, Kind.KILL, KAFKA),
)
"""One of each kind but the outage, which has tests of its own."""


@pytest.mark.parametrize("seed", [19])
async def test_whatever_happens_everything_is_decided_once_as_the_oracle_says(seed, carnet):
    steps = plan(seed, records=RECORDS, rate=RATE, seconds=SECONDS)
    found = await run(carnet, seed=seed, records=RECORDS, steps=steps, beside=Outside(VISITS_S), faults=FAULTS)
    assert found.verdict.ok, f"{found.verdict}\n{found.faults}\n{found.told}"
    assert len(found.happened) == len(FAULTS), found.faults
    assert found.verdict.counts["requests"] > SECONDS * RATE / 4
    assert found.told["read"] > 0
    for told in ("deposit 201", "deposit 202", "search 200", "opening of a document 200", "block 200", "authorise 200"):
        assert found.told[f"door: {told}"] > 0, found.told
    assert any(f"door: deposit {unknown}" in found.told for unknown in (503, 504, "unanswered")), "no door was hurt"
    for acts in ("emergencies", "contested", "deletions"):
        assert found.verdict.counts[acts] > 0, acts
