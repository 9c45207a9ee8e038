"""What is done to documents at the doors: their holder masks and unmasks them, who deposited them deletes them.

Each act is asked for in one of the ways that software and apps have, and repeated in the next one.
"""

import asyncio
import itertools
from collections import Counter
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from deploy.proof.checker.clients import Acted, Clients
from deploy.proof.load.client import Answer, Client, Who
from deploy.proof.load.visits import Deed, Visit
from shared.contracts.common import FurtherAct
from shared.terminology import confidentiality

ACTS: Final = {Deed.MASK: FurtherAct.MASK, Deed.UNMASK: FurtherAct.UNMASK, Deed.DELETE: FurtherAct.DELETE}
PATIENCE_S: Final = 5.0
_PATCH: Final = {"content-type": "application/json-patch+json"}
_MASKED: Final = "MASQUE_PS"


class Stored(NamedTuple):
    """A document known to stand in a record."""

    document: UUID
    sha256: str
    """Of its content, in hexadecimal digits."""
    depositor: Who


class DoorActs:
    """Acts on documents, by clients that repeat what is unknown."""

    def __init__(self, client: Client, clients: Clients) -> None:
        self._client = client
        self._clients = clients
        self._deletions: Counter[UUID] = Counter()
        """How often the deletion of each document was asked for, answered or not."""

    def leaving(self, document: UUID | None) -> bool:
        """True where a document may be gone: somebody asked for its deletion."""
        return document is not None and self._deletions[document] > 0

    async def do(self, visit: Visit, holder: Who, record: UUID, one: Stored) -> None:
        """Have the act done, by as many sessions as the visit has, until each knows the outcome."""
        who = one.depositor if visit.deed is Deed.DELETE else holder
        await asyncio.gather(*(self._session(visit, who, record, one, turn) for turn in range(visit.times)))

    async def _session(self, visit: Visit, who: Who, record: UUID, one: Stored, turn: int) -> None:
        act, ways = ACTS[visit.deed], itertools.cycle(_ways(ACTS[visit.deed], record, one.document))
        for _ in range((visit.number + turn) % 2):
            next(ways)  # another session begins in another way
        deleting = act is FurtherAct.DELETE

        async def call() -> Answer:
            self._deletions[one.document] += deleting
            method, path, more = next(ways)
            answer = await self._client.ask(
                *(visit.deed, who, method, path, PATIENCE_S),
                refusable=lambda: self._deletions[one.document] > deleting,  # but for this one
                **more,
            )
            version = _version(answer) if answer.attempt.answered else None
            self._clients.acted.append(Acted(record, one.document, act, answer.attempt, version))
            return answer

        await self._client.insist(call)


def _ways(act: FurtherAct, record: UUID, document: UUID) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and what goes with them: as FHIR's software asks, and as an app."""
    fhir = f"/fhir/DocumentReference/{document}?patient=Patient/{record}"
    ways: list[tuple[str, str, dict[str, Any]]] = [
        ("PATCH", fhir, {"content": orjson.dumps([_patch(act)]), "headers": _PATCH}),
        ("POST", f"/records/{record}/documents/{document}/{act}", {}),
    ]
    return [*ways, ("DELETE", fhir, {})] if act is FurtherAct.DELETE else ways


def _patch(act: FurtherAct) -> dict[str, Any]:
    if act is FurtherAct.DELETE:
        return {"op": "replace", "path": "/status", "value": "entered-in-error"}
    known = confidentiality(_MASKED)
    label = {"coding": [{"system": known.fhir_system if known else "", "code": _MASKED}]}
    if act is FurtherAct.MASK:
        return {"op": "add", "path": "/securityLabel/-", "value": label}
    return {"op": "remove", "path": "/securityLabel", "value": label}


def _version(answer: Answer) -> int | None:
    """The document's version, from the ETag; None where there is none."""
    tag = answer.response.headers.get("etag", "") if answer.response is not None else ""
    number = tag.removeprefix('W/"').removesuffix('"')
    return int(number) if number.isdecimal() else None
