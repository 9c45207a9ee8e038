"""Whether a deposit came in time: on the day of the act that it tells of (CSP R.1111-42, L.1111-15, AR-005). Pure."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

PARIS: Final = ZoneInfo("Europe/Paris")


def in_time(deposited: datetime, created: datetime, start: datetime | None, stop: datetime | None) -> bool:
    """True for a deposit not later than the day, in Paris, of what it tells of.

    That day is the last of the act or stay (of a discharge, AR-005); its first where no end is told; the document's own
    where it tells neither.
    """
    told = stop or start or created
    return deposited.astimezone(PARIS).date() <= told.astimezone(PARIS).date()
