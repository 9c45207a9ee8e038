"""Withheld and hidden documents: their traces are kept at once, and shown with their own dates when they open."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from shared.contracts.access_decisions import Decided, Order, Outcome
from shared.contracts.common import Act, Actor, ActorKind, Owner, Scope
from shared.contracts.document_changes import ActRefused, DocumentChanged
from shared.contracts.document_events import Consulted, Deposited
from shared.contracts.http_audit import ReadTraces
from shared.contracts.notification_events import Channel, Sent, Silence, Suppressed
from shared.contracts.reasons import Reason
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT_EVENTS, NOTIFICATION_EVENTS
from tests.integration.audit.conftest import permit
from tests.support.follower import NOW
from tests.unit.access_control import cast

pytestmark = pytest.mark.kafka
DOCTOR = Actor(kind=ActorKind.PROFESSIONAL, number="810000000001", role="G15_10")
CLOCK = Actor(kind=ActorKind.OPERATOR)
DAY = timedelta(days=1)
QUERY = ReadTraces(permit="-", count=200)
OWN_READS = {"carnet.audit.consulted.v1"}


class Story:
    """What happens to documents of one record, as the three topics tell it."""

    def __init__(self, audit, record=None):
        self.audit, self.record = audit, record or uuid4()
        self.made = []

    def _message(self, topic, body, at, **attributes):
        self.made.append(self.audit.follower.record(topic, self.record, body, time=NOW + at * DAY, **attributes))

    def deposit(self, document, at, *, withheld=False, hidden=False):
        decided = Decided(
            request=document, act=Act.DEPOSIT, outcome=Outcome.PERMIT, reasons=(Reason.FEEDING_DUTY,), actor=DOCTOR
        )
        self._message(ACCESS_DECISIONS, decided, at, correlation=document)
        stored, silence = uuid4(), Silence.WITHHELD if withheld else Silence.HIDDEN if hidden else None
        body = Deposited(
            deposit=document,
            document=document,
            actor=DOCTOR,
            type_code="11502-2",
            class_code="10",
            withheld=withheld,
            hidden_from_representatives=hidden,
        )
        self._message(DOCUMENT_EVENTS, body, at, correlation=document, id=stored)
        self._notice("AJOUT_DOCUMENT", stored, silence, at, document)

    def _notice(self, event, about, silence, at, correlation):
        given = {"notice": uuid4(), "event": event, "about": about}
        told = Suppressed(channel=Channel.NONE, reason=silence, **given) if silence else Sent(channel="email", **given)
        self._message(NOTIFICATION_EVENTS, told, at, correlation=correlation)

    def open(self, document, at, silence=None):
        """A professional reads it."""
        request, read = uuid4(), uuid4()
        permitted = Decided(
            request=request,
            act=Act.CONSULT,
            outcome=Outcome.PERMIT,
            reasons=(Reason.AUTHORISED,),
            actor=DOCTOR,
            owner=Owner.DOCUMENT,
        )
        self._message(ACCESS_DECISIONS, permitted, at, correlation=request)
        body = Consulted(request=request, actor=DOCTOR, document=document)
        self._message(DOCUMENT_EVENTS, body, at, correlation=request, id=read)
        self._notice("ACCES_DMP_PS", read, silence, at, request)

    def ask(self, act, document, at, actor=DOCTOR, outcome=Outcome.PERMIT):
        """The decision on an act."""
        order = Order(document=document, scope=Scope()) if outcome is Outcome.PERMIT else None
        request = uuid4()
        body = Decided(
            request=request,
            act=Act.UNKNOWN,
            further_act=act,
            outcome=outcome,
            reasons=(Reason.NO_BRANCH,),
            actor=actor,
            document=document,
            order=order,
        )
        self._message(ACCESS_DECISIONS, body, at, correlation=request)
        return request

    def change(self, act, document, at, actor=DOCTOR, version=2, **flags):
        """What document made of it; the clock is asked by nobody."""
        request = None if actor == CLOCK else self.ask(act, document, at, actor)
        given = {"masked": False, "withheld": False, "hidden_from_representatives": False} | flags
        body = DocumentChanged(act=act, document=document, actor=actor, request=request, version=version, **given)
        self._message(DOCUMENT_EVENTS, body, at, correlation=request or uuid4())

    def refuse(self, act, document, at, actor=DOCTOR, reason="unknown_document"):
        request = self.ask(act, document, at, actor)
        body = ActRefused(act=act, document=document, actor=actor, request=request, reason=reason)
        self._message(DOCUMENT_EVENTS, body, at, correlation=request)

    async def told(self):
        """Give audit what was made since."""
        batch, self.made = self.made, []
        await self.audit.follower.take(*batch)

    async def seen(self, kind=ActorKind.PATIENT, *, withheld=False, query=QUERY):
        """Day, kind and document of each trace but those of reading traces, newest first."""
        given = permit(self.record, actor=Actor(kind=kind), withheld=withheld)
        found = await self.audit.traces.read(given, query)
        return [
            ((one.at - NOW) // DAY, one.kind.removeprefix("carnet."), one.document)
            for one in found
            if one.kind not in OWN_READS
        ]


def days(seen):
    return [day for day, _, _ in seen]


@pytest.mark.parametrize("by_time", [False, True])
async def test_case_9_of_a_withheld_document_nothing_is_seen_on_day_5_and_all_with_its_dates_when_it_opens(
    audit, by_time
):
    """By the scopes that access_control really gives; the médecin traitant sees all of it meanwhile."""
    story, plain, withheld = Story(audit), uuid4(), uuid4()
    treated = replace(cast.OPEN, treating=cast.DOCTOR.number)

    async def shown(actor):
        scope = cast.consult(treated, actor, owner=Owner.AUDIT).scope.scope()
        found = await audit.traces.read(permit(story.record, actor=actor, scope=scope), QUERY)
        return [
            ((one.at - NOW) // DAY, one.kind.removeprefix("carnet."), one.document)
            for one in found
            if one.kind not in OWN_READS
        ]

    story.deposit(plain, 0)
    await story.told()
    before = await shown(cast.HOLDER)
    story.deposit(withheld, 1, withheld=True)
    story.open(withheld, 2, Silence.WITHHELD)
    story.ask("unmask", withheld, 3, outcome=Outcome.DENY)
    story.refuse("hide", withheld, 3, reason="already_visible")
    story.change("archive", withheld, 4, withheld=True)
    story.refuse("mask", withheld, 5, actor=cast.HOLDER)
    await story.told()
    assert await shown(cast.HOLDER) == before
    whole = await shown(cast.DOCTOR)
    assert days(whole) == [5, 5, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1, 1, 0, 0, 0]

    story.open(plain, 6)
    if by_time:
        story.change("open_by_time", withheld, 7, CLOCK, version=3, came_into_view=True)
    else:
        story.change("announce", withheld, 7, version=3, came_into_view=True)
    await story.told()
    after = await shown(cast.HOLDER)
    assert days(after) == [7] * (1 if by_time else 2) + [6, 6, 6, 5, 5, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1, 0, 0]
    assert (1, "document.deposited.v1", withheld) in after
    assert (2, "document.consulted.v1", withheld) in after
    assert sorted(day for day, kind, _ in after if kind == "notification.suppressed.v1") == [1, 2]
    assert [one for one in after if one in before] == before


@pytest.mark.parametrize("first", ["announce", "reveal"])
async def test_ar_041_043_what_is_withheld_and_hidden_opens_to_each_when_it_may(audit, first):
    story, document = Story(audit), uuid4()
    story.deposit(document, 0, withheld=True, hidden=True)
    await story.told()
    story.change(first, document, 1, withheld=first == "reveal", hidden_from_representatives=first == "announce")
    await story.told()
    holder, parent = await story.seen(), await story.seen(ActorKind.REPRESENTATIVE)
    assert (bool(holder), parent) == (first == "announce", [])
    story.change("announce" if first == "reveal" else "reveal", document, 2, version=3)
    await story.told()
    assert await story.seen() == await story.seen(ActorKind.REPRESENTATIVE)
    assert sorted(set(days(await story.seen()))) == [0, 1, 2]


@pytest.mark.parametrize("cuts", [(), (1,), (2,), (3,), (1, 2, 3, 4, 5)])
async def test_the_last_version_counts_however_messages_lie_in_batches_and_repeats_change_nothing(audit, cuts):
    story, document = Story(audit), uuid4()
    story.deposit(document, 0, withheld=True)
    story.change("mask", document, 0, withheld=True, masked=True)
    story.change("announce", document, 1, version=3, came_into_view=True, masked=True)
    batch, story.made = story.made, []
    for start, end in zip((0, *cuts), (*cuts, len(batch)), strict=True):
        await audit.follower.take(*batch[start:end])
    expected = await story.seen()
    assert (0, "document.deposited.v1", document) in expected
    await audit.follower.take(*batch)
    await audit.follower.take(*batch[:2])
    assert await story.seen() == expected


async def test_a_deposit_that_comes_after_its_announcement_conceals_nothing(audit):
    """As a parked message does that is handled later."""
    story, document = Story(audit), uuid4()
    story.change("announce", document, 1, version=2, came_into_view=True)
    await story.told()
    story.deposit(document, 0, withheld=True)
    await story.told()
    assert sorted(set(days(await story.seen()))) == [0, 1]


async def test_a_change_that_changes_nothing_conceals_and_opens_nothing(audit):
    story, document, plain = Story(audit), uuid4(), uuid4()
    story.deposit(document, 0, withheld=True)
    story.deposit(plain, 0)
    await story.told()
    before = await story.seen()
    story.change("withhold", document, 1, version=1, withheld=True, changed=False)
    await story.told()
    assert await story.seen() == before
    story.change("unmask", plain, 1, version=1, changed=False)
    await story.told()
    assert len(await story.seen()) == len(before) + 2


async def test_pages_are_as_full_as_if_nothing_were_concealed(audit):
    with_it, without_it = Story(audit), Story(audit)
    for story in (with_it, without_it):
        for at in range(30):
            story.deposit(uuid4(), at)
            story.open(None, at)
    for at in range(30):
        document = uuid4()
        with_it.deposit(document, at, withheld=True)
        with_it.open(document, at, Silence.WITHHELD)
        with_it.change("archive", document, at, withheld=True)
        with_it.refuse("mask", document, at, reason="version_conflict")
    pages = []
    for story in (with_it, without_it):
        await story.told()
        page = await story.seen(query=ReadTraces(permit="-", count=100))
        pages.append(sorted((day, kind) for day, kind, _ in page))
    assert pages[0] == pages[1]
    assert len(pages[0]) == 100


async def test_ar_023_an_act_on_a_withheld_document_and_on_none_leave_the_same_traces(audit):
    stories, withheld = [Story(audit), Story(audit)], uuid4()
    stories[0].deposit(withheld, 0, withheld=True)
    for story, document in zip(stories, (withheld, uuid4()), strict=True):
        for actor in (cast.HOLDER, cast.REPRESENTATIVE, DOCTOR):
            story.refuse("mask", document, 1, actor)
            story.ask("withhold", document, 1, actor, Outcome.DENY)
        await story.told()
        for kind in (ActorKind.PATIENT, ActorKind.REPRESENTATIVE):
            assert await story.seen(kind) == []


async def test_what_is_decided_waits_for_its_document(audit):
    story, document = Story(audit), uuid4()
    story.ask("archive", document, 1)
    await story.told()
    assert await story.seen() == []
    story.deposit(document, 0)
    await story.told()
    assert (1, "access.decided.v1", document) in await story.seen()


async def test_the_number_of_statements_does_not_grow_with_concealed_documents_and_acts(audit):
    counts = []
    for size in (1, 40):
        batch = []
        for _ in range(size):
            story, document = Story(audit), uuid4()
            story.deposit(document, 0, withheld=True)
            story.change("archive", document, 1, withheld=True)
            story.change("announce", document, 1, version=3, came_into_view=True)
            batch += story.made
        await audit.follower.take(*batch)
        counts.append(audit.follower.statements[-1])
    assert counts[0] == counts[1]
