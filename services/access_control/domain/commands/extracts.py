"""Cases of heirs and court experts: one operator opens, another approves each extract or refuses (AR-058, AR-065).

What is told of a case names nobody: the applicant and the papers stand, encrypted, under the case's id (`written`).
"""

from dataclasses import replace
from typing import Final

from services.access_control.domain.branches.extracts import not_entitled
from services.access_control.domain.commands.rule import AnyAct, Asked, Command, Rule
from services.access_control.domain.commands.who import holders_side, in_use, operator
from services.access_control.domain.extracts import Extract
from services.access_control.domain.record import Record, no_extract
from shared.contracts.common import ActorKind, FurtherAct
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.reasons import Reason


def _person(asked: Asked) -> Code | None:
    """An operator who signed in: two of them are told apart by their tokens."""
    if code := operator(asked):
        return code
    return None if asked.actor.authenticated and asked.actor.number else Reason.NOT_AUTHENTICATED


def _holder(asked: Asked) -> Code | None:
    """The person himself alone: the law asks for his own will (L.1110-4 V)."""
    if code := holders_side(asked):
        return code
    return None if asked.actor.kind is ActorKind.PATIENT else Reason.NOT_HOLDER


def _oppose(asked: Asked) -> Record:
    opposed = asked.command.opposed
    return asked.record if asked.record.heirs_opposed is opposed else replace(asked.record, heirs_opposed=opposed)


def _opposes(record: Record, command: Command) -> bool:
    return command.opposed and not record.heirs_opposed


def _not_openable(asked: Asked) -> Code | None:
    command, known = asked.command, asked.record.oversight
    applied = command.applied
    if command.case is None or applied is None:
        return FurtherReason.SUBJECT_MISSING
    before = _known(asked)
    if command.case in known.foreign or (before is not None and not _repeats(before, asked)):
        return FurtherReason.CASE_UNKNOWN
    if not applied.suits:
        return FurtherReason.CASE_PURPOSE
    if not applied.bounded:
        return FurtherReason.SCOPE_EMPTY
    if command.case not in known.texts:
        return FurtherReason.PAPER_MISSING
    return not_entitled(asked.record, applied)


def _open(asked: Asked) -> Record:
    """A repeat under the same id changes nothing."""
    applied = asked.command.applied
    if applied is None or _known(asked) is not None:
        return asked.record
    return _with(asked, Extract(applied, asked.actor.number or "", asked.now))


def _not_answerable(asked: Asked) -> Code | None:
    found = _known(asked)
    if found is None:
        return FurtherReason.CASE_UNKNOWN
    if found.opened_by == asked.actor.number:
        return FurtherReason.SAME_OPERATOR
    return _not_approvable(asked, found) if asked.command.accepted else None


def _not_approvable(asked: Asked, found: Extract) -> Code | None:
    if found.refused_by is not None:
        return FurtherReason.CASE_REFUSED
    if asked.command.taken != found.taken:
        return FurtherReason.EXTRACT_TAKEN  # an approval that is said again allows no second extract
    if found.is_approved(asked.now) and found.approved_by != asked.actor.number:
        return FurtherReason.CASE_APPROVED
    return not_entitled(asked.record, found.applied)


def _answer(asked: Asked) -> Record:
    found, number = _known(asked), asked.actor.number or ""
    if found is None:
        return asked.record
    if not asked.command.accepted:
        return asked.record if found.refused_by is not None else _with(asked, found.refused(number))
    if found.is_approved(asked.now):
        return asked.record
    return _with(asked, found.approved(number, asked.now, asked.policy.extract_approval))


def _refuses(record: Record, command: Command) -> bool:
    del record
    return not command.accepted


def _known(asked: Asked) -> Extract | None:
    case = asked.command.case
    return asked.record.oversight.extracts.get(case) if case is not None else None


def _repeats(before: Extract, asked: Asked) -> bool:
    return before.applied == asked.command.applied and before.opened_by == asked.actor.number


def _with(asked: Asked, extract: Extract) -> Record:
    case = asked.command.case
    if case is None:
        return asked.record
    return replace(asked.record, oversight=asked.record.oversight.with_extract(case, extract))


RULES: Final[dict[AnyAct, Rule]] = {
    FurtherAct.OPPOSE_HEIRS: Rule(_holder, in_use, _oppose, restricts=_opposes),
    FurtherAct.REQUEST_EXTRACT: Rule(_person, no_extract, _open, _not_openable, versioned=False, raises=False),
    FurtherAct.ANSWER_EXTRACT: Rule(
        _person, no_extract, _answer, _not_answerable, restricts=_refuses, versioned=False, raises=False
    ),
}
