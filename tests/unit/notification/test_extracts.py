"""A court expert's extract is told to a living holder, once for each; heirs' are told to nobody (AR-058, AR-065)."""

from uuid import UUID, uuid4

import pytest

from services.notification.domain.deliveries import Change, Death, Delivery, ExtractCase, Reach, Status, Waiting
from shared.contracts.access_extracts import ExtractChanged
from shared.contracts.common import Body
from shared.contracts.document_events import Consulted
from shared.contracts.notification_events import Silence
from shared.contracts.record_extracts import ExtractKind, ExtractPurpose
from tests.unit.notification.telling import DOCTOR, OPERATOR, RECORD, consulted, handled, life

CASE, OTHER_CASE = uuid4(), uuid4()
REACHED = Reach(contact=True)
APPROVED, TAKEN = (("ACCES_DMP_PS", f"extract_{how}") for how in ("approved", "taken"))
HEIRS = [kind for kind in ExtractKind if kind is not ExtractKind.COURT_EXPERT]


def changed(state: str, case: UUID = CASE, kind: ExtractKind = ExtractKind.COURT_EXPERT) -> ExtractChanged:
    act = "request_extract" if state == "waiting" else "answer_extract"
    purpose = ExtractPurpose.COURT_MISSION
    return ExtractChanged(act=act, actor=OPERATOR, case=case, kind=kind, purpose=purpose, state=state)


def taken(documents: int = 1, case: UUID = CASE) -> list[Consulted]:
    request = uuid4()
    named = [uuid4() for _ in range(documents)] or [None]
    return [Consulted(request=request, actor=OPERATOR, document=one, case=case) for one in named]


def in_turn(*bodies: Body, reach: Reach = REACHED) -> list[Change]:
    found: list[Change] = []
    for body in bodies:
        effects = handled(body, reach)
        found += effects.changes
        reach = effects.state
    return found


def mailed(*bodies: Body, reach: Reach = REACHED) -> list[tuple[str, str]]:
    rows = [one for one in in_turn(*bodies, reach=reach) if isinstance(one, Delivery)]
    return [(one.event, one.variant) for one in rows if one.status is Status.PLANNED]


def test_ar_065_an_experts_extract_is_told_when_approved_and_when_taken() -> None:
    assert mailed(changed("waiting"), changed("approved"), *taken()) == [APPROVED, TAKEN]


@pytest.mark.parametrize("documents", [0, 1, 7])
def test_ar_065_an_extract_is_told_once_however_many_documents_it_has(documents: int) -> None:
    rows = [row for row in in_turn(changed("waiting"), *taken(documents)) if isinstance(row, Delivery)]
    assert [row.status for row in rows][:1] == [Status.PLANNED]
    assert {row.silence for row in rows[1:]} <= {Silence.SAME_ACCESS}
    assert len(rows) == max(documents, 1)


def test_each_extract_is_told_however_soon_after_another() -> None:
    first, second = taken(2), taken(2)
    assert mailed(changed("approved"), *first, changed("approved"), *second) == [APPROVED, TAKEN] * 2


def test_an_extract_and_a_doctors_read_are_two_accesses() -> None:
    told = mailed(changed("waiting"), consulted(DOCTOR), *taken(), consulted(DOCTOR))
    assert told == [("ACCES_DMP_PS", ""), TAKEN]


@pytest.mark.parametrize("kind", HEIRS)
def test_ar_058_what_heirs_are_given_is_told_to_nobody(kind: ExtractKind) -> None:
    """The holder is dead, also where notification was never told so."""
    rows = in_turn(changed("waiting", kind=kind), changed("approved", kind=kind), *taken(3))
    assert rows == [ExtractCase(RECORD, CASE, experts=False)] * 2
    first, *_, case = in_turn(*taken(3), changed("approved", kind=kind))
    assert (type(first), case) == (Waiting, ExtractCase(RECORD, CASE, experts=False))


def test_a_dead_holder_is_not_told_of_an_experts_extract() -> None:
    dead = life("decease", OPERATOR)
    assert mailed(dead, changed("waiting"), changed("approved"), *taken()) == []
    assert mailed(changed("approved"), dead, *taken()) == [APPROVED]
    alive = dead.model_copy(update={"undone": True})
    assert mailed(dead, changed("approved"), alive, *taken()) == [("REOUVERTURE_DOSSIER", "decease"), TAKEN]


def test_what_is_noted_of_a_record() -> None:
    dead = life("decease", OPERATOR)
    assert in_turn(dead, changed("approved")) == [
        Death(RECORD, undone=False),
        ExtractCase(RECORD, CASE, experts=True),
    ]
    noted = Reach(contact=True, deceased=True, cases={CASE: True})
    assert in_turn(*taken(), reach=noted) == []
    assert mailed(*taken(), reach=Reach(contact=True, cases={CASE: True})) == [TAKEN]


@pytest.mark.parametrize("state", ["waiting", "refused", "something_new"])
def test_that_somebody_applied_or_was_refused_is_not_told(state: str) -> None:
    assert mailed(changed(state)) == []


def test_an_extract_that_is_told_before_its_case_waits_for_it() -> None:
    """Topics are not in step with each other."""
    first, second, other = taken(3), taken(2), taken(1, OTHER_CASE)
    rows = in_turn(*first, *second, *other)
    assert [(row.case, row.request) for row in rows if isinstance(row, Waiting)] == [
        (CASE, first[0].request),
        (CASE, second[0].request),
        (OTHER_CASE, other[0].request),
    ]
    assert len(rows) == 3
    assert mailed(*first[:1], changed("approved"), *first[1:], *second) == [APPROVED, TAKEN, TAKEN]
    assert mailed(*first, *other, changed("waiting"), changed("approved")) == [TAKEN, APPROVED]


def test_what_waited_is_not_told_after_a_death() -> None:
    assert mailed(*taken(), life("decease", OPERATOR), changed("approved")) == []


def test_without_an_address_a_row_says_so() -> None:
    rows = [row for row in in_turn(changed("approved"), reach=Reach(contact=False)) if isinstance(row, Delivery)]
    assert [row.silence for row in rows] == [Silence.NO_ADDRESS]


def test_no_notice_names_case_document_or_operator() -> None:
    (read,) = taken()
    rows = [row for row in in_turn(changed("approved"), read) if isinstance(row, Delivery)]
    for named in (CASE, read.document, read.request, OPERATOR.number):
        assert str(named) not in repr([row._replace(about=UUID(int=0)) for row in rows])
