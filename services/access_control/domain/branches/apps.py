"""Branch B, an app or digital service that acts for the holder's side (AR-067).

Referenced and not suspended, agreed by the holder for the scope, then as branch A, intersected; never withheld
documents.
"""

from datetime import datetime
from typing import Final

from services.access_control.domain.branches import holder
from services.access_control.domain.cases import Consultation
from services.access_control.domain.policy import Policy
from services.access_control.domain.record import Record
from services.access_control.domain.steps import Branch, Grant, Step
from services.access_control.domain.verdict import Sight, Verdict, permit
from shared.contracts.common import Actor, Owner
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.record_requests import AppScope, Function

_NEEDED: Final = {
    Owner.DOCUMENT: AppScope.READ_DOCUMENTS,
    Owner.HISTORY: AppScope.READ_HISTORY,
    Owner.AUDIT: AppScope.READ_TRACES,
}


def not_referenced(actor: Actor, policy: Policy, needed: AppScope) -> Code | None:
    """Why the operator lets this app do nothing of the kind: unknown, suspended, or not for this scope."""
    app = policy.apps.get(actor.app or "")
    if app is None:
        return FurtherReason.APP_NOT_REFERENCED
    if app.suspended:
        return FurtherReason.APP_SUSPENDED
    return None if needed in app.scopes else FurtherReason.APP_NOT_REFERENCED


def not_agreed(record: Record, actor: Actor, now: datetime, needed: AppScope) -> Code | None:
    """Why the holder did not agree to it: no apps at all, none of this scope, or not any more."""
    if Function.APPS in record.opted_out:
        return FurtherReason.OPTED_OUT
    agreement = record.apps.get(actor.app or "")
    if (
        agreement is None
        or needed not in agreement.scopes
        or (agreement.until is not None and agreement.until <= now)
        or (agreement.by_representative and record.is_of_age(now))
    ):
        return FurtherReason.APP_NOT_AGREED
    return None


def _referenced(case: Consultation) -> Code | None:
    return not_referenced(case.actor, case.policy, _NEEDED[case.asked.owner])


def _agreed(case: Consultation) -> Code | None:
    return not_agreed(case.record, case.actor, case.now, _NEEDED[case.asked.owner])


def _within_the_app(case: Consultation) -> Verdict:
    return permit(FurtherReason.APP, Sight(case.policy.apps[case.actor.app or ""].types, masked=True))


BRANCH: Final = Branch(
    (
        *holder.ALWAYS,
        Step("B1", ("AR-067",), _referenced),
        Step("B2", ("AR-067",), _agreed),
        *holder.STEPS,
    ),
    Grant("B3", ("AR-029", "AR-041", "AR-067"), _within_the_app),
)
