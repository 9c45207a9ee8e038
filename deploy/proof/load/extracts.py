"""Steps about extracts for heirs and court experts: one operator opens a case, another answers, the first one takes."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from deploy.proof import made
from deploy.proof.load.people import OPERATOR, SECOND_OPERATOR, Person
from deploy.proof.load.plan import Deed, Step
from shared.contracts.common import Actor, Body, Owner
from shared.contracts.record_extracts import AnswerExtract, ExtractKind, ExtractPurpose, RequestExtract
from shared.contracts.record_requests import Consult

DEEDS: Final = frozenset({Deed.REQUEST_EXTRACT, Deed.ANSWER_EXTRACT, Deed.TAKE_EXTRACT})
_CASES: Final = 3
"""Of each record: so few that answers meet them. Two are experts', the third one is of heirs."""
_TYPES: Final = frozenset({made.KINDS["prescription"].type_code})
_PERIOD: Final = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}


def case_of(step: Step, record: UUID) -> UUID:
    """The case of a step; now and then one for which no paper was ever handed over."""
    return uuid5(record, f"{'case' if _has_paper(step) else 'no paper'} {_place(step)}")


def request(step: Step, stranger: Actor | None, deadline: datetime, record: UUID) -> Body:
    """The message of a step."""
    case = case_of(step, record)
    match step.deed:
        case Deed.REQUEST_EXTRACT:
            return _opening(step, stranger or (SECOND_OPERATOR if step.number % 9 == 0 else OPERATOR), case)
        case Deed.ANSWER_EXTRACT:
            actor = stranger or (OPERATOR if step.number % 6 == 0 else SECOND_OPERATOR)
            taken = step.number % 3
            return AnswerExtract(actor=actor, case=case, accepted=step.number % 40 != 0, taken=taken)
        case _:
            actor = stranger or (SECOND_OPERATOR if step.number % 7 == 0 else OPERATOR)
            owner = Owner.AUDIT if step.number % 10 == 0 else Owner.DOCUMENT
            return Consult(actor=actor, owner=owner, deadline=deadline, case=case)


def paper(step: Step, holder: Person) -> str | None:
    """Who applies, which stands under the case; of each case the same, as people repeat it. It may be seen nowhere."""
    if step.deed is not Deed.REQUEST_EXTRACT or not _has_paper(step):
        return None
    return f"{holder.given} {holder.family}: {_place(step)}"


def _place(step: Step) -> int:
    return step.professional % _CASES


def _has_paper(step: Step) -> bool:
    return step.number % 11 != 0


def _opening(step: Step, actor: Actor, case: UUID) -> RequestExtract:
    """What each case is for stays the same; now and then too much, or for what its kind may not."""
    expert = _place(step) < _CASES - 1
    told: dict[str, Any] = dict(_PERIOD) if _place(step) else {"types": _TYPES}
    if step.number % 12 == 0:
        told = {}
    mission = expert is (step.number % 13 != 0)
    return RequestExtract(
        actor=actor,
        case=case,
        kind=ExtractKind.COURT_EXPERT if expert else ExtractKind.HEIR,
        purpose=ExtractPurpose.COURT_MISSION if mission else ExtractPurpose.MEMORY,
        **told,
    )
