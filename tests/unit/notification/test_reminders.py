"""Reminders as notices: one fixed text for the holder, and one for the médecin traitant."""

import pytest

from services.notification.domain.deliveries import Reach
from shared.contracts.document_events import SummaryDue, UpdateToTell
from shared.contracts.notification_events import Silence
from tests.unit.notification.telling import TREATING, told


@pytest.mark.parametrize(("hidden", "silence"), [(False, None), (True, Silence.HIDDEN)])
def test_ar_030_the_holder_is_told_of_an_update_unless_it_may_reach_representatives(hidden, silence):
    body = UpdateToTell(hidden_from_representatives=hidden)
    assert told(body) == [("RETENTION_2_SEMAINES", "", None, silence)]


@pytest.mark.parametrize(("others", "silence"), [({TREATING}, None), (set(), Silence.NO_ADDRESS)])
def test_ar_006_the_treating_doctor_alone_is_reminded_of_the_summary(others, silence):
    reach = Reach(contact=True, others=frozenset(others))
    assert told(SummaryDue(professional=TREATING), reach) == [("RAPPEL_VSM", "", TREATING, silence)]
