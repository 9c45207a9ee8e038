"""Acts on a document: from the door to the lane, and the answer from what document says of it."""

from uuid import uuid4

import orjson
import pytest

from deploy.local.identity.cast import BRUNO
from services.gateway.api.acts import AT_REQUEST, CASE, OPINION, DocumentAct
from shared.contracts import record_documents as messages
from shared.contracts.common import ActorKind
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason
from tests.unit.gateway.test_commands import DELEGATION, delegated
from tests.unit.gateway.test_deposits import issue
from tests.unit.gateway.test_patch import flag, op

PATCH = {"content-type": "application/json-patch+json"}
COMMANDS = {message.__name__.lower(): message for message in messages.ON_A_DOCUMENT}
MASK = [op("add", "/securityLabel/-", flag())]


def patch(http, document, headers, operations=MASK, **parameters):
    url = f"/fhir/DocumentReference/{document}"
    return http.patch(url, params=parameters, content=orjson.dumps(operations), headers=PATCH | headers)


def of(world):
    return {"patient": f"Patient/{world.alice_record}"}


def by_act(world, document, act="mask"):
    return f"/records/{world.alice_record}/documents/{document}/{act}"


def codes(answer):
    return [coding["code"] for coding in issue(answer)["details"]["coding"]]


def test_every_act_has_its_word():
    assert set(COMMANDS) == set(DocumentAct)


@pytest.mark.parametrize("act", DocumentAct)
async def test_an_act_goes_to_the_lane_as_it_was_said(http, world, as_, act) -> None:
    document = uuid4()
    world.done = {"version": 4, "masked": True}
    answer = await http.post(by_act(world, document, act), headers=as_("alice") | {"if-match": 'W/"3"'})
    assert answer.status_code == 200, answer.text
    ((record, asked),) = world.requests
    assert (record, type(asked)) == (world.alice_record, COMMANDS[act])
    assert (asked.document, asked.version, asked.at_request) == (document, 3, False)
    assert asked.actor.kind is ActorKind.PATIENT
    assert answer.headers["etag"] == 'W/"4"'
    assert answer.json() == {
        "record": str(record),
        "document": str(document),
        "version": 4,
        "masked": True,
        "withheld": False,
        "hidden_from_representatives": False,
    }


async def test_a_word_that_is_no_act(http, world, as_) -> None:
    assert (await http.post(by_act(world, uuid4(), "open_by_time"), headers=as_("alice"))).status_code == 422
    assert world.requests == []


async def test_a_holder_patches_without_naming_himself(http, world, as_) -> None:
    document = uuid4()
    world.done = {"masked": True, "hidden_from_representatives": True}
    answer = await patch(http, document, as_("alice"))
    assert answer.status_code == 200, answer.text
    ((record, asked),) = world.requests
    assert (record, type(asked), asked.document, asked.version) == (
        world.alice_record,
        messages.Mask,
        document,
        None,
    )
    assert answer.headers["etag"] == 'W/"2"'
    assert answer.headers["content-location"] == f"https://carnet/fhir/DocumentReference/{document}/_history/2"
    assert issue(answer)["severity"] == "information"
    assert "MASQUE_PS, INVISIBLE_REPRESENTANTS_LEGAUX" in issue(answer)["diagnostics"]


async def test_minimal_means_no_body(http, as_) -> None:
    answer = await patch(http, uuid4(), as_("alice", prefer="return=minimal"))
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (200, b"", 'W/"2"')


async def test_a_professional_names_the_record_like_in_a_search(http, world, as_) -> None:
    document = uuid4()
    unnamed = await patch(http, document, as_("dr-roux"))
    assert (unnamed.status_code, issue(unnamed)["expression"]) == (400, ["patient"])
    for wrong in ({"patient": "Patient/1"}, {"patient.identifier": "x"}, of(world) | {"identifier": "1"}):
        assert (await patch(http, document, as_("dr-roux"), **wrong)).status_code == 400
    assert world.requests == []
    done = await patch(http, document, as_("dr-roux", **{AT_REQUEST: "true"}), **of(world))
    assert done.status_code == 200
    ((record, asked),) = world.requests
    assert (record, asked.at_request) == (world.alice_record, True)
    assert (asked.actor.kind, asked.actor.number) == (ActorKind.PROFESSIONAL, "899700000027")


