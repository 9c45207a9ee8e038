"""Acts on documents as notices: what comes into view is told as a new document, of a concealed one nothing is sent."""

from typing import Any
from uuid import uuid4

import pytest

from services.notification.domain.deliveries import Delivery, Opened, Reach, Status
from services.notification.domain.rules import RULES
from shared.contracts.common import Actor, FurtherAct
from shared.contracts.document_changes import ActRefused
from shared.contracts.notification_events import Silence
from tests.unit.notification.telling import (
    DOCTOR,
    HOLDER,
    HOSPITAL,
    OPERATOR,
    RECORD,
    REPRESENTATIVE,
    changed,
    consent,
    consulted,
    deposited,
    handled,
    in_secret,
    told,
)

CLOCK = Actor(kind=OPERATOR.kind)
OPEN = {"came_into_view": True}
CHANGING = [
    FurtherAct.MASK,
    FurtherAct.UNMASK,
    FurtherAct.REVEAL,
    FurtherAct.ARCHIVE,
    FurtherAct.UNARCHIVE,
]
OPENING = [FurtherAct.ANNOUNCE, FurtherAct.OPEN_BY_TIME]
ON_DOCUMENTS = [*CHANGING, FurtherAct.WITHHOLD, FurtherAct.HIDE, FurtherAct.DELETE, *OPENING]


@pytest.mark.parametrize("actor", [DOCTOR, HOSPITAL, REPRESENTATIVE, OPERATOR])
@pytest.mark.parametrize("act", CHANGING)
def test_the_holder_is_told_that_another_changed_a_document(act: FurtherAct, actor: Actor) -> None:
    assert told(changed(act, actor)) == [("MODIF_DOCUMENT", "changed", None, None)]
    (row,) = (one for one in handled(changed(act, actor)).changes if isinstance(one, Delivery))
    assert row.who is actor.kind


@pytest.mark.parametrize("act", CHANGING)
def test_the_holder_is_not_told_what_he_did_himself(act: FurtherAct) -> None:
    for actor in (HOLDER, in_secret(HOLDER)):
        assert told(changed(act, actor)) == []
        assert told(changed(act, actor, hidden_from_representatives=True)) == []


@pytest.mark.parametrize("actor", [DOCTOR, HOLDER, REPRESENTATIVE, OPERATOR])
def test_a_deletion_is_told_whoever_made_it(actor: Actor) -> None:
    assert told(changed(FurtherAct.DELETE, actor)) == [("SUPP_DOC", "", None, None)]


@pytest.mark.parametrize("actor", [DOCTOR, HOSPITAL])
def test_ar_029_an_announced_document_is_told_as_a_new_one(actor: Actor) -> None:
    assert told(changed(FurtherAct.ANNOUNCE, actor, **OPEN)) == [("AJOUT_DOCUMENT", "", None, None)]


def test_ar_031_a_document_that_opens_by_time_has_a_text_of_its_own_and_names_nobody() -> None:
    body = changed(FurtherAct.OPEN_BY_TIME, CLOCK, **OPEN)
    assert told(body) == [("REMISE_VISIBILITE_AUTO", "", None, None)]
    (row,) = (one for one in handled(body).changes if isinstance(one, Delivery))
    assert row.who is None


@pytest.mark.parametrize("act", ["an_act_of_tomorrow", *ON_DOCUMENTS])
def test_whatever_comes_into_view_is_told_once_by_whatever_act(act: str) -> None:
    for actor in (DOCTOR, HOLDER):
        assert len(told(changed(act, actor, **OPEN))) == 1


@pytest.mark.parametrize("act", ["an_act_of_tomorrow", *OPENING])
def test_what_brings_nothing_into_view_and_changes_nothing_that_is_seen_is_passed_over(act: str) -> None:
    body = changed(act)
    assert told(body) == []
    assert handled(body).changes == (Opened(RECORD, body.document),)


@pytest.mark.parametrize("act", ON_DOCUMENTS)
def test_where_nothing_changed_nothing_is_told(act: FurtherAct) -> None:
    for more in ({}, {"withheld": True}):
        assert told(changed(act, changed=False, **more)) == []


@pytest.mark.parametrize("act", ON_DOCUMENTS)
def test_an_older_version_that_went_along_is_not_told(act: FurtherAct) -> None:
    for more in ({}, {"withheld": True}):
        assert told(changed(act, version_of=uuid4(), **more)) == []


