"""Rehearsal: what past consultations would have come to under another version of the matrix (step E6, AR-012).

A consultation of documents names no type: its answer is a scope, the set of types that may be seen. So what flips is
told by profession group and type: who would have gained or lost sight of it, and how many past consultations that
touches. A consultation of the reimbursed care asks for one type, and there the decision itself flips. Whatever was
decided before the matrix was asked (no authorisation, a block) or passes it by (holder, médecin traitant) is the same
under every version and is not replayed; own documents are seen in either case.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.access_control.domain.branches.professionals import REIMBURSEMENTS, column
from services.access_control.domain.matrix import Matrix
from services.access_control.domain.verdict import Verdict
from shared.contracts.common import Actor, Owner
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason


@dataclass(frozen=True, slots=True)
class Asked:
    """Past consultations that came to the matrix alike, counted."""

    group: str
    owner: Owner
    version: str
    """The version that they were decided by."""
    permitted: bool
    count: int


@dataclass(frozen=True, slots=True)
class Flip:
    """A profession group would have gained or lost a type."""

    group: str
    type_code: str
    gained: bool
    scopes: int
    """Consultations of documents whose scope would have had this type, or not have had it."""
    decisions: int
    """Consultations of the reimbursed care that would have been decided the other way."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would have been different."""

    flips: tuple[Flip, ...]
    """By profession group and type."""
    touched: Mapping[str, int]
    """Consultations with any difference, by profession group."""
    replayed: int
    left_out: int
    """Consultations decided by a version that is not known here: they could not be replayed."""


def asked_group(actor: Actor, verdict: Verdict) -> str | None:
    """The profession group for which a consultation was put to the matrix; None where the matrix had no say.

    It is what a decision keeps, so that it can be rehearsed.
    """
    if verdict.further is FurtherReason.APP:  # its types are those that it is referenced for (AR-067)
        return None
    limited = verdict.scope is not None and verdict.scope.types is not None
    return column(actor) if limited or verdict.reason is Reason.MATRIX_DENIES else None


def rehearse(past: Iterable[Asked], used: Mapping[str, Matrix], draft: Matrix) -> Rehearsal:
    """Replay past consultations on a draft.

    Args:
        past: What was asked, and by which version it was decided.
        used: These versions, by name.
        draft: The version to try.
    """
    scopes: Counter[tuple[str, str, bool]] = Counter()
    decisions: Counter[tuple[str, str, bool]] = Counter()
    touched: Counter[str] = Counter()
    replayed = left_out = 0
    for asked in past:
        if asked.version not in used:
            left_out += asked.count
            continue
        replayed += asked.count
        flips = _flips(asked, used[asked.version], draft)
        (decisions if asked.owner is Owner.HISTORY else scopes).update(dict.fromkeys(flips, asked.count))
        touched.update({asked.group: asked.count} if flips else {})
    told = sorted(scopes.keys() | decisions.keys())
    return Rehearsal(
        flips=tuple(Flip(*flip, scopes=scopes[flip], decisions=decisions[flip]) for flip in told),
        touched=dict(touched),
        replayed=replayed,
        left_out=left_out,
    )


def _flips(asked: Asked, used: Matrix, draft: Matrix) -> set[tuple[str, str, bool]]:
    """Group, type and whether it would be gained, for consultations of one kind."""
    before, after = used.types_for(asked.group), draft.types_for(asked.group)
    if asked.owner is Owner.HISTORY:
        before = frozenset({REIMBURSEMENTS}) if asked.permitted else frozenset()
        after &= {REIMBURSEMENTS}
    return {(asked.group, code, code in after) for code in before ^ after}
