"""Who never reads by a request: excluded bodies, and branch F, heirs, experts and operators, whose way is a case."""

from typing import Final

from services.access_control.domain.branches.holder import ALWAYS
from services.access_control.domain.cases import Acting, Consultation
from services.access_control.domain.steps import Branch, Grant
from services.access_control.domain.verdict import Verdict, deny
from shared.contracts.common import Capacity
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason

CAPACITIES: Final = frozenset({Capacity.HEIR, Capacity.COURT_EXPERT, Capacity.TRUSTED_PERSON})
"""In which nobody does anything himself."""


def excluded(case: Consultation | Acting) -> Verdict:
    """Insurers, even with consent (CSP L.1111-18, AR-046); their counsellors open records and read nothing (AR-001)."""
    counsels = case.actor.capacity is Capacity.COUNSELLOR
    return deny(FurtherReason.COUNSELLOR_READS_NOTHING if counsels else Reason.EXCLUDED_ACTOR)


def by_case(case: Consultation | Acting) -> Verdict:
    """No direct read (AR-058, AR-065); from being a trusted person nothing follows (AR-069)."""
    trusted = case.actor.capacity is Capacity.TRUSTED_PERSON
    return deny(FurtherReason.NO_RELATION if trusted else FurtherReason.CASE_NEEDED)


EXCLUDED: Final[Branch[Consultation]] = Branch(ALWAYS, Grant("excluded", ("AR-001", "AR-046", "AR-048"), excluded))
BY_CASE: Final[Branch[Consultation]] = Branch(ALWAYS, Grant("F", ("AR-002", "AR-058", "AR-065", "AR-069"), by_case))
