"""What is asked about accesses themselves: a colleague's confirmation of an emergency."""

from dataclasses import replace
from typing import Final

from services.access_control.domain.branches.people import is_health_professional
from services.access_control.domain.commands.rule import AnyAct, Asked, Rule
from services.access_control.domain.commands.who import in_use, not_a_collector
from services.access_control.domain.oversight import Confirmation
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


RULES: Final[dict[AnyAct, Rule]] = {
    FurtherAct.CONFIRM_EMERGENCY: Rule(_colleague, in_use, _confirm, versioned=False, raises=False),
}
