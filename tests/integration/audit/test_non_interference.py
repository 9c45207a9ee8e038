"""Whatever happens to documents: a reader's traces are as if what he may not know had not happened.

Random histories of deposits, reads and acts, told by topics that are not in step, in any batches and again, are read by
each reader at random moments; another record has the same history without what is concealed from him at that moment.
The two can't be told apart. When everything has opened nothing is missing.
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts.access_decisions import Decided, Outcome
from shared.contracts.common import Act, Actor, ActorKind, Body, Owner
from shared.contracts.document_changes import ActRefused, DocumentChanged
from shared.contracts.document_events import Consulted, Deposited, DepositRefused
from shared.contracts.http_audit import ReadTraces
from shared.contracts.notification_events import Channel, Sent, Silence, Suppressed
from shared.contracts.reasons import Reason
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT_EVENTS, NOTIFICATION_EVENTS
from tests.integration.audit.conftest import permit

pytestmark = pytest.mark.kafka
DOCTOR = Actor(kind=ActorKind.PROFESSIONAL, number="810000000001", role="G15_10")
HOLDER, PARENT = Actor(kind=ActorKind.PATIENT), Actor(kind=ActorKind.REPRESENTATIVE)
READERS = [(HOLDER, False), (PARENT, False), (DOCTOR, True)]
TOPICS = (ACCESS_DECISIONS, DOCUMENT_EVENTS, NOTIFICATION_EVENTS)
STEPS, DOCUMENTS, SEEDS = 25, 4, 5
ALWAYS = "always"
"""What is kept from the holder's side for good: a decision that its deposit tells, a refused duplicate."""


@dataclass(frozen=True)
class Happened:
    """A message, and what may be known only by who may know it."""

    topic: str
    body: Body
    at: datetime
    id: UUID
    correlation: UUID
    tells_of: UUID | str | None = None
    """A document; None: what everybody may know."""
    secret: bool = False


@dataclass
class History:
    """What happens, as the rules of document let it: once visible nothing is concealed again."""

    dice: random.Random
    begin: datetime
    told: list[Happened] = field(default_factory=list)
    flags: dict[UUID, tuple[bool, bool, int]] = field(default_factory=dict)
    """By document: withheld, hidden from representatives, version."""

    def _tell(self, topic: str, body: Body, correlation: UUID, tells_of: Any = None, *, secret: bool = False) -> UUID:
        at, identity = self.begin + timedelta(milliseconds=len(self.told)), uuid4()
        self.told.append(Happened(topic, body, at, identity, correlation, tells_of, secret))
        return identity

    def _notice(self, document: UUID | None, about: UUID, correlation: UUID, actor: Actor) -> None:
        withheld, hidden, _ = self.flags.get(document, (False, False, 0)) if document else (False, False, 0)
        given = {"notice": uuid4(), "event": "AJOUT_DOCUMENT", "about": about}
        silence = (
            Silence.WITHHELD
            if withheld
            else Silence.HIDDEN
            if hidden
            else Silence.CONFIDENTIAL
            if actor.secret
            else None
        )
        if silence is None:
            self._tell(NOTIFICATION_EVENTS, Sent(channel=Channel.EMAIL, **given), correlation)
            return
        body = Suppressed(channel=Channel.NONE, reason=silence, **given)
        tells_of = ALWAYS if silence is Silence.CONFIDENTIAL else document
        self._tell(NOTIFICATION_EVENTS, body, correlation, tells_of, secret=actor.secret)

    def _decided(self, act: Act, actor: Actor, tells_of: Any, outcome: Outcome = Outcome.PERMIT, **more: Any) -> UUID:
        request = more.pop("request", None) or uuid4()
        body = Decided(request=request, act=act, outcome=outcome, reasons=(Reason.AUTHORISED,), actor=actor, **more)
        self._tell(ACCESS_DECISIONS, body, request, tells_of, secret=actor.secret)
        return request

    def _doctor(self) -> Actor:
        return DOCTOR.model_copy(update={"secret": self.dice.random() < 0.2})

    def deposit(self) -> None:
        document, actor = uuid4(), self._doctor()
        withheld, hidden = self.dice.random() < 0.5, actor.secret or self.dice.random() < 0.3
        self._decided(Act.DEPOSIT, actor, ALWAYS, request=document)
        if self.dice.random() < 0.15:
            refused = DepositRefused(deposit=document, actor=actor, reason=Reason.DUPLICATE)
            self._tell(DOCUMENT_EVENTS, refused, document, ALWAYS)
            return
        self.flags[document] = (withheld, hidden, 1)
        body = Deposited(
            deposit=document,
            document=document,
            actor=actor,
            type_code="11502-2",
            class_code="10",
            withheld=withheld,
            hidden_from_representatives=hidden,
        )
        stored = self._tell(DOCUMENT_EVENTS, body, document, document, secret=actor.secret)
        self._notice(document, stored, document, actor)

    def read(self, document: UUID | None, actor: Actor) -> None:
        request = self._decided(Act.CONSULT, actor, document, owner=Owner.DOCUMENT)
        body = Consulted(request=request, actor=actor, document=document)
        opened = self._tell(DOCUMENT_EVENTS, body, request, document, secret=actor.secret)
        self._notice(document, opened, request, actor)

    def act(self, document: UUID, actor: Actor) -> None:
        withheld, hidden, version = self.flags.get(document, (False, False, 0))
        acts = ["mask", "archive", *["announce", "open_by_time"] * withheld, *["reveal"] * hidden]
        act = self.dice.choice(acts)
        asked = {"further_act": act, "document": document}
        if self.dice.random() < 0.15:
            self._decided(Act.UNKNOWN, actor, document, Outcome.DENY, **asked)
            return
        request = self._decided(Act.UNKNOWN, actor, document, **asked)
        if not version or self.dice.random() < 0.2:
            why = "version_conflict" if version else "unknown_document"
            refused = ActRefused(act=act, document=document, actor=actor, request=request, reason=why)
            self._tell(DOCUMENT_EVENTS, refused, request, document, secret=actor.secret)
            return
        changed = self.dice.random() < 0.8
        if changed:
            withheld, hidden = withheld and act not in {"announce", "open_by_time"}, hidden and act != "reveal"
            self.flags[document] = (withheld, hidden, version + 1)
        body = DocumentChanged(
            act=act,
            document=document,
            actor=actor,
            request=request,
            changed=changed,
            version=self.flags[document][2],
            masked=act == "mask",
            withheld=withheld,
            hidden_from_representatives=hidden,
        )
        done = self._tell(DOCUMENT_EVENTS, body, request, document, secret=actor.secret)
        if changed:
            self._notice(document, done, request, actor)

    def go_on(self) -> None:
        if len(self.flags) < DOCUMENTS and self.dice.random() < 0.4:
            self.deposit()
        actor = self.dice.choice([self._doctor(), HOLDER, PARENT])
        document = self.dice.choice([*self.flags, uuid4()])
        if self.dice.random() < 0.6:
            self.act(document, actor)
        elif actor.kind is ActorKind.PROFESSIONAL:
            self.read(document if document in self.flags else None, actor)

    def open_all(self) -> None:
        for document, (_, _, version) in list(self.flags.items()):
            self.flags[document] = (False, False, version + 1)
            flags = {"masked": False, "withheld": False, "hidden_from_representatives": False}
            body = DocumentChanged(act="announce", document=document, actor=DOCTOR, version=version + 1, **flags)
            self._tell(DOCUMENT_EVENTS, body, uuid4(), document)


