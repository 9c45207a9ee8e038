"""May it be done? First the branch, by actor and act; then its steps in order, of which the first that denies decides.

A holder, representative, carer (`branches/holder`) · B app or digital service (`apps`) · C deposit (`deposits`) ·
D act on a document (`documents`) · E consultation by a professional (`professionals`) · F an operator's extract by a
case (`extracts`); without one heir, expert and operator read nothing, as excluded bodies (`no_read`). What no branch
takes is denied.
"""

from datetime import datetime
from typing import Final

from services.access_control.domain.branches import (
    apps,
    deposits,
    documents,
    emergency,
    extracts,
    holder,
    no_read,
    professionals,
)
from services.access_control.domain.branches.deposits import needs_consent, needs_rights
from services.access_control.domain.branches.professionals import REIMBURSEMENTS
from services.access_control.domain.cases import Acting, ActOnDocument, Consultation, Feeding, Reading
from services.access_control.domain.matrix import Matrix
from services.access_control.domain.policy import DEFAULT, Policy
from services.access_control.domain.record import Record
from services.access_control.domain.steps import Branch, run, run_and_tell
from services.access_control.domain.verdict import Verdict
from shared.contracts.common import AccessMode, Actor, ActorKind

__all__ = [
    "REIMBURSEMENTS",
    "ActOnDocument",
    "Reading",
    "act",
    "begins_emergency",
    "consult",
    "deposit",
    "explain",
    "explain_act",
    "explain_deposit",
    "needs_consent",
    "needs_rights",
    "told_of_emergency",
]

_BY_KIND: Final[dict[ActorKind, Branch[Consultation]]] = {
    ActorKind.PATIENT: holder.BRANCH,
    ActorKind.REPRESENTATIVE: holder.BRANCH,
    ActorKind.PROFESSIONAL: professionals.BRANCH,
    ActorKind.STRUCTURE: professionals.BRANCH,
    ActorKind.INSURER: no_read.EXCLUDED,
    ActorKind.OPERATOR: no_read.BY_CASE,
}

told_of_emergency = emergency.told
begins_emergency = emergency.begins


def consult(record: Record, asked: Reading, now: datetime, matrix: Matrix, policy: Policy = DEFAULT) -> Verdict:
    """May this actor read at this moment, and what? `now` is the database's clock."""
    actor = asked.actor
    return run(_branch(asked), Consultation(record, asked, actor, now, matrix, policy))


def explain(record: Record, asked: Reading, now: datetime, matrix: Matrix, policy: Policy = DEFAULT) -> Verdict:
    """As `consult`, by the same steps; the verdict also tells what each of them said."""
    actor = asked.actor
    return run_and_tell(_branch(asked), Consultation(record, asked, actor, now, matrix, policy))


def deposit(
    record: Record,
    actor: Actor,
    now: datetime,
    policy: Policy = DEFAULT,
    *,
    mode: AccessMode = AccessMode.NORMAL,
    type_code: str | None = None,
) -> Verdict:
    """May this actor feed the record (alimentation, CSP R.1111-47, AR-003)? Blocked ones may, too.

    The type matters for advance directives alone (AR-044).
    """
    return run(deposits.branch_of(actor, type_code), Feeding(record, actor, now, policy, mode))


def explain_deposit(
    record: Record,
    actor: Actor,
    now: datetime,
    policy: Policy = DEFAULT,
    *,
    mode: AccessMode = AccessMode.NORMAL,
    type_code: str | None = None,
) -> Verdict:
    """As `deposit`, by the same steps; the verdict also tells what each of them said."""
    return run_and_tell(deposits.branch_of(actor, type_code), Feeding(record, actor, now, policy, mode))


def act(record: Record, asked: ActOnDocument, now: datetime, matrix: Matrix, policy: Policy = DEFAULT) -> Verdict:
    """May this actor do this to documents of the record, and to which (domain rules, 4.9)?"""
    return run(documents.branch_of(asked), Acting(record, asked, asked.actor, now, matrix, policy))


def explain_act(
    record: Record, asked: ActOnDocument, now: datetime, matrix: Matrix, policy: Policy = DEFAULT
) -> Verdict:
    """As `act`, by the same steps; the verdict also tells what each of them said."""
    return run_and_tell(documents.branch_of(asked), Acting(record, asked, asked.actor, now, matrix, policy))


def _branch(asked: Reading) -> Branch[Consultation]:
    actor = asked.actor
    if asked.case is not None:
        return extracts.BRANCH
    if actor.capacity in no_read.CAPACITIES:
        return no_read.BY_CASE
    if actor.app is not None and actor.kind in holder.HOLDERS_SIDE:
        return apps.BRANCH
    return _BY_KIND[actor.kind]
