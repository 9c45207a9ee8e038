"""Acts on documents as traces: a concealed document looks as one that there never was, until it opens."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.audit.domain.events import Concealed
from services.audit.domain.sight import READ_BY, Around, Reader, may_see
from services.audit.domain.traces import Event, Kept, around, read, trace, wanted
from shared.contracts.access_decisions import Decided, Emergency, Outcome
from shared.contracts.common import AccessMode, Act, Actor, ActorKind, Body, Owner
from shared.contracts.document_changes import ActRefused, DocumentChanged
from shared.contracts.document_events import Consulted, Deposited, DepositRefused, UpdateToTell
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.notification_events import Channel, Silence, Suppressed
from shared.contracts.reasons import Reason
from tests.unit.audit.test_traces import DOCTOR, NOW, PLAIN, SECRET, WITHHELD, deposited, kept, permit

ABSENT, HIDDEN = uuid4(), uuid4()
CONCEALED = [
    Concealed(WITHHELD, withheld=True, from_representatives=False),
    Concealed(HIDDEN, withheld=False, from_representatives=True),
]
IN_RECORD = frozenset({PLAIN, WITHHELD, HIDDEN})
LATER = timedelta(days=5)


def reader(kind: ActorKind = ActorKind.PATIENT, *, withheld: bool = False, opened: bool = False) -> Reader:
    given = permit(kind, withheld=withheld)
    return replace(Reader.of(given, [] if opened else CONCEALED), now=NOW + LATER)


HOLDER, PARENT = reader(), reader(ActorKind.REPRESENTATIVE)
TREATING = reader(ActorKind.PROFESSIONAL, withheld=True)


def decided(document: Any, outcome: Outcome = Outcome.PERMIT, **changes: Any) -> Decided:
    given = {"act": Act.UNKNOWN, "further_act": "mask", "actor": DOCTOR, "document": document} | changes
    return Decided(request=uuid4(), outcome=outcome, reasons=(Reason.NO_BRANCH,), **given)


def changed(document: Any, act: str = "mask", actor: Actor = DOCTOR, **flags: Any) -> DocumentChanged:
    given = {"masked": False, "withheld": False, "hidden_from_representatives": False, "version": 2} | flags
    return DocumentChanged(act=act, document=document, actor=actor, request=uuid4(), **given)


def refused(document: Any, reason: FurtherReason = FurtherReason.UNKNOWN_DOCUMENT, actor: Actor = DOCTOR) -> ActRefused:
    return ActRefused(act="mask", document=document, actor=actor, request=uuid4(), reason=reason)


def sees(who: Reader, body: Body, known: Around | None = None) -> bool:
    return may_see(NOW, body, who, known or Around(documents=IN_RECORD))


TRIED = [
    decided,
    lambda document: decided(document, Outcome.DENY, further_reasons=(FurtherReason.REQUEST_NOT_RECORDED,)),
    refused,
    lambda document: refused(document, FurtherReason.VERSION_CONFLICT),
]
OF_DOCUMENTS = [
    *TRIED,
    changed,
    lambda document: changed(PLAIN, version_of=document),
    lambda document: changed(document, changed=False),
    lambda document: Consulted(request=uuid4(), actor=DOCTOR, document=document),
    lambda document: deposited(PLAIN).model_copy(update={"document": document}),
]
PEOPLE = {"holder": HOLDER, "parent": PARENT, "treating": TREATING}


@pytest.mark.parametrize("make", OF_DOCUMENTS)
def test_ar_023_029_041_an_act_is_shown_by_its_document(make: Any) -> None:
    shown = {who: [sees(one, make(document)) for document in (PLAIN, HIDDEN, WITHHELD)] for who, one in PEOPLE.items()}
    assert shown == {"holder": [True, True, False], "parent": [True, False, False], "treating": [True, True, True]}
    assert all(
        sees(reader(kind, opened=True), make(WITHHELD)) for kind in (ActorKind.PATIENT, ActorKind.REPRESENTATIVE)
    )


@pytest.mark.parametrize("make", TRIED)
@pytest.mark.parametrize("kind", [ActorKind.PATIENT, ActorKind.REPRESENTATIVE])
def test_ar_023_what_was_tried_on_a_withheld_document_and_on_none_looks_the_same(make: Any, kind: ActorKind) -> None:
    for actor in (DOCTOR, Actor(kind=kind)):
        for document in (ABSENT, WITHHELD):
            assert not sees(reader(kind), make(document).model_copy(update={"actor": actor}))


def test_what_is_decided_before_its_document_is_known_here_is_not_shown_yet() -> None:
    body = decided(PLAIN)
    assert not sees(HOLDER, body, Around())
    assert sees(HOLDER, body)
    assert sees(TREATING, body, Around())


def test_ar_042_an_act_in_a_secret_connection_is_not_shown_to_representatives() -> None:
    for body in (changed(PLAIN, actor=SECRET), refused(PLAIN, actor=SECRET), decided(PLAIN, actor=SECRET)):
        assert not sees(PARENT, body)
        assert sees(HOLDER, body)


def silent(about: Any, reason: str | None = Silence.WITHHELD) -> Suppressed:
    return Suppressed(notice=uuid4(), event="AJOUT_DOCUMENT", channel=Channel.NONE, about=about, reason=reason)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (deposited(WITHHELD), [False, False, True, True]),
        (Consulted(request=uuid4(), actor=DOCTOR, document=WITHHELD), [False, False, True, True]),
        (changed(WITHHELD, withheld=True), [False, False, True, True]),
        (changed(HIDDEN, hidden_from_representatives=True), [True, False, True, True]),
        (deposited(HIDDEN).model_copy(update={"actor": SECRET}), [True, False, True, False]),
        (UpdateToTell(hidden_from_representatives=True), [True, False, True, False]),
        (DepositRefused(deposit=uuid4(), actor=DOCTOR, reason=Reason.DUPLICATE), [False] * 4),
        (None, [False] * 4),
    ],
)
def test_a_notice_that_kept_silent_is_shown_as_what_it_is_about(body: Body | None, expected: list[bool]) -> None:
    """To the holder and to a representative, before and after the opening; to the médecin traitant always."""
    about = uuid4()
    people = [HOLDER, PARENT, reader(opened=True), reader(ActorKind.REPRESENTATIVE, opened=True)]
    for reason in (Silence.WITHHELD, Silence.HIDDEN):
        notice = silent(about, reason)
        assert [sees(who, notice, Around(about={about: body})) for who in people] == expected
        assert not any(sees(who, notice, Around()) for who in people)
        assert sees(TREATING, notice, Around())


@pytest.mark.parametrize("reason", [None, Silence.NO_ADDRESS, Silence.CONFIDENTIAL, Silence.SAME_ACCESS])
def test_other_notices_that_were_not_sent_are_not_shown(reason: Silence | None) -> None:
    about = uuid4()
    assert not sees(HOLDER, silent(about, reason), Around(about={about: deposited(PLAIN)}))


def permitted(**changes: Any) -> Decided:
    given = {"act": Act.CONSULT, "owner": Owner.DOCUMENT, "further_act": None} | changes
    return decided(None, **given)


@pytest.mark.parametrize(
    ("documents", "by_holder", "by_parent"),
    [
        ([WITHHELD], False, False),
        ([HIDDEN], True, False),
        ([PLAIN], True, True),
        ([None], True, True),
        ([WITHHELD, PLAIN], True, True),
        ([WITHHELD, HIDDEN], True, False),
    ],
)
def test_a_permitted_read_is_shown_as_what_was_read(documents: list[Any], by_holder: bool, by_parent: bool) -> None:
    """Else a permit that seems to lead nowhere would tell of a withheld document."""
    body = permitted()
    known = Around(reads={body.request: frozenset(documents)})
    assert (sees(HOLDER, body, known), sees(PARENT, body, known)) == (by_holder, by_parent)


def test_a_permit_of_which_no_read_is_known_is_shown_when_none_can_come() -> None:
    """Whether something is concealed or not: else that would tell it."""
    body = permitted()
    for who in (HOLDER, reader(opened=True)):
        assert not may_see(NOW, body, replace(who, now=NOW + READ_BY), Around())
        assert may_see(NOW, body, replace(who, now=NOW + READ_BY + timedelta(seconds=1)), Around())


def test_ar_038_039_an_emergency_that_began_is_shown_whatever_was_read() -> None:
    began = permitted(mode=AccessMode.EMERGENCY, emergency=Emergency(reason="unconscious"))
    going_on = began.model_copy(update={"emergency": Emergency(reason="unconscious", first=uuid4())})
    known = Around(reads={began.request: frozenset({WITHHELD})})
    assert sees(HOLDER, began, known)
    assert not sees(HOLDER, going_on, known)


def events(*bodies: Body) -> list[Event]:
    return [read(kept(body)) for body in bodies]


def test_what_else_has_to_be_known_is_asked_for_where_it_decides() -> None:
    told, act, permit_ = silent(uuid4()), decided(PLAIN), permitted()
    asked = wanted(events(told, act, permit_, deposited(PLAIN)), HOLDER)
    assert (asked.about, asked.documents, asked.requests) == ({told.about}, {PLAIN}, {permit_.request})
    assert not wanted(events(told, act, permit_), TREATING)
    assert not wanted(events(permit_, changed(PLAIN), deposited(PLAIN)), reader(opened=True))
    young = replace(reader(opened=True), now=NOW)
    assert wanted(events(permit_), young).requests == {permit_.request}


def test_what_is_found_is_only_what_was_asked() -> None:
    one, other = deposited(PLAIN), deposited(WITHHELD)
    read_once = Consulted(request=uuid4(), actor=DOCTOR, document=HIDDEN)
    found = events(one, other, read_once, read_once.model_copy(update={"document": None}))
    known = around(found, wanted(events(decided(PLAIN), decided(ABSENT), silent(found[1].kept.id)), HOLDER))
    assert known == Around(documents=frozenset({PLAIN}), about={found[1].kept.id: other})
    permit_ = permitted().model_copy(update={"request": read_once.request})
    assert around(found, wanted(events(permit_), HOLDER)).reads == {read_once.request: frozenset({HIDDEN, None})}


def test_a_trace_of_an_act_says_what_was_done_or_why_not() -> None:
    known = Around(documents=IN_RECORD)
    done = trace(events(changed(PLAIN, "archive"))[0], HOLDER, known)
    late = trace(events(refused(PLAIN, FurtherReason.WRONG_STATE))[0], HOLDER, known)
    assert done is not None
    assert late is not None
    assert (done.act, done.further_act, done.document, done.actor) == (None, "archive", PLAIN, DOCTOR)
    assert (late.further_act, late.further_reasons, late.document) == ("mask", ("wrong_state",), PLAIN)


def test_an_event_that_cannot_be_read_is_shown_to_nobody_of_the_holders_side() -> None:
    event = read(Kept(uuid4(), NOW, kept(b"{", Deposited.type_name).event))
    assert event.body is None
    assert trace(event, HOLDER, Around(documents=IN_RECORD)) is None
