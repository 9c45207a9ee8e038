"""When a withheld document opens by itself: one month after its deposit (CSP R.1111-53, AR-031). Pure."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from shared.contracts.common import Actor, ActorKind

PARIS: Final = ZoneInfo("Europe/Paris")
SOONEST: Final = timedelta(days=27)
"""No month is as short, not even a February into which summer time comes."""
CLOCK: Final = Actor(kind=ActorKind.OPERATOR)
"""Who acts where nobody does: the system, without a number."""


def opens_at(since: datetime) -> datetime:
    """The moment at which what is withheld since then opens: in Paris the same time of day, one calendar month later.

    A month without such a day opens it on its last one.
    """
    local = since.astimezone(PARIS)
    year, month = local.year + local.month // 12, local.month % 12 + 1
    day = min(local.day, monthrange(year, month)[1])
    # from the reading of the clock alone: which of two equal hours it was says nothing of the day a month later
    return local.replace(year=year, month=month, day=day, fold=0).astimezone(UTC)
