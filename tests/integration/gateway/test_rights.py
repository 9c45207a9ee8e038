"""The doors of rights, from a person's token to the decision and its effect, on the whole system."""

from datetime import UTC, datetime

import pytest

from deploy.local.identity.cast import BRUNO, CAST
from tests.support.system import eventually

pytestmark = pytest.mark.kafka

ROUX, NOIR = CAST["dr-roux"], CAST["dr-noir"]
CARDIOLOGIST = {"who": "professional", "number": ROUX.number, "role": ROUX.role, "structure": ROUX.structure}


async def version(door, record: str, name: str = "patient") -> int:
    path = "rights" if name in {"patient", "bruno"} else "standing"
    answer = await door.ask(name, "GET", f"/records/{record}/{path}")
    assert answer.headers["etag"] == f'"{answer.json()["rights_version"]}"'
    return answer.json()["rights_version"]


async def make(door, name: str, record: str, verb: str, seen: int | None = None, **body):
    """One change, made on the version that its author sees."""
    stated = seen if seen is not None else await version(door, record, name)
    headers = {"if-match": f'"{stated}"'}
    return await door.ask(name, "POST", f"/records/{record}/rights/{verb}", json=body, headers=headers)


async def explain(door, record: str, name: str = "patient", **body):
    return await door.ask(name, "POST", f"/records/{record}/explain", json=body)


def code(answer) -> str:
    found = answer.json()
    return found["issue"][0]["details"]["coding"][0]["code"] if "issue" in found else found["code"]


async def test_one_who_is_invited_answers_and_acts_as_far_as_the_delegation_goes(door) -> None:
    record = await door.open()
    assert (await door.deposit(door.document())).status_code == 201
    search = f"/fhir/DocumentReference?patient=Patient/{record}"
    assert (await door.ask("bruno", "GET", search)).status_code in {403, 404}
    invited = await make(
        door, "patient", record, "invite",
        ins={"matricule": BRUNO.matricule, "oid": BRUNO.oid}, kind="CAREGIVING", scopes=["read"],
    )  # fmt: skip
    assert invited.status_code == 200, invited.text
    delegation = invited.json()["delegation"]
    assert code(await door.ask("bruno", "GET", search)) == "no_branch", "not before he has answered"

    delegations = (await door.ask("bruno", "GET", "/delegations/me")).json()["delegations"]
    (own,) = [one for one in delegations if one["record"] == record]
    assert (own["delegation"], own["state"]) == (delegation, "PENDING")
    answered = await make(door, "bruno", record, "answer", own["rights_version"], delegation=delegation, accepted=True)
    assert answered.status_code == 200, answered.text
    found = await door.ask("bruno", "GET", search)
    assert (found.status_code, found.json()["total"]) == (200, 1)

    rights = await door.ask("bruno", "GET", f"/records/{record}/rights", headers={"accept-language": "fr"})
    assert (rights.status_code, rights.json()["reasons"]) == (403, ["outside_delegation"])
    assert rights.json()["detail"] == "La délégation ne couvre pas cet acte."
    assert (await explain(door, record, "bruno", **CARDIOLOGIST)).status_code == 403
    seen = await door.ask(
        "patient",
        "POST",
        f"/records/{record}/see-as",
        json={"looks": [{"who": "representative", "delegation": delegation}]},
    )
    assert seen.json()["seen"][0]["now"]["code"] == "representative"

    ended = await make(
        door, "bruno", record, "end-delegation", answered.json()["rights_version"], delegation=delegation
    )
    assert ended.status_code == 200, ended.text
    assert (await door.ask("bruno", "GET", search)).json()["issue"][0]["diagnostics"]
    assert (await door.ask("bruno", "GET", search)).status_code == 403


