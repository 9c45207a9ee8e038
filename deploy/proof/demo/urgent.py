"""Emergencies in the chapter of rights: read with a reason, told to patient and doctor, contested, answered."""

from typing import Any, Final
from urllib.parse import quote

from deploy.local.identity.cast import DR_MARTIN, DR_NOIR, SAMU
from deploy.proof.demo.deeds import CREATED, FORBIDDEN, OK, Stage, by
from deploy.proof.demo.door import Who, said
from deploy.proof.demo.operator import BY, Operator
from shared.contracts.reasons import Reason

WRITTEN: Final = "Trouvé inconscient dans la rue, sans témoin"
"""What the doctor writes beside the reason: for the patient and the operator alone."""
ANSWERED: Final = "L'accès était justifié par l'état décrit ; rien n'a été consulté au-delà."
_MODE: Final = "carnet-access-mode"
_REASON: Final = "carnet-access-reason"
_TEXT: Final = "carnet-access-text"
_NOIR: Final = Who(DR_NOIR.name)
_SAMU: Final = Who(SAMU.name)


async def play(stage: Stage) -> str | None:
    """Break the glass and regulate; gives the request of the first, which the patient contests later."""
    glass = {_MODE: "bris_de_glace", _REASON: "other"}
    silent = await stage.search(_NOIR, "refused read", **glass)
    if stage.expect("no emergency without its reason", silent, 422, "emergency_not_served"):
        trace = by(DR_NOIR.number, "Consultation", permitted=False)
        stage.did("breaks the glass without saying why", "dr-noir", "refused: no reason given", trace=trace)
    opened = await stage.search(_NOIR, "emergency", **glass, **{_TEXT: quote(WRITTEN)})
    if stage.expect("emergency read with its reason", opened, OK):
        trace = _in_mode(DR_NOIR.number, "BTG")
        mails = _told("ACCES_BRIS_GLACE")
        stage.did("breaks the glass (bris de glace)", "dr-noir", "reads for half an hour", mails, trace)
    regulated = await stage.search(_SAMU, "emergency", **{_MODE: "centre_15", _REASON: "regulation_call"})
    if stage.expect("the SAMU reads", regulated, OK):
        trace = _in_mode(SAMU.number, "ETREAT")
        stage.did("reads as centre 15", "samu", "reads for half an hour", _told("ACCES_CENTRE_15"), trace)
    return await _found(stage)


async def _found(stage: Stage) -> str | None:
    """The patient finds both, with the reason and what was written."""
    answer = await stage.ask(stage.holder.who, "GET", "/emergencies")
    found: list[dict[str, Any]] = answer.json()["emergencies"] if answer.status_code == OK else []
    known = {one["professional"]: (one["mode"], one["reason"], one.get("text")) for one in found}
    expected = {
        DR_NOIR.number: ("bris_de_glace", "other", WRITTEN),
        SAMU.number: ("centre_15", "regulation_call", None),
    }
    if not stage.verify("patient finds the emergencies and why", None if known == expected else said(answer)[:200]):
        return None
    stage.did("looks up the emergencies", "patient", f"dr-noir wrote: {WRITTEN}")
    return next(str(one["request"]) for one in found if one["professional"] == DR_NOIR.number)


async def contest(stage: Stage, operator: Operator, request: str) -> None:
    """The patient contests an emergency; the operator answers, and the patient reads the answer."""
    body = {"request": request, "professional": DR_NOIR.number, "text": "Je n'étais pas inconscient."}
    opened = await stage.ask(stage.holder.who, "POST", "/cases", json=body)
    if not stage.expect("access contested", opened, CREATED):
        return
    mails = (("CONTESTATION_ACCES", None),)
    trace = by("", "An access is contested")
    stage.did("contests dr-noir's access", "patient", "a case for the operator", mails, trace)
    case = str(opened.json()["case"])
    refused = await operator.carnet("case", "answer", case, "--unfounded", "--text", ANSWERED)
    if not stage.verify("operator answers", refused, "carnet case answer"):
        return
    came = "unfounded; the answer is for the patient alone"
    stage.did("answers the case", "operator", came, mails, lambda event: _answers(event, case))
    answer = await stage.ask(stage.holder.who, "GET", "/cases")
    cases: list[dict[str, Any]] = answer.json()["cases"] if answer.status_code == OK else []
    right = [(one["case"], one["finding"], one["answer"]) for one in cases] == [(case, "unfounded", ANSWERED)]
    if stage.verify("patient reads the answer", None if right else said(answer)[:200]):
        stage.did("reads the answer", "patient", ANSWERED)
    others = await stage.ask(_NOIR, "GET", "/cases")
    stage.expect("nobody else reads the case", others, FORBIDDEN, Reason.NOT_HOLDER)


def _told(event: str) -> tuple[tuple[str, str | None], ...]:
    """Patient and médecin traitant, each by an e-mail (CSP R.1111-48)."""
    return ((event, None), (event, DR_MARTIN.number))


def _in_mode(number: str, purpose: str) -> Any:
    permitted = by(number, "Consultation")
    return lambda event: permitted(event) and purpose in str(event["agent"])


def _answers(event: dict[str, Any], case: str) -> bool:
    return BY in str(event["agent"]) and case in str(event["entity"])
