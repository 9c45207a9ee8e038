"""When failing messages are no bad messages but a bad release: then the line stops, so that it does not park them all.

Counted by partition, of what handlers were given: a message that was seen before or passed over is no success.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from shared.errors import OperatorError
from shared.messaging.outbox import Place

FAILED: Final = 50
AMONG: Final = 100
"""So many failures among the last so many messages of one partition stop the line: 50 in a row, or more than half for
a while. A few bad ones among many good ones are parked and never stop it."""


class StoppedLineError(OperatorError):
    """Too many messages failed; nothing more is parked until someone looks. A restart of the service counts anew."""


class Failures:
    """How the last messages of each partition came out, where any of them failed."""

    def __init__(self) -> None:
        self._last: dict[Place, deque[bool]] = {}

    def note(self, results: Mapping[Place, Sequence[bool]]) -> None:
        """Take in a batch: by place, in order, True for each message that was handled and False for each failure."""
        for place, came_out in results.items():
            if place not in self._last and all(came_out):
                continue
            last = self._last.setdefault(place, deque(maxlen=AMONG))
            last.extend(came_out)
            if all(last):
                del self._last[place]

    def expect_few(self) -> None:
        """Pass where failures are few.

        Raises:
            StoppedLineError: they are not; says of which partition.
        """
        for (topic, partition), last in self._last.items():
            failed = last.count(False)
            if failed >= FAILED:
                raise StoppedLineError(
                    f"{failed} of the last {len(last)} messages of {topic}/{partition} failed: see message_failed in "
                    "the log, mend the service and restart it; what failed is parked and can be replayed",
                )