def concealed(told: list[Happened], reader: Actor) -> Any:
    """What a reader may not know by what document has told until now: a test on what happened."""
    known: dict[Any, bool] = {}
    for one in told:
        if isinstance(one.body, Deposited | DocumentChanged):
            hidden = reader is PARENT and one.body.hidden_from_representatives
            known[one.body.document] = one.body.withheld or hidden

    def may_not_know(one: Happened) -> bool:
        of_concealed = one.tells_of is not None and known.get(one.tells_of, True)
        # that a revealed document is there its representatives may know, though not what was done in secret
        in_secret = reader is PARENT and one.secret and not isinstance(one.body, Deposited | DocumentChanged)
        return of_concealed or in_secret

    return may_not_know


class Record:
    """A record of audit that is told of a history."""

    def __init__(self, audit, dice):
        self.audit, self.dice, self.id = audit, dice, uuid4()
        self.given: list[Any] = []

    async def take(self, told: list[Happened]) -> None:
        """In batches as they come, and now and then what was taken before once more."""
        made = [
            self.audit.follower.record(
                one.topic, self.id, one.body, time=one.at, id=one.id, correlation=one.correlation
            )
            for one in told
        ]
        while made:
            size = self.dice.randint(1, len(made))
            again = self.given[self.dice.randint(0, len(self.given)) :] if self.dice.random() < 0.3 else []
            await self.audit.follower.take(*again, *made[:size])
            self.given += made[:size]
            del made[:size]

    async def seen(self, reader: Actor, *, withheld: bool) -> list[Any]:
        """The traces but those of reading traces, newest first, in pages of a random size."""
        count, found, query = self.dice.choice([3, 200]), [], None
        while True:
            query = ReadTraces(
                permit="-",
                count=count,
                until=found[-1].at if found else datetime.now(UTC),
                after=found[-1].id if found else None,
            )
            page = await self.audit.traces.read(permit(self.id, actor=reader, withheld=withheld), query)
            found += page
            if len(page) < count:
                return [one for one in found if one.kind != "carnet.audit.consulted.v1"]


def out_of_step(dice: random.Random, queues: dict[str, list[Happened]]) -> list[Happened]:
    """The next of some topics, each in its own order."""
    topics = dice.choices(TOPICS, k=dice.randint(1, 12))
    return [queues[topic].pop(0) for topic in topics if queues[topic]]


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_ar_023_029_041_042_traces_are_as_if_what_is_concealed_had_not_happened(audit, seed):
    dice = random.Random(seed)
    history = History(dice, datetime.now(UTC) - timedelta(seconds=2))
    for _ in range(STEPS):
        history.go_on()
    history.open_all()
    queues = {topic: [one for one in history.told if one.topic == topic] for topic in TOPICS}
    record, told = Record(audit, dice), []
    while any(queues.values()):
        part = out_of_step(dice, queues)
        await record.take(part)
        told += part
        reader, withheld = dice.choice(READERS)
        if withheld:
            assert {one.id for one in await record.seen(reader, withheld=True)} == {one.id for one in told}
            continue
        may_not_know, other = concealed(told, reader), Record(audit, dice)
        await other.take([one for one in told if not may_not_know(one)])
        seen, expected = await record.seen(reader, withheld=False), await other.seen(reader, withheld=False)
        assert [one for one in seen if one not in expected] == [one for one in expected if one not in seen] == []
        assert seen == expected
        assert reader is HOLDER or not any(one.actor is not None and one.actor.secret for one in seen)
    ids = {one.id for one in await record.seen(HOLDER, withheld=False)}
    may_not_know = concealed(told, HOLDER)
    assert ids == {one.id for one in told if not may_not_know(one)}
