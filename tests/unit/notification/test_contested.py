"""A contested access is told, and its answer; nothing of one from a minor's secret connection (AR-042, AR-061)."""

from uuid import UUID, uuid4

from services.notification.domain.deliveries import Reach
from shared.contracts.access_oversight import CaseAnswered, CaseOpened
from shared.contracts.common import Actor
from shared.contracts.notification_events import Silence
from tests.unit.notification.telling import HOLDER, NOW, OPERATOR, REPRESENTATIVE, handled, in_secret, told

CASE = uuid4()
ANSWERED = CaseAnswered(actor=OPERATOR, case=CASE, finding="founded", suspended="810000000001")


def opened(actor: Actor, case: UUID = CASE) -> CaseOpened:
    return CaseOpened(actor=actor, case=case, request=uuid4(), professional="810000000001", due=NOW)


def test_ar_061_a_contested_access_and_its_answer_are_told() -> None:
    for actor in (HOLDER, REPRESENTATIVE):
        assert told(opened(actor)) == [("CONTESTATION_ACCES", "", None, None)]
    assert told(ANSWERED) == [("CONTESTATION_ACCES", "answered", None, None)]


def test_ar_042_nothing_is_sent_of_a_case_from_a_secret_connection_nor_of_its_answer() -> None:
    effects = handled(opened(in_secret(HOLDER)))
    (row,) = effects.changes
    assert (row.silence, row.subject) == (Silence.CONFIDENTIAL, CASE)
    (answer,) = handled(ANSWERED, effects.state).changes
    assert answer.silence is Silence.CONFIDENTIAL
    (other,) = handled(opened(HOLDER), effects.state).changes
    assert other.silence is None


def test_what_a_case_is_about_is_in_no_notice() -> None:
    for body in (opened(HOLDER), ANSWERED):
        (row,) = handled(body, Reach(contact=True)).changes
        assert "810000000001" not in repr(row)
