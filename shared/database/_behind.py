"""How far a service's database is known to be behind the clock by which permits live, access_control's database's.

A permit lives until a moment of that clock, and is used by the clock of its owner's database. Were that one behind, a
permit would live longer than the patient was told when he blocked somebody. Whatever comes from access_control with a
moment in it (its messages, its permits) was made at that moment or later: by as much as such a moment is still to come
here, this database is behind at least.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from shared.observability import logger

KEPT_S: Final = 60.0
"""What was seen counts for so long, in seconds: a clock that was set right needs no help any more. Every message and
every permit shows anew how it stands."""
FAR: Final = timedelta(seconds=0.5)
"""Beyond it somebody has to set the clock; it is logged once, until it was seen right for a minute."""
_NOTHING: Final = timedelta(0)

_log = logger(__name__)


class Behind:
    """What one process has seen of it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._by = _NOTHING
        self._seen_at = clock()

    @property
    def by(self) -> timedelta:
        """How far it is behind at least, as was seen within the last minute; never less than nothing."""
        return self._by if self._clock() - self._seen_at < KEPT_S else _NOTHING

    def seen(self, ahead: timedelta) -> None:
        """Note that a moment of access_control was so far ahead of this database when it was met; less is nothing new.

        Args:
            ahead: By how much; negative where it lay in the past.
        """
        known = self.by
        if ahead > _NOTHING and ahead >= known:
            self._by, self._seen_at = ahead, self._clock()
            if ahead > FAR >= known:
                _log.warning("database_clock_behind", seconds=round(ahead.total_seconds(), 3))
