"""What clients were told at the doors, against what happened: nothing told is untrue, nothing untold is half done."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import orjson

from deploy.proof.checker import door_acts
from deploy.proof.checker.clients import Attempt, Changed, Clients, Dropped, Histories, Looked
from deploy.proof.checker.facts import Document, Facts
from deploy.proof.checker.verdict import Finding, finding
from shared.contracts.access_decisions import Decided
from shared.contracts.common import ActorKind
from shared.contracts.document_events import Consulted
from shared.contracts.history_events import HistoryConsulted
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT, DOCUMENT_EVENTS, HISTORY, HISTORY_EVENTS

IN_RECORD: Final = frozenset({"current", "superseded"})
_ENDED_BY: Final = {"block": "unblock", "revoke": "authorise"}
"""Restrictions, and what has to be asked for before a read may pass again."""
_AGAIN: Final = frozenset({503, 504})
"""What a door answers where it does not know: repeat."""
_CONFLICT: Final = 412
_EVENTS: Final = {
    (DOCUMENT_EVENTS, Consulted.type_name): DOCUMENT,
    (HISTORY_EVENTS, HistoryConsulted.type_name): HISTORY,
}

Reads = dict[tuple[str, UUID, str | None], list["Happened"]]
"""By owner, record and reader, in the order of time."""


class Happened(NamedTuple):
    """A read that happened, from its owner's own rows, with the event that tells of it."""

    at: datetime
    request: UUID
    event: UUID


def check(facts: Facts, clients: Clients, histories: Histories) -> list[Finding]:
    """The findings about a run in which clients went through the doors. Pure."""
    rows = _rows(facts, clients)
    reads = _reads(facts)
    taken = [answer for one in clients.deposits for answer in one.answers if answer.deposit is not None]
    answered = [look for look in clients.looks if look.attempt.answered]
    told = [change for change in clients.changes if change.attempt.answered]
    unknown = [attempt for attempt in clients.attempts if attempt.unknown]
    restricted = [change for change in told if change.verb in _ENDED_BY]
    return [
        finding("C1", "every deposit that a door took is stored, as sent", len(taken), _lost(clients, rows, facts)),
        finding(
            "C10", "repeats at the doors are one deposit", len(clients.deposits), _doubled(clients, rows), needed=True
        ),
        finding(
            "C3", "nothing refused at a door is stored, nothing unsent", len(rows), _invented(clients, rows, facts)
        ),
        finding(
            "C5",
            "every read that a door answered has its permit and its trace",
            len(answered),
            _untraced(facts, answered, reads),
            needed=True,
        ),
        finding(
            "C4",
            "no read passes once a door told its restriction",
            len(restricted),
            _passed(clients, restricted, reads),
            needed=True,
        ),
        finding("C3", "nobody is answered with another's", len(answered) + len(told), _foreign(clients), needed=True),
        finding("C6", "what a door told to be stored is found from then on", _wholes(answered), _unfound(clients)),
        finding(
            "C10", "changes told at the doors are those decided", len(told), _undecided(facts, clients), needed=True
        ),
        finding("C4", "rights end as clients were told", len(clients.records), _rights(facts, clients)),
        finding(
            "C2",
            "an opening that a door told is one record, and whole",
            len(clients.opened),
            _openings(facts, clients, histories),
            needed=True,
        ),
        finding("C10", "errors at the doors are clear, and no refusals", len(unknown), _unclear(clients)),
        finding("C7", "every client was told the outcome in the end", len(clients.attempts), clients.given_up),
    ]


def _rows(facts: Facts, clients: Clients) -> dict[tuple[UUID, str], list[tuple[UUID, Document]]]:
    """Rows of documents in the clients' records, by record and unique id."""
    records = clients.records
    found: dict[tuple[UUID, str], list[tuple[UUID, Document]]] = defaultdict(list)
    for deposit, row in facts.documents.items():
        if row.record in records:
            found[row.record, row.unique_id].append((deposit, row))
    return dict(found)


def _reads(facts: Facts) -> Reads:
    at = {read.request: read.at for reads in facts.reads.values() for read in reads}
    found: Reads = defaultdict(list)
    for (topic, _), rows in facts.outboxes.items():
        for row in rows:
            owner = _EVENTS.get((topic, row.type))
            if owner is None:
                continue
            body = orjson.loads(row.payload)
            request, actor = UUID(body["request"]), body["actor"]
            reader = None if actor["kind"] == ActorKind.PATIENT.value else actor.get("number")
            if request in at:  # that each event has its read is looked at elsewhere
                found[owner, UUID(row.key), reader].append(Happened(at[request], request, row.id))
    for reads in found.values():
        reads.sort()
    return found


