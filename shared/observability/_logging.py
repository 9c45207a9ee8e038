"""Set-up of the log: one JSON line per event on standard output; only what `_fields` allows is ever printed.

Use: `log = logger(__name__)`, then `log.info("deposit_stored", record=record, seconds=0.01)`. An event is a constant
word, values are fields; text built with values is refused, because nobody could say what it holds.
"""

import json
import logging
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from contextlib import AbstractContextManager
from typing import Any, Final, TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from shared.observability._errors_in_logs import error_of, error_types, places, sentence
from shared.observability._fields import FIELDS, REFUSED, event_name
from shared.observability._foreign import ForeignLines
from shared.observability._metrics import LOG_REFUSED

EventDict = MutableMapping[str, Any]

_NO_EVENT: Final = "log_event_refused"
_ENCODER: Final = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=lambda _: REFUSED)


def logger(name: str) -> FilteringBoundLogger:
    """The logger of a module."""
    return cast("FilteringBoundLogger", structlog.get_logger(module=name))


def bind(**fields: object) -> AbstractContextManager[None]:
    """Fields for every line logged inside a `with` block, in this task and those it starts."""
    return structlog.contextvars.bound_contextvars(**fields)


def correlation() -> str | None:
    """The correlation id bound to this task, to be passed on to whoever is called."""
    bound = structlog.contextvars.get_contextvars().get("correlation")
    return None if bound is None else str(bound)


def configure_logging(
    service: str, instance: str = "1", *, level: str = "info", stream: TextIO | None = None, pretty: bool | None = None
) -> None:
    """Set up logging of this process, for its own code and for libraries, once at start.

    `pretty` draws coloured lines instead of JSON; by default where the stream is a terminal.
    """
    stream = sys.stdout if stream is None else stream
    pretty = stream.isatty() if pretty is None else pretty
    numeric = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=_processors({"service": service, "instance": instance}, pretty=pretty),
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    _take_over_libraries()
    sys.excepthook = _log_crash


def _processors(process: Mapping[str, str], *, pretty: bool) -> Iterable[Processor]:
    def add_process(_logger: object, _method: str, event: EventDict) -> EventDict:
        return {**process, **event}

    last: Processor = structlog.dev.ConsoleRenderer() if pretty else render
    return [
        structlog.contextvars.merge_contextvars,
        add_process,
        structlog.processors.add_log_level,
        reduce_error,
        keep_allowed,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        last,
    ]


def reduce_error(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Turn `exc_info` into the error's types and places, and the sentence of an error made for operators."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else error_of(given)
    if error is not None:
        event["error"], event["where"] = error_types(error), places(error)
        told = sentence(error)
        if told is not None:
            event.setdefault("reason", told)
    return event


def keep_allowed(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Keep the fields of the allow-list, each of its kind; count what was refused."""
    name = event_name(event.pop("event", None))
    kept: EventDict = {"event": name or _NO_EVENT}
    if name is None:
        LOG_REFUSED.labels("event").inc()
    for field, value in event.items():
        kind = FIELDS.get(field)
        if kind is None:
            LOG_REFUSED.labels("field").inc()
        elif value is not None:
            kept[field] = _kept(field, value)
    return kept


def _kept(field: str, value: object) -> object:
    printed = FIELDS[field](value)
    if printed == REFUSED or (isinstance(printed, list) and REFUSED in printed):
        LOG_REFUSED.labels("value").inc()
    return printed


def render(_logger: object, _method: str, event: EventDict) -> str:
    """One line of ASCII JSON: whatever a value holds, it can't end the line or steer a terminal."""
    return _ENCODER.encode(event).replace("\x7f", "")


def _take_over_libraries() -> None:
    root = logging.getLogger()
    root.handlers[:] = [ForeignLines()]
    root.setLevel(logging.WARNING)
    for name in list(logging.root.manager.loggerDict):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True


def _log_crash(kind: type[BaseException], error: BaseException, _trace: object) -> None:
    """The interpreter's own last words would print the error's text, whatever it holds."""
    if not issubclass(kind, KeyboardInterrupt):
        logger("process").critical("process_crashed", exc_info=error)
