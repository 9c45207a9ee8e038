import asyncio
from uuid import UUID, uuid4

import orjson
import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from deploy.local.identity.cast import ALICE, BRUNO, CAST, DR_ROUX
from services.gateway.api.urgency import MODE, REASON, TEXT
from services.gateway.domain.users import HIDDEN
from shared.contracts.common import ActorKind
from shared.http import RemoteError, RemoteUnavailable

FHIR = {"content-type": "application/fhir+json"}
URL = "/fhir/DocumentReference"


def issue(answer):
    outcome = answer.json()
    assert answer.headers["content-type"] == "application/fhir+json"
    assert outcome["resourceType"] == "OperationOutcome"
    return outcome["issue"][0]


def reason(answer):
    return issue(answer)["details"]["coding"][0]["code"]


async def post(http, publication, headers):
    return await http.post(URL, content=orjson.dumps(publication), headers=FHIR | headers)


async def test_a_deposit_is_answered_when_stored(http, world, as_, publication) -> None:
    answer = await post(http, publication, as_("dr-roux"))
    assert answer.status_code == 201
    document = world.outcome["document"]
    assert answer.headers["location"] == f"https://carnet/fhir/DocumentReference/{document}/_history/1"
    assert answer.headers["etag"] == 'W/"1"'
    found = answer.json()
    assert (found["id"], found["resourceType"]) == (document, "DocumentReference")
    assert found["subject"] == {"reference": f"Patient/{world.alice_record}"}
    assert found["content"][0]["attachment"]["url"] == f"Binary/{world.alice_record.hex}{UUID(document).hex}"


@pytest.mark.parametrize(
    ("outcome", "asked"),
    [
        ({}, []),
        ({"state": "held"}, []),
        ({"state": "refused", "reason": "duplicate"}, []),
        ({"state": "refused", "reason": "unknown_target"}, []),
        ({"state": "refused", "reason": "denied", "because": ["record_closed"]}, ["GET /deposits/{}"]),
        ({"state": "refused", "reason": "not_staged"}, ["GET /deposits/{}"]),
    ],
)
async def test_document_is_asked_again_only_where_its_event_says_too_little(
    http, world, as_, publication, outcome, asked
) -> None:
    world.outcome |= outcome
    await post(http, publication, as_("dr-roux"))
    assert world.called("document") == ["POST /deposits", *(call.format(world.taken[0]) for call in asked)]


async def test_document_is_told_who_deposits_what_for_whom(http, world, as_, publication) -> None:
    answer = await post(http, publication, as_("dr-martin"))
    (metadata,) = world.metadata
    assert metadata.actor.number == "899700000019"
    assert metadata.professionals == (DR_ROUX.number,)
    assert metadata.record == world.alice_record
    assert metadata.patient.number == ALICE.matricule
    assert answer.headers["carnet-deposit"] == str(world.taken[0])


async def test_no_identity_stands_in_an_address(http, world, as_, publication) -> None:
    await post(http, publication, as_("dr-roux"))
    assert all(ALICE.matricule not in path for _, _, path, _ in world.calls)


async def test_minimal_means_no_body(http, as_, publication) -> None:
    answer = await post(http, publication, as_("dr-roux", prefer="return=minimal"))
    assert (answer.status_code, answer.content) == (201, b"")


async def test_asynchronous_is_answered_before_the_outcome(http, world, as_, publication) -> None:
    world.wakes = False
    answer = await post(http, publication, as_("dr-roux", prefer="respond-async, return=minimal"))
    assert answer.status_code == 202
    place = answer.headers["content-location"]
    deposit = world.taken[0]
    assert place == f"https://carnet/fhir/deposits/{deposit}"
    path = place.removeprefix("https://carnet")
    assert (await http.get(path, headers=as_("dr-roux"))).status_code == 202
    world.settle(deposit, world.metadata[0])
    stored = await http.get(path, headers=as_("dr-roux"))
    assert stored.status_code == 200
    assert issue(stored)["severity"] == "information"
    assert stored.headers["location"].endswith(f"{world.outcome['document']}/_history/1")


async def deposited(http, world, as_, publication, name) -> UUID:
    assert (await post(http, publication, as_(name))).status_code == 201
    return world.taken[-1]


