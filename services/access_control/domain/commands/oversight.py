"""What is asked about accesses themselves: a colleague's confirmation of an emergency, an access that is contested."""

from dataclasses import replace
from typing import Final

from services.access_control.domain.branches.people import is_health_professional
from services.access_control.domain.commands.rule import AnyAct, Asked, Rule
from services.access_control.domain.commands.who import holders_side, in_use, not_a_collector, there
from services.access_control.domain.oversight import Case, Confirmation
from services.access_control.domain.record import Record
from shared.contracts.common import ActorKind, FurtherAct
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.reasons import Reason


def _colleague(asked: Asked) -> Code | None:
    """Another health professional, who may act and is not blocked on this record (AR-018)."""
    if asked.actor.kind is not ActorKind.PROFESSIONAL:
        return Reason.NO_BRANCH
    if code := not_a_collector(asked):
        return code
    if not is_health_professional(asked.actor):
        return FurtherReason.NOT_HEALTH_PROFESSIONAL
    return FurtherReason.OWN_EMERGENCY if asked.actor.number == asked.command.professional else None


def _confirm(asked: Asked) -> Record:
    record, number = asked.record, asked.actor.number or ""
    if record.oversight.is_confirmed(asked.professional, asked.now):
        return record
    given = Confirmation(number, asked.now + asked.policy.emergency)
    confirmations = {**record.oversight.confirmations, asked.professional: given}
    return replace(record, oversight=replace(record.oversight, confirmations=confirmations))


def _there(record: Record) -> Code | None:
    """In every state of a record whose holder lives: what was read stays contestable."""
    return there(record) or (FurtherReason.RECORD_DECEASED if record.deceased else None)


def _not_contestable(asked: Asked) -> Code | None:
    command, known = asked.command, asked.record.oversight
    if command.case is None or command.request is None:
        return FurtherReason.SUBJECT_MISSING
    if known.foreign & {command.case, command.request}:
        return FurtherReason.TRACE_UNKNOWN
    if command.case in known.cases:
        return None
    if command.request in known.contested:
        return FurtherReason.CONTESTED_ALREADY
    named = known.readers.get(command.request) or command.professional or command.structure
    return None if named else FurtherReason.SUBJECT_MISSING


def _contest(asked: Asked) -> Record:
    """A repeat under the same id changes nothing."""
    command, record = asked.command, asked.record
    known = record.oversight
    if command.case is None or command.request is None or command.case in known.cases:
        return record
    case = Case(
        request=command.request,
        professional=known.readers.get(command.request) or command.professional,
        structure=command.structure,
        opened=asked.now,
        due=asked.now + asked.policy.case_answer,
        by_representative=asked.actor.kind is ActorKind.REPRESENTATIVE,
    )
    cases, contested = {**known.cases, command.case: case}, known.contested | {command.request}
    return replace(record, oversight=replace(known, cases=cases, contested=contested))


RULES: Final[dict[AnyAct, Rule]] = {
    FurtherAct.CONFIRM_EMERGENCY: Rule(_colleague, in_use, _confirm, versioned=False, raises=False),
    FurtherAct.CONTEST: Rule(holders_side, _there, _contest, _not_contestable, versioned=False, raises=False),
}
