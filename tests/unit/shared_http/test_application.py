"""The frame of applications: problems, limits, correlation, callers, probes."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from shared.http import HttpLimits, Problem, Report, application, callers, probes
from shared.observability import HTTP_REQUESTS, configure_logging
from shared.security import ServiceIdentity, ServiceVerifier, new_private_jwk, public_jwks

CANARY = "Canari-Durand"
GATEWAY, AUDIT = new_private_jwk("gateway"), new_private_jwk("audit")
VERIFIER = ServiceVerifier(public_jwks(GATEWAY, AUDIT), "document", {"gateway", "audit"})


class Body(BaseModel):
    number: int


class State:
    ok = True


def routes() -> APIRouter:  # noqa: C901 - one small route per behaviour
    router = APIRouter()

    @router.get("/documents/{document}")
    async def read(document: str) -> dict[str, int]:
        return {"length": len(document)}

    @router.post("/numbers")
    async def number(body: Body) -> dict[str, int]:
        return {"number": body.number}

    @router.post("/stream")
    async def stream(request: Request) -> dict[str, int]:
        return {"size": sum([len(chunk) async for chunk in request.stream()])}

    @router.get("/problem")
    async def problem() -> None:
        raise Problem(409, "stale_rights", "The rights changed meanwhile.", "Read them again.", {"retry-after": "1"})

    @router.get("/broken")
    async def broken() -> None:
        raise ValueError(CANARY)

    @router.get("/slow")
    async def slow() -> None:
        await asyncio.sleep(60)

    @router.get("/own-timeout")
    async def own_timeout() -> None:
        raise TimeoutError(CANARY)

    @router.get("/half")
    async def half() -> StreamingResponse:
        async def content() -> AsyncIterator[bytes]:
            yield b"half"
            raise ValueError(CANARY)

        return StreamingResponse(content())

    @router.get("/internal")
    async def internal(caller: Annotated[str, Depends(callers(VERIFIER, "gateway"))]) -> dict[str, str]:
        return {"caller": caller}

    async def plain(_request: Request) -> Response:
        return Response(b"plain")

    router.add_route("/plain/{name}", plain, methods=["POST"])
    return router


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure_logging("document", stream=stream, pretty=False)
    yield stream
    configure_logging("tests", level="critical", stream=io.StringIO(), pretty=False)


@pytest.fixture
def app() -> FastAPI:
    State.ok = True
    watched = probes(lambda: Report(State.ok, {"relay": "sending"}), lambda: Report(ok=False))
    return application("document", routes(), watched, limits=HttpLimits(max_body_bytes=1000, timeout_s=0.2))


@pytest.fixture
async def client(app: FastAPI, log: io.StringIO) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://document") as client:
        yield client


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


async def test_a_problem_has_code_sentence_and_next_step(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/problem")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert answer.json() == {
        "type": "urn:carnet:problem:stale_rights",
        "title": "stale rights",
        "status": 409,
        "code": "stale_rights",
        "detail": "The rights changed meanwhile.",
        "next_step": "Read them again.",
    }


@pytest.mark.parametrize(("path", "status", "code"), [("/nowhere", 404, "not_found"), ("/numbers", 405, None)])
async def test_the_frameworks_own_refusals_are_problems_too(
    client: httpx2.AsyncClient, path: str, status: int, code: str | None
) -> None:
    answer = await client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == (code or "method_not_allowed")


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
async def test_there_is_no_description_outside_local(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize(
    "content", [f'{{"number": "{CANARY}"}}', f'{{"{CANARY}": 1}}', f'{{"number": {CANARY}}}', "[]", "", "\xff"]
)
async def test_a_wrong_request_is_told_where_and_never_repeated(client: httpx2.AsyncClient, content: str) -> None:
    answer = await client.post("/numbers", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request"
    assert answer.json()["errors"]
    assert CANARY not in answer.text


async def test_an_unexpected_error_says_nothing_of_its_cause(client: httpx2.AsyncClient, log: io.StringIO) -> None:
    answer = await client.get("/broken")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    failed = next(line for line in lines(log) if line["event"] == "request_failed")
    assert failed["error"] == ["builtins.ValueError"]
    assert failed["correlation"] == answer.json()["correlation"] == answer.headers["x-correlation-id"]
    assert CANARY not in answer.text + log.getvalue()


@pytest.mark.parametrize("path", ["/numbers", "/stream"])
@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_over_the_limit_is_refused(client: httpx2.AsyncClient, path: str, *, chunked: bool) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b" " * 100

    content: Any = parts() if chunked else b" " * 1001
    answer = await client.post(path, content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"
    assert answer.headers["connection"] == "close"


async def test_a_body_at_the_limit_passes(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/stream", content=b"x" * 1000)).json() == {"size": 1000}


@pytest.mark.parametrize("length", ["-1", "many", "9" * 4000])
async def test_a_length_that_is_no_number_is_refused(client: httpx2.AsyncClient, length: str) -> None:
    answer = await client.post("/stream", content=b"x", headers={"content-length": length})
    assert answer.status_code == 413


async def test_a_request_that_takes_too_long_is_given_up(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/slow")
    assert answer.status_code == 504
    assert answer.json()["code"] == "timed_out"


async def test_a_time_out_or_a_lost_database_inside_is_unavailable_for_now(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/own-timeout")
    assert answer.status_code == 503
    assert answer.json()["code"] == "unavailable"
    assert "repeat" in answer.json()["next_step"].lower()


async def test_half_an_answer_breaks_the_connection(client: httpx2.AsyncClient, log: io.StringIO) -> None:
    with pytest.raises(ValueError, match=CANARY):
        await client.get("/half")
    assert CANARY not in log.getvalue()


async def test_a_callers_correlation_is_followed_where_it_is_a_uuid(
    client: httpx2.AsyncClient, log: io.StringIO
) -> None:
    correlation = str(uuid4())
    answer = await client.get("/documents/1", headers={"x-correlation-id": correlation})
    assert answer.headers["x-correlation-id"] == correlation
    other = await client.get("/documents/1", headers={"x-correlation-id": CANARY})
    assert UUID(other.headers["x-correlation-id"]).version == 4
    assert lines(log)[0]["correlation"] == correlation
    assert CANARY not in log.getvalue()


async def test_the_access_log_and_metrics_know_templates_only(client: httpx2.AsyncClient, log: io.StringIO) -> None:
    before = HTTP_REQUESTS.labels("document", "GET", "/documents/{document}", "200")._value.get()
    await client.get(f"/documents/{CANARY}", params={"name": CANARY}, headers={"user-agent": CANARY})
    await client.get(f"/{CANARY}")
    await client.request(CANARY, "/problem")
    answered = [line for line in lines(log) if line["event"] == "request_answered"]
    assert answered[0] | {"seconds": 0, "timestamp": ""} == {
        "event": "request_answered",
        "service": "document",
        "instance": "1",
        "level": "info",
        "module": "shared.http._guard",
        "timestamp": "",
        "method": "GET",
        "route": "/documents/{document}",
        "status": 200,
        "seconds": 0,
        "correlation": answered[0]["correlation"],
    }
    assert answered[1]["route"] == "unmatched"
    assert HTTP_REQUESTS.labels("document", "GET", "/documents/{document}", "200")._value.get() == before + 1
    assert CANARY not in log.getvalue() + (await client.get("/metrics")).text


async def test_a_plain_route_is_known_by_its_template_too(client: httpx2.AsyncClient, log: io.StringIO) -> None:
    assert (await client.post("/plain/x")).content == b"plain"
    assert (await client.get("/plain/x")).status_code == 405
    assert [(line["route"], line["status"]) for line in lines(log)] == [("/plain/{name}", 200), ("/plain/{name}", 405)]


async def test_answers_are_never_kept_by_caches(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/documents/1")).headers["cache-control"] == "no-store"


def authorised(identity: ServiceIdentity, audience: str = "document") -> dict[str, str]:
    return {"authorization": f"Bearer {identity.token(audience)}"}


async def test_only_the_callers_named_may_call(client: httpx2.AsyncClient, log: io.StringIO) -> None:
    gateway, audit = ServiceIdentity("gateway", GATEWAY), ServiceIdentity("audit", AUDIT)
    assert (await client.get("/internal", headers=authorised(gateway))).json() == {"caller": "gateway"}
    for headers, status, code in (
        ({}, 401, "token_missing"),
        ({"authorization": "Basic eDp5"}, 401, "token_missing"),
        ({"authorization": "Bearer x.y.z"}, 401, "token_malformed"),
        (authorised(gateway, "audit"), 401, "wrong_audience"),
        (authorised(audit), 403, "caller_not_allowed"),
        (authorised(ServiceIdentity("stranger", new_private_jwk("stranger"))), 401, "unknown_caller"),
    ):
        answer = await client.get("/internal", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.json()["detail"]
    refused = [line for line in lines(log) if line["event"] == "caller_refused"]
    assert [line["code"] for line in refused][-2:] == ["caller_not_allowed", "unknown_caller"]
    assert all(line["reason"] != "(refused)" for line in refused)


async def test_probes_say_what_the_process_says(client: httpx2.AsyncClient, log: io.StringIO) -> None:
    live = await client.get("/live")
    assert (live.status_code, live.json()) == (200, {"ok": True, "details": {"relay": "sending"}})
    assert (await client.get("/ready")).status_code == 503
    State.ok = False
    assert (await client.get("/live")).status_code == 503
    metrics = await client.get("/metrics")
    assert "carnet_http_requests_total" in metrics.text
    assert metrics.headers["content-type"].startswith("text/plain")
    assert log.getvalue() == ""
