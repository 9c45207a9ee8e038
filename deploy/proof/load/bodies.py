"""From steps to messages: pure, but for the time and the version of the rights, which are given."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from deploy.proof.load import acts, consents, extracts, oversight
from deploy.proof.load.consents import SHORT
from deploy.proof.load.people import HOLDER, INSURER, OPERATOR, Person, outsiders, professional
from deploy.proof.load.plan import PROFESSIONALS, Deed, Step
from shared.contracts import record_requests as ask
from shared.contracts.common import Actor, Body, Owner
from shared.contracts.insurance import CareSection, ReimbursedCare

PATIENCE: Final = timedelta(seconds=20)
"""How long a reader waits: generous, so that most reads pass through a fault."""
_NOWHERE: Final = UUID(int=0)
_ON_A_PROFESSIONAL: Final = frozenset({Deed.AUTHORISE, Deed.REVOKE, Deed.BLOCK, Deed.UNBLOCK})


def request(
    step: Step,
    version: int,
    now: datetime,
    trace: oversight.Trace | None = None,
    *,
    document: UUID | None = None,
    record: UUID = _NOWHERE,
) -> Body:
    """The message of a step on a record whose rights have this version.

    `trace` is an access to contest, `document` one to act on; None where none is known. Cases for extracts are named
    after the `record`.
    """
    version -= step.stale
    if step.deed in acts.DEEDS:
        return acts.request(step, _outsider(step), document)
    if step.deed is Deed.CONSULT:
        return _consult(step, now)
    if step.deed in oversight.DEEDS | extracts.DEEDS:
        return _of_accesses(step, now, trace, record)
    if step.deed in consents.DEEDS:
        return consents.request(step, _outsider(step), version, now)
    if step.deed in _ON_A_PROFESSIONAL:
        return _of_professional(step, version, now)
    return _of_record(step, _outsider(step), version)


def _consult(step: Step, now: datetime) -> Body:
    doctor, stranger = professional(step.professional), _outsider(step)
    if stranger is None and step.number % 11 == 0:
        actor = consents.delegate(step.professional)
    else:
        actor = stranger or (HOLDER if step.number % 7 == 0 else doctor)
    owner = Owner.AUDIT if step.number % 10 == 0 else Owner.DOCUMENT
    return ask.Consult(actor=actor, owner=owner, deadline=_deadline(step, now))


def _of_accesses(step: Step, now: datetime, trace: oversight.Trace | None, record: UUID) -> Body:
    stranger, deadline = _outsider(step), _deadline(step, now)
    if step.deed in extracts.DEEDS:
        return extracts.request(step, stranger, deadline, record)
    return oversight.request(step, stranger, deadline, trace)


def _deadline(step: Step, now: datetime) -> datetime:
    return now - PATIENCE if step.late else now + PATIENCE


def _of_professional(step: Step, version: int, now: datetime) -> Body:
    """A decision about one professional; now and then by a protector, or a block by an administrator."""
    about = professional(step.professional).number or ""
    stranger = _outsider(step)
    told: dict[str, Any] = {"actor": stranger or HOLDER, "rights_version": version, "professional": about}
    if stranger is None and step.number % 9 == 0:
        told |= {"actor": consents.protector(step.professional + 1), "opinion": "agrees"}
    match step.deed:
        case Deed.AUTHORISE:
            return ask.Authorise(**told, until=now + SHORT if step.number % 4 == 0 else None)
        case Deed.BLOCK:
            if stranger is None and step.number % 5 == 0:
                told["actor"] = professional((step.professional + 1) % PROFESSIONALS)
            return ask.Block(**told)
        case Deed.REVOKE:
            return ask.Revoke(**told)
        case _:
            return ask.Unblock(**told)


def _of_record(step: Step, stranger: Actor | None, version: int) -> Body:
    about = professional(step.professional).number
    match step.deed:
        case Deed.CLOSE:
            return ask.Close(actor=stranger or HOLDER, rights_version=version)
        case Deed.REOPEN:
            return ask.Reopen(actor=stranger or HOLDER, rights_version=version)
        case Deed.DECLARE:
            return ask.DeclareTreatingDoctor(actor=stranger or INSURER, professional=about if step.number % 3 else None)
        case Deed.RELEASE:
            return ask.Release(actor=stranger or OPERATOR)
        case _:
            raise ValueError(f"{step.deed} is no request on a record")


def depositor(step: Step, copy: bool = False) -> Actor:  # noqa: FBT001, FBT002
    """Who deposits; `copy`: the other professional of a document that two deposit."""
    doctor = professional((step.professional + copy) % 10)
    stranger = _outsider(step)
    return stranger if stranger is not None and stranger.number is not None else doctor


def line(step: Step, holder: Person, now: datetime) -> ReimbursedCare:
    """A line of reimbursed care; of a stale step one with a number that can't be."""
    number = holder.ins.number
    return ReimbursedCare(
        line=f"L{step.number}",
        version=1,
        matricule=number[:13] + "99" if step.stale else number,
        oid=holder.ins.oid,
        care_date=(now - timedelta(days=30 + step.number % 300)).date(),
        section=CareSection.MEDICINES,
        code_system="CIP13",
        code="3400935673220",
    )


def _outsider(step: Step) -> Actor | None:
    if step.outsider is None:
        return None
    among = outsiders(step.professional)
    return among[step.outsider % len(among)]
