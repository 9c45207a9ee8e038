"""How an error is logged: the types of it and its causes and the places it passed, never its text.

The text of a foreign error may hold what it failed on: a row, a name, a document. Only an `OperatorError` is shown with
its sentence, which is made to be read in the log.
"""

import traceback
from typing import Final

from shared.errors import OperatorError

_FRAMES: Final = 8
_CAUSES: Final = 4


def _chain(error: BaseException) -> list[BaseException]:
    """The error and its causes, outermost first; groups are opened."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and len(chain) < _CAUSES:
        chain.append(current)
        if isinstance(current, BaseExceptionGroup):
            current = current.exceptions[0]
        else:
            current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain


def error_types(error: BaseException) -> list[str]:
    """Types of the error and of its causes, outermost first; groups are opened."""
    return [f"{type(one).__module__}.{type(one).__qualname__}" for one in _chain(error)]


def sentence(error: BaseException) -> str | None:
    """What the outermost error that is made for operators says; None where none is."""
    return next((str(one) for one in _chain(error) if isinstance(one, OperatorError)), None)


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
