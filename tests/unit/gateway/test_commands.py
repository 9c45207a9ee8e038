"""Every command has its way from the door to the lane: the actor from the token, the version from If-Match."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from deploy.local.identity.cast import ALICE, BRUNO
from services.gateway.domain.users import acting_by
from shared.contracts import record_documents, record_extracts, record_oversight
from shared.contracts import record_requests as messages
from shared.contracts.common import ActorKind, Wishes
from shared.contracts.http_access_control import DelegateOf
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import (
    AdministratorRole,
    AppScope,
    DelegationKind,
    DelegationScope,
    Function,
    TeamKind,
)

DOCTOR, DELEGATION = "899700000035", UUID("2f1e8d3c-4b5a-4c6d-8e7f-9a0b1c2d3e4f")
UNTIL = datetime(2027, 1, 1, tzinfo=UTC)
BRUNOS_INS = {"matricule": BRUNO.matricule, "oid": BRUNO.oid}
CHANGES = {
    "authorise": (messages.Authorise, {"professional": DOCTOR, "until": UNTIL}),
    "revoke": (messages.Revoke, {"professional": DOCTOR}),
    "block": (messages.Block, {"professional": DOCTOR}),
    "unblock": (messages.Unblock, {"professional": DOCTOR}),
    "authorise-for": (messages.AuthoriseFor, {"professional": DOCTOR, "reason_code": "absent", "until": UNTIL}),
    "consent-session": (
        messages.ConsentSession,
        {"professional": DOCTOR, "structure": "1990000033", "until": UNTIL},
    ),
    "consent-team": (messages.ConsentTeam, {"kind": TeamKind.FORMALISED, "team": "team-1", "until": UNTIL}),
    "end-team": (messages.EndTeam, {"team": "team-1"}),
    "name-administrator": (
        messages.NameAdministrator,
        {"professional": DOCTOR, "role": AdministratorRole.MIDWIFE},
    ),
    "remove-administrator": (messages.RemoveAdministrator, {"professional": DOCTOR}),
    "opt-out": (messages.OptOut, {"functions": frozenset({Function.HISTORY})}),
    "oppose-heirs": (record_extracts.OpposeHeirs, {"opposed": True}),
    "agree-app": (
        messages.AgreeApp,
        {"app": "app-1", "scopes": frozenset({AppScope.READ_HISTORY}), "until": UNTIL},
    ),
    "withdraw-app": (messages.WithdrawApp, {"app": "app-1"}),
    "end-delegation": (messages.EndDelegation, {"delegation": DELEGATION}),
    "activate": (messages.Activate, {}),
    "close": (messages.Close, {}),
    "reopen": (messages.Reopen, {}),
    "object": (messages.Object, {}),
    "request-deletion": (messages.RequestDeletion, {}),
}
AUTHORITIES = {
    "suspend": messages.Suspend,
    "lift": messages.Lift,
    "close-uncontested": messages.CloseUncontested,
    "decease": messages.Decease,
}
ELSEWHERE = {
    *(messages.Wish, messages.Invite, messages.Answer),  # below
    *(messages.Consult, messages.DeclareTreatingDoctor, messages.Release),  # test_documents, test_records
    *(record_oversight.ConfirmEmergency, record_oversight.Contest),  # test_oversight
    *(record_extracts.RequestExtract, record_extracts.AnswerExtract),  # test_extracts
    *record_documents.MESSAGES,  # test_acts
}


def url(world, verb):
    return f"/records/{world.alice_record}/rights/{verb}"


def seen(as_, name="alice", version=7, **more):
    return as_(name, **more) | {"if-match": f'"{version}"'}


def said(fields):
    """As a client writes it."""
    written = {}
    for name, value in fields.items():
        match value:
            case datetime():
                written[name] = value.isoformat()
            case frozenset():
                written[name] = sorted(value)
            case UUID():
                written[name] = str(value)
            case _:
                written[name] = value
    return written


def delegated(world, state="ACCEPTED", delegation=DELEGATION, to=BRUNO):
    """Bruno may act, or is invited to act, for Alice."""
    world.delegations[to.oid, to.matricule] = [
        {
            "record": str(world.alice_record),
            "delegation": str(delegation),
            "kind": "CAREGIVING",
            "state": state,
            "rights_version": 7,
        }
    ]


def test_every_command_is_tried_here_or_said_to_be_elsewhere():
    """One without a route could be asked by nobody."""
    tried = {message for message, _ in CHANGES.values()} | set(AUTHORITIES.values())
    known = (messages, record_oversight, record_extracts, record_documents)
    assert tried | ELSEWHERE == {message for module in known for message in module.MESSAGES}


@pytest.mark.parametrize("verb", CHANGES)
async def test_a_change_goes_to_the_lane_as_it_was_said(http, world, as_, verb) -> None:
    message, fields = CHANGES[verb]
    answer = await http.post(url(world, verb), json=said(fields) | {"opinion": "agrees"}, headers=seen(as_))
    assert answer.status_code == 200, answer.text
    ((record, asked),) = world.requests
    assert (record, type(asked), asked.rights_version) == (world.alice_record, message, 7)
    assert {name: getattr(asked, name) for name in fields} == fields
    assert (asked.actor.kind, asked.opinion) == (ActorKind.PATIENT, "agrees")
    assert answer.headers["etag"] == '"8"'


async def test_a_body_may_be_left_out_where_nothing_is_to_be_said(http, world, as_) -> None:
    assert (await http.post(url(world, "activate"), headers=seen(as_))).status_code == 200
    assert (await http.post(url(world, "end-team"), headers=seen(as_))).status_code == 422


async def test_ar_035_the_three_wishes_are_said_at_once(http, world, as_) -> None:
    answers = {"break_glass": False, "regulation": True, "masked": True}
    assert (await http.post(url(world, "wish"), json=answers, headers=seen(as_))).status_code == 200
    assert world.requests[0][1].wishes == Wishes(**answers)
    for name in answers:
        part = {key: value for key, value in answers.items() if key != name}
        assert (await http.post(url(world, "wish"), json=part, headers=seen(as_))).status_code == 422
    assert len(world.requests) == 1


@pytest.mark.parametrize("verb", [*CHANGES, "wish", "invite", "answer"])
async def test_every_change_names_the_version_and_takes_no_unknown_word(http, world, as_, verb) -> None:
    unnamed = await http.post(url(world, verb), json={}, headers=as_("alice"))
    assert (unnamed.status_code, unnamed.json()["code"]) == (428, "version_required")
    unknown = await http.post(url(world, verb), json={"untill": 1}, headers=seen(as_))
    assert (unknown.status_code, unknown.headers["content-type"]) == (422, "application/problem+json")
    assert world.requests == []


async def test_who_is_invited_goes_to_access_control_alone_and_first(http, world, as_) -> None:
    body = {"ins": BRUNOS_INS, "kind": DelegationKind.CAREGIVING, "scopes": [DelegationScope.READ]}
    answer = await http.post(url(world, "invite"), json=body, headers=seen(as_))
    assert answer.status_code == 200, answer.text
    delegation = answer.json()["delegation"]
    ((_, invited),) = world.requests
    assert (str(invited.delegation), invited.kind, invited.scopes) == (
        delegation,
        DelegationKind.CAREGIVING,
        {DelegationScope.READ},
    )
    assert world.calls[-1] == (
        "access_control",
        "PUT",
        f"/records/{world.alice_record}/delegates/{delegation}",
        {"ins": BRUNOS_INS},
    )
    assert BRUNO.matricule not in invited.model_dump_json()


async def test_a_professional_notes_nobody(http, world, as_) -> None:
    world.denied = (Reason.NOT_HOLDER,)
    body = {"ins": BRUNOS_INS, "kind": DelegationKind.CAREGIVING}
    answer = await http.post(url(world, "invite"), json=body, headers=seen(as_, "dr-martin"))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_holder")
    assert not [call for call in world.calls if call[1] == "PUT"]


async def test_an_identity_that_is_none_is_not_invited(http, world, as_) -> None:
    number = BRUNO.matricule[:13]
    body = {"ins": BRUNOS_INS | {"matricule": number}, "kind": DelegationKind.CAREGIVING}
    answer = await http.post(url(world, "invite"), json=body, headers=seen(as_))
    assert answer.status_code == 422
    assert number not in answer.text
    assert world.requests == []


async def test_the_invited_one_finds_the_invitation_and_answers_under_its_id(http, world, as_) -> None:
    delegated(world, "PENDING")
    (own,) = (await http.get("/delegations/me", headers=as_("bruno"))).json()["delegations"]
    assert (own["delegation"], own["state"], own["rights_version"]) == (str(DELEGATION), "PENDING", 7)
    body = {"delegation": own["delegation"], "accepted": True}
    assert (await http.post(url(world, "answer"), json=body, headers=seen(as_, "bruno"))).status_code == 200
    ((_, asked),) = world.requests
    assert (type(asked), asked.accepted) == (messages.Answer, True)
    assert (asked.actor.kind, asked.actor.delegation) == (ActorKind.REPRESENTATIVE, DELEGATION)
    assert asked.actor.authenticated


async def test_nobody_takes_a_delegation_that_is_not_his(http, world, as_) -> None:
    """The id alone is no proof: it has to be one of the token's own person."""
    own, others = uuid4(), DELEGATION
    delegated(world, delegation=own)
    body = {"delegation": str(others), "accepted": True}
    await http.post(url(world, "answer"), json=body, headers=seen(as_, "bruno"))
    assert world.requests[0][1].actor.delegation == own
    world.delegations.clear()
    refused = await http.post(url(world, "answer"), json=body, headers=seen(as_, "bruno"))
    assert (refused.status_code, len(world.requests)) == (404, 1), "he has no record, nor a delegation"