async def test_consents_wishes_and_functions_are_decided_explained_and_seen_as_others_see(door) -> None:
    record = await door.open()
    assert (await door.deposit(door.document())).status_code == 201
    assert code(await door.search("dr-roux")) == "not_authorised"
    before = datetime.now(UTC)
    team = await make(door, "patient", record, "consent-team", kind="structure", team=ROUX.structure)
    assert team.status_code == 200, team.text
    assert (await door.search("dr-roux")).json()["total"] == 1

    now, then = (
        await explain(door, record, **CARDIOLOGIST),
        await explain(door, record, **CARDIOLOGIST, at=before.isoformat()),
    )
    assert (now.json()["explained"]["permitted"], now.json()["explained"]["code"]) == (True, "care_team")
    assert then.json()["explained"]["code"] == "not_authorised"
    assert [step["step"] for step in now.json()["explained"]["steps"]][-2:] == ["E5", "E6/E7"]

    opposed = {"break_glass": True, "regulation": False, "masked": False}
    wish = {"looks": [{"who": "samu"}, CARDIOLOGIST], "change": {"verb": "wish"} | opposed}
    imagined = (await door.ask("patient", "POST", f"/records/{record}/see-as", json=wish)).json()
    assert [(one["now"]["code"], one["after"]["code"]) for one in imagined["seen"]] == [
        ("regulation", "emergency_opposed"),
        ("care_team", "care_team"),
    ]
    samu = (await explain(door, record, who="samu")).json()
    assert (samu["explained"]["permitted"], samu["rights_version"]) == (True, imagined["rights_version"]), "no effect"
    assert (await make(door, "patient", record, "wish", **opposed)).status_code == 200
    assert (await explain(door, record, who="samu")).json()["explained"]["code"] == "emergency_opposed"

    history = f"/records/{record}/history"
    assert (await door.ask("dr-roux", "GET", history)).status_code == 200
    assert (await make(door, "patient", record, "opt-out", functions=["history"])).status_code == 200
    refused = await door.ask("dr-roux", "GET", history)
    assert (refused.status_code, refused.json()["reasons"]) == (403, ["opted_out"])
    view = (await door.ask("patient", "GET", f"/records/{record}/rights")).json()
    assert (view["opted_out"], view["wishes"], view["teams"][0]["team"]) == (["history"], opposed, ROUX.structure)


async def test_an_explanation_leaves_no_trace(door) -> None:
    record = await door.open()
    assert (await door.deposit(door.document())).status_code == 201

    for _ in range(3):
        assert (await explain(door, record, **CARDIOLOGIST)).status_code == 200
    first = await make(door, "patient", record, "block", professional=NOIR.number)
    assert first.status_code == 200

    async def told() -> None:
        answer = await door.ask("patient", "GET", f"/fhir/AuditEvent?patient=Patient/{record}&_count=100")
        texts = [entry["resource"].get("outcomeDesc", "") for entry in answer.json()["entry"]]
        assert any("blocked" in text for text in texts), texts
        assert not any(ROUX.number in str(entry) for entry in answer.json()["entry"] if _decides(entry))

    await eventually(told)


def _decides(entry) -> bool:
    """The decision on a read; the deposit was dr-roux's, too."""
    resource = entry["resource"]
    return resource["subtype"][0]["code"] == "AuthZ-Consent" and "Consultation" in resource.get("outcomeDesc", "")


async def test_a_professional_declares_a_consultation_on_the_version_of_his_own_standing(door) -> None:
    record = await door.open()
    assert (await door.deposit(door.document())).status_code == 201
    declared = await make(door, "dr-noir", record, "consent-session")
    assert declared.status_code == 200, declared.text
    assert (await door.search("dr-noir")).status_code == 200
    standing = (await door.ask("dr-noir", "GET", f"/records/{record}/standing")).json()
    assert (standing["standing"], standing["session"]) == ("non_existe", True)
    assert (await make(door, "patient", record, "block", professional=NOIR.number)).status_code == 200
    assert (await door.ask("dr-noir", "GET", f"/records/{record}/standing")).json()["standing"] == "interdit"
    again = await make(door, "dr-noir", record, "consent-session")
    assert (again.status_code, code(again)) == (403, "blocked")


async def test_ar_057_a_suspension_an_objection_and_its_end(door) -> None:
    record = await door.open()
    assert (await door.ask("operator", "POST", f"/records/{record}/suspend")).status_code == 200
    assert (await door.ask("patient", "GET", "/records/me")).json()["state"] == "suspended"
    early = await door.ask("operator", "POST", f"/records/{record}/close-uncontested")
    assert (early.status_code, early.json()["reasons"]) == (409, ["objection_open"])
    assert (await make(door, "patient", record, "object")).status_code == 200
    assert (await door.ask("operator", "POST", f"/records/{record}/lift")).status_code == 200
    assert (await door.ask("patient", "GET", "/records/me")).json()["state"] == "open"
    told = {"ins": {"matricule": door.patient.matricule, "oid": door.patient.oid}}
    assert (await door.ask("insurer", "POST", "/insured/suspend", json=told)).status_code == 202
    assert (await door.ask("patient", "GET", "/records/me")).json()["state"] == "suspended"
    nobody = await door.ask("dr-roux", "POST", f"/records/{record}/lift")
    assert (nobody.status_code, code(nobody)) == (403, "no_branch")
