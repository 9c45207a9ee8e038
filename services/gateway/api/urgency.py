"""The mode in which somebody reads, as a request says it: `normal`, `bris_de_glace` or `centre_15` (AR-033, AR-034).

Three headers, since a search, a document and the history are asked for by GET: the mode by its code, the reason by its
code, and what the professional writes beside it, percent-encoded UTF-8. They are read as they stand: what is doubled,
unknown or without a mode is refused, so that nobody reads in another mode than he believes. Whether an emergency is
permitted is decided by access_control alone.
"""

from typing import Final, NamedTuple
from urllib.parse import unquote

from fastapi import Request

from shared.contracts.common import AccessMode
from shared.http import Problem
from shared.terminology import emergency_reasons

MODE: Final = "carnet-access-mode"
REASON: Final = "carnet-access-reason"
TEXT: Final = "carnet-access-text"
MOST_CHARACTERS: Final = 2000


class Urgency(NamedTuple):
    """An emergency in which somebody reads."""

    mode: AccessMode
    reason: str | None
    """Code of the list; it may be left out while an emergency goes on (AR-039)."""
    text: str | None
    """What is written beside it: for access_control alone, over internal HTTP."""

    def __repr__(self) -> str:
        """Without the text."""
        return f"Urgency({self.mode})"


def urgency(request: Request) -> Urgency | None:
    """The emergency that a request names; None in the normal mode.

    Raises:
        Problem: 422 for a mode or reason that is none, and for headers that say nothing together.
    """
    mode, reason, text = (one_header(request, name) for name in (MODE, REASON, TEXT))
    if mode in {None, AccessMode.NORMAL.value}:
        if reason is not None or text is not None:
            raise Problem(422, "mode_missing", "A reason stands without its mode.", f"Name the mode in {MODE}.")
        return None
    if mode not in {one.value for one in AccessMode}:
        expected = ", ".join(one.value for one in AccessMode)
        raise Problem(422, "unknown_mode", "There is no such mode of access.", f"Send one of {expected} in {MODE}.")
    if reason is not None and reason not in emergency_reasons():
        expected = ", ".join(sorted(emergency_reasons()))
        raise Problem(422, "unknown_reason", "There is no such reason.", f"Send one of {expected} in {REASON}.")
    return Urgency(AccessMode(mode), reason, _text(text) if text is not None else None)


def one_header(request: Request, name: str) -> str | None:
    """A header that may stand once; raises Problem 422 where it stands twice."""
    found = request.headers.getlist(name)
    if len(found) > 1:
        raise Problem(422, "doubled_header", f"{name} stands twice.", "Send it once.")
    return found[0].strip() if found else None


def _text(written: str) -> str:
    try:
        text = unquote(written, encoding="utf-8", errors="strict").strip()
    except UnicodeDecodeError:
        text = ""
    if not 0 < len(text) <= MOST_CHARACTERS or not written.isascii():
        told = f"{TEXT} holds no text of at most {MOST_CHARACTERS} characters."
        raise Problem(422, "unreadable_text", told, "Send it in UTF-8, percent-encoded.")
    return text