async def test_ar_063_the_protected_persons_opinion_goes_with_the_act(http, world, as_) -> None:
    assert (await patch(http, uuid4(), as_("alice", **{OPINION: "agrees"}))).status_code == 200
    assert (await patch(http, uuid4(), as_("alice"))).status_code == 200
    assert [asked.opinion for _, asked in world.requests] == ["agrees", None]
    for wrong in ("", "two words", "x" * 65, "é"):
        answer = await patch(http, uuid4(), {**as_("alice"), OPINION: wrong.encode()})
        assert (answer.status_code, OPINION in issue(answer)["diagnostics"]) == (422, True)
    assert len(world.requests) == 2


async def test_who_acts_for_the_holder_asks_as_representative(http, world, as_) -> None:
    delegated(world)
    assert (await patch(http, uuid4(), as_("bruno"), **of(world))).status_code == 200
    assert (await http.post(by_act(world, uuid4()), headers=as_("bruno"))).status_code == 200
    for _, asked in world.requests:
        assert (asked.actor.kind, asked.actor.delegation) == (ActorKind.REPRESENTATIVE, DELEGATION)


async def test_a_patient_acts_on_no_other_record(http, world, as_) -> None:
    """access_control can't tell one holder from another: the gateway must."""
    world.records[BRUNO.oid, BRUNO.matricule] = uuid4()
    by_patch = await patch(http, uuid4(), as_("bruno"), **of(world))
    by_word = await http.post(by_act(world, uuid4()), headers=as_("bruno"))
    assert (by_patch.status_code, codes(by_patch)) == (403, ["not_own_record"])
    assert (by_word.status_code, by_word.json()["code"]) == (403, "not_own_record")
    assert world.requests == []


async def test_a_document_is_deleted_by_its_address_or_by_its_status(http, world, as_) -> None:
    document, case = uuid4(), uuid4()
    url = f"/fhir/DocumentReference/{document}"
    for headers in (as_("dr-roux"), as_("operator", **{CASE: str(case)})):
        deleted = await http.delete(url, params=of(world), headers=headers)
        assert deleted.status_code == 200
        assert "content-location" not in deleted.headers
    deleted = await patch(http, document, as_("alice"), [op("replace", "/status", "entered-in-error")])
    assert deleted.status_code == 200
    assert [type(asked) for _, asked in world.requests] == [messages.Delete] * 3
    assert [asked.case for _, asked in world.requests] == [None, case, None]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({AT_REQUEST: "yes"}, 422),
        ({CASE: "1"}, 422),
        ({CASE: str(uuid4())}, 422),
        ({"if-match": "3"}, 400),
        ({"if-match": 'W/"3", W/"4"'}, 400),
    ],
)
async def test_a_header_that_says_nothing_is_refused(http, world, as_, headers, status) -> None:
    answer = await patch(http, uuid4(), as_("alice", **headers))
    assert answer.status_code == status
    assert issue(answer)["severity"] == "error"
    assert world.requests == []


@pytest.mark.parametrize("if_match", ["*", None])
async def test_any_version_will_do(http, world, as_, if_match) -> None:
    headers = {} if if_match is None else {"if-match": if_match}
    assert (await http.post(by_act(world, uuid4()), headers=as_("alice") | headers)).status_code == 200
    assert world.requests[0][1].version is None


async def test_a_patch_that_is_no_act_asks_nothing(http, world, as_) -> None:
    answers = [
        await patch(http, uuid4(), as_("alice"), [op("replace", "/content/0", 1)]),
        await patch(http, uuid4(), as_("alice"), [op("replace", "/securityLabel/0", flag())]),
        await patch(http, uuid4(), as_("alice"), MASK + MASK),
        await patch(http, uuid4(), as_("alice") | {"content-type": "application/fhir+json"}),
    ]
    assert [answer.status_code for answer in answers] == [405, 422, 422, 415]
    assert {issue(answer)["severity"] for answer in answers} == {"error"}
    assert world.requests == []


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (FurtherReason.UNKNOWN_DOCUMENT, 404),
        (FurtherReason.VERSION_CONFLICT, 412),
        (FurtherReason.ALREADY_VISIBLE, 409),
        (FurtherReason.FLAGS_EXCLUDE_EACH_OTHER, 409),
        (FurtherReason.WRONG_STATE, 409),
        ("a_reason_of_tomorrow", 409),
    ],
)
async def test_what_document_did_not_do_is_told_with_its_reason(http, world, as_, reason, status) -> None:
    world.not_done = reason
    by_patch = await patch(http, uuid4(), as_("alice"))
    assert (by_patch.status_code, codes(by_patch)) == (status, [reason])
    by_word = await http.post(by_act(world, uuid4()), headers=as_("alice"))
    assert (by_word.status_code, by_word.json()["code"]) == (status, reason)


