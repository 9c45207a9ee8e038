"""A claim that looked at nothing is no proof: where such things were produced, the checker says so."""

from collections.abc import Callable
from dataclasses import fields, replace

import pytest

from deploy.proof.checker import Acknowledged, Claims, check
from deploy.proof.checker.facts import Facts, Sightings, Spot
from shared.contracts.document_events import Consulted
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT_EVENTS, RECORD_DEPOSITS, RECORD_REQUESTS
from tests.unit.proof.test_checker import DEPOSIT, DOCTOR, READ, SEEN, TOPICS, R, told, whole, with_rows, with_topic


def test_nothing_to_look_at_is_a_fault_where_something_is_needed():
    empty = replace(
        whole(), outboxes={}, topics={}, counters={}, cursors={}, progress={}, records={}, decisions={}, documents={},
        leaves=[], tree_size=0, deliveries=[], reads={}, parked=[], mails=[], acknowledged=Acknowledged(),
    )  # fmt: skip
    verdict = check(empty, TOPICS)
    assert not verdict.ok
    assert "nothing to look at" in " ".join(verdict.reasons)


EMPTIED: dict[str, tuple[str, int, Callable[[Facts], Facts]]] = {
    "no progress": ("everything was sent", 0, lambda f: replace(f, progress={})),
    "no document": ("nothing stored that was not sent", 1, lambda f: replace(f, documents={})),
    "no outcome": ("every deposit's outcome was told once", 1, lambda f: replace(f, documents={})),
    "no decision told": (
        "decisions on deposits",
        1,
        lambda f: with_rows(f, ACCESS_DECISIONS, lambda r: [*r[:2], r[3]]),
    ),
    "no content opened": ("stored contents open", 1, lambda f: replace(f, contents_checked=0)),
    "no leaf": ("indices of leaves", 6, lambda f: replace(f, leaves=[], tree_size=0)),
    "no leaf in order": ("leaves keep", 6, lambda f: replace(f, leaves=[], tree_size=0)),
    "no leaf opened": ("leaves verify", 6, lambda f: replace(f, leaves=[one._replace(event=None) for one in f.leaves])),
    "no notice": ("one ledger row", 1, lambda f: replace(f, deliveries=[])),
    "no e-mail": ("one word on each notice", 1, lambda f: replace(f, mails=[])),
    "no request": ("every request has exactly", 2, lambda f: with_topic(f, RECORD_REQUESTS, lambda _: [])),
    "no request acknowledged": ("every acknowledged request", 2, lambda f: acknowledging(f, requests=frozenset())),
    "no deposit acknowledged": ("every acknowledged deposit", 1, lambda f: acknowledging(f, deposits={})),
    "no record in the oracle": ("records and rights", 1, lambda f: with_rows(f, ACCESS_DECISIONS, lambda r: r[:3])),
    "no emergency told": (
        "emergencies are told",
        1,
        lambda f: replace(f, records={R: f.records[R]._replace(relations=frozenset({("emergency", "1", "2", "x")}))}),
    ),
    "no read": ("every read has", 1, lambda f: replace(with_read_told(f), reads={})),
    "no poison": ("what can't be read", 1, lambda f: with_topic(f, RECORD_REQUESTS, lambda r: r[:3])),
}
"""Facts without things of a kind that another place tells of, and of how many."""


def acknowledging(facts, **changes):
    return replace(facts, acknowledged=replace(facts.acknowledged, **changes))


def with_read_told(facts):
    body = Consulted(request=READ, actor=DOCTOR, document=DEPOSIT)
    return with_rows(facts, DOCUMENT_EVENTS, lambda r: [*r, told(2, body, "read")])


def found_missing(facts, claim, claims=Claims()):  # noqa: B008 - frozen
    found = next(one for one in check(facts, TOPICS, claims).findings if one.claim.startswith(claim))
    assert not found.looked_at
    assert not found.ok
    return found.missing


@pytest.mark.parametrize("name", EMPTIED)
def test_nothing_looked_at_is_a_fault_where_another_place_tells_of_such_things(name):
    claim, produced, change = EMPTIED[name]
    missing = found_missing(change(whole()), claim)
    assert missing == (f"nothing looked at, though {produced} were produced" if produced else "nothing to look at")


CLAIMED = {
    "repeats": ("requests that came several", lambda f: with_topic(f, RECORD_REQUESTS, lambda r: [*r[:2], r[3]])),
    "restrictions": ("a restriction is told", lambda f: f),
    "emergencies": ("emergencies are told", lambda f: f),
    "deletions": ("nothing is left", lambda f: f),
    "poison": ("what can't be read", lambda f: replace(with_topic(f, RECORD_REQUESTS, lambda r: r[:3]), parked=[])),
    "problems": (
        "nothing of a person in problems",
        lambda f: replace(f, canaries=replace(SEEN, searched=dict(SEEN.searched) | {Spot.PROBLEMS: 0})),
    ),
    "words": (
        "nothing of a person in metrics",
        lambda f: replace(acknowledging(f, sent_hashes=None), canaries=Sightings()),
    ),
    "reads": ("every read has", lambda f: replace(f, reads={})),
    "mails": ("one word on each", lambda f: replace(f, mails=[], deliveries=[])),
    "requests": (
        "decisions equal",
        lambda f: replace(with_topic(f, RECORD_REQUESTS, lambda _: []), decisions={}),
    ),
    "deposits": (
        "every deposit has exactly",
        lambda f: replace(f, outboxes={p: r for p, r in f.outboxes.items() if p[0] != RECORD_DEPOSITS}, documents={}),
    ),
}


@pytest.mark.parametrize("kind", CLAIMED)
def test_what_a_run_says_that_it_did_has_to_be_looked_at(kind):
    claim, change = CLAIMED[kind]
    facts = change(whole())
    silent = [one for one in check(facts, TOPICS).findings if one.claim.startswith(claim)]
    assert not any(one.missing for one in silent)
    assert found_missing(facts, claim, Claims(**{kind: 7})) == (
        "nothing to look at" if kind == "words" else "nothing looked at, though 7 were produced"
    )


def test_every_claim_can_be_missed():
    assert set(CLAIMED) == {one.name for one in fields(Claims)}


def test_nothing_is_said_of_silence_where_nobody_had_words_to_look_for():
    verdict = check(replace(acknowledging(whole(), sent_hashes=None), canaries=Sightings()), TOPICS)
    assert not [found.claim for found in verdict.findings if found.claim.startswith("nothing of a person")]


def test_a_verdict_tells_what_is_missing_beside_what_is_wrong():
    verdict = check(replace(whole(), documents={}), TOPICS)
    told = " ".join(verdict.reasons)
    assert "nothing stored that was not sent: nothing looked at, though 1 were produced" in told
    assert f"deposit {DEPOSIT} was acknowledged and is gone" in told
