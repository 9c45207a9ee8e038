"""How the médecin traitant and delegates are told: who may say it, of whom, and what notification hears."""

from uuid import uuid4

import pytest

from deploy.local.identity.cast import BRUNO, DR_MARTIN
from services.gateway.domain.mapping import trace_view
from shared.contracts.common import Actor, ActorKind
from shared.contracts.http_audit import Trace
from shared.contracts.notification_events import ContactGiven
from shared.http import RemoteError, RemoteUnavailable
from tests.unit.gateway.conftest import NOW
from tests.unit.gateway.test_commands import BRUNOS_INS, DELEGATION, delegated, seen

CONTACT = {"email": "bruno@patient.test", "language": "en"}


def url(world, recipient):
    return f"/records/{world.alice_record}/contacts/{recipient}"


def rights(world, state="ACCEPTED"):
    """What Alice decided: Bruno acts for her, dr-martin is her médecin traitant."""
    delegation = {"delegation": str(DELEGATION), "kind": "CAREGIVING", "state": state, "scopes": []}
    world.view = {"treating_doctor": DR_MARTIN.number, "delegations": [delegation]}


def given(world):
    """What notification was told."""
    return [(path, asked) for service, _, path, asked in world.calls if service == "notification"]


@pytest.mark.parametrize("recipient", [DR_MARTIN.number, str(DELEGATION), str(DELEGATION).upper()])
async def test_ar_038_the_holder_says_how_doctor_and_delegates_are_told(http, world, as_, recipient) -> None:
    rights(world)
    answer = await http.put(url(world, recipient), json=CONTACT, headers=as_("alice"))
    assert (answer.status_code, answer.content) == (204, b"")
    ((path, asked),) = given(world)
    assert path == f"/contacts/{world.alice_record}/{recipient.lower()}"
    assert (asked["email"], asked["language"], asked["actor"]["kind"]) == (*CONTACT.values(), "patient")
    assert world.requests == []


@pytest.mark.parametrize("recipient", ["899700000027", "0d0c4bb5-5f9c-4c4e-9a53-8f0e2f0f6a11", "somebody"])
@pytest.mark.parametrize("state", ["ACCEPTED", "REFUSED", "EXPIRED"])
async def test_nobody_is_noted_whom_nothing_is_told(http, world, as_, recipient, state) -> None:
    rights(world, state)
    wanted = recipient if state == "ACCEPTED" else str(DELEGATION)
    answer = await http.put(url(world, wanted), json=CONTACT, headers=as_("alice"))
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_recipient")
    assert given(world) == []


@pytest.mark.parametrize("state", ["PENDING", "ACCEPTED"])
async def test_a_delegate_says_it_of_himself(http, world, as_, state) -> None:
    rights(world)
    delegated(world, state)
    assert (await http.put(url(world, DELEGATION), json=CONTACT, headers=as_("bruno"))).status_code == 204
    ((_, asked),) = given(world)
    assert (asked["actor"]["kind"], asked["actor"]["delegation"]) == ("representative", str(DELEGATION))
    assert f"/records/{world.alice_record}/rights" not in str(world.calls), "he need not decide on rights for it"


@pytest.mark.parametrize("state", ["REFUSED", "EXPIRED"])
async def test_who_acts_no_more_says_nothing_of_himself(http, world, as_, state) -> None:
    rights(world)
    delegated(world, state)
    refused = await http.put(url(world, DELEGATION), json=CONTACT, headers=as_("bruno"))
    assert (refused.status_code, given(world)) == (403, [])


async def test_a_delegate_says_it_of_others_only_where_he_decides_on_rights(http, world, as_) -> None:
    rights(world)
    delegated(world)
    world.down["access_control"] = RemoteError(403, "outside_delegation", "The delegation does not cover it.")
    assert (await http.put(url(world, DR_MARTIN.number), json=CONTACT, headers=as_("bruno"))).status_code == 403
    world.down.clear()
    assert (await http.put(url(world, DR_MARTIN.number), json=CONTACT, headers=as_("bruno"))).status_code == 204
    assert given(world)[0][1]["actor"]["kind"] == "representative"


async def test_the_treating_doctor_says_it_of_himself_alone(http, world, as_) -> None:
    world.told = {"standing": "non_existe", "rights_version": 7, "treating": True}
    assert (await http.put(url(world, DR_MARTIN.number), json=CONTACT, headers=as_("dr-martin"))).status_code == 204
    assert given(world)[0][1]["actor"]["number"] == DR_MARTIN.number
    for recipient in ("899700000027", DELEGATION):
        assert (await http.put(url(world, recipient), json=CONTACT, headers=as_("dr-martin"))).status_code == 403
    world.told["treating"] = False
    assert (await http.put(url(world, DR_MARTIN.number), json=CONTACT, headers=as_("dr-martin"))).status_code == 403
    assert len(given(world)) == 1


@pytest.mark.parametrize("name", ["hospital", "insurer", "operator", "alice-app", "david"])
async def test_nobody_else_says_it(http, world, as_, name) -> None:
    rights(world)
    refused = await http.put(url(world, DR_MARTIN.number), json=CONTACT, headers=as_(name))
    assert refused.status_code in {403, 404}
    assert given(world) == []


@pytest.mark.parametrize("body", [{}, {"email": "canari"}, CONTACT | {"language": "de"}])
async def test_an_address_that_is_none_is_not_repeated(http, world, as_, body) -> None:
    rights(world)
    refused = await http.put(url(world, DR_MARTIN.number), json=body, headers=as_("alice"))
    assert (refused.status_code, "canari" in refused.text, given(world)) == (422, False, [])


async def test_an_address_may_come_with_the_invitation(http, world, as_) -> None:
    body = {"ins": BRUNOS_INS, "kind": "CAREGIVING", "scopes": ["read"], "contact": CONTACT}
    path = f"/records/{world.alice_record}/rights/invite"
    invited = (await http.post(path, json=body, headers=seen(as_))).json()
    ((where, asked),) = given(world)
    assert (where, asked["email"]) == (
        f"/contacts/{world.alice_record}/{invited['delegation']}",
        BRUNO.email,
    )
    assert invited["contact_kept"] is True
    assert CONTACT["email"] not in world.requests[0][1].model_dump_json()
    world.down["notification"] = RemoteUnavailable(503, "unreachable", "notification does not answer.")
    later = await http.post(path, json=body, headers=seen(as_))
    assert (later.status_code, later.json()["contact_kept"]) == (200, False), "an invitation that stands is told"


async def test_an_invitation_that_is_denied_leaves_no_address(http, world, as_) -> None:
    world.finer, world.denied = ("scope_empty",), ("no_branch",)
    body = {"ins": BRUNOS_INS, "kind": "CAREGIVING", "contact": CONTACT}
    refused = await http.post(f"/records/{world.alice_record}/rights/invite", json=body, headers=seen(as_))
    assert (refused.status_code, given(world)) == (422, [])


@pytest.mark.parametrize(("language", "word"), [("fr", "Adresse donnée"), ("en", "Address given")])
def test_that_an_address_was_given_is_told_in_words(language, word) -> None:
    actor = Actor(kind=ActorKind.PATIENT, authenticated=True)
    trace = Trace(
        id=uuid4(),
        at=NOW,
        kind=ContactGiven.type_name,
        actor=actor,
        recipient=DR_MARTIN.number,
        correlation=uuid4(),
    )
    view = trace_view(trace, uuid4(), language)
    assert (view.sentence or "").startswith(word)
    assert (view.about, view.actor_kind, view.permitted) == (DR_MARTIN.number, "patient", True)
