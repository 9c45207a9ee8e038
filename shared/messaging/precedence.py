"""What a person waits for goes before what piled up: in each process, batches that can wait give way to reads."""

import time
from typing import Final

CLAIM_S: Final = 1.0
"""How long a claim counts, in seconds: who reads now will read on."""
SLICE: Final = 60
"""Messages at most in a batch that gives way: so long at most a read waits for one that has begun."""
REST: Final = 5.0
"""A batch that gives way is followed by a rest of so many times its own length; who reads has the machine meanwhile.

What it decided goes on through the other services meanwhile, and a vacuum may want a processor of its own, too.
"""
LONGEST_REST_S: Final = 0.5


class Precedence:
    """Says whether someone waits for this process at the moment, and what that asks of those who can wait.

    Only who works off a backlog gives way: a batch of less than a slice is what just came, and someone may wait for it.
    """

    def __init__(self) -> None:
        self._claimed_at = float("-inf")

    def claim(self) -> None:
        """Someone waits now for an answer of this process."""
        self._claimed_at = time.monotonic()

    @property
    def claimed(self) -> bool:
        """True where someone waited within the last moments."""
        return time.monotonic() - self._claimed_at < CLAIM_S

    def most(self, max_batch: int) -> int:
        """How many messages the next batch of a backlog takes at most."""
        return min(max_batch, SLICE) if self.claimed else max_batch

    def rest_s(self, messages: int, took_s: float) -> float:
        """How long to rest after a batch of so many messages that took so long, in seconds."""
        return min(LONGEST_REST_S, REST * took_s) if messages >= SLICE and self.claimed else 0.0
