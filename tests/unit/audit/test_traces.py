"""What each reader is shown; above all, what tells of a withheld document is not shown to the holder's side."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.audit.domain.events import Concealed, TracesConsulted, canonical
from services.audit.domain.sight import Around, Reader
from services.audit.domain.traces import Kept, read, trace
from shared.contracts.access_decisions import (
    ConsentChanged,
    Decided,
    DeletionRequested,
    Emergency,
    LifeChanged,
    Outcome,
    RecordOpened,
    RightsChanged,
)
from shared.contracts.access_extracts import ExtractChanged
from shared.contracts.access_oversight import CaseAnswered, CaseOpened, TextRead
from shared.contracts.common import AccessMode, Act, Actor, ActorKind, Body, FurtherAct, Owner, Scope
from shared.contracts.document_events import (
    Consulted,
    Deposited,
    DepositRefused,
    DocumentHeld,
    SummaryDue,
    UpdateToTell,
)
from shared.contracts.history_events import HistoryConsulted
from shared.contracts.http_audit import Trace
from shared.contracts.notification_events import Channel, ContactGiven, Failed, Sent, Suppressed
from shared.contracts.reasons import Reason
from shared.security import Permit

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
RECORD, WITHHELD, PLAIN = uuid4(), uuid4(), uuid4()
DOCTOR = Actor(kind=ActorKind.PROFESSIONAL, number="810000000001", role="G15_10", structure="1750000001")
OPERATOR = Actor(kind=ActorKind.OPERATOR, number="op-1")
CONCEALED = [Concealed(WITHHELD, withheld=True, from_representatives=False)]


def permit(kind: ActorKind = ActorKind.PATIENT, *, withheld: bool = False) -> Permit:
    return Permit(
        id=uuid4(),
        record=RECORD,
        actor=Actor(kind=kind),
        owner=Owner.AUDIT,
        act=Act.CONSULT,
        scope=Scope(withheld=withheld),
        issued=NOW,
        expires=NOW + timedelta(seconds=5),
    )


HOLDER = Reader.of(permit(), CONCEALED)
TREATING = Reader.of(permit(ActorKind.PROFESSIONAL, withheld=True), CONCEALED)


def kept(body: Body | bytes, type_name: str = "") -> Kept:
    payload = body if isinstance(body, bytes) else body.model_dump_json(exclude_none=True).encode()
    head = {"type": type_name or body.type_name, "correlationid": uuid4()}  # type: ignore[union-attr]
    return Kept(uuid4(), NOW, canonical(head, payload))


def seen(body: Any, reader: Reader = HOLDER, type_name: str = "") -> Trace | None:
    return trace(read(kept(body, type_name)), reader, Around())


def decided(act: Act, outcome: Outcome) -> Decided:
    return Decided(
        request=uuid4(),
        act=act,
        outcome=outcome,
        reasons=(Reason.BLOCKED,),
        actor=DOCTOR,
        mode=AccessMode.EMERGENCY,
        permit="header.body.signature",
    )


def deposited(document: UUID) -> Deposited:
    return Deposited(
        deposit=uuid4(),
        document=document,
        actor=DOCTOR,
        type_code="11502-2",
        class_code="10",
        withheld=document == WITHHELD,
    )


def notice(kind: type[Sent | Failed | Suppressed]) -> Body:
    return kind(notice=uuid4(), event="ACCES_DMP_PS", channel=Channel.EMAIL, about=uuid4())


SHOWN = [
    decided(Act.CONSULT, Outcome.PERMIT),
    decided(Act.CONSULT, Outcome.DENY),
    decided(Act.DEPOSIT, Outcome.DENY),
    deposited(PLAIN),
    Consulted(request=uuid4(), actor=DOCTOR),
    Consulted(request=uuid4(), actor=DOCTOR, document=PLAIN),
    HistoryConsulted(request=uuid4(), actor=DOCTOR),
    RecordOpened(actor=DOCTOR),
    notice(Sent),
    notice(Failed),
    ContactGiven(actor=Actor(kind=ActorKind.PATIENT), recipient="810000000077"),
    UpdateToTell(hidden_from_representatives=False),
    SummaryDue(professional="810000000077"),
    TracesConsulted(request=uuid4(), actor=Actor(kind=ActorKind.PATIENT)),
]
HIDDEN = [
    deposited(WITHHELD),
    Consulted(request=uuid4(), actor=DOCTOR, document=WITHHELD),
    decided(Act.DEPOSIT, Outcome.PERMIT),
    DepositRefused(deposit=uuid4(), actor=DOCTOR, reason=Reason.DUPLICATE),
    DocumentHeld(deposit=uuid4()),
    notice(Suppressed),
]


def name(body: Body) -> str:
    return f"{body.type_name}-{getattr(body, 'act', '')}-{getattr(body, 'outcome', '')}"


@pytest.mark.parametrize("body", SHOWN, ids=name)
def test_the_holder_is_shown(body: Body) -> None:
    assert seen(body) is not None
    assert seen(body, TREATING) is not None


@pytest.mark.parametrize("body", HIDDEN, ids=name)
def test_the_holder_is_not_shown_what_tells_of_a_withheld_document(body: Body) -> None:
    assert seen(body) is None


@pytest.mark.parametrize("body", HIDDEN, ids=name)
def test_who_may_see_withheld_documents_sees_their_traces(body: Body) -> None:
    assert seen(body, TREATING) is not None


def test_once_announced_the_same_traces_are_shown() -> None:
    announced = Reader.of(permit(), [])
    assert seen(deposited(WITHHELD), announced) is not None


def test_a_document_hidden_from_representatives_is_hidden_from_them_alone() -> None:
    concealed = [Concealed(PLAIN, withheld=False, from_representatives=True)]
    assert seen(deposited(PLAIN), Reader.of(permit(ActorKind.REPRESENTATIVE), concealed)) is None
    assert seen(deposited(PLAIN), Reader.of(permit(), concealed)) is not None


def test_what_cannot_be_read_is_shown_to_nobody_who_may_not_see_everything() -> None:
    assert seen(b"{", type_name=Deposited.type_name) is None
    assert seen(b"{}", type_name="carnet.document.something.v2") is None
    whole = seen(b"{}", TREATING, "carnet.document.something.v2")
    assert whole is not None
    assert whole.kind == "carnet.document.something.v2"


def test_a_trace_says_who_what_when_and_why() -> None:
    found = seen(decided(Act.CONSULT, Outcome.DENY))
    assert found is not None
    assert (found.at, found.act, found.outcome, found.reasons) == (NOW, Act.CONSULT, Outcome.DENY, (Reason.BLOCKED,))
    assert (found.actor, found.mode) == (DOCTOR, AccessMode.EMERGENCY)


def test_a_change_of_rights_names_the_professional_and_a_notice_its_event() -> None:
    changed = RightsChanged(
        act=Act.BLOCK, actor=Actor(kind=ActorKind.PATIENT), professional="810000000002", rights_version=3
    )
    rights, told = seen(changed), seen(notice(Sent))
    assert rights is not None
    assert told is not None
    assert (rights.act, rights.professional) == (Act.BLOCK, "810000000002")
    assert told.notice == "ACCES_DMP_PS"


@pytest.mark.parametrize("act", FurtherAct)
def test_every_further_act_is_a_trace_that_says_who_and_what(act: FurtherAct) -> None:
    told: list[Body] = [
        decided(Act.UNKNOWN, Outcome.PERMIT).model_copy(update={"further_act": act.value}),
        ConsentChanged(act=act, actor=DOCTOR, professional="810000000002", subject="team-1", rights_version=2),
        LifeChanged(act=act, actor=DOCTOR, rights_version=2),
    ]
    for body in told:
        found = seen(body)
        assert found is not None
        assert (found.further_act, found.actor) == (act.value, DOCTOR)
    assert [seen(body).act for body in told] == [Act.UNKNOWN, None, None]  # type: ignore[union-attr]
    consent = seen(told[1])
    assert consent is not None
    assert (consent.professional, consent.subject) == ("810000000002", "team-1")


def test_an_act_of_tomorrow_is_a_trace_too() -> None:
    found = seen(LifeChanged(act="an_act_of_tomorrow", actor=DOCTOR, rights_version=2))
    assert found is not None
    assert (found.act, found.further_act) == (None, "an_act_of_tomorrow")


def test_ar_055_a_deletion_that_was_asked_for_is_a_trace() -> None:
    found = seen(DeletionRequested(actor=DOCTOR, latest=NOW))
    assert found is not None
    assert (found.kind, found.actor) == ("carnet.access.deletion-requested.v1", DOCTOR)


@pytest.mark.parametrize("mode", [AccessMode.EMERGENCY, AccessMode.REGULATION])
def test_ar_038_039_059_the_patient_sees_an_emergency_its_mode_and_the_code_of_its_reason(mode: AccessMode) -> None:
    emergency = Emergency(reason="vital_distress", tell="810000000077")
    body = decided(Act.CONSULT, Outcome.PERMIT).model_copy(
        update={"mode": mode, "emergency": emergency, "further_reasons": ("break_glass",)}
    )
    found = seen(body)
    assert found is not None
    assert (found.mode, found.emergency_reason, found.further_reasons) == (mode, "vital_distress", ("break_glass",))
    assert found.actor == DOCTOR


def test_a_trace_says_to_whom_a_notice_went_that_did_not_go_to_the_holder() -> None:
    to_doctor = notice(Sent).model_copy(update={"recipient": "810000000077"})
    told, own = seen(to_doctor), seen(notice(Sent))
    assert told is not None
    assert own is not None
    assert (told.recipient, own.recipient) == ("810000000077", None)


SECRET = DOCTOR.model_copy(update={"secret": True})
OF_SECRET = [
    decided(Act.CONSULT, Outcome.PERMIT).model_copy(update={"actor": SECRET}),
    decided(Act.CONSULT, Outcome.DENY).model_copy(update={"actor": SECRET}),
    decided(Act.DEPOSIT, Outcome.DENY).model_copy(update={"actor": SECRET}),
    decided(Act.UNKNOWN, Outcome.PERMIT).model_copy(update={"actor": SECRET, "further_act": "consent_session"}),
    deposited(PLAIN).model_copy(update={"actor": SECRET}),
    Consulted(request=uuid4(), actor=SECRET, document=PLAIN),
    Consulted(request=uuid4(), actor=SECRET),
    HistoryConsulted(request=uuid4(), actor=SECRET),
    RightsChanged(act=Act.BLOCK, actor=SECRET, rights_version=3),
    ConsentChanged(act=FurtherAct.CONSENT_SESSION, actor=SECRET, rights_version=3),
    LifeChanged(act=FurtherAct.OBJECT, actor=SECRET, rights_version=3),
    DeletionRequested(actor=SECRET, latest=NOW),
    TracesConsulted(request=uuid4(), actor=SECRET),
    notice(Sent).model_copy(update={"recipient": "810000000077"}),
    notice(Failed).model_copy(update={"recipient": "810000000077"}),
    ContactGiven(actor=SECRET, recipient="810000000077"),
    UpdateToTell(hidden_from_representatives=True),
    CaseOpened(actor=SECRET, case=uuid4(), request=uuid4(), due=NOW),
    CaseAnswered(actor=OPERATOR, case=uuid4(), finding="founded"),
    TextRead(actor=OPERATOR, subject=uuid4()),
]


@pytest.mark.parametrize("body", OF_SECRET, ids=name)
def test_ar_042_representatives_find_nothing_of_a_secret_connection(body: Body) -> None:
    for withheld in (False, True):
        representative = Reader.of(permit(ActorKind.REPRESENTATIVE, withheld=withheld), [])
        assert seen(body, representative) is None
    assert seen(body) is not None
    assert seen(body, TREATING) is not None


def test_ar_061_a_contested_access_is_traced_by_its_case() -> None:
    case = uuid4()
    for body in (
        CaseOpened(actor=DOCTOR, case=case, request=uuid4(), due=NOW),
        CaseAnswered(actor=OPERATOR, case=case, finding="founded"),
        TextRead(actor=OPERATOR, subject=case),
    ):
        found = seen(body)
        assert found is not None
        assert found.subject == str(case)


def test_ar_065_an_extract_is_traced_by_its_case_from_its_opening_to_each_document() -> None:
    case, document = uuid4(), uuid4()
    told = {"actor": OPERATOR, "case": case}
    opened = ExtractChanged(
        act="request_extract", kind="court_expert", purpose="court_mission", state="waiting", **told
    )
    taken = decided(Act.CONSULT, Outcome.PERMIT).model_copy(update=told)
    for body in (opened, taken, Consulted(request=uuid4(), document=document, **told)):
        found = seen(body)
        assert found is not None
        assert (found.subject, found.actor) == (str(case), OPERATOR)
    assert found.document == document
    assert seen(opened).further_act == "request_extract"


@pytest.mark.parametrize("body", [one for one in SHOWN if getattr(one, "document", None) is None], ids=name)
def test_representatives_see_what_was_no_secret(body: Body) -> None:
    assert seen(body, Reader.of(permit(ActorKind.REPRESENTATIVE), [])) is not None


def test_a_trace_shows_no_place_in_the_log_and_no_permit() -> None:
    assert set(Trace.model_fields) & {"partition", "number", "index", "offset", "leaf", "proof", "permit"} == set()
    found = seen(decided(Act.CONSULT, Outcome.PERMIT))
    assert found is not None
    assert "signature" not in found.model_dump_json()
