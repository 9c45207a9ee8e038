"""Explain and see as, at the door: who may ask, who is imagined, what is told; nothing is asked of the lane."""

from uuid import uuid4

import pytest

from deploy.local.identity.cast import BRUNO
from services.gateway.api.explanations import IMAGINED
from services.gateway.domain.viewers import UNNAMED, Viewer, ViewerKind, actor_of
from shared.contracts import record_requests as messages
from shared.contracts.common import AccessMode, ActorKind
from shared.http import RemoteError
from shared.terminology import emergency_reason, profession_group

EXPLAINED = {
    "permitted": False,
    "code": "not_authorised",
    "steps": [
        {"step": "E4", "rules": ["AR-018"]},
        {"step": "E5", "rules": ["AR-008"], "code": "not_authorised"},
    ],
}
SHOWN = {
    "permitted": False,
    "code": "authorised",
    "steps": [{"step": "document", "rules": ["AR-021"], "code": "masked"}],
    "types": ["11502-2"],
}
EXPLANATION = {
    "at": "2026-06-01T00:00:00Z",
    "told_from": "2026-05-01T00:00:00Z",
    "explained": EXPLAINED,
    "matrix_version": "2026-1",
    "rights_version": 7,
}
DENTIST = {"who": "professional", "role": "G15_40"}
FRENCH = {"accept-language": "fr"}


def url(world, what):
    return f"/records/{world.alice_record}/{what}"


async def test_an_explanation_is_told_in_words_and_asks_nothing_of_the_lane(http, world, as_) -> None:
    world.told = EXPLANATION
    answer = await http.post(url(world, "explain"), json=DENTIST, headers=as_("alice", **FRENCH))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["sentence"] == told["explained"]["sentence"] == "Le titulaire n'a pas autorisé ce professionnel."
    assert [(step["step"], step["sentence"]) for step in told["explained"]["steps"]] == [
        ("E4", None),
        ("E5", told["sentence"]),
    ]
    assert world.requests == [], "no permit, no decision, no trace"
    _, _, path, asked = world.calls[-1]
    assert path == url(world, "explain")
    assert asked["reader"]["kind"] == "patient"
    assert (asked["look"]["actor"]["role"], asked["look"]["actor"]["number"]) == ("G15_40", UNNAMED)
    assert (asked["look"]["mode"], asked["look"]["reason_code"], asked["at"]) == ("normal", None, None)


async def test_a_moment_before_what_is_known_is_told_as_such(http, world, as_) -> None:
    world.told = EXPLANATION | {"explained": None}
    body = DENTIST | {"at": "2020-01-01T00:00:00+01:00"}
    told = (await http.post(url(world, "explain"), json=body, headers=as_("alice"))).json()
    assert told["explained"] is None
    assert told["told_from"] == "2026-05-01T00:00:00Z"
    assert "not known" in told["sentence"]
    assert world.calls[-1][3]["at"] == "2020-01-01T00:00:00+01:00"


async def test_why_a_document_would_be_hidden_is_the_last_word(http, world, as_) -> None:
    world.told = EXPLANATION | {"explained": SHOWN}
    body = DENTIST | {"document": {"type_code": "11502-2", "confidentiality": ["MASQUE_PS"]}}
    told = (await http.post(url(world, "explain"), json=body, headers=as_("alice"))).json()["explained"]
    assert (told["code"], told["sentence"]) == ("masked", "The document is masked to professionals.")
    assert world.calls[-1][3]["look"]["document"]["confidentiality"] == ["MASQUE_PS"]


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("reached", "It could be done to such a document."),
        ("not_own", "This is done by a document's author alone."),
        ("author", "A document is in the hands of its author, or of the author's structure."),
    ],
)
async def test_an_act_on_a_document_is_explained_likewise(http, world, as_, code, sentence) -> None:
    steps = [{"step": "document", "rules": ["AR-024"], "code": code}]
    world.told = EXPLANATION | {"explained": {"permitted": True, "code": "author", "steps": steps, "holders": True}}
    body = DENTIST | {"act": "unmask", "at_request": True, "document": {"type_code": "11502-2", "holders": True}}
    answer = await http.post(url(world, "explain"), json=body, headers=as_("alice"))
    assert answer.status_code == 200, answer.text
    told = answer.json()["explained"]
    assert (told["code"], told["sentence"], told["holders"]) == (code, sentence, True)
    asked = world.calls[-1][3]["look"]
    assert (asked["act"], asked["at_request"], asked["document"]["holders"]) == ("unmask", True, True)
    assert world.requests == []


