"""What is told when time goes by: of a document that nobody announced, and of a summary that nobody wrote. Pure."""

from datetime import timedelta
from typing import Final, NamedTuple
from uuid import UUID

from shared.contracts.access_decisions import LifeChanged, RecordClosed, RecordReopened
from shared.contracts.common import FurtherAct

UNANNOUNCED: Final = timedelta(days=14)
"""A withheld document (INVISIBLE_PATIENT) not announced until then: its holder is told of an update (AR-030)."""
SUMMARIES: Final = ("60591-5",)
"""Types that are a médecin traitant's summary (volet de synthèse médicale, VSM)."""
SUMMARY_EVERY: Final = timedelta(days=365)
"""He files one at least once a year (CSP L.1111-15, AR-006)."""


class Treated(NamedTuple):
    """Who is the médecin traitant of a record's holder from now on; None: nobody."""

    record: UUID
    professional: str | None


class InUse(NamedTuple):
    """Whether a record is in use: nobody is reminded of one that is closed, suspended or of somebody who has died."""

    record: UUID
    used: bool


def in_use(event: RecordClosed | RecordReopened | LifeChanged) -> bool | None:
    """Whether the record is in use after this event; None where the event does not say."""
    match event:
        case RecordClosed():
            return False
        case RecordReopened() | LifeChanged(act=FurtherAct.LIFT):
            return True
        case LifeChanged(act=FurtherAct.SUSPEND):
            return False
        case LifeChanged(act=FurtherAct.DECEASE):
            return event.undone
        case _:
            return None
