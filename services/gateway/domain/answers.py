"""How a decision or an owner's refusal is answered over HTTP."""

from collections.abc import Sequence
from typing import Final

from services.gateway.domain.users import outsider
from shared.contracts import acts
from shared.contracts.access_decisions import Decided
from shared.contracts.common import Act, Actor, ActorKind, FurtherAct
from shared.contracts.further_reasons import Code, FurtherReason, code
from shared.contracts.reason_sentences import sentence
from shared.contracts.reasons import Reason
from shared.http import Problem

FORBIDDEN: Final = 403
STATUS: Final[dict[Code, int]] = {
    Reason.NO_RECORD: 404,
    Reason.LATE: 504,
    Reason.STALE_RIGHTS: 412,
    Reason.NOT_BLOCKABLE: 409,
    Reason.DUPLICATE: 409,
    Reason.NOT_STAGED: 409,
    Reason.RECORD_OPPOSED: 409,
    Reason.UNKNOWN_TARGET: 422,
    Reason.MALFORMED: 500,
    Reason.UNKNOWN_TYPE: 500,
    Reason.INTERNAL_ERROR: 500,
    FurtherReason.UNKNOWN_DELEGATION: 404,
    FurtherReason.INVITATION_OVER: 409,
    FurtherReason.NOT_NAMEABLE: 409,
    FurtherReason.NOT_SUSPENDED: 409,
    FurtherReason.OBJECTION_TOO_LATE: 409,
    FurtherReason.OBJECTION_OPEN: 409,
    FurtherReason.END_IN_THE_PAST: 422,
    FurtherReason.SCOPE_TOO_WIDE: 422,
    FurtherReason.SCOPE_EMPTY: 422,
    FurtherReason.SUBJECT_MISSING: 422,
    FurtherReason.OPINION_MISSING: 422,
    FurtherReason.EMERGENCY_REASON_MISSING: 422,
    FurtherReason.EMERGENCY_TEXT_MISSING: 422,
    FurtherReason.CONTESTED_ALREADY: 409,
    FurtherReason.TRACE_UNKNOWN: 404,
    FurtherReason.CASE_UNKNOWN: 404,
    FurtherReason.CASE_APPROVED: 409,
    FurtherReason.CASE_NOT_APPROVED: 409,
    FurtherReason.CASE_REFUSED: 409,
    FurtherReason.EXTRACT_TAKEN: 409,
    FurtherReason.CASE_PURPOSE: 422,
    FurtherReason.PAPER_MISSING: 422,
    FurtherReason.UNKNOWN_DOCUMENT: 404,
    FurtherReason.VERSION_CONFLICT: 412,
    FurtherReason.ALREADY_VISIBLE: 409,
    FurtherReason.FLAGS_EXCLUDE_EACH_OTHER: 409,
    FurtherReason.WRONG_STATE: 409,
}
"""Statuses of reasons; every other reason is a 403."""
_NEXT_STEP: Final[dict[int, str]] = {
    412: "Read the rights again, and send their new version in If-Match.",
    500: "Repeat later; tell the operator the correlation id.",
    504: "Repeat it.",
}
_NEXT_STEP_OF: Final[dict[Code, str]] = {
    FurtherReason.VERSION_CONFLICT: "Search for it again, and send its new ETag (meta.versionId) in If-Match.",
    FurtherReason.REQUEST_NOT_RECORDED: "Where the holder asks for it, say so: Carnet-Holder-Request: true.",
}
"""Where the status says too little."""
_PROFESSIONALS: Final = frozenset({ActorKind.PROFESSIONAL, ActorKind.STRUCTURE})


class Refusal(Problem):
    """A problem that also names every reason by its code, the most exact ones."""

    def __init__(self, told: Sequence[Code], first: Code, text: str) -> None:
        status = STATUS.get(told[0], STATUS.get(first, FORBIDDEN))
        super().__init__(status, first.value, text, _NEXT_STEP_OF.get(told[0]) or _NEXT_STEP.get(status, ""))
        self.reasons = tuple(reason.value for reason in told)

    def content(self, **more: object) -> dict[str, object]:
        """The problem's JSON members, with `reasons`."""
        return super().content(reasons=list(self.reasons), **more)


def refusal(
    reasons: Sequence[Reason], language: str, actor: Actor | None = None, further: Sequence[str] = ()
) -> Problem:
    """The problem that tells a person why not: the first reason decides on the code, all are told.

    An outsider (insurer, excluded sector) is told that he is one and nothing else, so that no answer of his tells
    whether a record exists or in which state it is.

    Args:
        reasons: Released codes; the first one is the problem's `code`, which clients of the first release know.
        language: `fr` or `en`.
        actor: Who is told.
        further: Finer codes, which are told in the place of `reasons` where this version knows one of them.
    """
    excluded = outsider(actor) if actor else None
    released = (excluded,) if excluded else tuple(reasons) or (Reason.NO_BRANCH,)
    finer = () if excluded else tuple(known for known in map(code, further) if known is not None)
    told: tuple[Code, ...] = finer or released
    return Refusal(told, released[0], " ".join(sentence(reason, language) for reason in told))


def denial(decided: Decided, language: str, actor: Actor) -> Problem:
    """The problem that tells of a decision to deny."""
    if _is_about_a_colleague(decided, actor):
        return refusal((Reason.NOT_AUTHORISED,), language, actor)
    return refusal(decided.reasons, language, actor, decided.further_reasons)


def not_done(reason: str, language: str) -> Problem:
    """The problem that tells why a permitted act was not done to a document.

    It says the same of a document that is not there and of one that may not be known.
    """
    known = code(reason)
    if known is None:
        return Problem(409, reason, "The document did not take it.", "Search for it again.")
    return Refusal((known,), known, sentence(known, language))


def _is_about_a_colleague(decided: Decided, actor: Actor) -> bool:
    """Whom the holder blocked is told to nobody else but the blocked one himself (AR-014, AR-018).

    A professional who collects a consent for a colleague learns that there is no authorisation, not why.
    """
    collects = decided.further_act == FurtherAct.AUTHORISE_FOR and actor.kind in _PROFESSIONALS
    return collects and Reason.BLOCKED in decided.reasons


def act_told(act: Act | None, language: str, further: str | None = None) -> str | None:
    """What was asked or done, in words; None where nothing is known of it.

    Args:
        act: The released act, which is `unknown` where only `further` says it.
        language: `fr` or `en`.
        further: The finer act beside it, where there is one.
    """
    named = acts.act(further) if further is not None else act
    return None if named is None or named is Act.UNKNOWN else acts.sentence(named, language)
