"""Random histories of documents, in any batches and again: sent is what a model without any ledger expects."""

import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts.common import Actor, ActorKind
from shared.contracts.document_changes import DocumentChanged
from shared.contracts.document_events import Consulted, Deposited
from shared.contracts.topics import DOCUMENT_EVENTS
from tests.support.follower import NOW

pytestmark = pytest.mark.kafka
DOCTOR = Actor(kind=ActorKind.PROFESSIONAL, number="810000000001")
HOLDER, PARENT = Actor(kind=ActorKind.PATIENT), Actor(kind=ActorKind.REPRESENTATIVE)
CLOCK = Actor(kind=ActorKind.OPERATOR)
STEPS, DOCUMENTS, SEEDS = 60, 5, 6
OPENING = {"announce": "AJOUT_DOCUMENT", "open_by_time": "REMISE_VISIBILITE_AUTO"}
"""What opens a withheld document, and the notice that says so."""


@dataclass
class Told:
    """An event, and the notice that is sent about it, if any."""

    body: Any
    sent: str | None
    document: UUID


@dataclass
class History:
    """What happens to documents of one record, and what its holder may be sent at that moment."""

    dice: random.Random
    told: list[Told] = field(default_factory=list)
    flags: dict[UUID, tuple[bool, bool]] = field(default_factory=dict)
    """By document: withheld, hidden from representatives."""

    def _tell(self, body: Any, document: UUID, notice: str | None, actor: Actor) -> None:
        may_be_sent = not any(self.flags[document]) and not actor.secret
        self.told.append(Told(body, notice if may_be_sent else None, document))

    def _doctor(self) -> Actor:
        return DOCTOR.model_copy(update={"secret": self.dice.random() < 0.2})

    def deposit(self) -> None:
        document, actor = uuid4(), self.dice.choice([self._doctor(), HOLDER, PARENT])
        withheld = actor.kind is ActorKind.PROFESSIONAL and self.dice.random() < 0.6
        self.flags[document] = (withheld, actor.secret or self.dice.random() < 0.3)
        body = Deposited(
            deposit=document,
            document=document,
            actor=actor,
            type_code="11502-2",
            class_code="10",
            withheld=withheld,
            hidden_from_representatives=self.flags[document][1],
        )
        self._tell(body, document, None if actor is HOLDER else "AJOUT_DOCUMENT", actor)

    def read(self, document: UUID) -> None:
        actor = self.dice.choice([self._doctor(), HOLDER])
        body = Consulted(request=uuid4(), actor=actor, document=document)
        self._tell(body, document, None if actor is HOLDER else "ACCES_DMP_PS", actor)

    def act(self, document: UUID) -> None:
        withheld, hidden = self.flags[document]
        act = self.dice.choice(["mask", "unmask", "archive", "delete", *list(OPENING) * withheld, *["reveal"] * hidden])
        actor = self.dice.choice([self._doctor(), HOLDER, PARENT])
        if act in OPENING:
            actor = CLOCK if act == "open_by_time" else DOCTOR
        changed = self.dice.random() < 0.8
        opens = changed and act in OPENING
        if changed:
            self.flags[document] = (withheld and not opens, hidden and act != "reveal")
        now_withheld, now_hidden = self.flags[document]
        body = DocumentChanged(
            act=act,
            document=document,
            actor=actor,
            request=None if actor is CLOCK else uuid4(),
            changed=changed,
            version=2,
            masked=False,
            withheld=now_withheld,
            hidden_from_representatives=now_hidden,
            came_into_view=opens,
        )
        notice = OPENING.get(act) or ("SUPP_DOC" if act == "delete" else None if actor is HOLDER else "MODIF_DOCUMENT")
        self._tell(body, document, notice if changed else None, actor)

    def go_on(self) -> None:
        if len(self.flags) < DOCUMENTS and (not self.flags or self.dice.random() < 0.3):
            self.deposit()
            return
        document = self.dice.choice(list(self.flags))
        self.dice.choice([self.read, self.act])(document)


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_ar_029_031_041_042_what_is_sent_is_what_may_be_known_each_time_once(notification, seed):
    dice, record = random.Random(seed), uuid4()
    history, follower = History(dice), notification.follower
    await notification.know(record)
    for _ in range(STEPS):
        history.go_on()
    made = [
        follower.record(DOCUMENT_EVENTS, record, one.body, id=uuid4(), time=NOW + timedelta(hours=place))
        for place, one in enumerate(history.told)
    ]
    ids = [dict(one.headers)["ce_id"].decode() for one in made]
    taken = 0
    while taken < len(made):
        size = dice.randint(1, 15)
        again = made[dice.randint(0, taken) : taken] if dice.random() < 0.5 else []
        await follower.take(*again, *made[taken : taken + size])
        taken += size
        if dice.random() < 0.3:
            await notification.mails.round()
    await notification.mails.round()
    await follower.take(*made)
    assert await notification.mails.round() is False
    rows = await notification.ledger()
    sent = sorted((str(row["about"]), row["event"]) for row in rows if row["status"] == "sent")
    expected = [(id_, one.sent) for id_, one in zip(ids, history.told, strict=True) if one.sent]
    assert sent == sorted(expected)
    assert len(notification.relay.kept) == len(sent)
    for document in history.flags:
        new = [
            one
            for one in history.told
            if one.document == document and one.sent in ("AJOUT_DOCUMENT", *OPENING.values())
        ]
        assert len(new) <= 1
