"""Steps about accesses themselves: emergencies, a colleague's word for one, accesses that are contested."""

from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID, uuid5

from deploy.proof.load.consents import protector
from deploy.proof.load.people import HOLDER, Person, professional
from deploy.proof.load.plan import PROFESSIONALS, Deed, Step
from shared.contracts.common import AccessMode, Actor, Body, Owner
from shared.contracts.record_oversight import ConfirmEmergency, Contest
from shared.contracts.record_requests import Consult
from shared.terminology import OTHER_REASON

DEEDS: Final = frozenset({Deed.EMERGENCY, Deed.CONFIRM, Deed.CONTEST})
_NOBODY: Final = UUID(int=3 * 10**9, version=4)
_REASONS: Final = ("unconscious", OTHER_REASON, None, "unconscious", OTHER_REASON, "no-such-reason")


class Trace(NamedTuple):
    """A read that was decided, as its record's holder finds it among the traces."""

    request: UUID
    reader: str | None


def request(step: Step, stranger: Actor | None, deadline: datetime, trace: Trace | None) -> Body:
    """The message of a step; `trace` is what a contest is about, None where nothing is known to be contested."""
    match step.deed:
        case Deed.EMERGENCY:
            return _emergency(step, stranger, deadline)
        case Deed.CONFIRM:
            return _confirm(step, stranger)
        case _:
            return _contest(step, stranger, trace)


def text(step: Step, holder: Person) -> str | None:
    """What is written beside the reason `other`; None where there is nothing, or what was promised is not handed over.

    It names the holder, as people do: it may be seen nowhere.
    """
    if step.deed is not Deed.EMERGENCY or _REASONS[step.number % len(_REASONS)] != OTHER_REASON:
        return None
    return None if step.number % 4 == 0 else f"{holder.given} {holder.family}: {step.number}"


def _emergency(step: Step, stranger: Actor | None, deadline: datetime) -> Body:
    """A read in one of the modes; now and then without the right to it, or without a reason."""
    regulation = step.professional % 2 == 0
    doctor = stranger or professional(step.professional)
    actor = doctor.model_copy(update={"regulator": True}) if regulation and step.number % 5 else doctor
    reason = _REASONS[step.number % len(_REASONS)]
    return Consult(
        actor=actor,
        owner=Owner.DOCUMENT,
        mode=AccessMode.REGULATION if regulation else AccessMode.EMERGENCY,
        deadline=deadline,
        reason_code=reason,
        reason_told=reason == OTHER_REASON and step.number % 7 != 0,
    )


def _confirm(step: Step, stranger: Actor | None) -> Body:
    """Of a colleague; now and then of oneself."""
    about = professional((step.professional + step.number % 3) % PROFESSIONALS).number or ""
    return ConfirmEmergency(actor=stranger or professional(step.professional), professional=about)


def _contest(step: Step, stranger: Actor | None, trace: Trace | None) -> Body:
    """Under one id for each access, so that a repeat finds its case; now and then under another one."""
    known = trace or Trace(uuid5(_NOBODY, str(step.number)), professional(step.professional).number)
    holder = protector(step.professional) if step.number % 9 == 0 else HOLDER
    case = uuid5(known.request, str(step.number) if step.number % 4 == 0 else "case")
    told = known.reader if step.number % 3 else None
    return Contest(actor=stranger or holder, case=case, request=known.request, professional=told)
