"""What is done to documents in the chapter of rights: masked by the patient, withheld until a doctor announces it."""

from typing import Any, Final

import httpx2
import orjson

from deploy.local.identity.cast import DR_NOIR, DR_ROUX
from deploy.proof import made, samples
from deploy.proof.demo.deeds import CREATED, OK, Stage, by
from deploy.proof.demo.door import Who, said
from deploy.proof.demo.holders import DEPOSITOR, READER
from shared.terminology import confidentiality

WITHHELD: Final = "INVISIBLE_PATIENT"
_TEAM: Final = Who(DR_NOIR.name)
_PATCH: Final = {"content-type": "application/json-patch+json"}
_NOT_FOUND: Final = 404


async def play(stage: Stage) -> None:
    """A team's doctor loses sight of what is masked; the patient finds what was withheld once it is announced."""
    team = {"kind": "professional", "team": DR_NOIR.number}
    if not await stage.change("consent-team", team):
        return
    await _masked(stage)
    await _announced(stage)
    await stage.change("end-team", {"team": DR_NOIR.number})


async def _masked(stage: Stage) -> None:
    """By the patient's app, which names the act; nobody learns that something is masked."""
    shown = await _documents(stage, _TEAM)
    if not stage.verify("a doctor of the team finds the document", None if len(shown) == 1 else f"{len(shown)} found"):
        return
    (document,) = shown
    masked = await stage.ask(stage.holder.who, "POST", f"/documents/{document}/mask", "act on a document")
    if stage.expect("document masked by the patient", masked, OK):
        trace = by("", "A document is masked to professionals")
        stage.did("masks a document", "patient", "in force at once", trace=trace)
    for who, name, total in ((_TEAM, "dr-noir", 0), (READER, "the médecin traitant", 1)):
        await _finds(stage, who, name, total)
    again = await stage.ask(_TEAM, "POST", f"/documents/{document}/archive")
    stage.expect("masking is itself masked", again, _NOT_FOUND, "unknown_document")
    unmasked = await stage.ask(stage.holder.who, "POST", f"/documents/{document}/unmask", "act on a document")
    if stage.expect("document unmasked by the patient", unmasked, OK):
        stage.did("unmasks it", "patient", "in force at once", trace=by("", "A document is masked no longer"))
    await _finds(stage, _TEAM, "dr-noir", 1)


async def _announced(stage: Stage) -> None:
    """By the doctor's software, with a JSON Patch (PDSm)."""
    before = await _documents(stage, stage.holder.who)
    content = made.make("imaging", made.SamplePatient(stage.holder.ins))
    deposited = await stage.door.deposit(DEPOSITOR, samples.publication(content, labels=("N", WITHHELD)))
    if not stage.expect("deposited, withheld from the patient", deposited, CREATED):
        return
    document = str(deposited.json()["id"])
    hidden = document not in await _documents(stage, stage.holder.who)
    stage.verify("the patient does not find what is withheld", None if hidden else "it is shown")
    stage.verify("the médecin traitant is warned of it", await _unwarned(stage, document))
    unknown = await stage.ask(stage.holder.who, "POST", f"/documents/{document}/mask")
    stage.expect("what is withheld can't be told from what is not there", unknown, _NOT_FOUND, "unknown_document")
    announced = await _patch(stage, document)
    if stage.expect("document announced", announced, OK):
        mails = (("AJOUT_DOCUMENT", None),)
        trace = by(DR_ROUX.number, "A document is announced to the holder")
        stage.did("announces a document", "dr-roux", "the patient can see it from now on", mails, trace)
    after = await _documents(stage, stage.holder.who)
    wrong = None if set(after) == {*before, document} else f"{len(before)} before, {len(after)} after"
    if stage.verify("the patient finds what was announced", wrong):
        stage.did("looks for documents", "patient", f"finds {len(after)}")


async def _patch(stage: Stage, document: str) -> httpx2.Response:
    known = confidentiality(WITHHELD)
    coding = {"system": known.fhir_system if known else "", "code": WITHHELD}
    patch = [{"op": "remove", "path": "/securityLabel", "value": {"coding": [coding]}}]
    path = f"/fhir/DocumentReference/{document}?patient=Patient/{stage.holder.record}"
    asked = {"content": orjson.dumps(patch), "headers": _PATCH}
    return await stage.door.ask(DEPOSITOR, "PATCH", path, "act on a document", **asked)


async def _documents(stage: Stage, who: Who) -> dict[str, Any]:
    """What somebody finds, by id; nothing where it is refused."""
    found = await stage.search(who)
    entries = found.json().get("entry", ()) if found.status_code == OK else ()
    return {str(entry["resource"]["id"]): entry["resource"] for entry in entries}


async def _finds(stage: Stage, who: Who, name: str, total: int) -> None:
    found = await stage.search(who)
    right = found.status_code == OK and found.json()["total"] == total
    if stage.verify("masked document seen by who may", None if right else said(found)[:200], name):
        stage.did("looks for documents", name, f"finds {total}")


async def _unwarned(stage: Stage, document: str) -> str | None:
    """What is wrong where a professional is not told that the patient does not see it (AR-032)."""
    shown = (await _documents(stage, READER)).get(document, {})
    labels = {coding["code"] for label in shown.get("securityLabel", ()) for coding in label["coding"]}
    return None if WITHHELD in labels else f"its labels are {sorted(labels)}"
