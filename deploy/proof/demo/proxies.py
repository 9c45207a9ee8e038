"""Who reads in the patient's stead, in the chapter of rights: somebody who was invited, and an app."""

import asyncio
from typing import Any, Final

from deploy.local.identity.cast import APP_CODE
from deploy.local.identity.members import Patient
from deploy.proof.demo.deeds import FORBIDDEN, OK, Stage, by
from deploy.proof.demo.door import Who, said
from deploy.proof.demo.operator import Operator
from shared.contracts.further_reasons import FurtherReason

_READ: Final = "documents.read"


async def delegate(stage: Stage, to: Patient) -> None:
    """Invite a carer (aidant), who answers, reads as far as it goes, and is told at his own address."""
    invitation = {
        "ins": {"matricule": to.matricule, "oid": to.oid},
        "kind": "CAREGIVING",
        "scopes": ["read"],
        "contact": {"email": to.email, "language": "fr"},
    }
    invited = await stage.change("invite", invitation)
    if not stage.verify("invited, with an address", None if invited and invited["contact_kept"] else str(invited)):
        return
    delegation, carer = str(invited["delegation"]), Who(to.name)
    mails = (("PARTAGE_PROFIL_AIDANT", delegation),)
    trace = by("", "Invitation to act for the holder")
    stage.did(f"invites {to.name} to read for him", "patient", "waits for the answer", mails, trace)
    early = await stage.search(carer, "refused read")
    stage.expect("nothing before the answer", early, FORBIDDEN, FurtherReason.OUTSIDE_DELEGATION.broader)
    own = await stage.door.ask(carer, "GET", "/delegations/me")
    found = [one for one in own.json().get("delegations", ()) if one["delegation"] == delegation]
    if not stage.verify("the invited one finds the invitation", None if found else said(own)):
        return
    answer = {"delegation": delegation, "accepted": True}
    if await stage.change("answer", answer, carer, f'"{found[0]["rights_version"]}"'):
        accepted = by(delegation, "Answer to an invitation")
        came = "acts under the delegation"
        stage.did("accepts", to.name, came, (("ACCORD_PARTAGE_PROFIL", None),), accepted)
    if stage.expect("the delegate reads", await stage.search(carer), OK):
        stage.did("reads the list", to.name, "as the patient would", trace=by(delegation, "Consultation"))
    beyond = await stage.ask(carer, "GET", "/rights")
    if stage.expect("the delegate decides nothing", beyond, FORBIDDEN, "outside_delegation"):
        stage.did("looks who may look", to.name, "refused: the delegation does not cover it")


def reference(operator: Operator) -> "asyncio.Task[str | None]":
    """Have the operator register and review the app, beside what else is done; gives why that was refused."""

    async def both() -> str | None:
        name = ("--name", "Carnet suivi", "--scope", _READ, "--scope", "history.read")
        why = ("--why", "demonstration")
        refused = await operator.carnet("app", "register", APP_CODE, *name, *why)
        return refused or await operator.carnet("app", "review", APP_CODE, *why)

    return asyncio.ensure_future(both())


async def let_an_app_read(stage: Stage, operator: Operator, referenced: "asyncio.Task[str | None]") -> None:
    """An app reads what the patient agreed to, nothing else, and nothing more once the operator has suspended it."""
    if not stage.verify("app referenced by the operator", await referenced, "carnet app"):
        return
    stage.did("registers and reviews carnet-suivi", "operator", "patients may agree with it")
    through = Who("patient", stage.holder.ins, APP_CODE)
    unagreed = await stage.search(through, "refused read")
    stage.expect("no app without an agreement", unagreed, FORBIDDEN, FurtherReason.APP_NOT_AGREED.broader)
    if await stage.change("agree-app", {"app": APP_CODE, "scopes": [_READ]}):
        trace = by("", "Agreement with a digital service")
        stage.did("agrees with carnet-suivi", "patient", "documents, and nothing else", trace=trace)
    if stage.expect("the app reads documents", await stage.search(through), OK):
        stage.did("reads the list", "carnet-suivi", "as the patient would", trace=_through(APP_CODE))
    history = await stage.ask(through, "GET", "/history", "refused read")
    if stage.expect("the app reads nothing else", history, FORBIDDEN, "app_not_agreed"):
        trace = by("", "agreed", permitted=False)
        stage.did("asks for the history", "carnet-suivi", "refused: not agreed", trace=trace)
    suspended = await operator.carnet("app", "suspend", APP_CODE, "--why", "demonstration")
    if stage.verify("app suspended by the operator", suspended, "carnet app"):
        denied = await stage.search(through, "refused read")
        if stage.expect("a suspended app reads nothing", denied, FORBIDDEN, FurtherReason.APP_SUSPENDED.broader):
            stage.did("suspends carnet-suivi", "operator", "refused from the next decision on")
    stage.verify("app re-admitted", await operator.carnet("app", "review", APP_CODE, "--why", "demonstration"))


def _through(app: str) -> Any:
    permitted = by("", "Consultation")
    return lambda event: permitted(event) and app in str(event["agent"])
