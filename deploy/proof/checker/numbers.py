"""Numbers and order: every outbox runs from 1 without gaps, its topic holds the same, and all of it was read."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from deploy.proof.checker.facts import Facts, Place, Record, Sent
from deploy.proof.checker.verdict import Finding, finding
from shared.contracts.envelope import MalformedError, from_headers
from shared.contracts.topics import RECORD_DEPOSITS, Topic


def check(facts: Facts, topics: Mapping[str, Topic]) -> list[Finding]:
    """The findings about numbers and about what is still under way."""
    rows = sum(map(len, facts.outboxes.values()))
    held = sum(len(records) for (topic, _), records in facts.topics.items() if topics[topic].numbered)
    return [
        finding("C6", "numbers of every outbox run without a gap", rows, _gaps(facts), needed=True),
        finding("C6", "every topic holds its outbox: same numbers, same order", held, _differences(facts), needed=True),
        finding(
            "C7", "everything was sent and read to its end", len(facts.progress), _behind(facts, topics), needed=True
        ),
        finding(
            "C7",
            "nothing staged waits, no notice waits that nobody took",
            len(facts.documents) + len(facts.deliveries),
            _waiting(facts),
            produced=_sent(facts, RECORD_DEPOSITS),
        ),
    ]


def _sent(facts: Facts, name: str) -> int:
    """Messages of a topic's outbox on records that are not deleted."""
    return sum(
        UUID(row.key) not in facts.deleted
        for (topic, _), rows in facts.outboxes.items()
        if topic == name
        for row in rows
    )


def _gaps(facts: Facts) -> Iterator[str]:
    for place, rows in facts.outboxes.items():
        for expected, row in enumerate(rows, 1):
            if row.number != expected:
                yield f"{place[0]}/{place[1]}: number {expected} is missing, {row.number} stands there"
                break
        if facts.counters.get(place, 0) != len(rows):
            yield f"{place[0]}/{place[1]}: the counter says {facts.counters.get(place, 0)}, there are {len(rows)} rows"


def _differences(facts: Facts) -> Iterator[str]:
    for place, rows in facts.outboxes.items():
        yield from _difference(place, rows, facts.topics.get(place, ()))


def _difference(place: Place, rows: Sequence[Sent], records: Sequence[Record]) -> Iterator[str]:
    """Read the topic once as a reader does: take the next number, leave all others; each is what the outbox says."""
    taken = 0
    for record in records:
        try:
            envelope = from_headers(record.headers)
        except MalformedError as error:
            yield f"{place[0]}/{place[1]} offset {record.offset}: {error}"
            continue
        number = envelope.number or 0
        if not 0 < number <= len(rows):
            yield f"{place[0]}/{place[1]} offset {record.offset}: number {number} is not in the outbox"
            continue
        row = rows[number - 1]
        if (envelope.id, record.key, record.value) != (row.id, row.key.encode(), row.payload):
            yield f"{place[0]}/{place[1]} number {number}: the topic holds something else than the outbox"
        taken += number == taken + 1
    if taken != len(rows):
        yield f"{place[0]}/{place[1]}: a reader comes to {taken}, the outbox has {len(rows)}"


def _behind(facts: Facts, topics: Mapping[str, Topic]) -> Iterator[str]:
    for place, last in facts.counters.items():
        if facts.cursors.get(place, 0) != last:
            yield f"{place[0]}/{place[1]}: {facts.cursors.get(place, 0)} of {last} were sent"
    for (service, topic, partition), (number, offset) in facts.progress.items():
        place = (topic, partition)
        if topics[topic].numbered:
            if number != facts.counters.get(place, 0):
                yield f"{service} read {topic}/{partition} to {number} of {facts.counters.get(place, 0)}"
        else:
            records = facts.topics.get(place, ())
            end = records[-1].offset if records else -1
            if offset != end:
                yield f"{service} read {topic}/{partition} to offset {offset} of {end}"


def _waiting(facts: Facts) -> Iterator[str]:
    for deposit, document in facts.documents.items():
        if document.status == "staged":
            yield f"deposit {deposit} has no outcome"
    for delivery in facts.deliveries:
        if delivery.status == "planned" and not delivery.leased:
            yield f"notice {delivery.notice} was not sent"
