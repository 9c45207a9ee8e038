"""What a log line may hold: the allow-list of fields, each with the kind of value it takes.

Log lines leave the protected room: they hold no identity, no title, no content (design.md, invariant 7). So a field
that is not listed is dropped, a value of another kind is replaced, and both are counted. A new field is a decision of
security: say in its comment what it can hold.
"""

import re
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from functools import lru_cache
from pathlib import PurePath
from typing import Final
from uuid import UUID

REFUSED: Final = "(refused)"
"""Stands where a value was not of its field's kind."""

_EVENT = re.compile(r"[a-z][a-z0-9_.]*", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9_.:/{}<>*+-]+", re.ASCII)
_TEXT = re.compile(r"[\x20-\x7e\u00a0-\u024f\u2013-\u201d\u2026]{0,400}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
# a NIR, with or without its key and with the blanks people write: 13 digits, A or B at the seventh in Corsica
_NIR_LIKE = re.compile(r"(?<![0-9A-Fa-f-])[0-9](?:[ .-]?[0-9]){4}[ .-]?[0-9][0-9AB](?:[ .-]?[0-9]){6}", re.ASCII)
_LARGEST: Final = 10**12
"""A NIR has 13 digits; no count, offset or size here has."""
_LONGEST_LIST: Final = 32
_LONGEST_CODE: Final = 160
_LONGEST_EVENT: Final = 64

Kind = Callable[[object], object]
"""Gives the value as it is printed, or REFUSED."""


def _identifier(value: object) -> object:
    """A UUID: random, or derived from one."""
    if isinstance(value, UUID) or (isinstance(value, str) and _UUID.fullmatch(value)):
        return str(value)
    return REFUSED


def _code(value: object) -> object:
    """A word of a closed vocabulary, a name given by a developer or operator, a directory number; no free text."""
    if isinstance(value, Enum):
        value = value.value
    return value if isinstance(value, str) and len(value) <= _LONGEST_CODE and _is_code(value) else REFUSED


@lru_cache(maxsize=4096)
def _is_code(value: str) -> bool:
    """Codes are few and stand in every line: each is looked at once."""
    return bool(_CODE.fullmatch(value)) and (bool(_UUID.fullmatch(value)) or not _NIR_LIKE.search(value))


def _number(value: object) -> object:
    """A count, size, duration or position."""
    if isinstance(value, bool) or (isinstance(value, int | float) and abs(value) < _LARGEST):
        return value
    return REFUSED


def _moment(value: object) -> object:
    """A point in time of the system, not of a person's life."""
    return value.isoformat() if isinstance(value, datetime) and value.tzinfo else REFUSED


def _sentence(value: object) -> object:
    """A sentence of Carnet's own code, made of codes and names of services; control characters refuse it."""
    if isinstance(value, str) and _TEXT.fullmatch(value) and "@" not in value and not _NIR_LIKE.search(value):
        return value
    return REFUSED


def _codes(value: object) -> object:
    """A short list of codes."""
    if isinstance(value, set | frozenset):
        value = sorted(value, key=str)
    if isinstance(value, list | tuple):
        return [_code(str(item) if isinstance(item, int) else item) for item in value[:_LONGEST_LIST]]
    return REFUSED


FIELDS: Final[dict[str, Kind]] = {
    # who writes the line
    "service": _code,  # name of the service
    "instance": _code,  # name of the replica
    "module": _code,  # Python module that logs
    "level": _code,  # debug, info, warning, error, critical
    "timestamp": _code,  # UTC, ISO 8601
    "where": _codes,  # module:line:function of the frames of an error, innermost last, without values
    # ids to follow a flow by: random or derived from random ones
    "correlation": _identifier,  # request or deposit at the root of a flow
    "request": _identifier,  # request to access_control
    "record": _identifier,  # record id: a pseudonym, given at random
    "message": _identifier,  # message id
    "cause": _identifier,  # message that caused this one
    # messages
    "topic": _code,  # topic's name
    "partition": _number,  # partition's number
    "offset": _number,  # position in the partition
    "number": _number,  # gap-free number in the partition
    "expected": _number,  # number that should have come
    "type": _code,  # message type
    "outcome": _code,  # what became of it, from a closed list
    "code": _code,  # reason code
    "attribute": _code,  # name of a field or header that was wrong, never its value
    "epoch": _number,  # epoch of a relay's cursor
    "partitions": _codes,  # numbers of partitions
    "topics": _codes,  # names of topics
    # amounts
    "count": _number,  # how many
    "size": _number,  # bytes
    "seconds": _number,  # duration or age
    "attempt": _number,  # how many times tried
    "pending": _number,  # rows waiting
    "lag": _number,  # messages waiting
    "repeated": _number,  # lines like this one left out since the last
    "until": _moment,  # when the system does something next
    # calls between services
    "caller": _code,  # service that calls
    "audience": _code,  # service that is called
    "method": _code,  # HTTP method
    "route": _code,  # route's template, never the path itself
    "status": _number,  # HTTP or SMTP status
    "port": _number,  # port listened on
    "host": _code,  # address listened on or broker, as set by an operator
    # people at work, by directory number only
    "principal": _code,  # Kafka principal or database role
    "insurer": _code,  # insurer's code
    # errors
    "error": _codes,  # types of an error and its causes, never their texts
    "library": _code,  # library that logged
    "template": _sentence,  # a library's message before its values are filled in
    "reason": _sentence,  # sentence of our own code: what was wrong, what was expected, the next step
    "setting": _code,  # name of a setting
    "file": lambda value: _code(value.name if isinstance(value, PurePath) else value),  # name of a file of ours
    "signal": _code,  # signal that ends the process
    "state": _code,  # state of a process or a loop
    "loop": _code,  # name of a loop or consumer
    "version": _code,  # version of data or schema
}


def event_name(event: object) -> str | None:
    """The event where it is a short constant such as `deposit_stored`; nothing where it may hold a value."""
    return event if isinstance(event, str) and len(event) <= _LONGEST_EVENT and _is_event(event) else None


@lru_cache(maxsize=1024)
def _is_event(text: str) -> bool:
    return bool(_EVENT.fullmatch(text)) and not _NIR_LIKE.search(text)
