"""When a minor comes of age (majorité, AR-045): compared when deciding, never a timer."""

from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

AGE: Final = 18
PARIS: Final = ZoneInfo("Europe/Paris")


def majority(birth: date) -> datetime:
    """The moment at which a person born on this day is of age: 00:00 in Paris on the 18th birthday.

    Who was born on 29 February is of age on 1 March where the year has no such day.
    """
    try:
        birthday = birth.replace(year=birth.year + AGE)
    except ValueError:
        birthday = date(birth.year + AGE, 3, 1)
    return datetime.combine(birthday, time(), PARIS)