@pytest.mark.parametrize(
    ("flags", "silence"),
    [
        ({"withheld": True}, Silence.WITHHELD),
        ({"hidden_from_representatives": True}, Silence.HIDDEN),
        ({"withheld": True, "hidden_from_representatives": True}, Silence.WITHHELD),
    ],
)
@pytest.mark.parametrize("act", ON_DOCUMENTS)
def test_ar_029_041_of_a_concealed_document_nothing_is_sent(act: FurtherAct, flags: Any, silence: Silence) -> None:
    more = OPEN if act in OPENING else {}
    for body in (changed(act, **flags, **more), changed(act, in_secret(DOCTOR), **flags, **OPEN)):
        ((_, _, _, why),) = told(body)
        assert why is silence
        (row,) = handled(body).changes
        assert (row.status, row.subject) == (Status.SUPPRESSED, body.document)  # type: ignore[union-attr]


@pytest.mark.parametrize("act", [*CHANGING, FurtherAct.DELETE])
def test_ar_042_an_act_in_a_secret_connection_is_not_sent_and_silences_no_later_one(act: FurtherAct) -> None:
    effects = handled(changed(act, in_secret(DOCTOR)))
    (row,) = (one for one in effects.changes if isinstance(one, Delivery))
    assert (row.silence, row.subject) == (Silence.CONFIDENTIAL, None)
    assert effects.state.silent == {}


def test_a_refused_act_is_told_to_nobody_by_e_mail() -> None:
    """Who asked has its answer, and the holder its trace."""
    assert ActRefused not in RULES


def in_turn(*bodies: Any) -> tuple[list[str | None], Reach]:
    """Why each event's notice was not sent, and what the next event finds."""
    reach, silences = Reach(contact=True), []
    for body in bodies:
        effects = handled(body, reach)
        reach = effects.state
        silences += [one.silence for one in effects.changes if isinstance(one, Delivery)]
    return silences, reach


@pytest.mark.parametrize("act", [FurtherAct.ANNOUNCE, FurtherAct.OPEN_BY_TIME])
def test_ar_029_031_what_is_read_is_told_from_the_opening_on(act: FurtherAct) -> None:
    document = uuid4()
    opened = changed(act, document=document, **OPEN)
    silences, reach = in_turn(
        deposited(document=document, withheld=True), consulted(document=document), opened, consulted(document=document)
    )
    assert silences == [Silence.WITHHELD, Silence.WITHHELD, None, None]
    assert reach.silent == {}
    assert handled(opened).changes[0] == Opened(RECORD, document)


def test_ar_041_043_what_is_hidden_besides_stays_unsaid_until_it_is_revealed() -> None:
    document = uuid4()
    both = {"withheld": True, "hidden_from_representatives": True}
    announced = changed(FurtherAct.ANNOUNCE, document=document, hidden_from_representatives=True, **OPEN)
    revealed = changed(FurtherAct.REVEAL, document=document)
    silences, _ = in_turn(
        deposited(document=document, **both),
        announced,
        consulted(document=document),
        revealed,
        consulted(document=document),
    )
    assert silences == [Silence.WITHHELD, Silence.HIDDEN, Silence.HIDDEN, None, None]


def test_what_the_minor_reveals_is_told_of_from_then_on_though_he_is_not_told_that_he_did() -> None:
    document = uuid4()
    hidden = deposited(document=document, hidden_from_representatives=True)
    revealed = changed(FurtherAct.REVEAL, HOLDER, document=document)
    silences, _ = in_turn(hidden, revealed, consulted(document=document))
    assert silences == [Silence.HIDDEN, None]


def test_another_document_stays_unsaid() -> None:
    opened, other = uuid4(), uuid4()
    silences, _ = in_turn(
        deposited(document=opened, withheld=True),
        deposited(document=other, withheld=True),
        changed(FurtherAct.ANNOUNCE, document=opened, **OPEN),
        consulted(document=other),
    )
    assert silences == [Silence.WITHHELD, Silence.WITHHELD, None, Silence.WITHHELD]


@pytest.mark.parametrize("actor", [HOLDER, REPRESENTATIVE, OPERATOR])
@pytest.mark.parametrize("state", ["masked", "not_masked"])
def test_ar_025_masking_by_default_is_told_as_a_lasting_choice(actor: Actor, state: str) -> None:
    body = consent(FurtherAct.MASK_BY_DEFAULT, actor, state=state)
    assert told(body) == [("MODIF_DROITS", "mask_by_default", None, None)]
