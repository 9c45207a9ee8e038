"""What was told of the deeds in the chapter of rights, and the traces that the patient finds of them."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from email.message import EmailMessage
from typing import Final

from deploy.local.mail import messages
from deploy.proof.checker.databases import Databases
from deploy.proof.demo.deeds import Deed, Stage, Trace
from deploy.proof.demo.scene import Scene
from deploy.proof.demo.urgent import WRITTEN
from shared.contracts.topics import NOTIFICATION

_LEDGER: Final = (
    "SELECT notice, event, recipient, occurred_at, sent_at FROM delivery WHERE record = $1 AND status = 'sent' "
    "ORDER BY occurred_at, notice"
)


async def settle(stage: Stage, scene: Scene, events: Sequence[Trace]) -> None:
    """Compare the deeds with the e-mails that left and with the patient's traces, once the system is quiet."""
    databases = Databases(scene.sources.admin_url)
    sent = await databases.rows(NOTIFICATION, _LEDGER, stage.holder.record)
    left = {str(mail["Message-ID"]).strip("<>").partition("@")[0]: mail for mail in await _left(scene)}
    counts: Counter[tuple[str, str | None]] = Counter((row["event"], row["recipient"]) for row in sent)
    due: Counter[tuple[str, str | None]] = Counter()
    for deed in stage.deeds:
        due.update(deed.mails)
        deed.told = sum(due[mail] <= counts[mail] for mail in deed.mails)
        if deed.mails:
            wrong = None if deed.told == len(deed.mails) else f"{deed.told} of {len(deed.mails)} e-mails left"
            stage.verify("deed told by e-mail", wrong, f"{deed.who}: {deed.what}")
        _trace(stage, deed, events)
    for row in sent:
        stage.verify("e-mail says nothing of anybody", _fault(stage, left.get(str(row["notice"]))), row["event"])
        if row["event"].startswith("ACCES_") and row["event"] != "ACCES_DMP_PS":
            stage.ledger.took("emergency → e-mail sent", (row["sent_at"] - row["occurred_at"]).total_seconds() * 1000)


async def _left(scene: Scene) -> Sequence[EmailMessage]:
    return await asyncio.to_thread(messages, scene.sources.mails)


def _trace(stage: Stage, deed: Deed, events: Sequence[Trace]) -> None:
    if deed.trace is not None:
        deed.traced = any(deed.trace(event) for event in events)
        wrong = None if deed.traced else f"none of {len(events)} traces tells of it"
        stage.verify("deed traced", wrong, f"{deed.who}: {deed.what}")


def _fault(stage: Stage, mail: EmailMessage | None) -> str | None:
    if mail is None:
        return "no such e-mail is in the sink"
    body = mail.get_body(("plain",))
    text = f"{mail['Subject']} {body.get_content() if body else ''}"
    named = (stage.holder.ins.number, stage.holder.patient.family_name, str(stage.holder.record), WRITTEN)
    return "the e-mail names somebody or says why" if any(word in text for word in named) else None


def canaries(stage: Stage) -> list[str]:
    """What may stand nowhere in topics, logs and e-mails."""
    return [stage.holder.ins.number, stage.holder.patient.email, WRITTEN]
