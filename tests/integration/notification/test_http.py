"""notification over HTTP: contacts come from the gateway alone."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from services.notification.api import routes
from shared.contracts.notification_events import ContactGiven
from shared.http import RemoteError, application, serve
from shared.http.client import InternalClient
from shared.security import ServiceIdentity, ServiceVerifier, new_private_jwk, public_jwks
from tests.support.system import PARTITIONS

pytestmark = pytest.mark.kafka
KEYS = {name: new_private_jwk(name) for name in ("gateway", "document")}
JWKS = public_jwks(*KEYS.values())
CONTACT = {"email": "camille.secret@example.org", "language": "en"}
GIVER = {"kind": "patient", "authenticated": True}


class Calls:
    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    async def put(
        self,
        record: object,
        contact: dict,
        caller: str = "gateway",
        recipient: str = "",
        more: str = "",
    ) -> int:
        client = InternalClient(self.base_url, ServiceIdentity(caller, KEYS[caller]), "notification")
        try:
            path = f"/contacts/{record}/{recipient}" if recipient else f"/contacts/{record}"
            said = {**contact, "actor": GIVER} if recipient else contact
            return (await client.call("PUT", f"{path}{more}", json=said)).status
        finally:
            await client.close()


@pytest.fixture
async def calls(notification) -> AsyncIterator[Calls]:
    verifier = ServiceVerifier(JWKS, "notification", ["gateway"])
    follower = notification.follower
    router = routes(follower.database, notification.contacts, follower.outbox, verifier, PARTITIONS)
    async with serve(application("notification", router), "127.0.0.1", 0) as server:
        yield Calls(f"http://127.0.0.1:{server.port}")


async def test_a_contact_is_kept_and_repeating_changes_nothing(notification, calls):
    record = uuid4()
    assert [await calls.put(record, CONTACT) for _ in range(2)] == [204, 204]
    async with notification.follower.database.transaction() as tx:
        contact = (await notification.contacts.of(tx, [record]))[record]
    assert contact.model_dump() == CONTACT


async def test_an_address_that_is_known_may_be_kept(notification, calls):
    record, other = uuid4(), CONTACT | {"email": "another.secret@example.org"}
    for contact, more, wanted in ((CONTACT, "?keep=true", CONTACT), (other, "?keep=true", CONTACT), (other, "", other)):
        assert await calls.put(record, contact, more=more) == 204
        async with notification.follower.database.transaction() as tx:
            assert (await notification.contacts.of(tx, [record]))[record].model_dump() == wanted


async def test_who_said_how_another_is_told_is_traced_once_and_without_the_address(notification, calls):
    record, doctor = uuid4(), "810000000077"
    other = CONTACT | {"email": "another.secret@example.org"}
    for contact in (CONTACT, CONTACT, other, other):
        assert await calls.put(record, contact, recipient=doctor) == 204
    rows = await notification.follower.rows("SELECT key, type, payload FROM outbox ORDER BY number")
    assert [row["type"] for row in rows] == ["carnet.notification.contact-given.v1"] * 2
    for row in rows:
        told = ContactGiven.model_validate_json(row["payload"])
        assert (row["key"], told.recipient, told.actor.kind.value) == (str(record), doctor, "patient")
        assert b"secret@" not in row["payload"]


async def test_how_somebody_is_told_of_a_deleted_record_is_not_kept(notification, calls):
    record = uuid4()
    async with notification.follower.database.transaction() as tx:
        await notification.keys.ensure(tx, [record])
        await notification.keys.destroy(tx, [record])
    with pytest.raises(RemoteError):
        await calls.put(record, CONTACT, recipient="810000000077")
    assert (
        await notification.follower.rows("SELECT recipient FROM other_contact UNION ALL SELECT type FROM outbox") == []
    )


async def test_the_contact_of_somebody_else_is_kept_apart_and_unreadable_at_rest(notification, calls):
    record, doctor = uuid4(), "810000000077"
    assert [await calls.put(record, CONTACT, recipient=doctor) for _ in range(2)] == [204, 204]
    async with notification.follower.database.transaction() as tx:
        assert await notification.contacts.of(tx, [record]) == {}
        found = await notification.contacts.of_others(tx, [(record, doctor), (record, "8"), (uuid4(), doctor)])
    assert {key: contact.model_dump() for key, contact in found.items()} == {(record, doctor): CONTACT}
    (row,) = await notification.follower.rows("SELECT email FROM other_contact")
    assert b"secret" not in row["email"]


@pytest.mark.parametrize("recipient", ["", "810000000077"])
async def test_another_service_may_not_call(notification, calls, recipient):
    with pytest.raises(RemoteError, match="403 caller_not_allowed"):
        await calls.put(uuid4(), CONTACT, caller="document", recipient=recipient)
    assert await notification.follower.rows("SELECT record FROM contact UNION SELECT record FROM other_contact") == []


async def test_a_recipient_that_is_no_code_is_refused(calls):
    with pytest.raises(RemoteError, match="422"):
        await calls.put(uuid4(), CONTACT, recipient="camille%20secret")


@pytest.mark.parametrize("contact", [{}, {"email": "x"}, CONTACT | {"language": "de"}])
async def test_a_contact_that_is_none_is_refused_without_repeating_it(calls, contact):
    with pytest.raises(RemoteError, match="422") as caught:
        await calls.put(uuid4(), contact)
    assert "secret" not in str(caught.value)
