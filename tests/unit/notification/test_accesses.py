"""One access, one message: emergencies, what is read within an access, documents nobody may be told of."""

import itertools
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notification.domain.deliveries import Delivery, Reach, Status
from shared.contracts.access_decisions import Emergency
from shared.contracts.common import AccessMode, Body
from shared.contracts.history_events import HistoryConsulted
from shared.contracts.notification_events import Silence
from shared.contracts.reasons import Reason
from tests.unit.notification.telling import (
    DOCTOR,
    HOLDER,
    NOW,
    OTHER_DOCTOR,
    TREATING,
    WINDOW,
    consulted,
    decided,
    deposited,
    emergency,
    handled,
    in_secret,
    refused,
    told,
)

BOTH = Reach(contact=True, others=frozenset({TREATING}))
EMERGENCIES = [(AccessMode.EMERGENCY, "ACCES_BRIS_GLACE"), (AccessMode.REGULATION, "ACCES_CENTRE_15")]


def in_turn(*bodies: Body, reach: Reach = BOTH, apart: timedelta = timedelta(seconds=1)) -> list[Delivery]:
    """The rows of events that come one after the other."""
    rows: list[Delivery] = []
    for place, body in enumerate(bodies):
        effects = handled(body, reach, at=NOW + place * apart)
        rows += effects.changes
        reach = effects.state
    return rows


def sent(rows: list[Delivery]) -> list[tuple[str, str | None]]:
    return [(row.event, row.recipient) for row in rows if row.status is Status.PLANNED]


@pytest.mark.parametrize(("mode", "event"), EMERGENCIES)
def test_ar_033_034_038_039_an_emergency_is_told_at_once_to_the_patient_and_the_treating_doctor(
    mode: AccessMode, event: str
) -> None:
    assert told(emergency(mode=mode), BOTH) == [(event, "", None, None), (event, "treating", TREATING, None)]
    assert {row.not_before for row in handled(emergency(mode=mode), BOTH).changes} == {NOW}


def test_ar_039_what_goes_on_with_an_emergency_is_not_told_again() -> None:
    """Also long after the mail: half an hour may have begun in the window before."""
    begun = emergency()
    going_on = begun.model_copy(
        update={"emergency": Emergency(reason="unconscious", tell=TREATING, first=begun.request), "request": uuid4()}
    )
    assert told(going_on, BOTH) == []
    assert len(told(begun, BOTH)) == 2


def test_ar_038_without_a_treating_doctor_or_where_he_acts_the_patient_alone_is_told() -> None:
    assert told(emergency(tell=None), BOTH) == [("ACCES_BRIS_GLACE", "", None, None)]
    assert told(decided(mode=AccessMode.EMERGENCY), BOTH) == [("ACCES_BRIS_GLACE", "", None, None)]


def test_ar_038_a_treating_doctor_without_an_address_leaves_a_row_that_says_so() -> None:
    effects = handled(emergency(), Reach(contact=True))
    holder, treating = effects.changes
    assert (holder.status, treating.status, treating.silence) == (
        Status.PLANNED,
        Status.SUPPRESSED,
        Silence.NO_ADDRESS,
    )
    (suppressed,) = effects.emits
    assert (suppressed.recipient, suppressed.reason) == (TREATING, Silence.NO_ADDRESS)  # type: ignore[union-attr]


def test_ar_038_042_in_a_secret_connection_the_treating_doctor_alone_is_told() -> None:
    assert told(emergency(in_secret(DOCTOR)), BOTH) == [
        ("ACCES_BRIS_GLACE", "", None, Silence.CONFIDENTIAL),
        ("ACCES_BRIS_GLACE", "treating", TREATING, None),
    ]


@pytest.mark.parametrize(("mode", "event"), EMERGENCIES)
def test_an_emergency_that_was_decided_is_not_told_again_by_its_reads(mode: AccessMode, event: str) -> None:
    rows = in_turn(emergency(mode=mode), consulted(mode=mode), consulted(mode=mode, document=uuid4()))
    assert sent(rows) == [(event, None), (event, TREATING)]


