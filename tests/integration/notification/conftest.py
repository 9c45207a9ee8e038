"""notification on a real database, with a mail relay that answers as a test wants."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP

import services.notification
from services.notification.clients import Mailing, mailing
from services.notification.domain.letters import Letters
from services.notification.domain.rules import untold
from services.notification.handlers import by_type
from services.notification.repository import Contacts, Ledger, Outbound
from services.notification.settings import Settings
from shared.contracts.access_decisions import Decided
from shared.contracts.http_notification import Contact
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT_EVENTS, HISTORY_EVENTS
from shared.database.record_keys import RecordKeys
from shared.messaging import Consumer
from tests.support.follower import Follower, following, key_provider
from tests.support.system import System

FOLDER = Path(services.notification.__file__).parent
WINDOW = timedelta(minutes=30)


@dataclass
class Relay:
    """A mail relay: keeps what it takes; refuses, or breaks off, when told to."""

    kept: list[EmailMessage] = field(default_factory=list)
    at_recipient: str = "250 OK"
    at_data: str = "250 OK"
    refused: Mapping[str, str] = field(default_factory=dict)
    """Answers to single recipients."""
    break_off: bool = False
    """Takes the message and is gone before it says so."""
    connections: int = 0
    port: int = 0
    _server: asyncio.Server | None = None

    async def handle_RCPT(self, server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        answer = self.refused.get(address, self.at_recipient)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.at_data.startswith("250"):
            self.kept.append(message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
        if self.break_off:
            server.transport.abort()
        return self.at_data

    def _protocol(self) -> SMTP:
        self.connections += 1
        return SMTP(self, hostname="relay.example", enable_SMTPUTF8=False)

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()


@dataclass
class Notification:
    follower: Follower
    keys: RecordKeys
    contacts: Contacts
    outbound: Outbound
    relay: Relay
    mails: Mailing

    async def know(self, record: UUID, email: str = "camille.secret@example.org", language: str = "fr") -> None:
        async with self.follower.database.transaction() as tx:
            await self.contacts.put(tx, record, Contact(email=email, language=language))

    async def know_other(self, record: UUID, recipient: str, email: str = "dominique.secret@example.org") -> None:
        async with self.follower.database.transaction() as tx:
            await self.contacts.put_other(tx, record, recipient, Contact(email=email))

    async def ledger(self) -> list[Any]:
        return await self.follower.rows("SELECT * FROM delivery ORDER BY created_at, notice")

    async def told(self) -> list[str]:
        rows = await self.follower.rows("SELECT type FROM outbox ORDER BY created_at")
        return [row["type"].split(".")[2] for row in rows]

    async def make_due(self) -> None:
        """As if the pause, or a lease, had run out."""
        await self.follower.rows("UPDATE delivery SET next_attempt_at = clock_timestamp() WHERE status = 'planned'")

    def another(self, **settings: Any) -> Mailing:
        """Another replica's mailing, or one with other settings."""
        given = Settings(smtp_port=self.relay.port, smtp_timeout_s=2, **({"smtp_connections": 3} | settings))
        return mailing(
            given, self.follower.database, self.outbound, self.follower.outbox, Letters(FOLDER, given.portal_url)
        )


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    one = Relay()
    await one.start()
    yield one
    await one.stop()


@pytest.fixture
async def notification(system: System, tmp_path: Path, relay: Relay) -> AsyncIterator[Notification]:
    async with following(system, "notification") as follower:
        keys = RecordKeys(key_provider(tmp_path / "keys"))
        contacts = Contacts(keys)
        await follower.follow(
            Consumer(
                "events",
                (ACCESS_DECISIONS, DOCUMENT_EVENTS, HISTORY_EVENTS),
                by_type(WINDOW),
                Ledger(WINDOW),
                unread={Decided: untold},
            )
        )
        one = Notification(follower, keys, contacts, Outbound(contacts), relay, None)  # type: ignore[arg-type]
        one.mails = one.another()
        yield one
        await one.mails.close()
        await asyncio.sleep(0)
