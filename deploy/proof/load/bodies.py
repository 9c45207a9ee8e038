"""From steps to messages: pure, but for the time and the version of the rights, which are given."""

from datetime import datetime, timedelta
from typing import Final

from deploy.proof.load.people import HOLDER, INSURER, OPERATOR, Person, outsiders, professional
from deploy.proof.load.plan import Deed, Step
from shared.contracts import record_requests as ask
from shared.contracts.common import Actor, Body, Owner
from shared.contracts.insurance import CareSection, ReimbursedCare

PATIENCE: Final = timedelta(seconds=20)
"""How long a reader waits: generous, so that most reads pass through a fault."""
_SHORT: Final = timedelta(seconds=3)


def request(step: Step, version: int, now: datetime) -> Body:
    """The message of a step on a record whose rights have this version."""
    doctor = professional(step.professional)
    stranger = _outsider(step)
    version -= step.stale
    about = doctor.number or ""
    match step.deed:
        case Deed.CONSULT:
            owner = Owner.AUDIT if step.number % 10 == 0 else Owner.DOCUMENT
            actor = stranger or (HOLDER if step.number % 7 == 0 else doctor)
            deadline = now - PATIENCE if step.late else now + PATIENCE
            return ask.Consult(actor=actor, owner=owner, deadline=deadline)
        case Deed.AUTHORISE:
            until = now + _SHORT if step.number % 4 == 0 else None
            return ask.Authorise(actor=stranger or HOLDER, rights_version=version, professional=about, until=until)
        case Deed.REVOKE:
            return ask.Revoke(actor=stranger or HOLDER, rights_version=version, professional=about)
        case Deed.BLOCK:
            return ask.Block(actor=stranger or HOLDER, rights_version=version, professional=about)
        case Deed.UNBLOCK:
            return ask.Unblock(actor=stranger or HOLDER, rights_version=version, professional=about)
        case _:
            return _of_record(step, stranger, version)


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
