"""How a decision or an owner's refusal is answered over HTTP."""

from collections.abc import Sequence
from typing import Final

from services.gateway.domain.users import outsider
from shared.contracts.access_decisions import Decided
from shared.contracts.common import Actor
from shared.contracts.reasons import Reason, sentence
from shared.http import Problem

FORBIDDEN: Final = 403
STATUS: Final[dict[Reason, int]] = {
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
}
"""Statuses of reasons; every other reason is a 403."""
_NEXT_STEP: Final[dict[int, str]] = {
    500: "Repeat later; tell the operator the correlation id.",
    504: "Repeat it.",
}


def refusal(reasons: Sequence[Reason], language: str, actor: Actor | None = None) -> Problem:
    """The problem that tells a person why not: the first reason decides on status and code, all are told.

    An outsider (insurer, excluded sector) is told that he is one and nothing else, so that no answer of his tells
    whether a record exists or in which state it is.
    """
    excluded = outsider(actor) if actor else None
    told = (excluded,) if excluded else tuple(reasons) or (Reason.NO_BRANCH,)
    status = STATUS.get(told[0], FORBIDDEN)
    text = " ".join(sentence(reason, language) for reason in told)
    return Problem(status, told[0].value, text, _NEXT_STEP.get(status, ""))


def denial(decided: Decided, language: str, actor: Actor) -> Problem:
    """The problem that tells of a decision to deny."""
    return refusal(decided.reasons, language, actor)
