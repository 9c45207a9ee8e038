"""The gateway, asked over HTTP as members of the cast and as patients."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx2
import orjson

from deploy.local.tokens import fetch
from deploy.proof.demo.ledger import Ledger
from shared.terminology import Ins

FHIR: Final = {"content-type": "application/fhir+json"}
FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
TIMEOUT_S: Final = 20.0
MOST_TRIES: Final = 4
AGAIN_S: Final = 0.5
_REPEATABLE: Final = frozenset({503, 504})


class UnansweredError(Exception):
    """The gateway gave no answer that says what happened, although the request was repeated."""


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody with a token: a member of the cast by name, or a patient by identity."""

    name: str
    ins: Ins | None = field(default=None, repr=False)
    app: str = ""
    """The app through which a patient asks."""


@dataclass
class Door:
    """The gateway."""

    client: httpx2.AsyncClient
    issuer: str
    ledger: Ledger
    repeated: int = 0
    """Requests that were sent again because their outcome was unknown."""
    problems: set[bytes] = field(default_factory=set, repr=False)
    """Every refusal that was answered, with its headers."""
    _tokens: dict[Who, str] = field(default_factory=dict)

    async def ask(self, who: Who, method: str, path: str, kind: str = "", **more: Any) -> httpx2.Response:
        """Ask, and repeat while the outcome is unknown, which is safe. `kind` names what the time counts for.

        Raises:
            UnansweredError: no answer in the end.
        """
        if who not in self._tokens:
            number = who.ins.number if who.ins else ""
            self._tokens[who] = await asyncio.to_thread(fetch, self.issuer, who.name, ins=number, app=who.app)
        headers = {"authorization": f"Bearer {self._tokens[who]}", "accept-language": "en"} | more.pop("headers", {})
        wrong = ""
        for turn in range(MOST_TRIES):
            if turn:
                self.repeated += 1
                await asyncio.sleep(AGAIN_S * turn)
            began = time.perf_counter()
            try:
                answer = await self.client.request(method, path, headers=headers, **more)
            except httpx2.TransportError as error:
                wrong = f"{type(error).__name__}: {error}"
                continue
            if answer.is_error:
                told = b"\n".join(b"%b: %b" % pair for pair in answer.headers.raw)
                self.problems.add(told + b"\n\n" + answer.content)
            if answer.status_code in _REPEATABLE:
                wrong = said(answer)
                continue
            if kind:
                self.ledger.took(kind, (time.perf_counter() - began) * 1000)
            return answer
        raise UnansweredError(f"{who.name} asked {MOST_TRIES} times; the last answer was: {wrong}")

    async def deposit(self, who: Who, resource: dict[str, Any]) -> httpx2.Response:
        """ITI-105."""
        body = await asyncio.to_thread(orjson.dumps, resource)
        return await self.ask(who, "POST", "/fhir/DocumentReference", "deposit", content=body, headers=FHIR)

    async def search(self, who: Who, ins: Ins, identifier: dict[str, str], kind: str) -> httpx2.Response:
        """ITI-67 for one document by its unique id; the identity stands in the form, never in the address."""
        form = {
            "patient.identifier": f"urn:oid:{ins.oid}|{ins.number}",
            "identifier": f"{identifier['system']}|{identifier['value']}",
        }
        path = "/fhir/DocumentReference/_search"
        return await self.ask(who, "POST", path, kind, content=urlencode(form, quote_via=quote), headers=FORM)

    async def open(self, who: Who, url: str, kind: str) -> httpx2.Response:
        """ITI-68, from the address that a search gave."""
        return await self.ask(who, "GET", f"/fhir/{url}", kind)


@asynccontextmanager
async def opened(gateway: str, issuer: str, ledger: Ledger) -> AsyncIterator[Door]:
    """The gateway at an address, for as long as the block lasts."""
    async with httpx2.AsyncClient(base_url=gateway, timeout=TIMEOUT_S) as client:
        yield Door(client, issuer, ledger)


def said(answer: httpx2.Response) -> str:
    """What an answer says to people: status, reason code and sentence."""
    reason, told = problem(answer)
    return " ".join(filter(None, (str(answer.status_code), reason, told)))


def problem(answer: httpx2.Response) -> tuple[str, str]:
    """Reason code and sentence of a refusal, of a FHIR OperationOutcome or a problem (RFC 9457); empty where none."""
    try:
        body = answer.json()
    except ValueError:
        return "", answer.text[:200]
    if not isinstance(body, dict):
        return "", ""
    if body.get("resourceType") == "OperationOutcome":
        issue = body["issue"][0]
        coding = issue.get("details", {}).get("coding", [{}])
        return coding[0].get("code", ""), issue.get("diagnostics", "")
    return str(body.get("code", "")), str(body.get("detail", ""))


def codes(answer: httpx2.Response) -> frozenset[str]:
    """What a refusal is called by programs: its reason code, and the issue of an OperationOutcome with its path."""
    found = {problem(answer)[0]} - {""}
    try:
        body = answer.json()
    except ValueError:
        return frozenset(found)
    if isinstance(body, dict) and body.get("resourceType") == "OperationOutcome":
        issue = body["issue"][0]
        found.add(" ".join([issue.get("code", ""), *issue.get("expression", [])]))
    return frozenset(found)
