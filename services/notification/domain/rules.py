"""All rules: what an event is told as. No other event makes a notice."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from services.notification.domain import changes, consents, contested, extracts, notices, reminders
from services.notification.domain.notices import Notice
from shared.contracts.access_decisions import (
    ConsentChanged,
    Decided,
    DeletionForeseen,
    DeletionRequested,
    LifeChanged,
    OpeningForeseen,
    RecordClosed,
    RecordDeleted,
    RecordOpened,
    RecordReopened,
    RightsChanged,
)
from shared.contracts.access_extracts import ExtractChanged
from shared.contracts.access_oversight import CaseAnswered, CaseOpened
from shared.contracts.common import Body
from shared.contracts.document_changes import DocumentChanged
from shared.contracts.document_events import Consulted, Deposited, SummaryDue, UpdateToTell
from shared.contracts.history_events import HistoryConsulted, HistoryUpdated


def _of_read(body: Consulted) -> tuple[Notice, ...]:
    return notices.of_access(body) if body.case is None else extracts.of_taking(body)


RULES: Final[Mapping[type[Body], Callable[[Any], tuple[Notice, ...]]]] = {
    Decided: notices.of_decision,
    Consulted: _of_read,
    HistoryConsulted: notices.of_access,
    Deposited: notices.of_deposit,
    DocumentChanged: changes.of_change,
    UpdateToTell: reminders.of_update,
    SummaryDue: reminders.of_summary,
    HistoryUpdated: notices.of_history,
    RightsChanged: notices.of_rights,
    RecordOpened: notices.of_opening,
    RecordClosed: notices.of_closure,
    RecordReopened: notices.of_reopening,
    ConsentChanged: consents.of_consent,
    LifeChanged: consents.of_life,
    DeletionRequested: consents.of_deletion,
    DeletionForeseen: consents.of_archive,
    RecordDeleted: consents.of_deleted,
    OpeningForeseen: consents.of_foreseen_opening,
    CaseOpened: contested.of_opened,
    CaseAnswered: contested.of_answered,
    ExtractChanged: extracts.of_change,
}
ACCESSES: Final = frozenset({Decided, Consulted, HistoryConsulted, CaseAnswered, ExtractChanged})
"""Events whose notices depend on what was told before, or could not be."""
TO_OTHERS: Final = frozenset({Decided, ConsentChanged, LifeChanged, SummaryDue})
"""Events that may be told to others than the holder."""
_DEPOSIT: Final = b'"act":"deposit"'
_NORMAL_PERMIT: Final = (b'"outcome":"permit"', b'"mode":"normal"')


def about_an_extract(body: Body) -> bool:
    """True for an event whose notices depend on whether the holder lives, and on whose case it is."""
    return isinstance(body, ExtractChanged) or (isinstance(body, Consulted) and body.case is not None)


def untold(payload: bytes) -> bool:
    """True for a decision that makes no notice, from its bytes: nearly all of them need not be read.

    Codes hold no quotation marks, so that no value looks like one of these; one written otherwise is read whole.
    """
    return _DEPOSIT in payload or all(mark in payload for mark in _NORMAL_PERMIT)
