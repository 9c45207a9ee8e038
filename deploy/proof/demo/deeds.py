"""What is done in the chapter of rights: each deed, what came of it, whom it was told to, and the trace it left."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final
from uuid import UUID

import httpx2

from deploy.proof.demo.cases import person
from deploy.proof.demo.door import Door, Who, codes, problem, said
from deploy.proof.demo.holders import Holder
from deploy.proof.demo.ledger import Ledger

OK: Final = 200
CREATED: Final = 201
ACCEPTED: Final = 202
NO_CONTENT: Final = 204
FORBIDDEN: Final = 403
_NEXT_STEP: Final = "See the reason, and `carnet logs access_control`."

Trace = dict[str, Any]
"""An AuditEvent."""


@dataclass
class Deed:
    """One deed, as the table at the end shows it."""

    what: str
    who: str
    came: str
    """What came of it, in the words of the answer."""
    mails: tuple[tuple[str, str | None], ...] = ()
    """E-mails that are due: code of the notice, and recipient (None: the holder)."""
    trace: Callable[[Trace], bool] | None = None
    """Knows its trace; None where nothing is to be traced."""
    told: int = 0
    traced: bool = False


@dataclass
class Stage:
    """One patient's record, the people around it, and what they did."""

    door: Door
    ledger: Ledger
    say: Callable[[str], None]
    holder: Holder
    deeds: list[Deed] = field(default_factory=list)

    @property
    def record(self) -> str:
        """The record's address."""
        return f"/records/{self.holder.record}"

    async def ask(self, who: Who, method: str, path: str, kind: str = "", **more: Any) -> httpx2.Response:
        """Ask about the record; `path` goes on behind its address."""
        return await self.door.ask(who, method, f"{self.record}{path}", kind, **more)

    async def search(self, who: Who, kind: str = "search", **headers: str) -> httpx2.Response:
        """List the record's documents (ITI-67)."""
        path = f"/fhir/DocumentReference?patient=Patient/{self.holder.record}"
        return await self.door.ask(who, "GET", path, kind, headers=headers)

    async def change(self, verb: str, body: dict[str, Any], who: Who | None = None, version: str = "") -> Any:
        """Change a right on the version that is seen; gives the answer's JSON, None where it was refused."""
        seen = version or (await self.ask(self.holder.who, "GET", "/rights")).headers.get("etag", "")
        asked = {"json": body, "headers": {"if-match": seen}}
        answer = await self.ask(who or self.holder.who, "POST", f"/rights/{verb}", "change of rights", **asked)
        wrong = None if answer.status_code == OK else said(answer)
        done = self.ledger.expect("rights changed", verb, wrong, _NEXT_STEP)
        return answer.json() if done else None

    def did(
        self,
        what: str,
        who: str,
        came: str,
        mails: tuple[tuple[str, str | None], ...] = (),
        trace: Callable[[Trace], bool] | None = None,
    ) -> None:
        """Note a deed that came out as it should."""
        self.deeds.append(Deed(what, who, came, mails, trace))
        self.say(f"{who}: {what}: {came}")

    def verify(self, step: str, wrong: str | None, subject: str = "") -> bool:
        """Note a step; gives whether it is verified."""
        return self.ledger.expect(step, subject or self.holder.name, wrong, _NEXT_STEP)

    def expect(self, step: str, answer: httpx2.Response, status: int, reason: str = "") -> bool:
        """Note an answer that was expected: its status, and the most exact reason of a refusal."""
        right = answer.status_code == status and (not reason or reason in {*reasons(answer), *codes(answer)})
        wrong = None if right else f"expected {status} {reason}, got {said(answer)[:200]}"
        return self.verify(step, wrong)


async def opened(
    door: Door, ledger: Ledger, say: Callable[[str], None], first: int, birth_date: str | None = None
) -> Stage | None:
    """A record that nobody had before, opened by its holder: of the first person from this number on who has none."""
    for number in count(first):
        holder = Holder(number, person(number))
        body = holder.opening()
        if birth_date is not None:
            body["traits"]["birth_date"] = birth_date
        answer = await door.ask(holder.who, "POST", "/records", "opening", json=body)
        if answer.status_code == OK:
            continue
        wrong = None if answer.status_code == CREATED else said(answer)
        if not ledger.expect("record opened by the patient", holder.name, wrong, _NEXT_STEP):
            return None
        holder.record = UUID(answer.json()["record"])
        return Stage(door, ledger, say, holder)
    return None


def reasons(answer: httpx2.Response) -> list[str]:
    """Every reason of a refusal: the problem's code, and the finer ones beside it."""
    try:
        body = answer.json()
    except ValueError:
        return []
    finer = body.get("reasons", ()) if isinstance(body, dict) else ()
    return [problem(answer)[0], *finer]


def user(event: Trace) -> str:
    """Directory number, delegation or code of who asked; empty for the holder."""
    asked: dict[str, Any] = next((agent for agent in event["agent"] if agent["requestor"]), {"who": {}})
    return str(asked["who"].get("identifier", {}).get("value", ""))


def by(number: str, words: str, *, permitted: bool = True) -> Callable[[Trace], bool]:
    """The trace of what somebody did, by words of its sentence."""

    def known(event: Trace) -> bool:
        told = event.get("outcomeDesc", "")
        return user(event) == number and words in told and (event["outcome"] == "0") is permitted

    return known
