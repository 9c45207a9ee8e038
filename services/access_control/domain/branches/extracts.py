"""Branch F by a case: an operator takes the one extract that another operator approved (AR-058, AR-065).

Nothing is read that the holder masked, or that is withheld or hidden: masking is the will that L.1110-4 V asks for, and
of the rest nobody has said that an heir or an expert may see it. Everything is asked again when the extract is taken.
"""

from typing import Final

from services.access_control.domain.branches.holder import ALWAYS
from services.access_control.domain.cases import Consultation
from services.access_control.domain.extracts import Applied, Extract
from services.access_control.domain.record import Record, no_extract
from services.access_control.domain.steps import Branch, Grant, Step
from services.access_control.domain.verdict import Sight, Verdict, deny, permit
from shared.contracts.common import AccessMode, ActorKind, Owner
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.reasons import Reason


def not_entitled(record: Record, applied: Applied) -> Code | None:
    """Why the law gives nothing: heirs need a death, and a holder who did not oppose while alive (L.1110-4 V)."""
    if not applied.by_heirs:
        return None
    if not record.deceased:
        return FurtherReason.HOLDER_ALIVE
    return FurtherReason.HEIRS_OPPOSED if record.heirs_opposed else None


def _found(case: Consultation) -> Extract | None:
    return case.record.oversight.extracts.get(case.asked.case) if case.asked.case is not None else None


def _operator(case: Consultation) -> Code | None:
    if case.actor.kind is not ActorKind.OPERATOR:
        return Reason.NO_BRANCH
    return None if case.actor.authenticated and case.actor.number else Reason.NOT_AUTHENTICATED


def _case(case: Consultation) -> Code | None:
    """A case of this record, opened by who asks; of a foreign one nothing is said."""
    found = _found(case)
    if found is None or found.opened_by != case.actor.number:
        return FurtherReason.CASE_UNKNOWN
    return FurtherReason.CASE_REFUSED if found.refused_by is not None else None


def _state(case: Consultation) -> Code | None:
    return no_extract(case.record)


def _entitled(case: Consultation) -> Code | None:
    found = _found(case)
    return not_entitled(case.record, found.applied) if found is not None else FurtherReason.CASE_UNKNOWN


def _approved(case: Consultation) -> Code | None:
    found = _found(case)
    two = found is not None and found.approved_by not in {None, found.opened_by}
    return None if found is not None and two and found.is_approved(case.now) else FurtherReason.CASE_NOT_APPROVED


def _documents(case: Consultation) -> Code | None:
    """Neither reimbursed care nor traces: nobody applies for them."""
    asked = case.asked
    fits = asked.owner is Owner.DOCUMENT and asked.mode is AccessMode.NORMAL
    return None if fits else FurtherReason.OUTSIDE_EXTRACT


def _extract(case: Consultation) -> Verdict:
    found = _found(case)
    if found is None or not found.applied.bounded:
        return deny(FurtherReason.SCOPE_EMPTY)
    applied = found.applied
    sight = Sight(types=applied.types or None, case=case.asked.case, since=applied.since, until=applied.until)
    return permit(FurtherReason.EXTRACT_APPROVED, sight)


STEPS: Final[tuple[Step[Consultation], ...]] = (
    Step("F1", ("AR-002", "AR-065"), _operator),
    Step("F2", ("AR-065",), _case),
    Step("F3", ("AR-055", "AR-057"), _state),
    Step("F4", ("AR-058",), _entitled),
    Step("F5", ("AR-065",), _approved),
    Step("F6", ("AR-065",), _documents),
)
BRANCH: Final = Branch((*ALWAYS, *STEPS), Grant("F7", ("AR-058", "AR-065"), _extract))