async def test_who_acts_for_the_holder_asks_as_representative(http, world, as_) -> None:
    delegated(world)
    await http.post(url(world, "block"), json={"professional": DOCTOR}, headers=seen(as_, "bruno"))
    assert (await http.get(f"/records/{world.alice_record}/history", headers=as_("bruno"))).status_code == 200
    found = await http.get(f"/fhir/DocumentReference?patient=Patient/{world.alice_record}", headers=as_("bruno"))
    assert found.status_code == 200
    assert (await http.get(f"/records/{world.alice_record}/rights", headers=as_("bruno"))).status_code == 200
    for _, asked in world.requests:
        assert (asked.actor.kind, asked.actor.delegation) == (ActorKind.REPRESENTATIVE, DELEGATION)
    assert len(world.requests) == 3
    _, method, path, asked = world.calls[-1]
    assert (method, path) == ("POST", f"/records/{world.alice_record}/rights")
    assert asked["reader"]["delegation"] == str(DELEGATION)


async def test_a_delegation_of_one_record_opens_no_other(http, world, as_) -> None:
    delegated(world)
    other = uuid4()
    answer = await http.get(f"/records/{other}/history", headers=as_("bruno"))
    assert answer.status_code == 404
    assert world.requests == []


async def test_the_holder_is_the_holder_whatever_is_delegated_to_him(http, world, as_) -> None:
    delegated(world, to=ALICE)
    await http.post(url(world, "block"), json={"professional": DOCTOR}, headers=seen(as_))
    assert world.requests[0][1].actor.kind is ActorKind.PATIENT


