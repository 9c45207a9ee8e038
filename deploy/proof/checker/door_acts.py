"""What clients were told of their acts on documents, against what they and others were shown afterwards.

A restriction holds for every search that begins after its answer, whatever was asked again, at whichever door. An act
whose outcome nobody was told may still happen, late: from an unmasking of which that is so, nothing follows of the
document any more.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson

from deploy.proof.checker.clients import Acted, Clients, Looked
from deploy.proof.checker.facts import Facts
from deploy.proof.checker.verdict import Finding, finding
from shared.contracts.common import FurtherAct
from shared.contracts.document_changes import DocumentChanged
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.topics import DOCUMENT_EVENTS

_NONE_SUCH = FurtherReason.UNKNOWN_DOCUMENT.value


class Shut(NamedTuple):
    """A document that some may not find, from a moment that a client was told of."""

    document: UUID
    record: UUID
    told: datetime
    until: datetime | None
    """From here on it may be found again; None: never."""


def check(facts: Facts, clients: Clients) -> list[Finding]:
    """The findings about acts on documents at the doors. Pure."""
    marks = _marks(clients)
    masked = list(_later(clients, _masked(clients), professionals=True))
    deleted = list(_later(clients, _deleted(clients), professionals=False))
    told = [one for one in clients.acted if one.attempt.answered]
    return [
        finding(
            "C4",
            "what a door told to be masked is found by no professional from then on",
            len(masked),
            _found(masked, marks, "masked"),
            needed=True,
        ),
        finding(
            "C4",
            "what a door told to be deleted is found by nobody from then on",
            len(deleted),
            _found(deleted, marks, "deleted"),
            needed=True,
        ),
        finding(
            "C10", "acts on documents told at the doors are those done", len(told), _undone(facts, clients), needed=True
        ),
    ]


def asked_away(clients: Clients) -> dict[UUID, datetime]:
    """Documents whose deletion was asked for, and when first, whatever was answered."""
    asked: dict[UUID, datetime] = {}
    for one in clients.acted:
        if one.act == FurtherAct.DELETE:
            asked[one.document] = min(one.attempt.sent, asked.get(one.document, one.attempt.sent))
    return asked


def _marks(clients: Clients) -> dict[UUID, frozenset[str]]:
    """By which marks a document is known in an answer: its unique id, the hash of its content."""
    return {
        answer.deposit: frozenset({one.unique_id, one.sha256.hex()})
        for one in clients.deposits
        for answer in one.answers
        if answer.deposit is not None
    }


def _masked(clients: Clients) -> Iterator[Shut]:
    """From an answered masking until an unmasking may have been done that was not over before the masking began."""
    unmasked: dict[UUID, list[Acted]] = defaultdict(list)
    for one in clients.acted:
        if one.act == FurtherAct.UNMASK:
            unmasked[one.document].append(one)
    for one in clients.acted:
        if one.act == FurtherAct.MASK and one.attempt.answered:
            later = (
                each.attempt.sent
                for each in unmasked[one.document]
                if each.attempt.unknown or each.attempt.ended >= one.attempt.sent
            )
            yield Shut(one.document, one.record, one.attempt.ended, min(later, default=None))


def _deleted(clients: Clients) -> Iterator[Shut]:
    """Whoever is told that there is no such document was told it, too: he or another deleted it before."""
    for one in clients.acted:
        if one.act == FurtherAct.DELETE and (one.attempt.answered or one.attempt.code == _NONE_SUCH):
            yield Shut(one.document, one.record, one.attempt.ended, None)


def _later(clients: Clients, shuts: Iterable[Shut], *, professionals: bool) -> Iterator[tuple[Shut, Looked]]:
    """Answered looks at the record that began after somebody was told, and ended before it might be over."""
    looks: dict[UUID, list[Looked]] = defaultdict(list)
    for look in clients.looks:
        if look.attempt.answered and (look.reader is not None or not professionals):
            looks[look.record].append(look)
    for shut in shuts:
        for look in looks[shut.record]:
            if look.attempt.sent > shut.told and (shut.until is None or look.attempt.ended < shut.until):
                yield shut, look


def _found(pairs: Iterable[tuple[Shut, Looked]], marks: dict[UUID, frozenset[str]], how: str) -> Iterator[str]:
    for shut, look in pairs:
        if not marks.get(shut.document, frozenset()).isdisjoint(look.shown):
            who = "a professional" if look.reader is not None else "the holder"
            told = f"document {shut.document} was told to be {how} at {shut.told}"
            yield f"{told}, and a {look.attempt.what} at {look.attempt.sent} showed it to {who}"


def _undone(facts: Facts, clients: Clients) -> Iterator[str]:
    """Each answer has its event, each event was asked for, each refusal says that there is no such document."""
    happened = set(_events(facts, clients.records))
    for one in clients.acted:
        told = f"a {one.act} of document {one.document}"
        if one.attempt.answered:
            if (one.document, one.act, one.version) not in happened:
                yield f"{told} was told to have made version {one.version}, and did not"
            row = facts.documents.get(one.document)
            if one.act == FurtherAct.DELETE and row is not None and row.status != "deleted":
                yield f"{told} was told to be done, and it is {row.status}"
        elif not one.attempt.unknown and one.attempt.code != _NONE_SUCH:
            yield f"{told} was refused: {one.attempt.status} {one.attempt.code}"
    asked = {(one.document, one.act) for one in clients.acted}
    for document, act, _ in happened:
        if (document, act) not in asked:
            yield f"a {act} of document {document} was done, and asked for by nobody"


def _events(facts: Facts, records: set[UUID]) -> Iterator[tuple[UUID, str, int | None]]:
    for (topic, _), rows in facts.outboxes.items():
        for row in rows if topic == DOCUMENT_EVENTS else ():
            if row.type == DocumentChanged.type_name and UUID(row.key) in records:
                body = orjson.loads(row.payload)
                yield UUID(body["document"]), body["act"], body["version"]