STRANGERS = ["alice", "bruno", "dr-martin", "insurer", "hospital", "operator"]


@pytest.mark.parametrize("state", [{}, {"state": "refused", "reason": "duplicate"}, {"state": "held"}])
@pytest.mark.parametrize("name", STRANGERS)
async def test_a_deposit_of_another_is_told_like_one_that_does_not_exist(
    http, world, as_, publication, name, state
) -> None:
    world.records[(BRUNO.oid, BRUNO.matricule)] = uuid4()
    deposit = await deposited(http, world, as_, publication, "dr-roux")
    world.deposits[deposit] |= state
    world.calls.clear()
    another = await http.get(f"/fhir/deposits/{deposit}", headers=as_(name))
    asked = [call[:2] for call in world.calls]
    world.calls.clear()
    unknown = await http.get(f"/fhir/deposits/{uuid4()}", headers=as_(name))
    assert (another.status_code, reason(another)) == (404, "no_deposit")
    assert another.json() == unknown.json()
    assert asked == [call[:2] for call in world.calls]  # and takes as long


async def test_a_holder_is_told_of_his_own_deposits_alone(http, world, as_, publication) -> None:
    world.records[(BRUNO.oid, BRUNO.matricule)] = uuid4()
    deposit = await deposited(http, world, as_, publication, "alice")
    told = [(await http.get(f"/fhir/deposits/{deposit}", headers=as_(name))).status_code for name in ("alice", "bruno")]
    assert told == [200, 404]


async def test_a_deposit_that_does_not_say_whose_it_is_is_nobodys(http, world, as_, publication) -> None:
    deposit = await deposited(http, world, as_, publication, "dr-roux")
    world.deposits[deposit] |= {"submitter": None, "record": None}
    assert (await http.get(f"/fhir/deposits/{deposit}", headers=as_("dr-roux"))).status_code == 404


async def test_the_lines_of_a_deposit_are_found_by_its_id(http, world, as_, publication) -> None:
    with capture_logs(processors=[merge_contextvars]) as lines:
        deposit = await deposited(http, world, as_, publication, "dr-roux")
        await http.get(f"/fhir/deposits/{deposit}", headers=as_("dr-roux"))
        await http.get("/fhir/AuditEvent", headers=as_("alice"))
    answered = [line["correlation"] for line in lines if line["event"] == "request_answered"]
    assert answered[:2] == [str(deposit)] * 2
    assert answered[2] != str(deposit)


async def test_a_repeat_gives_the_first_outcome(http, world, as_, publication) -> None:
    world.first = uuid4()
    answer = await post(http, publication, as_("dr-roux"))
    assert answer.status_code == 201
    assert answer.headers["carnet-deposit"] == str(world.first)


async def test_a_repeat_of_an_undecided_deposit_waits_for_the_first(http, world, as_, publication) -> None:
    world.first, world.wakes = uuid4(), False

    async def later() -> None:
        await world.handed_over.wait()
        await asyncio.sleep(0.05)
        world.settle(world.first, world.metadata[0])

    task = asyncio.create_task(later())
    answer = await post(http, publication, as_("dr-roux"))
    await task
    assert (answer.status_code, answer.headers["carnet-deposit"]) == (201, str(world.first))


async def test_a_missed_wake_up_is_made_good(http, world, as_, publication, monkeypatch) -> None:
    monkeypatch.setattr(world, "tell", lambda *_: None)
    assert (await post(http, publication, as_("dr-roux"))).status_code == 201


async def test_an_outcome_that_does_not_come_is_unknown(http, world, as_, publication) -> None:
    world.wakes = False
    answer = await post(http, publication, as_("dr-roux"))
    assert (answer.status_code, reason(answer)) == (504, "unknown_outcome")
    assert "repeat is safe" in issue(answer)["diagnostics"]
    assert issue(answer)["code"] == "timeout"


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [
        ({"reason": "denied", "because": ["record_closed"]}, 403, "record_closed"),
        ({"reason": "denied"}, 403, "denied"),
        ({"reason": "duplicate"}, 409, "duplicate"),
        ({"reason": "unknown_target"}, 422, "unknown_target"),
        ({"reason": "denied", "because": ["internal_error"]}, 500, "internal_error"),
    ],
)
async def test_a_refusal_says_why(http, world, as_, publication, outcome, status, code) -> None:
    world.outcome = {"state": "refused"} | outcome
    answer = await post(http, publication, as_("dr-roux"))
    assert (answer.status_code, reason(answer)) == (status, code)
    assert answer.headers["carnet-deposit"] == str(world.taken[0])