def test_of_several_delegations_the_accepted_one_is_acted_under():
    record, actor = uuid4(), messages.Actor(kind=ActorKind.PATIENT, authenticated=True)

    def one(state, of=record):
        return DelegateOf(record=of, delegation=uuid4(), kind=DelegationKind.CAREGIVING, state=state)

    refused, pending, accepted, other = one("REFUSED"), one("PENDING"), one("ACCEPTED"), one("ACCEPTED", uuid4())
    every = [refused, pending, other, accepted]
    assert acting_by(actor, record, every).delegation == accepted.delegation
    assert acting_by(actor, record, every, named=pending.delegation).delegation == pending.delegation
    assert acting_by(actor, record, every, named=other.delegation).delegation == accepted.delegation
    assert acting_by(actor, record, [other]) is None


@pytest.mark.parametrize("verb", AUTHORITIES)
@pytest.mark.parametrize("name", ["operator", "insurer"])
async def test_an_authority_acts_on_a_record(http, world, as_, name, verb) -> None:
    answer = await http.post(f"/records/{world.alice_record}/{verb}", headers=as_(name))
    assert (answer.status_code, answer.json()["rights_version"]) == (200, 8)
    ((record, asked),) = world.requests
    assert (record, type(asked), asked.actor.kind) == (world.alice_record, AUTHORITIES[verb], ActorKind(name))


async def test_a_death_told_by_error_is_taken_back_and_nothing_else(http, world, as_) -> None:
    path = f"/records/{world.alice_record}"
    assert (await http.post(f"{path}/decease", json={"undone": True}, headers=as_("operator"))).status_code == 200
    assert world.requests[0][1].undone is True
    assert (await http.post(f"{path}/lift", json={"undone": True}, headers=as_("operator"))).status_code == 422
    assert len(world.requests) == 1


