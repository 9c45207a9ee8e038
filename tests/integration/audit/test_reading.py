"""Reading traces: newest first, by a permit that holds once, and the read is a leaf itself."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from shared.contracts.access_decisions import (
    ConsentChanged,
    Decided,
    DeletionRequested,
    LifeChanged,
    Outcome,
    RecordOpened,
)
from shared.contracts.common import Act, Actor, ActorKind, FurtherAct, Owner
from shared.contracts.document_events import Consulted, Deposited
from shared.contracts.http_audit import ReadTraces
from shared.contracts.notification_events import Channel, Sent, Silence, Suppressed
from shared.contracts.reasons import Reason
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT_EVENTS, NOTIFICATION_EVENTS
from shared.database.reads import PermitLateError, PermitUsedError
from tests.integration.audit.conftest import permit
from tests.support.follower import NOW
from tests.unit.access_control import cast

pytestmark = pytest.mark.kafka
DOCTOR = Actor(kind=ActorKind.PROFESSIONAL, number="810000000001", role="G15_10")
QUERY = ReadTraces(permit="-")


async def consulted(audit, record, count):
    """That many reads of a record, a second apart."""
    body = Consulted(request=uuid4(), actor=DOCTOR)
    await audit.follower.take(
        *(audit.follower.record(DOCUMENT_EVENTS, record, body, time=NOW + timedelta(seconds=at)) for at in range(count))
    )


async def deposit(audit, record, *, withheld, at):
    """All messages of one deposit."""
    document, correlation, time = uuid4(), uuid4(), NOW + timedelta(seconds=at)
    decided = Decided(
        request=correlation, act=Act.DEPOSIT, outcome=Outcome.PERMIT, reasons=(Reason.FEEDING_DUTY,), actor=DOCTOR
    )
    stored = Deposited(
        deposit=correlation, document=document, actor=DOCTOR, type_code="11502-2", class_code="10", withheld=withheld
    )
    told = Suppressed(notice=uuid4(), event="AJOUT_DOCUMENT", channel=Channel.NONE, about=uuid4())
    opened = Consulted(request=uuid4(), actor=DOCTOR, document=document)
    await audit.follower.take(
        audit.follower.record(ACCESS_DECISIONS, record, decided, time=time, correlation=correlation),
        audit.follower.record(DOCUMENT_EVENTS, record, stored, time=time, correlation=correlation),
        audit.follower.record(DOCUMENT_EVENTS, record, opened, time=time),
        audit.follower.record(NOTIFICATION_EVENTS, record, told, time=time, correlation=correlation),
    )
    return document


async def test_traces_come_newest_first_and_page_by_page(audit):
    record = uuid4()
    await consulted(audit, record, 130)
    await consulted(audit, uuid4(), 3)
    pages, query = [], ReadTraces(permit="-", count=50, until=NOW + timedelta(days=1))
    while page := await audit.traces.read(permit(record), query):
        pages.append(page)
        query = ReadTraces(permit="-", count=50, until=page[-1].at, after=page[-1].id)
    traces = [trace for page in pages for trace in page]
    assert [len(page) for page in pages] == [50, 50, 30]
    assert [trace.at for trace in traces] == [NOW + timedelta(seconds=at) for at in reversed(range(130))]
    assert len({trace.id for trace in traces}) == 130


async def test_traces_of_the_same_moment_are_not_lost_between_pages(audit):
    record, body = uuid4(), Consulted(request=uuid4(), actor=DOCTOR)
    await audit.follower.take(*(audit.follower.record(DOCUMENT_EVENTS, record, body) for _ in range(7)))
    first = await audit.traces.read(permit(record), ReadTraces(permit="-", count=4, until=NOW + timedelta(days=1)))
    rest = await audit.traces.read(permit(record), ReadTraces(permit="-", until=first[-1].at, after=first[-1].id))
    assert len({trace.id for trace in [*first, *rest]}) == 7


async def test_since_and_until_bound_what_is_shown(audit):
    record = uuid4()
    await consulted(audit, record, 10)
    query = ReadTraces(permit="-", since=NOW + timedelta(seconds=3), until=NOW + timedelta(seconds=6))
    found = await audit.traces.read(permit(record), query)
    assert [trace.at for trace in found] == [NOW + timedelta(seconds=at) for at in (5, 4, 3)]


async def test_the_read_is_a_leaf_and_the_next_reader_sees_it(audit):
    record = uuid4()
    await consulted(audit, record, 1)
    first = permit(record)
    assert len(await audit.traces.read(first, QUERY)) == 1
    second = await audit.traces.read(permit(record), QUERY)
    assert [trace.kind for trace in second] == ["carnet.audit.consulted.v1", "carnet.document.consulted.v1"]
    assert second[0].actor == first.actor
    assert second[0].correlation == first.id
    rows = await audit.follower.rows("SELECT index, topic, number FROM leaf ORDER BY index")
    assert [tuple(row) for row in rows] == [(0, "document.events", 1), (1, None, None), (2, None, None)]


async def test_a_permit_opens_one_read_also_when_it_is_shown_twice_at_once(audit):
    record, one = uuid4(), None
    await consulted(audit, record, 1)
    one = permit(record)
    answers = await asyncio.gather(*(audit.traces.read(one, QUERY) for _ in range(3)), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["PermitUsedError", "PermitUsedError", "list"]
    with pytest.raises(PermitUsedError):
        await audit.traces.read(one, QUERY)
    assert len(await audit.follower.rows("SELECT FROM leaf")) == 2


async def test_a_permit_that_ran_out_on_the_databases_clock_reads_nothing_and_leaves_nothing(audit):
    record = uuid4()
    with pytest.raises(PermitLateError):
        await audit.traces.read(permit(record, expires_in_s=-0.001), QUERY)
    assert await audit.follower.rows("SELECT FROM leaf") == []
    assert await audit.follower.rows("SELECT FROM consulted") == []


async def test_the_holder_learns_nothing_of_a_withheld_document(audit):
    with_it, without_it = uuid4(), uuid4()
    for record in (with_it, without_it):
        await audit.follower.take(audit.follower.record(ACCESS_DECISIONS, record, RecordOpened(actor=DOCTOR)))
        for at in range(60):
            await deposit(audit, record, withheld=False, at=2 * at)
    for at in range(20):
        await deposit(audit, with_it, withheld=True, at=2 * at + 1)
    shown = []
    for record in (with_it, without_it):
        page = await audit.traces.read(permit(record), ReadTraces(permit="-", count=100))
        shown.append(sorted((trace.at, trace.kind) for trace in page))
    assert shown[0] == shown[1]
    assert len(shown[0]) == 100


async def test_case_9_the_holders_traces_tell_nothing_of_a_withholding(audit):
    """By the scopes that access_control really gives; the médecin traitant finds it among the same traces."""
    record, treated = uuid4(), replace(cast.OPEN, treating=cast.DOCTOR.number)

    async def shown(actor):
        scope = cast.consult(treated, actor, owner=Owner.AUDIT).scope.scope()
        return await audit.traces.read(permit(record, actor=actor, scope=scope), QUERY)

    await deposit(audit, record, withheld=False, at=0)
    before = await shown(cast.HOLDER)
    withheld = await deposit(audit, record, withheld=True, at=1)
    after = await shown(cast.HOLDER)
    assert [trace.kind for trace in after] == ["carnet.audit.consulted.v1", *(trace.kind for trace in before)]
    assert withheld in {trace.document for trace in await shown(cast.DOCTOR)}


async def secret_connection(audit, record, at):
    """All messages of a minor's emergency in a secret connection, of which the médecin traitant is told."""
    actor, correlation, time = DOCTOR.model_copy(update={"secret": True}), uuid4(), NOW + timedelta(seconds=at)
    decided = Decided(
        request=correlation, act=Act.CONSULT, outcome=Outcome.PERMIT, reasons=(Reason.AUTHORISED,), actor=actor
    )
    read = Consulted(request=correlation, actor=actor)
    notice = {"event": "ACCES_BRIS_GLACE", "about": uuid4()}
    to_doctor = Sent(notice=uuid4(), channel=Channel.EMAIL, recipient="810000000077", **notice)
    to_holder = Suppressed(notice=uuid4(), channel=Channel.NONE, reason=Silence.CONFIDENTIAL, **notice)
    await audit.follower.take(
        audit.follower.record(ACCESS_DECISIONS, record, decided, time=time, correlation=correlation),
        audit.follower.record(DOCUMENT_EVENTS, record, read, time=time, correlation=correlation),
        audit.follower.record(NOTIFICATION_EVENTS, record, to_doctor, time=time, correlation=correlation),
        audit.follower.record(NOTIFICATION_EVENTS, record, to_holder, time=time, correlation=correlation),
    )