async def test_a_refusal_in_french(http, world, as_, publication) -> None:
    world.outcome = {"state": "refused", "reason": "duplicate"}
    headers = as_("dr-roux") | {"accept-language": "fr-FR, en"}
    assert "déjà dans le dossier" in issue(await post(http, publication, headers))["diagnostics"]


async def test_a_held_deposit_is_told(http, world, as_, publication) -> None:
    world.outcome = {"state": "held"}
    answer = await post(http, publication, as_("dr-roux"))
    assert (answer.status_code, reason(answer)) == (500, "deposit_held")


async def test_what_document_refuses_at_once_is_passed_on(http, world, as_, publication) -> None:
    world.down["document"] = RemoteError(422, "wrong_patient", "The document is about somebody else.")
    answer = await post(http, publication, as_("dr-roux"))
    assert (answer.status_code, reason(answer)) == (422, "wrong_patient")
    assert "somebody else" in issue(answer)["diagnostics"]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_gateway_that_an_owner_refuses_is_our_fault(http, world, as_, publication, status) -> None:
    world.down["document"] = RemoteError(status, "caller_not_allowed", "gateway may not call this")
    answer = await post(http, publication, as_("dr-roux"))
    assert (answer.status_code, reason(answer)) == (500, "internal_error")


async def test_an_owner_that_is_down_means_repeat(http, world, as_, publication) -> None:
    world.down["document"] = RemoteUnavailable(503, "unavailable", "document can't be reached")
    answer = await post(http, publication, as_("dr-roux"))
    assert (answer.status_code, issue(answer)["code"]) == (503, "transient")


async def test_without_replies_nothing_is_staged(http, world, as_, publication) -> None:
    world.replies.ready.clear()
    answer = await post(http, publication, as_("dr-roux"))
    assert (answer.status_code, reason(answer)) == (503, "replies_not_ready")
    assert world.called("document") == []


async def test_a_person_without_a_record(http, world, as_, publication) -> None:
    world.records.clear()
    answer = await post(http, publication, as_("dr-roux"))
    assert (answer.status_code, reason(answer)) == (404, "no_record")


@pytest.mark.parametrize(("name", "code"), [("insurer", "excluded_actor"), ("occupational-doctor", "excluded_sector")])
async def test_outsiders_do_not_learn_who_has_a_record(http, world, as_, publication, name, code) -> None:
    world.outcome = {"state": "refused", "reason": "denied", "because": ["record_closed"]}
    there = await post(http, publication, as_(name))
    world.records.clear()
    absent = await post(http, publication, as_(name))
    assert there.status_code == absent.status_code == 403
    assert there.json() == absent.json()
    assert reason(there) == code


async def test_a_patient_deposits_into_his_own_record_alone(http, world, as_, publication) -> None:
    world.records[(BRUNO.oid, BRUNO.matricule)] = uuid4()
    assert (await post(http, publication, as_("alice"))).status_code == 201
    stranger = await post(http, publication, as_("bruno"))
    assert (stranger.status_code, reason(stranger)) == (403, "not_own_record")
    assert len(world.metadata) == 1


async def test_a_real_identity_is_refused_locally(http, world, as_, publication) -> None:
    publication["subject"] = {"reference": f"Patient?identifier=urn:oid:1.2.250.1.213.1.4.8|{ALICE.matricule}"}
    answer = await post(http, publication, as_("dr-roux"))
    assert (answer.status_code, reason(answer)) == (422, "unacceptable_ins")
    assert ALICE.matricule not in answer.text
    assert world.calls == []