@pytest.mark.parametrize("mode", [AccessMode.EMERGENCY, AccessMode.REGULATION])
def test_ar_038_each_emergency_that_begins_is_told_however_soon_after_another(mode: AccessMode) -> None:
    """A window may be longer than an emergency: a new reason is told all the same."""
    rows = in_turn(emergency(mode=mode), emergency(mode=mode))
    assert [to for _, to in sent(rows)] == [None, TREATING] * 2


def test_what_the_treating_doctor_reads_in_an_emergency_mode_is_one_access() -> None:
    by_right = emergency(tell=None).model_copy(update={"reasons": (Reason.TREATING_DOCTOR,)})
    assert sent(in_turn(by_right, by_right)) == [("ACCES_BRIS_GLACE", None)]


def test_the_list_and_the_documents_opened_from_it_are_one_access_and_one_message() -> None:
    rows = in_turn(consulted(), consulted(document=uuid4()), HistoryConsulted(request=uuid4(), actor=DOCTOR))
    assert sent(rows) == [("ACCES_DMP_PS", None)]
    assert [row.silence for row in rows] == [None, Silence.SAME_ACCESS, Silence.SAME_ACCESS]


def test_each_mode_each_professional_and_each_record_is_an_access_of_its_own() -> None:
    rows = in_turn(consulted(), consulted(OTHER_DOCTOR), emergency(tell=None), refused(Reason.BLOCKED))
    assert len(sent(rows)) == 4


def test_repeated_refusals_are_one_message() -> None:
    assert len(sent(in_turn(*(refused(Reason.BLOCKED) for _ in range(5))))) == 1


@given(st.lists(st.integers(0, 7200), min_size=1, max_size=8))
def test_each_access_is_told_and_no_two_messages_lie_within_one(seconds: list[int]) -> None:
    reach, mailed = BOTH, []
    for second in sorted(seconds):
        effects = handled(consulted(), reach, at=NOW + timedelta(seconds=second))
        reach = effects.state
        mailed += [row.occurred_at for row in effects.changes if row.status is Status.PLANNED]
    assert mailed[0] == NOW + timedelta(seconds=min(seconds))
    assert all(later - earlier >= WINDOW for earlier, later in itertools.pairwise(mailed))
    for second in seconds:
        at = NOW + timedelta(seconds=second)
        assert any(timedelta(0) <= at - told_at < WINDOW for told_at in mailed)


def test_an_access_that_could_not_be_told_covers_no_later_one() -> None:
    rows = in_turn(consulted(), reach=Reach(contact=False))
    effects = handled(consulted(), Reach(contact=True))
    assert [row.silence for row in rows] == [Silence.NO_ADDRESS]
    assert effects.changes[0].silence is None


@pytest.mark.parametrize(
    ("flags", "silence"),
    [
        ({"withheld": True}, Silence.WITHHELD),
        ({"hidden_from_representatives": True}, Silence.HIDDEN),
        ({"withheld": True, "hidden_from_representatives": True}, Silence.WITHHELD),
    ],
)
@pytest.mark.parametrize("actor", [DOCTOR, in_secret(DOCTOR), HOLDER])
def test_ar_029_041_a_concealed_document_makes_no_message_when_deposited_or_read(flags, silence, actor) -> None:
    document = uuid4()
    rows = in_turn(deposited(actor, document, **flags), consulted(document=document), consulted())
    assert [row.silence for row in rows] == [silence, silence, None]
    assert sent(rows) == [("ACCES_DMP_PS", None)]  # the list, which names no document


def test_ar_021_a_document_masked_to_professionals_is_told_to_its_holder() -> None:
    assert told(deposited(masked=True)) == [("AJOUT_DOCUMENT", "", None, None)]