def _lost(clients: Clients, rows: dict[tuple[UUID, str], list[tuple[UUID, Document]]], facts: Facts) -> Iterator[str]:
    asked_away = door_acts.asked_away(clients)
    for one in clients.deposits:
        for answer in one.answers:
            if answer.deposit is None:
                continue
            left = IN_RECORD | {"deleted"} if answer.deposit in asked_away else IN_RECORD
            row = facts.documents.get(answer.deposit)
            if row is None:
                yield f"deposit {answer.deposit} was answered {answer.status} and is not there"
            elif answer.stored and row.status not in left:
                yield f"deposit {answer.deposit} was answered {answer.status} and is {row.status}"
            elif one.good and row.status not in left:
                yield f"deposit {answer.deposit} was taken and is {row.status} {row.reason or ''}"
            elif (row.record, row.unique_id, row.sha256) != (one.record, one.unique_id, one.sha256):
                yield f"deposit {answer.deposit} stands otherwise than it was sent"
        stored = any(answer.stored for answer in one.answers)
        if stored and len(rows.get((one.record, one.unique_id), ())) != 1:
            yield f"a document told to be stored in record {one.record} stands there not once"


def _doubled(clients: Clients, rows: dict[tuple[UUID, str], list[tuple[UUID, Document]]]) -> Iterator[str]:
    for one in clients.deposits:
        ids = {answer.deposit for answer in one.answers if answer.deposit is not None}
        if len(ids) > 1:
            yield f"one deposit was answered under several ids: {sorted(map(str, ids))}"
        if ids and any(answer.deposit is None for answer in one.answers):
            yield f"deposit {ids.pop()} was taken, and a repeat of it refused"
        found = rows.get((one.record, one.unique_id), ())
        if len(found) > 1:
            yield f"one deposit became {len(found)}: {sorted(str(deposit) for deposit, _ in found)}"


def _invented(
    clients: Clients, rows: dict[tuple[UUID, str], list[tuple[UUID, Document]]], facts: Facts
) -> Iterator[str]:
    sent = {(one.record, one.unique_id): one for one in clients.deposits}
    for place, found in rows.items():
        one = sent.get(place)
        for deposit, row in found:
            if one is None:
                yield f"deposit {deposit} in record {row.record} was sent by nobody"
            elif not one.good and row.status != "refused":
                yield f"deposit {deposit} may not be stored and is {row.status}"
    for dropped in clients.deposits:
        if not dropped.good and any(answer.deposit is not None for answer in dropped.answers):
            yield f"a deposit that may not be stored in record {dropped.record} was answered as taken"
    hashes = {one.sha256 for one in clients.deposits if not one.good}
    for deposit, row in facts.documents.items():
        if row.sha256 in hashes and row.status in IN_RECORD:
            yield f"deposit {deposit} has a content that was refused"


def _untraced(facts: Facts, answered: Sequence[Looked], reads: Reads) -> Iterator[str]:
    """For each answer a read of its own that happened between question and answer, its decision and its leaf."""
    leaves = {leaf.event_id for leaf in facts.leaves}
    used: set[UUID] = set()
    for look in sorted(answered, key=lambda look: look.attempt.ended):
        attempt = look.attempt
        told = f"a {attempt.what} of {look.reader or 'the holder'} in record {look.record}"
        happened = next(
            (
                read
                for read in reads.get((look.owner, look.record, look.reader), ())
                if read.request not in used and attempt.sent <= read.at <= attempt.ended
            ),
            None,
        )
        if happened is None:
            yield f"{told} was answered at {attempt.ended} and no such read happened"
            continue
        used.add(happened.request)
        decision = facts.decisions.get(happened.request)
        if decision is None or decision.outcome != "permit" or decision.record != look.record:
            yield f"{told} was answered and {happened.request} was not permitted"
        if happened.event not in leaves:
            yield f"{told} was answered and {happened.request} left no trace"


def _passed(clients: Clients, restricted: Sequence[Changed], reads: Reads) -> Iterator[str]:
    for change in restricted:
        told, record, professional = change.attempt.ended, change.record, change.professional
        ends = [
            one.attempt.sent
            for one in clients.changes
            if (one.record, one.professional, one.verb) == (record, professional, _ENDED_BY[change.verb])
            and one.attempt.sent >= told
        ]
        end = min(ends, default=None)
        for owner in (DOCUMENT, HISTORY):
            for read in reads.get((owner, record, professional), ()):
                if read.at > told and (end is None or read.at < end):
                    yield f"read {read.request} of record {record} happened after the {change.verb} was told"
        for look in clients.looks:
            if (look.record, look.reader) != (record, professional) or not look.attempt.answered:
                continue
            if look.attempt.sent > told and (end is None or look.attempt.ended < end):
                yield f"a {look.attempt.what} of record {record} was answered after the {change.verb} was told"


def _foreign(clients: Clients) -> Iterator[str]:
    for look in clients.looks:
        if look.attempt.answered:
            yield from _misled(look, clients.marks)
    for change in clients.changes:
        if change.attempt.answered and change.about != change.record:
            yield f"a {change.verb} on record {change.record} was answered for {change.about}"
    for one in clients.deposits:
        for answer in one.answers:
            if (answer.record or one.record) != one.record or (answer.unique_id or one.unique_id) != one.unique_id:
                yield f"a deposit into record {one.record} was answered with another's"


