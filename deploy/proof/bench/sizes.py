"""How much is measured, and how often."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Sizes of all measurements; `QUICK` only shows that they work."""

    runs: int = 3
    readers: int = 200
    """Records that are read."""
    documents_each: int = 5
    """Documents in each of them."""
    writers: int = 500
    """Records into which is deposited: as many without an e-mail address as with one."""
    chain: int = 15_000
    """Deposits waiting when the chain starts."""
    backlog: int = 20_000
    """Deposits waiting when consultations start."""
    lines: int = 40_000
    """Reimbursed lines waiting."""
    requests: int = 30_000
    """Requests on records waiting when access_control starts alone."""
    rights: int = 10_000_000
    """Rights stored where decisions are compared with those on few."""
    keys: int = 500_000
    """Records' keys wrapped anew in a rotation."""
    fill_s: float = 400.0
    """Longest that storing them may take."""
    steady_s: float = 20.0
    """Length of a run at a fixed rate."""
    door_s: float = 10.0
    """Length of a run as fast as the door answers."""
    deposit_rate: float = 160.0
    consultation_rate: float = 50.0
    connections: int = 8
    """At the door."""


FULL = Sizes()
QUICK = Sizes(
    runs=1,
    readers=20,
    documents_each=2,
    writers=40,
    chain=600,
    backlog=600,
    lines=2000,
    requests=2000,
    rights=200_000,
    keys=20_000,
    fill_s=60.0,
    steady_s=4.0,
    door_s=2.0,
)
