"""Collects the facts of a local system once it is quiet, and waits until it is."""

import asyncio
import email
import email.policy
import functools
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import asyncpg

from deploy.proof.checker.canaries import everywhere, search
from deploy.proof.checker.databases import Databases
from deploy.proof.checker.facts import Acknowledged, Facts, Mail
from deploy.proof.checker.sources import Sources
from deploy.proof.checker.topics import Reader, TopicReadError

QUIET_TIMEOUT_S: Final = 60.0
"""After the last fault everything is done within this time (C7)."""
_AGAIN_S = 0.25
_LOOKS = 4


async def quiet(sources: Sources, timeout_s: float = QUIET_TIMEOUT_S) -> float | None:
    """Wait until everything was sent, read and settled; gives the seconds it took, None where it did not come so."""
    began = time.monotonic()
    databases = Databases(sources.admin_url, sources.services)
    reader = Reader(sources.bootstrap, sources.kafka_password)
    in_a_row = 0
    try:
        while time.monotonic() - began < timeout_s:
            try:
                found = await _is_quiet(sources, databases, reader)
            except (TopicReadError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                found = False  # the broker or the database is still on its way back
            in_a_row = in_a_row + 1 if found else 0
            if in_a_row == 2:  # noqa: PLR2004 - one look is no snapshot: what one moved another may not have seen
                return time.monotonic() - began
            await asyncio.sleep(_AGAIN_S)
        return None
    finally:
        await asyncio.to_thread(reader.close)


async def _is_quiet(sources: Sources, databases: Databases, reader: Reader) -> bool:
    ends = await asyncio.to_thread(reader.ends, sources.topics)
    counters, cursors = await databases.counters(), await databases.cursors()
    if any(cursors.get(place, 0) != last for place, last in counters.items()):
        return False
    for (_, topic, partition), (number, offset) in (await databases.progress()).items():
        place = (topic, partition)
        if sources.topics[topic].numbered:
            if number != counters.get(place, 0):
                return False
        elif ends[place][1] and offset != ends[place][1] - 1:
            return False
    return not await databases.waiting()


async def gather(
    sources: Sources,
    *,
    acknowledged: Acknowledged | None = None,
    canaries: Sequence[str] = (),
    problems: Collection[bytes] = (),
    opened_leaves: int = 20_000,
    opened_contents: int = 50,
) -> Facts:
    """Read all facts as of one moment. Call it on a quiet system: what moves all the time looks like a fault.

    The clock alone may begin something while they are read, as when odd accesses are counted half a minute after they
    happened: then they are read again.

    Args:
        sources: where they are.
        acknowledged: what the sender was told.
        canaries: strings that identify a person or show a content; they may stand nowhere that is looked at.
        problems: refusals that were answered, in which none of them may stand either.
        opened_leaves: of so many leaves the event is decrypted and compared.
        opened_contents: so many stored contents are opened and compared with their hash.
    """
    databases = Databases(sources.admin_url, sources.services)
    for _ in range(_LOOKS):
        before = await databases.counters()
        still = await quiet(sources) is not None
        facts = await _look(sources, databases, canaries, problems, opened_leaves, opened_contents)
        if not still or before == await databases.counters():
            break
    return replace(facts, acknowledged=acknowledged or Acknowledged())


async def _look(  # noqa: PLR0917 - as `gather` hands them on
    sources: Sources,
    databases: Databases,
    canaries: Sequence[str],
    problems: Collection[bytes],
    opened_leaves: int,
    opened_contents: int,
) -> Facts:
    reader = Reader(sources.bootstrap, sources.kafka_password)
    try:
        topics = await asyncio.to_thread(reader.read, sources.topics)
        watched = [sources.statistics] if canaries and sources.statistics is not None else []
        statistics = await asyncio.to_thread(reader.read, {topic.name: topic for topic in watched})
    finally:
        await asyncio.to_thread(reader.close)
    outboxes, mails = await databases.outboxes(), read_mails(sources.mails)
    written = everywhere(sources, topics | statistics, outboxes, await databases.parked_rows(), mails, problems)
    checked, broken = await databases.contents(sources.secrets, sources.content, opened_contents)
    return Facts(
        partitions=sources.partitions,
        topics=topics,
        outboxes=outboxes,
        counters=await databases.counters(),
        cursors=await databases.cursors(),
        progress=await databases.progress(),
        records=await databases.records(),
        decisions=await databases.decisions(),
        documents=await databases.documents(),
        leaves=await databases.leaves(sources.secrets, opened_leaves),
        tree_size=await databases.tree_size(),
        deliveries=await databases.deliveries(),
        reads=await databases.reads(),
        parked=await databases.parked(),
        mails=mails,
        canaries=await asyncio.to_thread(search, canaries, written),
        texts=await databases.texts(),
        concealed=await databases.concealed(),
        deletions=await databases.deletions(),
        left=await databases.left(),
        leased=await databases.leased(),
        apps=await databases.apps(),
        majorities=await databases.majorities(sources.secrets),
        contents_checked=checked,
        contents_broken=broken,
    )


def read_mails(folder: Path) -> list[Mail]:
    """The e-mails that left, oldest first."""
    return [_mail(path) for path in sorted(folder.glob("*.eml"))]


@functools.cache
def _mail(path: Path) -> Mail:
    """One of them, read once: taking it apart costs milliseconds, all are looked at again, and none ever changes."""
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    to, message_id = str(message["To"]), str(message["Message-ID"])
    del message["To"]
    bodies = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    return Mail(to, message_id, "\n".join([*map(str, message.values()), *bodies]))
