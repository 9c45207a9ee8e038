"""Which accesses are odd (AR-062): counted by actor and clock hour, beside the decisions; nothing is refused by it.

The law punishes unlawful access and names no number. What is usual is therefore a setting, and what is beyond it is
looked at by a person.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.reasons import Reason


class Kind(StrEnum):
    """What is counted, and in which period."""

    RECORDS = "records.hour"
    """Different records that one professional was permitted to read."""
    NO_RELATION = "no_relation.hour"
    """Different records that one professional asked for without any care relation."""
    BREAK_GLASS = "bris_de_glace.hour"
    """Emergencies that one professional began, centre 15 apart: regulating is a profession of emergencies."""
    BREAK_GLASS_DAY = "bris_de_glace.day"
    REGULATION_DAY = "centre_15.day"


@dataclass(frozen=True, slots=True)
class Usual:
    """Up to how many, by one professional in a clock hour, nobody looks."""

    records: int = 60
    """A consultation a minute is more than any practice has; an emergency department's list stays below."""
    no_relation: int = 10
    """A mistaken patient now and then."""
    break_glass: int = 3


NO_RELATION: Final[frozenset[Code]] = frozenset(
    {
        Reason.NOT_AUTHORISED,
        Reason.AUTHORISATION_EXPIRED,
        Reason.BLOCKED,
        FurtherReason.TEAM_CONSENT_ENDED,
        FurtherReason.OPEN_BY_LAW,
        FurtherReason.VITAL_RISK,
    }
)
"""Decisions on who had no care relation: refused for it, or permitted by a rule that asks for none.

Emergencies are counted by themselves. What was refused for another cause (late, held, matrix) says nothing of it.
"""