async def test_an_insurers_act_never_tells_whether_there_is_a_record(http, world, as_) -> None:
    answers = []
    for patient in (ALICE, BRUNO):
        body = {"ins": {"matricule": patient.matricule, "oid": patient.oid}}
        answers.append(await http.post("/insured/suspend", json=body, headers=as_("insurer")))
        world.denied = (Reason.NO_RECORD,)
    there, absent = answers
    assert (there.status_code, there.content) == (absent.status_code, absent.content) == (202, b'{"taken":true}')
    assert [type(asked) for _, asked in world.requests] == [messages.Suspend] * 2
    assert world.requests[1][0] not in world.records.values()
    operator = await http.post("/insured/suspend", json=body, headers=as_("operator"))
    assert operator.status_code == 403


async def test_ar_014_a_professional_sees_how_he_himself_stands(http, world, as_) -> None:
    world.told = {"standing": "interdit", "rights_version": 7}
    answer = await http.get(f"/records/{world.alice_record}/standing", headers=as_("dr-noir"))
    assert (answer.status_code, answer.json()["standing"], answer.headers["etag"]) == (200, "interdit", '"7"')
    assert world.calls[-1][3]["reader"]["number"] == DOCTOR
    for name in ("alice", "insurer", "hospital"):
        assert (await http.get(f"/records/{world.alice_record}/standing", headers=as_(name))).status_code == 403


def invitation(insured=ALICE, **more):
    return {
        "insured": {"matricule": insured.matricule, "oid": insured.oid},
        "ins": BRUNOS_INS,
        "kind": DelegationKind.LEGAL_REPRESENTATION,
    } | more


async def test_ar_063_the_insurance_invites_by_person_on_the_rights_as_they_are(http, world, as_) -> None:
    answer = await http.post("/insured/invite", json=invitation(), headers=as_("insurer"))
    assert (answer.status_code, answer.json()) == (202, {"taken": True})
    ((record, asked),) = world.requests
    assert (record, type(asked), asked.rights_version) == (world.alice_record, messages.Invite, 7)
    assert (asked.actor.kind, asked.kind) == (ActorKind.INSURER, DelegationKind.LEGAL_REPRESENTATION)
    noted = [path for _, method, path, _ in world.calls if method == "PUT"]
    assert noted == [f"/records/{world.alice_record}/delegates/{asked.delegation}"]


async def test_an_invitation_by_the_insurance_never_tells_whether_there_is_a_record(http, world, as_) -> None:
    answers, steps = [], []
    for insured, denied in ((ALICE, ()), (BRUNO, (Reason.NO_RECORD,))):
        world.denied, before = denied, len(world.calls)
        answers.append(await http.post("/insured/invite", json=invitation(insured), headers=as_("insurer")))
        steps.append([(service, method) for service, method, _, _ in world.calls[before:]])
    assert [(one.status_code, one.json()) for one in answers] == [(202, {"taken": True})] * 2
    assert steps[0] == steps[1]
    assert len(world.requests) == 2


async def test_rights_that_change_meanwhile_are_read_again(http, world, as_) -> None:
    world.denied = (Reason.STALE_RIGHTS,)
    refused = await http.post("/insured/invite", json=invitation(), headers=as_("insurer"))
    assert (refused.status_code, refused.json()["code"], len(world.requests)) == (503, "undecided", 3)


@pytest.mark.parametrize("name", ["alice", "dr-martin", "hospital", "operator"])
async def test_nobody_else_invites_by_person(http, world, as_, name) -> None:
    assert (await http.post("/insured/invite", json=invitation(), headers=as_(name))).status_code == 403
    assert world.calls == world.requests == []


async def test_who_decides_by_law_names_any_version_and_nobody_else_does(http, world, as_) -> None:
    body = {"ins": BRUNOS_INS, "kind": DelegationKind.PROTECTED_ADULT}
    done = await http.post(url(world, "invite"), json=body, headers=as_("operator") | {"if-match": "*"})
    assert done.status_code == 200, done.text
    assert world.requests[0][1].rights_version == 7
    for name in ("alice", "dr-martin"):
        refused = await http.post(url(world, "invite"), json=body, headers=as_(name) | {"if-match": "*"})
        assert (refused.status_code, refused.json()["code"]) == (428, "version_required")
    assert len(world.requests) == 1
