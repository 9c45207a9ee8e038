"""May it be done? First the branch, by actor and act; then its steps in order, of which the first that denies decides.

A holder, representative, carer (`branches/holder`) · B app or digital service (`apps`) · C deposit (`deposits`) ·
E consultation by a professional (`professionals`) · F an operator's extract by a case (`extracts`); without one heir,
expert and operator read nothing, as excluded bodies (`no_read`). Acts on a document (D) are document's own. What no
branch takes is denied.
"""

from datetime import datetime
from typing import Final

from services.access_control.domain.branches import apps, deposits, emergency, extracts, holder, no_read, professionals
from services.access_control.domain.branches.deposits import needs_consent, needs_rights
from services.access_control.domain.branches.professionals import REIMBURSEMENTS
from services.access_control.domain.cases import Consultation, Feeding, Reading
from services.access_control.domain.matrix import Matrix
from services.access_control.domain.policy import DEFAULT, Policy
from services.access_control.domain.record import Record
from services.access_control.domain.steps import Branch, run, run_and_tell
from services.access_control.domain.verdict import Verdict
from shared.contracts.common import AccessMode, Actor, ActorKind, Capacity

__all__ = [
    "REIMBURSEMENTS",
    "Reading",
    "begins_emergency",
    "consult",
    "deposit",
    "explain",
    "explain_deposit",
    "needs_consent",
    "needs_rights",
    "told_of_emergency",
]

_BY_CASE: Final = frozenset({Capacity.HEIR, Capacity.COURT_EXPERT, Capacity.TRUSTED_PERSON})
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
    mode: AccessMode = AccessMode.NORMAL,
) -> Verdict:
    """May this actor feed the record (alimentation, CSP R.1111-47, AR-003)? Blocked ones may, too."""
    return run(deposits.branch_of(actor), Feeding(record, actor, now, policy, mode))


def explain_deposit(
    record: Record,
    actor: Actor,
    now: datetime,
    policy: Policy = DEFAULT,
    mode: AccessMode = AccessMode.NORMAL,
) -> Verdict:
    """As `deposit`, by the same steps; the verdict also tells what each of them said."""
    return run_and_tell(deposits.branch_of(actor), Feeding(record, actor, now, policy, mode))


def _branch(asked: Reading) -> Branch[Consultation]:
    actor = asked.actor
    if asked.case is not None:
        return extracts.BRANCH
    if actor.capacity in _BY_CASE:
        return no_read.BY_CASE
    if actor.app is not None and actor.kind in holder.HOLDERS_SIDE:
        return apps.BRANCH
    return _BY_KIND[actor.kind]
