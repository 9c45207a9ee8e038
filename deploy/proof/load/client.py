"""One client of the doors: asks over HTTP as somebody, gives up waiting, repeats what is unknown at another door."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import httpx2

from deploy.local.identity.provider import LIFETIME_S
from deploy.local.system import LocalSystem
from deploy.local.tokens import fetch
from deploy.proof.checker.clients import Attempt, Clients
from shared.contracts.topics import GATEWAY
from shared.terminology import Ins

AGAIN_S: Final = 0.3
GIVE_UP_S: Final = 60.0
"""Longer than any fault with its recovery lasts: whoever insists gets to know."""
_FHIR: Final = "/fhir/"


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody with a token: a member of the cast by name, or a patient by identity."""

    name: str
    ins: Ins | None = field(default=None, repr=False)


class Answer(NamedTuple):
    """How one request ended."""

    attempt: Attempt
    response: httpx2.Response | None = None


class Client:
    """Asks at each of the doors in turn and writes down how it ended."""

    def __init__(self, doors: Sequence[httpx2.AsyncClient], issuer: str, clients: Clients) -> None:
        self._doors = doors
        self._turns = itertools.cycle(range(len(doors)))
        self._issuer = issuer
        self._clients = clients
        self._tokens: dict[Who, tuple[float, str]] = {}

    async def ask(
        self,
        what: str,
        who: Who,
        method: str,
        path: str,
        patience_s: float,
        *,
        refusable: bool | Callable[[], bool] = True,
        **more: Any,
    ) -> Answer:
        """Ask once, and wait no longer than `patience_s`.

        `refusable` is looked at when the answer is there, where others may have changed meanwhile what is asked for.
        """
        token = await self._token(who)
        door = next(self._turns)
        headers = {"authorization": f"Bearer {token}", "accept-language": "en"} | more.pop("headers", {})
        sent, response = datetime.now(UTC), None
        try:
            async with asyncio.timeout(patience_s):
                response = await self._doors[door].request(method, path, headers=headers, **more)
        except (httpx2.TransportError, TimeoutError):
            response = None  # sent or not, done or not: nobody knows
        ended = datetime.now(UTC)
        refusable = refusable if isinstance(refusable, bool) else refusable()
        if response is None:
            attempt = Attempt(what, door + 1, sent, ended, None, refusable=refusable)
        else:
            code, sentence = problem(response, path)
            clear = bool(code and sentence) or response.is_success
            attempt = Attempt(what, door + 1, sent, ended, response.status_code, code, clear, refusable)
        self._clients.attempts.append(attempt)
        return Answer(attempt, response)

    async def insist(self, call: Callable[[], Awaitable[Answer]]) -> httpx2.Response | None:
        """Repeat while the outcome is unknown; None where it stayed so."""
        end = time.monotonic() + GIVE_UP_S
        while True:
            attempt, response = await call()
            if response is not None and not attempt.unknown:
                return response
            if time.monotonic() > end:
                self._clients.given_up.append(f"a {attempt.what} was never answered, at last {attempt.status}")
                return None
            await asyncio.sleep(AGAIN_S)

    async def _token(self, who: Who) -> str:
        got, token = self._tokens.get(who, (0.0, ""))
        if not token or time.monotonic() - got > LIFETIME_S / 2:
            number = who.ins.number if who.ins else ""
            token = await asyncio.to_thread(fetch, self._issuer, who.name, ins=number)
            self._tokens[who] = time.monotonic(), token
        return token


def problem(response: httpx2.Response, path: str) -> tuple[str, str]:
    """Code and sentence of an answer that says what is wrong, in the form that its address promises; else empty."""
    if response.is_success:
        return "", ""
    try:
        body = response.json()
        if path.startswith(_FHIR):
            (issue,) = body["issue"]
            return str(issue.get("details", {}).get("coding", [issue])[0]["code"]), str(issue["diagnostics"])
        return str(body["code"]), str(body["detail"])
    except (ValueError, LookupError, TypeError):
        return "", ""


@asynccontextmanager
async def reached(system: LocalSystem, clients: Clients) -> AsyncIterator[Client]:
    """A client of all doors of a system, for as long as the block lasts."""
    urls = [system.places.url(GATEWAY, number) for number in range(1, system.options.replicas + 1)]
    doors = [httpx2.AsyncClient(base_url=url, timeout=None, trust_env=False) for url in urls]
    try:
        yield Client(doors, system.places.issuer, clients)
    finally:
        for door in doors:
            await door.aclose()