async def test_ar_042_representatives_learn_nothing_of_a_secret_connection_and_the_minor_does(audit):
    with_it, without_it = uuid4(), uuid4()
    parent = Actor(kind=ActorKind.REPRESENTATIVE, delegation=uuid4())
    for record in (with_it, without_it):
        for at in range(60):
            await deposit(audit, record, withheld=False, at=2 * at)
    for at in range(20):
        await secret_connection(audit, with_it, 2 * at + 1)
    shown = []
    for record in (with_it, without_it):
        page = await audit.traces.read(permit(record, actor=parent), ReadTraces(permit="-", count=100))
        shown.append(sorted((trace.at, trace.kind) for trace in page))
    assert shown[0] == shown[1]
    assert len(shown[0]) == 100
    own = await audit.traces.read(permit(with_it), ReadTraces(permit="-", count=200))
    assert sum(trace.actor is not None and trace.actor.secret for trace in own) == 40


async def test_every_act_of_a_records_rights_and_life_is_a_trace_that_can_be_read(audit):
    record, actor = uuid4(), Actor(kind=ActorKind.PATIENT)
    acts = [*FurtherAct, "an_act_of_tomorrow"]
    bodies = [ConsentChanged(act=act, actor=actor, rights_version=1) for act in acts]
    bodies += [LifeChanged(act=act, actor=actor, rights_version=1) for act in acts]
    bodies.append(DeletionRequested(actor=actor, latest=NOW))
    await audit.follower.take(*(audit.follower.record(ACCESS_DECISIONS, record, body) for body in bodies))
    found = await audit.traces.read(permit(record), ReadTraces(permit="-", count=200))
    assert len(found) == len(bodies)
    assert {trace.further_act for trace in found} == {*acts, None}


async def test_who_may_see_withheld_documents_sees_their_traces(audit):
    record = uuid4()
    document = await deposit(audit, record, withheld=True, at=0)
    doctor = permit(record, withheld=True, actor=DOCTOR)
    assert {trace.document for trace in await audit.traces.read(doctor, QUERY)} == {document, None}
    holders = await audit.traces.read(permit(record), QUERY)
    assert [trace.kind for trace in holders] == ["carnet.audit.consulted.v1"]


async def test_a_record_that_audit_never_heard_of_has_no_traces(audit):
    assert await audit.traces.read(permit(uuid4()), QUERY) == []
