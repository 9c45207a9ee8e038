"""Looks for what identifies a person, or shows a content, where it may not be: Kafka, outboxes, logs, metrics, mail."""

import base64
import http.client
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

import orjson

from deploy.proof.checker.facts import Mail, Place, Record, Sent
from deploy.proof.checker.sources import Sources

_METRICS_TIMEOUT_S = 5.0

Seen = tuple[str, bytes]
"""A place and what stands there."""


def sightings(
    sources: Sources,
    topics: Mapping[Place, Iterable[Record]],
    outboxes: Mapping[Place, Iterable[Sent]],
    mails: Iterable[Mail],
    canaries: Sequence[str],
) -> dict[str, int]:
    """How often a canary was seen, by place; only `insurance.*` may carry a person's number.

    Raises:
        OSError: a process does not show its metrics, so that nothing can be said of them.
    """
    wanted = [canary.encode() for canary in canaries]
    found: Counter[str] = Counter()
    if not wanted:
        return found
    keyed = {name for name, topic in sources.topics.items() if topic.record_keyed}
    places = (_in_topics(keyed, topics), _in_outboxes(keyed, outboxes), _in_files(sources))
    for where, text in (*_all(places), *(("e-mails", mail.rest.encode()) for mail in mails)):
        found[where] += sum(canary in text for canary in wanted)
    return {place: count for place, count in found.items() if count}


def _all(places: Iterable[Iterator[Seen]]) -> Iterator[Seen]:
    for place in places:
        yield from place


def _in_topics(keyed: set[str], topics: Mapping[Place, Iterable[Record]]) -> Iterator[Seen]:
    for (topic, _), records in topics.items():
        for record in records if topic in keyed else ():
            headers = [value or b"" for _, value in record.headers]
            yield f"topic {topic}", b"\n".join([record.key or b"", *headers, _shown(record.value)])


def _in_outboxes(keyed: set[str], outboxes: Mapping[Place, Iterable[Sent]]) -> Iterator[Seen]:
    for (topic, _), rows in outboxes.items():
        for row in rows if topic in keyed else ():
            yield f"outbox {topic}", row.key.encode() + row.payload


def _in_files(sources: Sources) -> Iterator[Seen]:
    for path in sorted(sources.logs.glob("**/*")):
        if path.is_file():
            yield f"log {path.name}", path.read_bytes()
    for url in sources.urls:
        yield f"metrics of {url}", _metrics(url)
    for path in sources.content.glob("*/*"):
        yield "content store", path.read_bytes() + path.name.encode()


def _shown(value: bytes) -> bytes:
    """A body, with the readable part of a signed permit where it carries one."""
    if b'"permit":"' not in value:
        return value
    try:
        payload = str(orjson.loads(value)["permit"]).split(".")[1]
        return value + base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    except (ValueError, LookupError):
        return value


def _metrics(url: str) -> bytes:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_METRICS_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read()
    finally:
        connection.close()
