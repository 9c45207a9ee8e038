"""How an error is logged: the types of it and its causes and the places it passed, never its text.

The text of a foreign error may hold what it failed on: a row, a name, a document.
"""

import traceback
from typing import Final

_FRAMES: Final = 8
_CAUSES: Final = 4


def error_types(error: BaseException) -> list[str]:
    """Types of the error and of its causes, outermost first; groups are opened."""
    types: list[str] = []
    current: BaseException | None = error
    while current is not None and len(types) < _CAUSES:
        kind = type(current)
        types.append(f"{kind.__module__}.{kind.__qualname__}")
        if isinstance(current, BaseExceptionGroup):
            current = current.exceptions[0]
        else:
            current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return types


def places(error: BaseException) -> list[str]:
    """The innermost frames as `module:line:function`."""
    frames = list(traceback.walk_tb(error.__traceback__))[-_FRAMES:]
    return [
        f"{frame.f_globals.get('__name__', '?')}:{line}:{frame.f_code.co_name.strip('<>')}" for frame, line in frames
    ]


def error_of(exc_info: object) -> BaseException | None:
    """The error that a logger was given as `exc_info`."""
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple) and len(exc_info) > 1 and isinstance(exc_info[1], BaseException):
        return exc_info[1]
    return None
