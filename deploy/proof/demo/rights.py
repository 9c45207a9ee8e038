"""The chapter of rights: a patient sees who may look and why, decides, and finds what others did with it.

Each performance has a patient of its own, so that an emergency is a new one and a delegation is answered once.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from deploy.local.identity.cast import BRUNO, DENTIST, DR_MARTIN, DR_NOIR, INSURER
from deploy.proof import made, samples
from deploy.proof.demo import masks, proxies, urgent
from deploy.proof.demo.deeds import ACCEPTED, CREATED, FORBIDDEN, NO_CONTENT, OK, Stage, by, opened
from deploy.proof.demo.door import Door, Who, said
from deploy.proof.demo.holders import DEPOSITOR
from deploy.proof.demo.ledger import Ledger
from deploy.proof.demo.operator import Operator

_FIRST: Final = 2000
_PATIENTS: Final = 4000
"""Numbers of this chapter's patients, apart from those whose day of reimbursements is published."""
_DENTIST: Final = Who(DENTIST.name)
_LOOKS: Final[dict[str, dict[str, str]]] = {
    "the médecin traitant": {"who": "professional", "number": DR_MARTIN.number, "role": DR_MARTIN.role},
    "dr-noir": {"who": "professional", "number": DR_NOIR.number, "role": DR_NOIR.role},
    "the dentist": {"who": "professional", "number": DENTIST.number, "role": DENTIST.role},
    "the SAMU": {"who": "samu"},
}
"""Of whom the patient thinks."""


async def play(
    door: Door, ledger: Ledger, say: Callable[[str], None], operator: Operator, since: datetime
) -> Stage | None:
    """Play the chapter; gives the stage with its deeds, None where there is no record to play on."""
    stage = await opened(door, ledger, say, _FIRST + int(since.timestamp()) % _PATIENTS)
    if stage is None:
        return None
    referenced = proxies.reference(operator)  # beside what comes first: a process takes a second to start
    try:
        await _prepared(stage)
        await _seen(stage)
        await _explained(stage)
        await _seen_as(stage)
        await _authorised_and_blocked(stage)
        contested = await urgent.play(stage)
        await proxies.delegate(stage, BRUNO)
        await proxies.let_an_app_read(stage, operator, referenced)
        if contested is not None:
            await urgent.contest(stage, operator, contested)
        await masks.play(stage)
    finally:
        referenced.cancel()
    return stage


async def _prepared(stage: Stage) -> None:
    """A médecin traitant, whose address the patient gives, and one document."""
    ins = stage.holder.ins
    told = {"ins": {"matricule": ins.number, "oid": ins.oid}, "professional": DR_MARTIN.number}
    declared = await stage.door.ask(Who(INSURER.name), "POST", "/treating-doctor", json=told)
    if stage.expect("médecin traitant declared by the insurance", declared, ACCEPTED):
        came = "dr-martin; the answer does not tell whether there is a record"
        mails = (("AUTORISATION_PS", None),)
        trace = by(INSURER.code, "Declaration of the treating doctor")
        stage.did("declares the médecin traitant", "insurer", came, mails, trace)
    contact = {"email": "dr-martin@professional.test", "language": "en"}
    given = await stage.ask(stage.holder.who, "PUT", f"/contacts/{DR_MARTIN.number}", json=contact)
    if stage.expect("address given", given, NO_CONTENT):
        came = "he will be told of emergencies there"
        stage.did("gives the doctor's address", "patient", came, trace=by("", "Address given"))
    resource = samples.publication(made.make("biology", made.SamplePatient(ins)))
    deposited = await stage.door.deposit(DEPOSITOR, resource)
    stage.expect("deposited", deposited, CREATED)


async def _seen(stage: Stage) -> None:
    """The patient's own view of who may look."""
    answer = await stage.ask(stage.holder.who, "GET", "/rights")
    view: dict[str, Any] = answer.json() if answer.status_code == OK else {}
    wishes = view.get("wishes") or {}
    right = view.get("treating_doctor") == DR_MARTIN.number and view.get("professionals") == []
    wrong = None if right and wishes.get("break_glass") and wishes.get("regulation") else said(answer)
    if stage.verify("patient sees who may look", wrong):
        came = "the médecin traitant by right, emergencies unless opposed, nobody else"
        stage.did("looks who may look", "patient", came)


