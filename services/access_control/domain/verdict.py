"""The outcome of a rule: permitted or denied, for one reason, within a scope."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.contracts.common import Scope
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.reasons import Reason


@dataclass(frozen=True, slots=True)
class Sight:
    """What may be shown: the contract's `Scope` as plain data, since a model costs more than the whole decision."""

    types: frozenset[str] | None = None
    """None means every type."""
    masked: bool = False
    withheld: bool = False
    own: str | None = None
    own_structure: str | None = None
    case: UUID | None = None
    """For an extract: the case whose approval is used up by it (AR-065)."""
    since: datetime | None = None
    until: datetime | None = None
    """For an extract: the half-open period in which the care took place; None: any time."""
    holders: bool = False
    """For an act on a document: on those alone that the holder's side deposited (AR-052)."""

    def scope(self) -> Scope:
        """As it stands in a permit. Its parts come from the matrix and from an actor that was read: no second check."""
        return Scope.model_construct(
            types=self.types,
            masked=self.masked,
            withheld=self.withheld,
            own=self.own,
            own_structure=self.own_structure,
        )


@dataclass(frozen=True, slots=True)
class Said:
    """What one step of a decision said."""

    step: str
    """Its place in the order of the domain rules, 4.7: `E4`."""
    rules: tuple[str, ...]
    """The access rules that it applies."""
    code: Code | None
    """Why it denied, or why the last one permitted; None where it let the decision go on."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Permit or deny, and why."""

    permitted: bool
    reason: Reason
    scope: Sight | None = None
    """For a permitted consultation: what may be shown. For an act on a document: on which it may be done."""
    further: FurtherReason | None = None
    """Why more exactly, where there is a finer code than the reason."""
    trail: tuple[Said, ...] = ()
    """The steps that were asked, in order; empty where nobody asked for an explanation."""

    @property
    def code(self) -> Code:
        """The most exact code."""
        return self.further or self.reason


def permit(code: Code, scope: Sight | None = None) -> Verdict:
    """Yes, for this reason."""
    return _verdict(code, scope, permitted=True)


def deny(code: Code) -> Verdict:
    """No, for this reason."""
    return _verdict(code, None, permitted=False)


def _verdict(code: Code, scope: Sight | None, *, permitted: bool) -> Verdict:
    if isinstance(code, FurtherReason):
        return Verdict(permitted, code.broader, scope, code)
    return Verdict(permitted, code, scope)
