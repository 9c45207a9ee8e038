"""What a permit lets be seen, as a predicate that the statement applies: an allow-list; what is not named is absent."""

from dataclasses import dataclass

from shared.contracts.common import ActorKind
from shared.security import Permit


@dataclass(frozen=True, slots=True)
class Visibility:
    """A document is seen if it passes type, mask, withholding and representatives, or is the reader's own."""

    types: tuple[str, ...] | None
    """Types seen; None means every type."""
    masked: bool
    """Documents masked to professionals are seen (AR-022)."""
    withheld: bool
    """Documents withheld from the holder are seen (AR-029)."""
    hidden: bool
    """Documents hidden from legal representatives are seen; never in an extract (AR-041, AR-058)."""
    own: tuple[str, ...]
    """Directory numbers whose own documents are seen whatever type or mask (AR-021, AR-024)."""


def visibility(permit: Permit) -> Visibility:
    """What may be shown on a permit.

    The holder's side sees masked documents, since the mask is the holder's own, and never withheld ones, whatever the
    permit says; only professionals have documents of their own.
    """
    scope, kind = permit.scope, permit.actor.kind
    holders_side = kind in {ActorKind.PATIENT, ActorKind.REPRESENTATIVE}
    own = () if holders_side else tuple(number for number in (scope.own, scope.own_structure) if number)
    return Visibility(
        types=None if scope.types is None else tuple(scope.types),
        masked=scope.masked or holders_side,
        withheld=scope.withheld and not holders_side,
        hidden=kind is not ActorKind.REPRESENTATIVE and permit.extract is None,
        own=own,
    )
