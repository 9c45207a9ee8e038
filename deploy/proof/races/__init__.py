"""Races of a restriction against reads: a block or a revocation, permits that are out, and reads in flight beside it.

No read may *happen* after the holder was told that the restriction is in force; it happens when its row commits. Two
processes decide; they are frozen, killed, and lose their partitions to each other meanwhile.
"""

from deploy.proof.races.judge import judge
from deploy.proof.races.run import FAULTS, Outcome, run

__all__ = ["FAULTS", "Outcome", "judge", "run"]
