"""Which notices reminders make: an update that is told after two weeks (AR-030), a summary that is due (AR-006)."""

from services.notification.domain.notices import Event, Notice
from shared.contracts.document_events import SummaryDue, UpdateToTell
from shared.contracts.notification_events import Silence


def of_update(body: UpdateToTell) -> tuple[Notice, ...]:
    """One fixed text for the holder; not where it may reach representatives who may not know (AR-041)."""
    return (Notice(Event.UNANNOUNCED, silence=Silence.HIDDEN if body.hidden_from_representatives else None),)


def of_summary(body: SummaryDue) -> tuple[Notice, ...]:
    """The médecin traitant alone."""
    return (Notice(Event.SUMMARY_DUE, to=body.professional),)
