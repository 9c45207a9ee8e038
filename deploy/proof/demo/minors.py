"""A minor's secret connection (connexion secrète, AR-042): what is done in it reaches no representative."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

from deploy.local.identity.cast import DR_ROUX, DR_ROUX_SECRET, HELENE
from deploy.proof import made, samples
from deploy.proof.checker.databases import Databases
from deploy.proof.demo.deeds import ACCEPTED, CREATED, OK, Stage, Trace, by, opened, user
from deploy.proof.demo.door import Door, Who, said
from deploy.proof.demo.holders import Holder
from deploy.proof.demo.ledger import Ledger
from deploy.proof.demo.scene import Scene
from services.gateway.domain.users import HIDDEN
from shared.contracts.topics import NOTIFICATION

_FIRST: Final = 6000
_MINORS: Final = 3900
_AGE: Final = 14
_UNPROCESSABLE: Final = 422
_NOT_HIDDEN: Final = "business-rule DocumentReference.securityLabel"
_MOTHER: Final = Who(HELENE.name)
_SECRET: Final = Who(DR_ROUX_SECRET.name)
_TOLD: Final = (
    "SELECT event FROM delivery WHERE record = $1 AND status = 'sent' AND event IN ('AJOUT_DOCUMENT', 'ACCES_DMP_PS')"
)


async def play(door: Door, ledger: Ledger, say: Callable[[str], None], since: datetime) -> Stage | None:
    """A minor with a mother who represents him sees a doctor without her knowing."""
    born = f"{since.year - _AGE}-01-01"
    stage = await opened(door, ledger, say, _FIRST + int(since.timestamp()) % _MINORS, born)
    if stage is None or not await _represented(stage):
        return None
    await _seen_in_secret(stage)
    return stage


async def _represented(stage: Stage) -> bool:
    ins = stage.holder.ins
    body = {
        "insured": {"matricule": ins.number, "oid": ins.oid},
        "ins": {"matricule": HELENE.matricule, "oid": HELENE.oid},
        "kind": "LEGAL_REPRESENTATION",
    }
    invited = await stage.door.ask(Who("insurer"), "POST", "/insured/invite", json=body)
    if not stage.expect("representative invited by the insurance", invited, ACCEPTED):
        return False
    own = (await stage.door.ask(_MOTHER, "GET", "/delegations/me")).json().get("delegations", ())
    found = [one for one in own if one["record"] == str(stage.holder.record)]
    if not stage.verify("the representative finds the invitation", None if found else "there is none"):
        return False
    answer = {"delegation": found[0]["delegation"], "accepted": True}
    accepted = await stage.change("answer", answer, _MOTHER, f'"{found[0]["rights_version"]}"')
    stage.did("represents a minor", HELENE.name, "invited by the insurance, accepted")
    return accepted is not None


async def _seen_in_secret(stage: Stage) -> None:
    standing = await stage.ask(_SECRET, "GET", "/standing")
    seen = {"if-match": standing.headers.get("etag", "")}
    consented = await stage.ask(_SECRET, "POST", "/rights/consent-session", json={}, headers=seen)
    stage.expect("consultation declared in secret", consented, OK)
    content = made.make("biology", made.SamplePatient(stage.holder.ins))
    plain = await stage.door.deposit(_SECRET, samples.publication(content))
    stage.expect("nothing is deposited in secret that is not hidden", plain, _UNPROCESSABLE, _NOT_HIDDEN)
    hidden = await stage.door.deposit(_SECRET, samples.publication(content, labels=("N", HIDDEN)))
    if stage.expect("deposited in secret", hidden, CREATED):
        stage.did("deposits in a secret connection", "dr-roux", "hidden from representatives")
    for who, name, total in ((_SECRET, "dr-roux", 1), (stage.holder.who, "the minor", 1), (_MOTHER, HELENE.name, 0)):
        found = await stage.search(who)
        right = found.status_code == OK and found.json()["total"] == total
        if stage.verify("secret document seen by who may", None if right else said(found)[:200], name):
            stage.did("looks for documents", name, f"finds {total}")


async def settle(
    stage: Stage, scene: Scene, events: Callable[[Holder, datetime], Awaitable[Sequence[Trace]]], since: datetime
) -> None:
    """The minor finds the doctor in the traces, the mother does not, and no e-mail tells of it."""
    seen = await events(stage.holder, since)
    known = any(by(DR_ROUX.number, "Consultation")(event) for event in seen)
    stage.verify("the minor finds the secret read", None if known else f"none of {len(seen)} traces tells of it")
    path = f"/fhir/AuditEvent?patient=Patient/{stage.holder.record}&_count=200"
    answer = await stage.door.ask(_MOTHER, "GET", path, "traces")
    shown = [entry["resource"] for entry in answer.json().get("entry", ())] if answer.status_code == OK else []
    told = [event for event in shown if user(event) == DR_ROUX.number]
    wrong = f"{len(told)} traces tell of it" if told else None if shown else said(answer)[:200]
    stage.verify("the mother finds nothing of it", wrong)
    mails = await Databases(scene.sources.admin_url).rows(NOTIFICATION, _TOLD, stage.holder.record)
    stage.verify("no e-mail tells of it", f"{len(mails)} do" if mails else None)
