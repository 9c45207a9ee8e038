"""audit over HTTP: who may call, and which permits are acted on."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from services.audit.api import routes
from shared.contracts.access_decisions import RecordOpened
from shared.contracts.common import Act, Actor, ActorKind, Owner
from shared.contracts.http_audit import Traces
from shared.contracts.topics import ACCESS_DECISIONS
from shared.http import RemoteError, application, serve
from shared.http.client import InternalClient
from shared.security import (
    Permit,
    PermitSigner,
    PermitVerifier,
    ServiceIdentity,
    ServiceVerifier,
    new_private_jwk,
    public_jwks,
)
from tests.integration.audit.conftest import permit

pytestmark = pytest.mark.kafka
KEYS = {name: new_private_jwk(name) for name in ("gateway", "document", "access_control")}
JWKS = public_jwks(*KEYS.values())
SIGNER = PermitSigner(KEYS["access_control"])
DOCTOR = Actor(kind=ActorKind.PROFESSIONAL, number="810000000001")


class Calls:
    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    async def read(self, token: str, caller: str = "gateway", **query: object) -> Traces:
        client = InternalClient(self.base_url, ServiceIdentity(caller, KEYS[caller]), "audit")
        try:
            reply = await client.call("POST", "/read", json={"permit": token, **query})
        finally:
            await client.close()
        return Traces.model_validate(reply.json())


class Behind(PermitVerifier):
    """A process whose clock is 2 s behind the database's."""

    def verify(self, token: str, now: float | None = None) -> Permit:
        return super().verify(token, (now or time.time()) - 2)


@asynccontextmanager
async def served(audit, permits: PermitVerifier) -> AsyncIterator[Calls]:
    app = application("audit", routes(audit.traces, permits, ServiceVerifier(JWKS, "audit", ["gateway"])))
    async with serve(app, "127.0.0.1", 0) as server:
        yield Calls(f"http://127.0.0.1:{server.port}")


@pytest.fixture
async def calls(audit) -> AsyncIterator[Calls]:
    async with served(audit, PermitVerifier(JWKS, Owner.AUDIT)) as calls:
        yield calls


async def test_a_good_permit_is_answered_once(audit, calls):
    record = uuid4()
    await audit.follower.take(audit.follower.record(ACCESS_DECISIONS, record, RecordOpened(actor=DOCTOR)))
    token = SIGNER.sign(permit(record))
    traces = (await calls.read(token)).traces
    assert [(trace.kind, trace.actor) for trace in traces] == [("carnet.access.record-opened.v1", DOCTOR)]
    with pytest.raises(RemoteError, match="403 permit_used"):
        await calls.read(token)


async def test_another_service_may_not_call(calls):
    with pytest.raises(RemoteError, match="403 caller_not_allowed"):
        await calls.read(SIGNER.sign(permit(uuid4())), caller="document")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"owner": Owner.DOCUMENT}, "permit_other_owner"),
        ({"act": Act.DEPOSIT}, "permit_other_act"),
        ({"expires_in_s": -1.0}, "permit_expired"),
    ],
)
async def test_a_permit_for_something_else_is_refused(audit, calls, changes, code):
    with pytest.raises(RemoteError, match=f"403 {code}"):
        await calls.read(SIGNER.sign(permit(uuid4(), **changes)))
    assert await audit.follower.rows("SELECT FROM leaf") == []


async def test_an_altered_permit_is_refused(calls):
    head, _, signature = SIGNER.sign(permit(uuid4())).split(".")
    other = SIGNER.sign(permit(uuid4())).split(".")[1]
    with pytest.raises(RemoteError, match="403 permit_altered"):
        await calls.read(f"{head}.{other}.{signature}")
    with pytest.raises(RemoteError, match="403 permit_malformed"):
        await calls.read("no permit")


@pytest.mark.parametrize("query", [{"count": 0}, {"count": 201}, {"since": "yesterday"}, {"after": "x"}])
async def test_a_query_out_of_bounds_is_refused_by_its_field(calls, query):
    with pytest.raises(RemoteError, match="422"):
        await calls.read(SIGNER.sign(permit(uuid4())), **query)


async def test_a_permit_that_ran_out_on_the_databases_clock_alone_is_refused(audit):
    token = SIGNER.sign(permit(uuid4(), expires_in_s=-0.5))
    async with served(audit, Behind(JWKS, Owner.AUDIT)) as calls:
        with pytest.raises(RemoteError, match="403 permit_expired"):
            await calls.read(token)
    assert await audit.follower.rows("SELECT FROM consulted") == []
