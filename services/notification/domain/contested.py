"""Which notices a contested access makes: that it was contested, whoever did so, and that the operator answered.

What was written stands in the holder's space alone. Of a case that was opened in a minor's secret connection nothing is
sent, its answer included: it is found by the case's id (AR-042).
"""

from typing import Final

from services.notification.domain.notices import Event, Notice, silence_of
from shared.contracts.access_oversight import CaseAnswered, CaseOpened

ANSWERED: Final = "answered"


def of_opened(body: CaseOpened) -> tuple[Notice, ...]:
    """A case: told also where the holder opened it himself, so that he learns of one that he did not open (AR-061)."""
    silence = silence_of(body.actor)
    return (Notice(Event.CONTESTED, who=body.actor.kind, silence=silence, document=body.case if silence else None),)


def of_answered(body: CaseAnswered) -> tuple[Notice, ...]:
    """Its answer; told of nobody by name."""
    return (Notice(Event.CONTESTED, ANSWERED, body.actor.kind, document=body.case),)