async def test_the_samu_looks_as_it_does_and_a_mother_under_her_delegation(http, world, as_) -> None:
    seen = {"now": EXPLAINED, "after": SHOWN}
    world.told = {"seen": [seen] * 3, "change": {"permitted": True, "code": "holder"}, "rights_version": 7}
    mother = str(uuid4())
    looks = [DENTIST | {"number": "899700000035"}, {"who": "samu"}, {"who": "representative", "delegation": mother}]
    body = {"looks": looks, "change": {"verb": "block", "professional": "899700000035"}}
    answer = await http.post(url(world, "see-as"), json=body, headers=as_("alice", **FRENCH))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert [(one["now"]["code"], one["after"]["code"]) for one in told["seen"]] == [("not_authorised", "masked")] * 3
    assert told["change"]["sentence"] == "Le titulaire accède à son propre dossier."
    asked = world.calls[-1][3]
    dentist, samu, represents = (look["actor"] for look in asked["looks"])
    assert dentist["number"] == "899700000035"
    assert (samu["regulator"], samu["role"], asked["looks"][1]["mode"]) == (True, "G15_10", AccessMode.REGULATION)
    assert emergency_reason(asked["looks"][1]["reason_code"])
    assert (represents["kind"], represents["delegation"]) == ("representative", mother)
    assert asked["change"]["type"] == messages.Block.type_name
    assert asked["change"]["body"]["professional"] == "899700000035"
    assert world.requests == []


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("wish", {"break_glass": False, "regulation": False, "masked": False}),
        ("opt-out", {"functions": ["history"]}),
        ("consent-team", {"kind": "structure", "team": "1990000033"}),
        ("end-delegation", {"delegation": str(uuid4())}),
        ("close", {}),
    ],
)
async def test_a_change_is_imagined_as_it_would_be_made(http, world, as_, verb, said) -> None:
    world.told = {"seen": [{"now": EXPLAINED}], "rights_version": 7}
    body = {"looks": [DENTIST], "change": {"verb": verb} | said}
    answer = await http.post(url(world, "see-as"), json=body, headers=as_("alice"))
    assert answer.status_code == 200, answer.text
    change = world.calls[-1][3]["change"]
    assert change["type"] == IMAGINED[verb][1].type_name
    told = change["body"].get("wishes", change["body"])
    assert said.items() <= told.items()


def test_only_changes_of_the_holders_side_are_imagined():
    assert {message for _, message in IMAGINED.values()} <= {
        message for message in messages.MESSAGES if issubclass(message, messages.RightsCommand)
    }


@pytest.mark.parametrize(
    "change",
    [{"verb": "suspend"}, {"verb": "block"}, {"verb": "wish", "masked": True}, {"verb": "close", "more": 1}, {}],
)
async def test_a_change_that_is_none(http, world, as_, change) -> None:
    answer = await http.post(url(world, "see-as"), json={"looks": [DENTIST], "change": change}, headers=as_("alice"))
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert not world.calls or world.calls[-1][2] == "/records/lookup"


@pytest.mark.parametrize(
    "look",
    [
        {"who": "professional"},
        {"who": "representative"},
        {"who": "app"},
        {"who": "structure"},
        {"who": "somebody"},
        DENTIST | {"act": "close"},
        DENTIST | {"mode": "curious"},
        DENTIST | {"at": "2020-01-01T00:00:00"},
        DENTIST | {"more": 1},
        {},
    ],
)
async def test_a_look_that_is_said_too_vaguely(http, world, as_, look) -> None:
    answer = await http.post(url(world, "explain"), json=look, headers=as_("alice"))
    assert answer.status_code == 422
    assert world.calls == []


@pytest.mark.parametrize("what", ["explain", "see-as"])
@pytest.mark.parametrize("name", ["dr-martin", "hospital", "insurer", "operator", "occupational-doctor"])
async def test_ar_061_nobody_but_the_holders_side_is_told(http, world, as_, name, what) -> None:
    body = DENTIST if what == "explain" else {"looks": [DENTIST]}
    assert (await http.post(url(world, what), json=body, headers=as_(name))).status_code == 403
    assert world.calls == world.requests == []


async def test_who_acts_for_the_holder_is_told_what_access_control_lets_him_know(http, world, as_) -> None:
    stranger = await http.post(url(world, "explain"), json=DENTIST, headers=as_("bruno"))
    assert stranger.status_code == 404
    delegation = str(uuid4())
    own = {"record": str(world.alice_record), "delegation": delegation, "kind": "CAREGIVING", "state": "ACCEPTED"}
    world.delegations[BRUNO.oid, BRUNO.matricule] = [own]
    world.told = EXPLANATION
    assert (await http.post(url(world, "explain"), json=DENTIST, headers=as_("bruno"))).status_code == 200
    assert world.calls[-1][3]["reader"]["delegation"] == delegation
    world.access_control = refusing(world.access_control)
    refused = await http.post(url(world, "explain"), json=DENTIST, headers=as_("bruno", **FRENCH))
    assert (refused.status_code, refused.json()["reasons"]) == (403, ["outside_delegation"])
    assert refused.json()["detail"] == "La délégation ne couvre pas cet acte."


def refusing(answer):
    def refuse(method, path, *more):
        if path.endswith("/explain"):
            raise RemoteError(403, "outside_delegation", "The delegation does not cover this act.")
        return answer(method, path, *more)

    return refuse


@pytest.mark.parametrize("who", ViewerKind)
def test_everybody_imagined_is_somebody_the_rules_know(who):
    actor = actor_of(Viewer(who, number="1990000033", role="G15_40", delegation=uuid4(), app="app-1"))
    expected = {
        ViewerKind.SAMU: ActorKind.PROFESSIONAL,
        ViewerKind.APP: ActorKind.PATIENT,
        ViewerKind.HOLDER: ActorKind.PATIENT,
    }
    assert actor.kind is expected.get(who, ActorKind.__members__.get(who.name))
    assert actor.app == ("app-1" if who is ViewerKind.APP else None)
    if actor.kind is ActorKind.PROFESSIONAL:
        assert actor.authenticated and actor.sector
        assert profession_group(actor.role)
