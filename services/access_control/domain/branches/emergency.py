"""Step E5 in an emergency mode: the holder's wish, the right to the mode, the reason. Block has been asked before (E4).

A mode never falls back to an authorisation: who is authorised asks in the normal mode. An emergency lasts half an hour
for one professional on one record: within it wish and right to the mode are asked each time, the reason is not.
"""

from datetime import datetime
from typing import Final

from services.access_control.domain.branches.people import DOCTOR, is_health_professional, is_occupational
from services.access_control.domain.cases import Consultation, Reading
from services.access_control.domain.oversight import Emergency as Known
from services.access_control.domain.record import Record
from services.access_control.domain.verdict import Verdict
from shared.contracts.access_decisions import Emergency
from shared.contracts.common import AccessMode, Actor
from shared.contracts.further_reasons import Code, FurtherReason
from shared.terminology import OTHER_REASON, emergency_reason

EMERGENCIES: Final = frozenset({FurtherReason.BREAK_GLASS, FurtherReason.REGULATION})


def relation(case: Consultation) -> Code:
    """Why an emergency access is permitted or not (AR-033 to AR-040)."""
    regulation = case.asked.mode is AccessMode.REGULATION
    wishes = case.record.wishes
    if not (wishes.regulation if regulation else wishes.break_glass):
        return FurtherReason.EMERGENCY_OPPOSED
    if code := _no_regulator(case.actor) if regulation else _no_glass_breaker(case.actor):
        return code
    if _going_on(case) is None and (code := _no_reason(case.asked) or _unconfirmed(case)):
        return code
    return FurtherReason.REGULATION if regulation else FurtherReason.BREAK_GLASS


def told(record: Record, asked: Reading, verdict: Verdict, now: datetime) -> Emergency | None:
    """What the patient and the médecin traitant are told of a permitted emergency access (AR-038); else None.

    Args:
        record: As it was before this access.
        asked: The access.
        verdict: What was decided.
        now: The database's clock.
    """
    if not verdict.permitted or asked.mode is AccessMode.NORMAL:
        return None
    number = asked.actor.number
    tell = record.treating if record.treating != number else None
    known = record.oversight.emergency(number, asked.mode, now) if verdict.code in EMERGENCIES else None
    reason = asked.reason_code or (known.reason if known is not None else None)
    return Emergency(reason=reason, tell=tell, first=known.request if known is not None else None)


def begins(record: Record, asked: Reading, verdict: Verdict, now: datetime) -> bool:
    """True where a permitted access begins an emergency: it had to be justified, and no other is under way."""
    urgent = verdict.permitted and verdict.code in EMERGENCIES
    return urgent and record.oversight.emergency(asked.actor.number, asked.mode, now) is None


def _going_on(case: Consultation) -> Known | None:
    return case.record.oversight.emergency(case.actor.number, case.asked.mode, case.now)


def _no_regulator(actor: Actor) -> Code | None:
    """The regulating doctor alone (CSP L.6311-2, AR-034)."""
    may = actor.regulator and actor.role == DOCTOR and not is_occupational(actor)
    return None if may else FurtherReason.REGULATION_NOT_GRANTED


def _no_glass_breaker(actor: Actor) -> Code | None:
    """Health professionals alone: none of R94, R95, R291 (AR-033)."""
    may = is_health_professional(actor) and not is_occupational(actor)
    return None if may else FurtherReason.EMERGENCY_PROFESSION


def _unconfirmed(case: Consultation) -> Code | None:
    """Where a setting asks for it: beyond the number of a day a colleague confirms; never for centre 15."""
    if case.asked.mode is not AccessMode.EMERGENCY or not case.policy.colleague_confirms:
        return None
    known, number = case.record.oversight, case.actor.number or ""
    usual = known.today.get(number, 0) < case.policy.break_glass_a_day
    return None if usual or known.is_confirmed(number, case.now) else FurtherReason.EMERGENCY_UNCONFIRMED


def _no_reason(asked: Reading) -> Code | None:
    """A code of the list, and a text beside `other` (AR-039)."""
    if asked.reason_code is None or emergency_reason(asked.reason_code) is None:
        return FurtherReason.EMERGENCY_REASON_MISSING
    if asked.reason_code == OTHER_REASON and not asked.reason_told:
        return FurtherReason.EMERGENCY_TEXT_MISSING
    return None
