"""The window of the history: 24 calendar months of care, by the date in Paris (domain rules, reimbursement history)."""

from calendar import monthrange
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

WINDOW_MONTHS = 24
_PARIS = ZoneInfo("Europe/Paris")


def today_in_paris(now: datetime) -> date:
    """The date that a care giver in metropolitan France reads off the calendar at this moment."""
    return now.astimezone(_PARIS).date()


def months_before(day: date, months: int) -> date:
    """The same day so many calendar months earlier; the month's last day where that month is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


@lru_cache(maxsize=16)
def window_start(today: date) -> date:
    """The first day of care that is kept."""
    return months_before(today, WINDOW_MONTHS)
