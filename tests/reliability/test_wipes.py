"""Topics that are written from a database heal by themselves when they are wiped."""

import asyncio

from deploy.proof.checker.gather import quiet
from deploy.proof.checker.sources import Sources
from deploy.proof.checker.topics import Reader
from shared.contracts.envelope import from_headers
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT_EVENTS
from tests.support.acts import consult
from tests.support.system import eventually


async def acted(acts, count):
    """Deposits that were stored and reads that happened."""
    record, holder = await acts.authorised()
    deposits = [(await acts.deposit(record, holder))[0] for _ in range(count)]

    async def all_stored():
        assert {await acts.outcome(deposit) for deposit in deposits} == {"stored"}

    await eventually(all_stored, timeout_s=40)
    await acts.search((await acts.ask(record, consult())).permit)


def held(sources):
    """The numbers that stand in the two topics, each once: a repeat is no more."""
    reader = Reader(sources.bootstrap, sources.kafka_password)
    try:
        topics = reader.read({name: sources.topics[name] for name in (ACCESS_DECISIONS, DOCUMENT_EVENTS)})
    finally:
        reader.close()
    return {(place, from_headers(record.headers).number) for place, records in topics.items() for record in records}


async def test_wiped_decisions_and_events_are_sent_again_and_what_follows_is_handled(tended, acts, judged):
    sources = Sources.of(tended)
    await acted(acts, 5)
    assert await quiet(sources) is not None
    before = held(sources)
    for topic in (ACCESS_DECISIONS, DOCUMENT_EVENTS):
        await asyncio.to_thread(tended.admin().wipe, sources.topics[topic])
    await acted(acts, 5)
    verdict = await judged()
    assert verdict.ok, verdict
    assert held(sources) > before
