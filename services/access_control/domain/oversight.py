"""What is known beside a record's own rights when something is decided about it: its emergencies, the apps.

It is loaded only for what needs it, so that the reads of every day cost nothing for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from services.access_control.domain.extracts import Extract
from services.access_control.domain.policy import App, Policy
from shared.contracts.common import AccessMode


@dataclass(frozen=True, slots=True)
class Emergency:
    """An emergency access to one record by one professional in one mode, from its first decision until its end.

    What is read meanwhile goes on with it: no new reason is asked for, and it counts once (AR-039).
    """

    request: UUID
    """The request that began it."""
    reason: str
    """Code of the list `emergency_reasons`."""
    until: datetime
    """First moment at which a new reason is needed."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A colleague confirmed a professional's emergency on this record."""

    colleague: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """An access that the holder contests."""

    request: UUID
    professional: str | None
    structure: str | None
    opened: datetime
    due: datetime
    by_representative: bool = False
    founded: bool = False
    """An operator found it justified: by it another one may erase what it is about (AR-068)."""
    answered_by: str | None = None
    """Code of the operator who answered it."""


@dataclass(frozen=True, slots=True)
class Oversight:
    """What stands beside a record, as far as a message needs it."""

    emergencies: Mapping[tuple[str, AccessMode], Emergency] = field(default_factory=dict)
    """The last one by professional and mode."""
    today: Mapping[str, int] = field(default_factory=dict)
    """How often each professional has broken the glass today, on any record (bris de glace)."""
    confirmations: Mapping[str, Confirmation] = field(default_factory=dict)
    """By the professional whose emergency was confirmed."""
    texts: frozenset[UUID] = frozenset()
    """Requests and cases beside which this service keeps a text."""
    apps: Mapping[str, App] = field(default_factory=dict)
    """The referenced and suspended apps by which somebody acts or that he names, as the register is now (AR-067)."""
    suspended: frozenset[str] = frozenset()
    """Directory numbers that the operator suspended, of those who ask: denied everything (AR-062)."""
    cases: Mapping[UUID, Case | None] = field(default_factory=dict)
    """Cases by id; of those that were there before, and that nothing is erased by, no more is needed: None."""
    contested: frozenset[UUID] = frozenset()
    """Requests whose access is contested already."""
    readers: Mapping[UUID, str | None] = field(default_factory=dict)
    """The professional by request of this record, as far as decisions are kept."""
    foreign: frozenset[UUID] = frozenset()
    """Requests and cases of other records: nothing may be said of them here."""
    extracts: Mapping[UUID, Extract] = field(default_factory=dict)
    """Cases of heirs and court experts that a message names (AR-065)."""

    def emergency(self, professional: str | None, mode: AccessMode, now: datetime) -> Emergency | None:
        """The emergency that this professional's access goes on with; None where a new one would begin."""
        found = self.emergencies.get((professional or "", mode))
        return found if found is not None and now < found.until else None

    def is_confirmed(self, professional: str | None, now: datetime) -> bool:
        """True while a colleague's confirmation holds."""
        found = self.confirmations.get(professional or "")
        return found is not None and now < found.until

    def policy(self, settings: Policy) -> Policy:
        """The settings, with the apps as the register is now where somebody names one (AR-067)."""
        return replace(settings, apps=self.apps) if self.apps else settings

    def with_extract(self, case: UUID, extract: Extract) -> "Oversight":
        """With a case of an heir or a court expert as it stands now."""
        return replace(self, extracts={**self.extracts, case: extract})

    def begun(self, professional: str, mode: AccessMode, emergency: Emergency) -> "Oversight":
        """With another emergency, counted once."""
        counts = self.today
        if mode is AccessMode.EMERGENCY:
            counts = {**counts, professional: counts.get(professional, 0) + 1}
        return replace(self, emergencies={**self.emergencies, (professional, mode): emergency}, today=counts)


NOTHING: Final = Oversight()
