"""The outcome of a rule: permitted or denied, for one reason, within a scope."""

from dataclasses import dataclass

from shared.contracts.common import Scope
from shared.contracts.reasons import Reason


@dataclass(frozen=True, slots=True)
class Verdict:
    """Permit or deny, and why."""

    permitted: bool
    reason: Reason
    scope: Scope | None = None
    """For a permitted consultation: what may be shown."""


def permit(reason: Reason, scope: Scope | None = None) -> Verdict:
    """Yes, for this reason."""
    return Verdict(permitted=True, reason=reason, scope=scope)


def deny(reason: Reason) -> Verdict:
    """No, for this reason."""
    return Verdict(permitted=False, reason=reason)
