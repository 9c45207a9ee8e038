"""On which terms somebody reads: the mode with its reason, the purpose, and a consent that was spoken.

Each is a header, as a search, a document and the history are asked for by GET. What is doubled or can't be a word of a
list is refused here; which purpose is none, and for whom a spoken consent counts, is decided by access_control.
"""

import re
from typing import Final, NamedTuple

from fastapi import Request

from services.gateway.api.urgency import Urgency, one_header, urgency
from shared.contracts.record_requests import SpokenConsent
from shared.http import Problem

PURPOSE: Final = "carnet-access-purpose"
"""`care`, `prevention` or `coordination`; any other is a secondary use, which is denied and traced (AR-049)."""
SPOKEN: Final = "carnet-spoken-consent"
"""What a doctor of the firefighters was told: `holder`, `trusted_person`, `vital_risk` (AR-064)."""
CARE: Final = "care"
_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


class Terms(NamedTuple):
    """On which terms somebody reads."""

    urgent: Urgency | None = None
    purpose: str = CARE
    consent: SpokenConsent | None = None


def terms(request: Request) -> Terms:
    """The terms that a request names; care in the normal mode where it names none.

    Raises:
        Problem: 422 for headers that say nothing, too much or no word of their list.
    """
    return Terms(urgency(request), _purpose(request), _spoken(request))


def _purpose(request: Request) -> str:
    purpose = one_header(request, PURPOSE)
    if purpose is None:
        return CARE
    if not _CODE.fullmatch(purpose):
        raise Problem(422, "unreadable_purpose", f"{PURPOSE} is no code.", f"Send {CARE}, or leave it out.")
    return purpose


def _spoken(request: Request) -> SpokenConsent | None:
    told = one_header(request, SPOKEN)
    if told is None:
        return None
    try:
        return SpokenConsent(told)
    except ValueError:
        expected = ", ".join(SpokenConsent)
        raise Problem(
            422, "unknown_consent", "There is no such answer.", f"Send one of {expected} in {SPOKEN}."
        ) from None