async def _explained(stage: Stage) -> None:
    """Why the médecin traitant may look and dr-noir may not: every rule that was asked, in its order."""
    for name, permitted in (("the médecin traitant", True), ("dr-noir", False)):
        answer = await stage.ask(stage.holder.who, "POST", "/explain", "explanation", json=_LOOKS[name])
        told: dict[str, Any] = answer.json().get("explained") or {} if answer.status_code == OK else {}
        wrong = None if told.get("permitted") is permitted and told["steps"] else said(answer)[:200]
        if not stage.verify("decision explained", wrong, name):
            continue
        rules = [rule for step in told["steps"] for rule in step["rules"]]
        last = told["steps"][-1]
        came = f"{told['sentence']} Step {last['step']}, after {len(told['steps'])} steps and {len(rules)} rules."
        stage.did(f"asks why {name} {'may' if permitted else 'may not'} look", "patient", came)


async def _seen_as(stage: Stage) -> None:
    """What the dentist and the SAMU would see, now and after a change; nothing changes by asking."""
    before = (await stage.ask(stage.holder.who, "GET", "/rights")).headers.get("etag")
    changes: tuple[tuple[str, dict[str, Any], tuple[bool, bool], tuple[bool, bool]], ...] = (
        ("authorising the dentist", {"verb": "authorise", "professional": DENTIST.number}, (False, True), (True, True)),
        ("opposing the SAMU", _opposing_the_samu(), (False, True), (False, False)),
    )
    for name, change, now, after in changes:
        looks = [_LOOKS["the dentist"], _LOOKS["the SAMU"]]
        asked = {"looks": looks, "change": change}
        answer = await stage.ask(stage.holder.who, "POST", "/see-as", "seeing as others", json=asked)
        seen = answer.json()["seen"] if answer.status_code == OK else []
        found = tuple((one["now"]["permitted"], (one["after"] or one["now"])["permitted"]) for one in seen)
        wrong = None if found == tuple(zip(now, after, strict=True)) else f"{found}: {said(answer)[:160]}"
        if stage.verify("seen as others see", wrong, name):
            dentist, samu = (f"{_may(one['now'])}, then {_may(one['after'])}" for one in seen)
            stage.did(f"sees as others, after {name}", "patient", f"dentist: {dentist}; SAMU: {samu}")
    unchanged = (await stage.ask(stage.holder.who, "GET", "/rights")).headers.get("etag")
    wrong = None if before == unchanged else f"rights were at {before} and are at {unchanged}"
    stage.verify("imagining changes nothing", wrong)


def _opposing_the_samu() -> dict[str, Any]:
    return {"verb": "wish", "break_glass": True, "regulation": False, "masked": False}


def _may(told: dict[str, Any]) -> str:
    return "yes" if told["permitted"] else f"no ({told['code']})"


async def _authorised_and_blocked(stage: Stage) -> None:
    """The dentist reads once authorised, and never again once the block was told."""
    professional = {"professional": DENTIST.number}
    denied = await stage.search(_DENTIST, "refused read")
    if stage.expect("dentist refused without authorisation", denied, FORBIDDEN, "not_authorised"):
        trace = by(DENTIST.number, "Consultation", permitted=False)
        stage.did("asks to read", "dentist", "refused: not authorised", (("REFUS_ACCES_PS", None),), trace)
    if await stage.change("authorise", professional):
        trace = by("", "Authorisation of a professional")
        stage.did("authorises the dentist", "patient", "in force at once", (("AUTORISATION_PS", None),), trace)
    if stage.expect("dentist reads once authorised", await stage.search(_DENTIST), OK):
        trace = by(DENTIST.number, "Consultation")
        stage.did("reads the list", "dentist", "what the matrix shows a dentist", (("ACCES_DMP_PS", None),), trace)
    if await stage.change("block", professional):
        came = "told when no permit given before can be used any more"
        trace = by("", "A professional is blocked")
        stage.did("blocks the dentist", "patient", came, (("BLOCAGE_PS", None),), trace)
    blocked = await stage.search(_DENTIST, "refused read")
    if stage.expect("dentist refused once blocked", blocked, FORBIDDEN, "blocked"):
        trace = by(DENTIST.number, "blocked", permitted=False)
        stage.did("asks to read again", "dentist", "refused: blocked; told with the refusal before", trace=trace)