async def test_ar_023_what_may_not_be_known_is_answered_like_what_is_no_document(http, world, as_) -> None:
    world.not_done = FurtherReason.UNKNOWN_DOCUMENT
    unknown = await patch(http, uuid4(), as_("alice"))
    no_id = await patch(http, "x", as_("alice"))
    assert (unknown.status_code, unknown.json()) == (no_id.status_code, no_id.json())


async def test_a_denial_tells_every_reason(http, world, as_) -> None:
    world.denied, world.finer = (Reason.NO_BRANCH,), ("request_not_recorded",)
    by_patch = await patch(http, uuid4(), as_("dr-roux"), **of(world))
    assert (by_patch.status_code, codes(by_patch)) == (403, ["no_branch", "request_not_recorded"])
    assert "Carnet-Holder-Request" in issue(by_patch)["diagnostics"]
    by_word = await http.post(by_act(world, uuid4()), headers=as_("dr-roux"))
    assert (by_word.status_code, by_word.json()["reasons"]) == (403, ["request_not_recorded"])


async def test_an_insurer_is_told_the_same_of_everybody(http, world, as_) -> None:
    world.denied = (Reason.RECORD_CLOSED,)
    there = await patch(http, uuid4(), as_("insurer"), **of(world))
    world.denied = (Reason.NO_RECORD,)
    absent = await patch(http, uuid4(), as_("insurer"), patient=f"Patient/{uuid4()}")
    assert (there.status_code, there.json()) == (absent.status_code, absent.json())
    assert (there.status_code, codes(there)) == (403, ["excluded_actor"])


async def test_what_document_did_may_be_read_before_the_decision(http, world, as_) -> None:
    """They stand in two topics."""
    world.in_order = False
    assert (await patch(http, uuid4(), as_("alice"))).status_code == 200
    world.not_done = FurtherReason.WRONG_STATE
    assert (await patch(http, uuid4(), as_("alice"))).status_code == 409


async def test_a_permit_alone_is_no_outcome(http, world, as_) -> None:
    world.wakes = False
    answer = await patch(http, uuid4(), as_("alice"))
    assert (answer.status_code, codes(answer)) == (504, ["undecided"])
    assert "a repeat is safe" in issue(answer)["diagnostics"]
    assert world.called("document") == [], "the event tells all: document is never asked"


async def test_an_act_that_hurt_the_document_is_told_as_an_error(http, world, as_) -> None:
    world.hurt = True
    answer = await patch(http, uuid4(), as_("alice"))
    assert (answer.status_code, codes(answer)) == (500, ["document_held"])


async def test_a_withheld_document_that_will_be_masked_is_shown_as_withheld_alone(http, world, as_) -> None:
    world.done = {"masked": True, "withheld": True}
    told = (await http.post(by_act(world, uuid4()), headers=as_("dr-roux"))).json()
    assert (told["masked"], told["withheld"]) == (False, True)
    by_patch = await patch(http, uuid4(), as_("dr-roux"), **of(world))
    assert "MASQUE_PS" not in by_patch.text


@pytest.mark.parametrize("masked", [True, False])
async def test_new_documents_are_masked_by_default_or_not(http, world, as_, masked) -> None:
    url = f"/records/{world.alice_record}/mask-by-default"
    unnamed = await http.put(url, json={"masked": masked}, headers=as_("alice"))
    assert (unnamed.status_code, unnamed.json()["code"]) == (428, "version_required")
    assert (await http.put(url, json={}, headers=as_("alice") | {"if-match": '"7"'})).status_code == 422
    answer = await http.put(url, json={"masked": masked}, headers=as_("alice") | {"if-match": '"7"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"8"')
    ((record, asked),) = world.requests
    assert (record, type(asked), asked.rights_version, asked.masked) == (
        world.alice_record,
        messages.MaskByDefault,
        7,
        masked,
    )
