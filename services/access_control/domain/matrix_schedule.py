"""Which version of the matrix holds at which moment: a version is activated from a moment on, by the database's clock.

Activations are only ever added. The one that took effect last holds; of two from the same moment, the one decided last.
So a planned change is taken back by activating the version to keep from the same moment, and what held at any past
moment stays known.

An activation never takes effect sooner than `LEAD` after it was decided. Each process reads the schedule again in less
time than that (see `repository.matrices`), so all of them know of a change before it takes effect and change at the
same moment of the database's clock. A decision always names the version that it used.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from services.access_control.domain.matrix import NOTHING, Matrix

PARIS: Final = ZoneInfo("Europe/Paris")
LEAD: Final = timedelta(seconds=20)
"""What a process may know is at most 10 s old; an activation may take 5 s to commit; the rest is reserve."""


class MomentError(ValueError):
    """A moment that was asked for can't be used: why, and what is expected."""


@dataclass(frozen=True, slots=True)
class Activation:
    """A version takes effect at a moment; who decided it, and when."""

    version: str
    takes_effect: datetime
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is known of the versions that hold now or will. Made by `schedule`."""

    moments: tuple[datetime, ...] = ()
    """When versions take effect, in order."""
    matrices: tuple[Matrix, ...] = ()
    """The version of each of these moments."""

    def at(self, now: datetime) -> Matrix:
        """The version that holds at a moment; before the first one `NOTHING`: nobody consults by the matrix."""
        place = bisect_right(self.moments, now)
        return self.matrices[place - 1] if place else NOTHING


def schedule(activations: Iterable[Activation], matrices: Mapping[str, Matrix]) -> Schedule:
    """The schedule of these activations, told in the order in which they were decided.

    Args:
        activations: All that were ever decided.
        matrices: Versions by name. Activations of others are left out: `versions_from` says which are needed.
    """
    known = [one for one in in_order(activations) if one.version in matrices]
    return Schedule(tuple(one.takes_effect for one in known), tuple(matrices[one.version] for one in known))


def in_order(activations: Iterable[Activation]) -> list[Activation]:
    """By the moment at which they take effect; of one moment, in the order in which they were decided."""
    return sorted(activations, key=lambda one: one.takes_effect)


def in_force(activations: Iterable[Activation], moment: datetime) -> Activation | None:
    """The activation that holds at a moment; None before the first one."""
    held = [one for one in in_order(activations) if one.takes_effect <= moment]
    return held[-1] if held else None


def versions_from(activations: Iterable[Activation], since: datetime) -> set[str]:
    """Versions that hold at a moment or at a later one."""
    decided = list(activations)
    later = {one.version for one in decided if one.takes_effect > since}
    held = in_force(decided, since)
    return later if held is None else later | {held.version}


def moment(text: str) -> datetime:
    """A moment that a person wrote: a day means its first moment in Paris, a time without a zone is Paris time.

    Raises:
        MomentError: it is neither.
    """
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise MomentError(f"{text!r} is no moment; expected 2027-01-31, 2027-01-31T18:00 or the like") from None
    return (read if read.tzinfo else read.replace(tzinfo=PARIS)).astimezone(UTC)


def midnight(day: date) -> datetime:
    """The first moment of a day in Paris."""
    return datetime(day.year, day.month, day.day, tzinfo=PARIS).astimezone(UTC)


def soonest(now: datetime) -> datetime:
    """The earliest moment at which a version may take effect: every process knows of it by then."""
    return now + LEAD


def start(asked: datetime | None, effective: date, now: datetime, *, at_once: bool = False) -> datetime:
    """When a version takes effect.

    Args:
        asked: The moment asked for. None: the next midnight in Paris that is not before the version's own date.
        effective: The version's own date.
        now: The database's clock.
        at_once: As soon as every process knows of it, instead of `asked`.

    Raises:
        MomentError: the moment is past or too near, so that something was decided by another version already, or it is
            before the version's own date.
    """
    chosen = soonest(now) if at_once else asked or max(_next_midnight(now), midnight(effective))
    if chosen < soonest(now):
        raise MomentError(
            f"{told(chosen)} is past, or nearer than {LEAD.seconds} s, so that processes would not all know of it; "
            "choose a later moment, or --now for the earliest one"
        )
    if chosen < midnight(effective):
        raise MomentError(
            f"{told(chosen)} is before {effective}, the day from which this version is meant to hold; "
            "choose a later moment, or import it as another version with another effective date"
        )
    return chosen


def _next_midnight(now: datetime) -> datetime:
    """The next midnight in Paris of which every process can know."""
    return midnight(soonest(now).astimezone(PARIS).date() + timedelta(days=1))


def told(when: datetime) -> str:
    """A moment as people read it: Paris time."""
    return when.astimezone(PARIS).strftime("%Y-%m-%d %H:%M:%S (Paris)")
