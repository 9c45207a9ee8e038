"""Lines of libraries (aiokafka, uvicorn, asyncpg, FastStream …): reduced to what can't hold a value, and not repeated.

A library's text may hold what it worked on. What is kept: the library, the level, the line of its source, the types of
an error, and the template of a message whose values were given apart. A text that came without values may have been
put together before and is left out; the place in the source says which it was.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

import structlog

from shared.observability._errors_in_logs import error_of, error_types
from shared.observability._metrics import LOG_SUPPRESSED

_WINDOW_S: Final = 10.0
_LINES_PER_WINDOW: Final = 3
_PLACES_REMEMBERED: Final = 1000

Place = tuple[str, int, str]


class RateLimit:
    """A few lines of each place per window; the first of the next window tells how many were left out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[Place, tuple[float, int]] = {}

    def admit(self, place: Place) -> int | None:
        """How many lines were left out before this one, or nothing where this one is left out too."""
        now = self._clock()
        began, lines = self._seen.get(place, (now, 0))
        left_out = 0
        if now - began >= _WINDOW_S:
            left_out = max(0, lines - _LINES_PER_WINDOW)
            began, lines = now, 0
        if place not in self._seen and len(self._seen) >= _PLACES_REMEMBERED:
            self._seen.pop(next(iter(self._seen)))
        self._seen[place] = (began, lines + 1)
        return left_out if lines < _LINES_PER_WINDOW else None


class ForeignLines(logging.Handler):
    """Takes the lines of the standard library's logging and gives what is safe to the project's log."""

    def __init__(self, limit: RateLimit | None = None) -> None:
        super().__init__()
        self._limit = limit or RateLimit()

    def emit(self, record: logging.LogRecord) -> None:
        """Log the safe part of one line of a library."""
        left_out = self._limit.admit((record.name, record.lineno, record.levelname))
        if left_out is None:
            LOG_SUPPRESSED.inc()
            return
        fields: dict[str, object] = {
            "library": record.name,
            "where": [f"{record.module}:{record.lineno}:{record.funcName}".replace("<module>", "module")],
        }
        if record.args and isinstance(record.msg, str):
            fields["template"] = record.msg
        error = error_of(record.exc_info)
        if error is not None:
            fields["error"] = error_types(error)
        if left_out:
            fields["repeated"] = left_out
        structlog.get_logger().log(record.levelno, "library_line", **fields)
