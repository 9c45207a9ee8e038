"""What a permit or an order lets be known, as a predicate: an allow-list; what is not named is absent.

Reading applies it as a statement, acting on a document as a function; both say the same of every document.
"""

from dataclasses import dataclass

from services.document.domain.settlement import HOLDERS_SIDE, Entry
from shared.contracts.common import ActorKind, Scope
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
    """What may be shown on a permit."""
    return sight(permit.scope, permit.actor.kind, extract=permit.extract is not None)


def sight(scope: Scope, kind: ActorKind, *, extract: bool = False) -> Visibility:
    """What an actor of this kind may know of within a scope.

    The holder's side sees masked documents, since the mask is the holder's own, and never withheld ones, whatever the
    scope says; only professionals have documents of their own.
    """
    holders_side = kind in HOLDERS_SIDE
    own = () if holders_side else tuple(number for number in (scope.own, scope.own_structure) if number)
    return Visibility(
        types=None if scope.types is None else tuple(scope.types),
        masked=scope.masked or holders_side,
        withheld=scope.withheld and not holders_side,
        hidden=kind is not ActorKind.REPRESENTATIVE and not extract,
        own=own,
    )


def shows(seen: Visibility, document: Entry) -> bool:
    """True where this document of the record may be known: what the statement that reads says of a row."""
    if document.hidden and not seen.hidden:
        return False
    if any(number in seen.own for number in document.owners.split()):
        return True
    of_a_type = seen.types is None or document.type_code in seen.types
    return of_a_type and (seen.masked or not document.masked) and (seen.withheld or not document.withheld)
