"""Cases of heirs and court experts: what was applied for, and how far the operators are (AR-058, AR-065).

A case is no session: each approval is good for one extract, runs out unused, and is given by another operator than the
one who opened the case and takes the extract.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from shared.contracts.record_extracts import ExtractKind, ExtractPurpose

_HEIRS_PURPOSES: Final = frozenset({ExtractPurpose.CAUSES_OF_DEATH, ExtractPurpose.MEMORY, ExtractPurpose.RIGHTS})


@dataclass(frozen=True, slots=True)
class Applied:
    """For whom, what for, and of which documents at most."""

    kind: ExtractKind
    purpose: ExtractPurpose
    types: frozenset[str] = frozenset()
    """Empty: every type within the period."""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def by_heirs(self) -> bool:
        """True for those of L.1110-4 V: heirs, cohabitee, PACS partner."""
        return self.kind is not ExtractKind.COURT_EXPERT

    @property
    def suits(self) -> bool:
        """True where the purpose is one of such an applicant: three of the law, or the court's mission."""
        return (self.purpose in _HEIRS_PURPOSES) is self.by_heirs

    @property
    def bounded(self) -> bool:
        """True where it is not everything: types are named, or a period with both its ends, or both."""
        if self.since is None and self.until is None:
            return bool(self.types)
        return self.since is not None and self.until is not None and self.since < self.until


@dataclass(frozen=True, slots=True)
class Extract:
    """One case."""

    applied: Applied
    opened_by: str
    """Code of the operator who opened it, and who alone takes its extracts."""
    opened_at: datetime
    approved_by: str | None = None
    approved_until: datetime | None = None
    """First moment at which the approval is none any more; None: none waits to be used."""
    refused_by: str | None = None
    """A refusal is for good."""
    taken: int = 0
    """How many extracts were taken: each asks for an approval of its own."""

    def is_approved(self, now: datetime) -> bool:
        """True while an approval can be used; its end is compared, never a timer."""
        return self.refused_by is None and self.approved_until is not None and now < self.approved_until

    def approved(self, operator: str, now: datetime, lasts: timedelta) -> "Extract":
        """With another operator's approval."""
        return replace(self, approved_by=operator, approved_until=now + lasts)

    def refused(self, operator: str) -> "Extract":
        """Ended by a refusal, which takes an approval away, too."""
        return replace(self, refused_by=operator, approved_until=None)

    def used(self) -> "Extract":
        """With one more extract taken, and no approval left."""
        return replace(self, approved_until=None, taken=self.taken + 1)

    def state(self, now: datetime) -> str:
        """`waiting`, `approved` or `refused`."""
        if self.refused_by is not None:
            return "refused"
        return "approved" if self.is_approved(now) else "waiting"
