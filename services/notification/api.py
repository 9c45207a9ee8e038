"""HTTP of notification: how holders, and others about their records, are reached."""

from uuid import UUID, uuid4

from fastapi import APIRouter, Depends

from services.notification.repository import Contacts
from shared.contracts.common import Code
from shared.contracts.http_notification import Contact, OtherContact
from shared.contracts.notification_events import ContactGiven
from shared.contracts.topics import GATEWAY
from shared.database import Database
from shared.http import callers
from shared.messaging import Outbox, lock_partitions, partition_of
from shared.security import ServiceVerifier


def routes(
    database: Database, contacts: Contacts, outbox: Outbox, services: ServiceVerifier, partitions: int
) -> APIRouter:
    """The routes, for the gateway alone."""
    router = APIRouter(dependencies=[Depends(callers(services, GATEWAY))])

    @router.put("/contacts/{record}", status_code=204)
    async def put(record: UUID, contact: Contact, *, keep: bool = False) -> None:
        """Keep how the record's holder is reached; with `keep`, only where nothing is known of it."""
        async with database.transaction() as tx:
            await lock_partitions(tx, {partition_of(str(record), partitions)})
            await contacts.put(tx, record, contact, keep=keep)

    @router.put("/contacts/{record}/{recipient}", status_code=204)
    async def put_other(record: UUID, recipient: Code, contact: OtherContact) -> None:
        """Keep how the médecin traitant (directory number) or who is invited (delegation) is told; that is traced."""
        async with database.transaction() as tx:
            await lock_partitions(tx, {partition_of(str(record), partitions)})
            if await contacts.put_other(tx, record, recipient, contact):
                given = ContactGiven(actor=contact.actor, recipient=recipient)
                await outbox.append(tx, outbox.root((given,), cause=uuid4(), key=record))

    return router
