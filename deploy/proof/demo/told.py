"""What the patient learns: the e-mails that left, and the traces that he sees of who did what."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any, Final
from uuid import UUID

from deploy.local.mail import messages
from deploy.proof.checker.databases import Databases
from deploy.proof.demo.deeds import user
from deploy.proof.demo.documents import Played
from deploy.proof.demo.door import Door, said
from deploy.proof.demo.holders import Holder
from deploy.proof.demo.ledger import Ledger
from deploy.proof.demo.scene import Scene
from shared.contracts.topics import AUDIT, NOTIFICATION

_OK: Final = 200
_SUCCESS: Final = "0"
_SHOWN: Final = 6


class Told:
    """Looks at e-mails and traces, once the system is quiet."""

    def __init__(self, scene: Scene, door: Door, ledger: Ledger, say: Callable[[str], None]) -> None:
        self._scene = scene
        self._door = door
        self._ledger = ledger
        self._say = say
        self._databases = Databases(scene.sources.admin_url)

    async def mails(self, played: Sequence[Played]) -> None:
        """Each deposit was told to its patient by one e-mail, which names neither document nor anybody."""
        deposits = [one.deposit for one in played if one.deposit]
        sql = (
            "SELECT notice, correlation FROM delivery "
            "WHERE correlation = ANY($1::uuid[]) AND event = 'AJOUT_DOCUMENT' AND status = 'sent'"
        )
        rows = await self._databases.rows(NOTIFICATION, sql, deposits)
        notices = {row["correlation"]: row["notice"] for row in rows}
        left = {_notice(message): message for message in await asyncio.to_thread(messages, self._scene.sources.mails)}
        shown: EmailMessage | None = None
        for one in played:
            if one.deposit is None:
                continue
            mail = left.get(str(notices.get(one.deposit)))
            self._ledger.expect("e-mail left", one.case.name, _fault(mail, one), "See `carnet logs notification`.")
            shown = shown or mail
        if shown is not None:
            self._say(f"an e-mail that left: {shown['Subject']}")
            body = shown.get_body(("plain",))
            for line in (body.get_content() if body else "").strip().splitlines():
                self._say(f"    {line}")

    async def traces(self, played: Sequence[Played], since: datetime, refusals: Mapping[tuple[UUID, str], int]) -> None:
        """Each patient sees the deposits, the reads and the refusals on his record.

        Args:
            played: The documents.
            since: Start of the demonstration.
            refusals: Reads that were refused, by record and directory number or code of who asked.
        """
        first = True
        for holder in {one.holder.record: one.holder for one in played}.values():
            events = await self.events(holder, await self._earliest(holder, played, since))
            for one in played:
                if one.holder is holder:
                    wrong = _untraced(one, events, since)
                    self._ledger.expect("patient sees the trace", one.case.name, wrong, "See `carnet logs audit`.")
            denied = Counter(user(event) for event in events if event["outcome"] != _SUCCESS and _at(event) >= since)
            for (record, number), count in refusals.items():
                if record == holder.record:
                    wrong = (
                        None if denied[number] >= count else f"{count} reads were refused, {denied[number]} are shown"
                    )
                    self._ledger.expect("patient sees the refusals", holder.name, wrong, "See `carnet logs audit`.")
            if first and events:
                self._show(holder, events)
            first = False

    async def _earliest(self, holder: Holder, played: Sequence[Played], since: datetime) -> datetime:
        """When the first of these documents came into the record: before `since` where it was there already."""
        deposits = [one.deposit for one in played if one.holder is holder and one.deposit]
        sql = "SELECT min(occurred_at) FROM leaf WHERE record = $1 AND correlation = ANY($2::uuid[])"
        rows = await self._databases.rows(AUDIT, sql, holder.record, deposits)
        found: datetime | None = rows[0][0] if rows else None
        return min(since, found) if found else since

    async def events(self, holder: Holder, since: datetime) -> list[dict[str, Any]]:
        """The AuditEvents since then, newest first, all pages."""
        path = "/fhir/AuditEvent"
        parameters: dict[str, str] | None = {
            "patient": f"Patient/{holder.record}",
            "date": f"ge{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "_count": "200",
        }
        found: list[dict[str, Any]] = []
        while path:
            answer = await self._door.ask(holder.who, "GET", path, "traces", params=parameters)
            wrong = None if answer.status_code == _OK else said(answer)
            if not self._ledger.expect("traces read by the patient", holder.name, wrong, "See `carnet logs audit`."):
                break
            bundle = answer.json()
            found += [entry["resource"] for entry in bundle.get("entry", ())]
            path = next((link["url"] for link in bundle.get("link", ()) if link["relation"] == "next"), "")
            parameters = None
        return found

    def _show(self, holder: Holder, events: Sequence[dict[str, Any]]) -> None:
        by_people = [event for event in events if user(event)]
        self._say(
            f"traces of {holder.name}: {len(events)}, {len(by_people)} of them of others' acts; the last of these:"
        )
        for event in by_people[:_SHOWN]:
            permitted = "permitted" if event["outcome"] == _SUCCESS else "refused"
            what, told = event["subtype"][0]["display"], event.get("outcomeDesc", "")
            self._say(f"    {event['recorded'][:19]}  {permitted:<9}  {user(event):<12}  {what:<22}  {told}")


def _notice(message: EmailMessage) -> str:
    return str(message["Message-ID"]).strip("<>").partition("@")[0]


def _fault(mail: EmailMessage | None, one: Played) -> str | None:
    """What is wrong with the e-mail about a deposit."""
    if mail is None:
        return "no e-mail about this deposit is in the sink"
    if str(mail["To"]) != one.holder.patient.email:
        return "the e-mail went to another address than the patient's"
    body = mail.get_body(("plain",))
    text = f"{mail['Subject']} {body.get_content() if body else ''}"
    told = [word for word in (one.case.ins.number, one.holder.patient.family_name, one.case.unique_id) if word in text]
    return "the e-mail names the patient or the document" if told else None


def _untraced(one: Played, events: Sequence[dict[str, Any]], since: datetime) -> str | None:
    """Which trace of a document is missing."""
    about = [event for event in events if f"DocumentReference/{one.document}" in _entities(event)]
    if one.deposit and not any(event["action"] == "C" and event["outcome"] == _SUCCESS for event in about):
        return f"no trace of its deposit among {len(events)}"
    if not any(event["action"] == "R" and _at(event) >= since for event in about):
        return f"no trace of its reading among {len(events)}"
    return None


def _entities(event: dict[str, Any]) -> list[str]:
    return [entity["what"].get("reference", "") for entity in event["entity"]]


def _at(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["recorded"])