def _misled(look: Looked, marks: Mapping[str, UUID]) -> Iterator[str]:
    told = f"a {look.attempt.what} of record {look.record}"
    for mark in look.shown:
        owner = marks.get(mark)
        if owner != look.record:
            yield f"{told} showed what belongs to {owner or 'nobody'}"
    if look.wanted is not None and look.shown != (look.wanted,):
        yield f"{told} showed something else than was asked for"
    if len(set(look.shown)) != len(look.shown):
        yield f"{told} showed the same twice"


def _wholes(answered: Sequence[Looked]) -> int:
    return sum(look.whole for look in answered)


def _unfound(clients: Clients) -> Iterator[str]:
    """Masked documents, too, are found by the holder; a document only until its deletion is asked for."""
    stored: dict[UUID, list[tuple[datetime, datetime | None, Dropped]]] = defaultdict(list)
    asked_away = door_acts.asked_away(clients)
    for one in clients.deposits:
        told = [answer.at for answer in one.answers if answer.stored]
        if told:
            ends = [asked_away[each.deposit] for each in one.answers if each.deposit in asked_away]
            stored[one.record].append((min(told), min(ends, default=None), one))
    for look in clients.looks:
        if look.whole and look.attempt.answered:
            for at, until, one in stored[look.record]:
                stood = at < look.attempt.sent and (until is None or look.attempt.ended < until)
                if stood and one.unique_id not in look.shown:
                    yield f"a document told to be stored at {at} is not found in record {look.record} later"


def _decisions(facts: Facts, clients: Clients) -> dict[tuple[UUID, int], str]:
    """Permitted changes of rights in the clients' records: what was decided, by record and the version it made."""
    records = clients.records
    return {
        (UUID(row.key), body["rights_version"]): body["act"]
        for (topic, _), rows in facts.outboxes.items()
        if topic == ACCESS_DECISIONS
        for row in rows
        if row.type == Decided.type_name and UUID(row.key) in records
        for body in (orjson.loads(row.payload),)
        if body["outcome"] == "permit" and body["act"] in {*_ENDED_BY, *_ENDED_BY.values()}
    }


def _undecided(facts: Facts, clients: Clients) -> Iterator[str]:
    decided = _decisions(facts, clients)
    asked = {(change.record, change.version + 1, change.verb) for change in clients.changes}
    unknown = {
        (change.record, change.version): change.attempt.sent
        for change in reversed(clients.changes)
        if change.attempt.unknown
    }
    for change in clients.changes:
        told = f"a {change.verb} on version {change.version} of record {change.record}"
        if change.attempt.answered:
            if change.told != change.version + 1:
                yield f"{told} was told to have made version {change.told}"
            elif decided.get((change.record, change.told)) != change.verb:
                yield f"{told} was told to be in force, and was not decided"
        elif change.attempt.status == _CONFLICT and (change.record, change.version) not in unknown:
            yield f"{told} met a change that nobody asked for"
    for (record, version), verb in decided.items():
        if (record, version, verb) not in asked:
            yield f"version {version} of record {record}, a {verb}, was asked by nobody"


def _rights(facts: Facts, clients: Clients) -> Iterator[str]:
    """Replay what was decided, with what clients know of it: the rights that stand at the end come of it."""
    about = {(change.record, change.version + 1, change.verb): change.professional for change in clients.changes}
    states: dict[UUID, dict[str, str]] = defaultdict(dict)
    for (record, version), verb in sorted(_decisions(facts, clients).items()):
        states[record][about.get((record, version, verb), "?")] = verb
    for record in clients.records & facts.records.keys():
        row, state = facts.records[record], states[record]
        blocked = {who for who, verb in state.items() if verb == "block"}
        authorised = {who for who, verb in state.items() if verb == "authorise"}
        if (set(row.blocked), set(row.authorised)) != (blocked, authorised):
            yield f"record {record}: the rights are others than those that were asked for"


def _openings(facts: Facts, clients: Clients, histories: Histories) -> Iterator[str]:
    for records in clients.opened.values():
        if len(set(records)) > 1:
            yield f"one person was told {len(set(records))} records: {sorted(map(str, set(records)))}"
        for record in set(records):
            if record not in facts.records:
                yield f"record {record} was told to be open and is not there"
            if record not in histories.indexed:
                yield f"record {record} was told to be open, and no line finds it"
            if record not in histories.reached:
                yield f"record {record} was told to be open, and its holder's address is missing"
    counts = Counter(record for records in clients.opened.values() for record in set(records))
    for record, count in counts.items():
        if count > 1:
            yield f"record {record} was told to {count} persons"


def _unclear(clients: Clients) -> Iterator[str]:
    for attempt in clients.attempts:
        if attempt.status is None or attempt.answered:
            continue
        told = _told(attempt)
        if not attempt.clear:
            yield f"{told} without a code and a sentence"
        if attempt.unknown and attempt.status not in _AGAIN:
            yield f"{told}: neither 503 nor 504"
        if not attempt.unknown and not attempt.refusable:
            yield f"{told}, which may not be refused"


def _told(attempt: Attempt) -> str:
    return f"a {attempt.what} was answered {attempt.status} {attempt.code}"
