"""An emergency is asked for by mode, reason and text; what is not clear is no emergency (AR-033 to AR-039)."""

from urllib.parse import quote

import pytest

from services.gateway.api.urgency import MODE, REASON, TEXT, Urgency
from shared.contracts.common import AccessMode, Owner
from shared.contracts.reasons import Reason
from shared.http import RemoteError

WRITTEN = "Trouvée inconsciente à son domicile"
SAID = {MODE: "bris_de_glace", REASON: "unconscious", TEXT: quote(WRITTEN)}


def search(world):
    return f"/fhir/DocumentReference?patient=Patient/{world.alice_record}"


def texts(world):
    return [(path, asked) for _, method, path, asked in world.calls if method == "PUT" and "/texts/" in path]


async def test_ar_039_the_text_goes_to_access_control_first_under_the_requests_id(http, world, as_) -> None:
    answer = await http.get(search(world), headers=as_("dr-noir") | SAID)
    assert answer.status_code == 200, answer.text
    ((_, asked),) = world.requests
    assert (asked.mode, asked.reason_code, asked.reason_told) == (AccessMode.EMERGENCY, "unconscious", True)
    expected = f"/records/{world.alice_record}/texts/{world.identities[0]}"
    assert texts(world) == [(expected, {"text": WRITTEN})]
    assert WRITTEN not in asked.model_dump_json()


@pytest.mark.parametrize("mode", ["bris_de_glace", "centre_15"])
async def test_ar_034_search_document_and_history_are_read_in_the_mode(http, world, as_, entry, mode) -> None:
    binary = f"{world.alice_record.hex}{entry.document.hex}"
    said = {MODE: mode, REASON: "unconscious"}
    for path in (search(world), f"/fhir/Binary/{binary}", f"/records/{world.alice_record}/history"):
        answer = await http.get(path, headers=as_("dr-noir") | said)
        assert answer.status_code == 200, answer.text
    form = {"content-type": "application/x-www-form-urlencoded"}
    content = f"patient=Patient/{world.alice_record}"
    posted = await http.post("/fhir/DocumentReference/_search", content=content, headers=as_("dr-noir") | said | form)
    assert posted.status_code == 200, posted.text
    assert [asked.mode for _, asked in world.requests] == [AccessMode(mode)] * 4
    assert [asked.owner for _, asked in world.requests[:3]] == [Owner.DOCUMENT, Owner.DOCUMENT, Owner.HISTORY]
    assert {asked.reason_told for _, asked in world.requests} == {False}
    assert texts(world) == []


async def test_an_emergency_that_goes_on_needs_no_reason_here(http, world, as_) -> None:
    """Whether one goes on is known to access_control alone."""
    assert (await http.get(search(world), headers=as_("dr-noir") | {MODE: "bris_de_glace"})).status_code == 200
    assert world.requests[0][1].reason_code is None


@pytest.mark.parametrize("said", [{}, {MODE: "normal"}])
async def test_without_a_mode_it_is_no_emergency(http, world, as_, said) -> None:
    assert (await http.get(search(world), headers=as_("dr-noir") | said)).status_code == 200
    assert world.requests[0][1].mode is AccessMode.NORMAL


@pytest.mark.parametrize(
    "said",
    [
        {MODE: "emergency"},
        {MODE: ""},
        {MODE: "BRIS_DE_GLACE"},
        {REASON: "unconscious"},
        {MODE: "normal", TEXT: "x"},
        {MODE: "bris_de_glace", REASON: "curious"},
        {MODE: "bris_de_glace", REASON: ""},
        {MODE: "bris_de_glace", REASON: "other", TEXT: ""},
        {MODE: "bris_de_glace", REASON: "other", TEXT: "%ff%fe"},
        {MODE: "bris_de_glace", REASON: "other", TEXT: "x" * 2001},
    ],
)
async def test_ar_033_what_is_not_clear_is_refused_and_asks_nothing(http, world, as_, said) -> None:
    answer = await http.get(search(world), headers=as_("dr-noir") | said)
    assert (answer.status_code, answer.json()["resourceType"]) == (422, "OperationOutcome")
    assert world.requests == []
    assert texts(world) == []


async def test_a_mode_that_stands_twice_is_none(http, world, as_) -> None:
    headers = [*as_("dr-noir").items(), (MODE, "normal"), (MODE, "bris_de_glace")]
    assert (await http.get(search(world), headers=headers)).status_code == 422
    assert world.requests == []


@pytest.mark.parametrize("name", ["alice", "hospital", "insurer", "operator"])
async def test_who_may_have_no_emergency_writes_nothing_into_a_record(http, world, as_, name) -> None:
    await http.get(search(world), headers=as_(name) | SAID)
    assert texts(world) == []
    assert [asked.reason_told for _, asked in world.requests] == [False] * len(world.requests)


async def test_a_record_that_is_not_there_is_told_like_any(http, world, as_) -> None:
    world.denied = (Reason.NO_RECORD,)
    plain = await http.get(search(world), headers=as_("dr-noir"))
    world.denied = ()
    world.down["access_control"] = RemoteError(404, "no_record", "There is no record.")
    urgent = await http.get(search(world), headers=as_("dr-noir") | SAID)
    assert (urgent.status_code, urgent.json()) == (plain.status_code, plain.json())
    assert len(world.requests) == 1


async def test_no_text_kept_no_emergency(http, world, as_) -> None:
    world.down["access_control"] = RemoteError(503, "unavailable", "It is away.")
    assert (await http.get(search(world), headers=as_("dr-noir") | SAID)).status_code == 503
    assert world.requests == []


async def test_the_text_stands_in_no_log(http, world, as_, capfd, caplog) -> None:
    caplog.set_level("DEBUG")
    await http.get(search(world), headers=as_("dr-noir") | SAID)
    out, err = capfd.readouterr()
    said = out + err + " ".join(line.getMessage() for line in caplog.records if line.name != "httpx2")
    assert "inconsciente" not in said
    assert WRITTEN not in repr(Urgency(AccessMode.EMERGENCY, "other", WRITTEN))
