"""What an answer of the relay means for the ledger."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notification.domain.deliveries import Answer, Due, Patience, Status, message_id, outcome
from services.notification.domain.letters import Matter
from services.notification.domain.notices import Event
from shared.contracts.common import ActorKind
from shared.contracts.http_notification import Language

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
PATIENCE = Patience(timedelta(seconds=30), timedelta(minutes=15), timedelta(days=2))


def due(attempt: int = 1, age: timedelta = timedelta(0)) -> Due:
    return Due(
        notice=uuid4(),
        record=uuid4(),
        matter=Matter.of(Event.ACCESS, "", ActorKind.PROFESSIONAL, NOW - age, Language.FRENCH),
        not_before=NOW - age,
        attempt=attempt,
        address="camille.secret@example.org",
    )


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer.ACCEPTED, Status.SENT),
        (Answer.NEVER, Status.FAILED),
        (Answer.NOBODY, Status.SUPPRESSED),
        (Answer.LATER, Status.PLANNED),
    ],
)
def test_an_answer_leads_to_a_status(answer: Answer, status: Status) -> None:
    assert outcome(due(), answer, NOW, PATIENCE).status is status


def test_what_may_come_later_is_tried_again_later_and_later() -> None:
    pauses = [outcome(due(attempt), Answer.LATER, NOW, PATIENCE).next_attempt_at - NOW for attempt in range(1, 8)]
    assert [pause.total_seconds() for pause in pauses] == [30, 60, 120, 240, 480, 900, 900]


@given(st.integers(1, 10_000))
def test_no_pause_is_longer_than_the_longest(attempt: int) -> None:
    assert timedelta(0) < PATIENCE.pause(attempt) <= PATIENCE.longest


def test_an_old_notice_is_given_up_but_one_that_was_sent_after_all_is_sent() -> None:
    old = due(50, timedelta(days=2))
    assert outcome(old, Answer.LATER, NOW, PATIENCE).status is Status.FAILED
    assert outcome(old, Answer.ACCEPTED, NOW, PATIENCE).status is Status.SENT


def test_the_message_id_follows_from_the_notice_alone() -> None:
    notice = UUID("7f1f9f0e-0a4f-4ba5-8d5c-7a43c9c2a001")
    assert message_id(notice, "carnet.example") == "<7f1f9f0e-0a4f-4ba5-8d5c-7a43c9c2a001@carnet.example>"


def test_a_due_e_mail_printed_shows_no_address() -> None:
    assert "secret" not in repr(due())