async def test_what_is_longer_than_document_keeps_is_refused_here(http, as_, publication) -> None:
    publication["content"][0]["attachment"]["title"] = "x" * 1024
    answer = await post(http, publication, as_("dr-roux"))
    assert answer.status_code == 422
    assert "title" in issue(answer)["expression"]
    assert "xxx" not in answer.text


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", {"content-type": "application/fhir+xml"}, 415),
        (b"{}", {"accept": "application/fhir+xml"}, 406),
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (b'{"resourceType": "Patient"}', {}, 400),
        (b"\xff", {}, 400),
    ],
)
async def test_what_is_no_publication_is_refused(http, world, as_, body, headers, status) -> None:
    answer = await http.post(URL, content=body, headers=as_("dr-roux") | FHIR | headers)
    assert answer.status_code == status
    assert issue(answer)["diagnostics"]
    assert world.calls == []


async def test_too_large_is_an_operation_outcome_too(http, as_, settings) -> None:
    headers = as_("dr-roux") | FHIR | {"content-length": str(settings.max_request_bytes + 1)}
    answer = await http.post(URL, content=b"{}", headers=headers)
    assert (answer.status_code, issue(answer)["code"]) == (413, "too-long")


async def test_ar_042_a_secret_connection_deposits_only_what_is_hidden_from_representatives(
    http, world, as_, publication
) -> None:
    refused = await post(http, publication, as_("dr-roux-secret"))
    assert (refused.status_code, issue(refused)["expression"]) == (422, ["DocumentReference.securityLabel"])
    assert world.metadata == []
    label = {"system": "urn:oid:1.2.250.1.213.1.1.4.13", "code": HIDDEN}
    hidden = publication | {"securityLabel": [{"coding": [label]}]}
    assert (await post(http, hidden, as_("dr-roux-secret"))).status_code == 201
    (metadata,) = world.metadata
    assert metadata.actor.secret
    assert HIDDEN in metadata.confidentiality


def acting(world, name="helene", record=None, **more):
    """Somebody of the cast acts for alice, or for the holder of another record."""
    member = CAST[name]
    told = {"record": str(record or world.alice_record), "delegation": str(uuid4()), "kind": "CAREGIVING"}
    world.delegations[(member.oid, member.matricule)] = [told | {"state": "ACCEPTED"} | more]
    return UUID(told["delegation"])


async def test_ar_061_who_acts_for_the_holder_deposits_under_his_delegation(http, world, as_, publication) -> None:
    """Whether it covers deposits is decided with each of them."""
    delegation = acting(world)
    assert (await post(http, publication, as_("helene"))).status_code == 201
    (metadata,) = world.metadata
    assert (metadata.record, metadata.actor.kind, metadata.actor.delegation) == (
        world.alice_record,
        ActorKind.REPRESENTATIVE,
        delegation,
    )
    outcome = f"/fhir/deposits/{world.taken[0]}"
    assert (await http.get(outcome, headers=as_("helene"))).status_code == 200
    assert (await http.get(outcome, headers=as_("bruno"))).status_code == 404
    acting(world, state="EXPIRED")
    assert (await http.get(outcome, headers=as_("helene"))).status_code == 404


async def test_ar_061_who_acts_for_another_deposits_for_nobody_else(http, world, as_, publication) -> None:
    """The same answer whether the person has a record or not."""
    acting(world, record=uuid4())
    there = await post(http, publication, as_("helene"))
    world.records.clear()
    absent = await post(http, publication, as_("helene"))
    assert (there.status_code, there.content) == (absent.status_code, absent.content)
    assert (there.status_code, reason(there)) == (403, "not_own_record")
    assert world.metadata == []


async def test_ar_042_nobody_deposits_for_another_in_secret(http, world, as_, publication) -> None:
    acting(world, "david")
    assert reason(await post(http, publication, as_("david-secret"))) == "not_own_record"


async def test_ar_033_a_deposit_says_the_mode_in_which_it_is_made(http, world, as_, publication) -> None:
    for said, mode in (({}, "normal"), ({MODE: "bris_de_glace"}, "bris_de_glace"), ({MODE: "normal"}, "normal")):
        assert (await post(http, publication, as_("dr-roux") | said)).status_code == 201
        assert world.metadata[-1].mode == mode


@pytest.mark.parametrize("said", [{MODE: "king"}, {MODE: "bris_de_glace", REASON: "unconscious"}, {TEXT: "x"}])
async def test_ar_033_what_is_not_clear_deposits_nothing(http, world, as_, publication, said) -> None:
    assert (await post(http, publication, as_("dr-roux") | said)).status_code == 422
    assert world.metadata == []
