"""Looks for what identifies a person, or shows a content, where it may not be: every place that a system writes to."""

import base64
import http.client
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

import orjson

from deploy.proof.checker.facts import Mail, Place, Record, Sent, Sightings, Spot
from deploy.proof.checker.sources import Sources
from services.document.content import held
from shared.contracts.topics import BACKFILL_REQUESTS, REIMBURSEMENTS

_METRICS_TIMEOUT_S = 5.0
_AT_ONCE: Final = 500
"""Things looked at together: a search costs less in one long text than in many short ones."""
_NUMBER: Final = re.compile(rb"([0-9]{6}[0-9AB][0-9]{6})([0-9]{2})?")
"""An INS number, with its key or without: thirteen signs say who somebody is."""
_ANY_NUMBER: Final = re.compile(rb"(?=([0-9]{6}[0-9AB][0-9]{6}))")
"""Whatever has the form of one, be it inside of longer digits."""
_ADDRESS: Final = re.compile(r"[^\s<>]+@[^\s<>]+")
_PERSON: Final = "matricule"
"""Where an insurer's message names the person."""
T = TypeVar("T")


class Seen(NamedTuple):
    """A place and what stands there."""

    spot: Spot
    where: str
    """For people: names a topic, a log, a service."""
    text: bytes
    things: int = 1
    numbers: bool = False
    """A person's number may stand there: what an insurer sent, and the person about whom it is asked."""


def search(words: Sequence[str], seen: Iterable[Seen]) -> Sightings:
    """How often one of these words stands in what was seen, by place. Pure.

    A word is looked for as it is, as JSON escapes it and as a URL does. The texts are not looked at where there are no
    words.
    """
    forms = {form for word in words for form in _forms(word)}
    numbers = {match[1] for form in forms if (match := _NUMBER.fullmatch(form))}
    others = {form for form in forms if not _NUMBER.fullmatch(form)}
    searched: Counter[Spot] = Counter()
    found: Counter[tuple[Spot, str]] = Counter()
    allowed = 0
    for one in seen if forms else ():
        searched[one.spot] += one.things
        count = sum(match[1] in numbers for match in _ANY_NUMBER.finditer(one.text)) if numbers else 0
        allowed += count if one.numbers else 0
        found[one.spot, one.where] += (0 if one.numbers else count) + sum(map(one.text.count, others))
    return Sightings(
        len(forms), len(numbers), searched, {place: count for place, count in found.items() if count}, allowed
    )


def _forms(word: str) -> set[bytes]:
    return {word.encode(), json.dumps(word)[1:-1].encode(), quote(word, safe="").encode()} - {b""}


def everywhere(  # noqa: PLR0917 - the places in turn
    sources: Sources,
    topics: Mapping[Place, Sequence[Record]],
    outboxes: Mapping[Place, Sequence[Sent]],
    parked: Sequence[tuple[str, bytes]],
    mails: Sequence[Mail],
    problems: Iterable[bytes],
) -> Iterator[Seen]:
    """All that a system wrote.

    Raises:
        OSError: a process does not show its metrics, so that nothing can be said of them.
    """
    yield from in_topics(topics)
    yield from in_outboxes(outboxes)
    yield from in_parked(parked)
    yield from in_mails(mails)
    yield from in_problems(problems)
    yield from in_logs(sources.logs)
    yield from (Seen(Spot.METRICS, f"metrics of {url}", metrics(url)) for url in sources.urls)
    yield from in_contents(sources.content)


def in_topics(topics: Mapping[Place, Sequence[Record]]) -> Iterator[Seen]:
    """Keys, headers and bodies of every topic; of an insurer's own lines apart from the numbers that it sent."""
    for (topic, _), records in topics.items():
        where, own = f"topic {topic}", topic.startswith(REIMBURSEMENTS)
        for some in _slices(records):
            bodies = [_asked(topic, record.value) for record in some]
            heads = (b"%b\n%b" % (record.key or b"", _headers(record)) for record in some)
            yield Seen(Spot.TOPICS, where, b"\n".join([*heads, *(text for text, _ in bodies)]), len(some), numbers=own)
            yield Seen(Spot.TOPICS, where, b"\n".join(person for _, person in bodies), 0, numbers=True)


def in_outboxes(outboxes: Mapping[Place, Sequence[Sent]]) -> Iterator[Seen]:
    """Keys, types and bodies of what every service sent."""
    for (topic, _), rows in outboxes.items():
        for some in _slices(rows):
            texts = (b"\n".join([row.key.encode(), row.type.encode(), _asked(topic, row.payload)[0]]) for row in some)
            yield Seen(Spot.OUTBOXES, f"outbox {topic}", b"\n".join(texts), len(some))


def in_parked(rows: Sequence[tuple[str, bytes]]) -> Iterator[Seen]:
    """What a service keeps of messages that it can't handle, as it stands in the table: encrypted, and why."""
    for service, text in rows:
        yield Seen(Spot.PARKED, f"parked by {service}", text)


def in_mails(mails: Sequence[Mail]) -> Iterator[Seen]:
    """Everything of each e-mail but the address that it is to."""
    for mail in mails:
        yield Seen(Spot.MAILS, "e-mails", f"{_ADDRESS.sub('', mail.to)}\n{mail.message_id}\n{mail.rest}".encode())


def in_problems(problems: Iterable[bytes]) -> Iterator[Seen]:
    """Refusals that were answered, with their headers."""
    for problem in problems:
        yield Seen(Spot.PROBLEMS, "a problem answered", problem)


def in_logs(folder: Path) -> Iterator[Seen]:
    """Logs of every process."""
    for path in sorted(folder.glob("**/*")):
        if path.is_file():
            yield Seen(Spot.LOGS, f"log {path.name}", path.read_bytes())


def in_contents(folder: Path) -> Iterator[Seen]:
    """Stored contents and their names."""
    for path in folder.glob("*/*"):
        yield Seen(Spot.CONTENT, "content store", path.read_bytes() + path.name.encode(), len(held(path)))


def metrics(url: str) -> bytes:
    """What a process shows of itself."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_METRICS_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read()
    finally:
        connection.close()


def _headers(record: Record) -> bytes:
    return b"\n".join(b"%b %b" % (name.encode(), value or b"") for name, value in record.headers)


def _slices(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]


def _asked(topic: str, value: bytes) -> tuple[bytes, bytes]:
    """A body without the number by which an insurer is asked for a person, and that number.

    The readable part of a signed permit stands behind a body that carries one.
    """
    try:
        if topic.startswith(BACKFILL_REQUESTS):
            body = orjson.loads(value)
            person = str(body.pop(_PERSON, ""))
            return orjson.dumps(body), person.encode()
        if b'"permit":"' in value:
            payload = str(orjson.loads(value)["permit"]).split(".")[1]
            return value + base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), b""
    except (ValueError, LookupError, AttributeError):
        pass
    return value, b""
