"""Silence about persons: what identifies one, or shows a content, stands in no place that a system writes to."""

from collections.abc import Iterator, Mapping
from typing import Final

from deploy.proof.checker.facts import Claims, Facts, Sightings, Spot
from deploy.proof.checker.verdict import Finding, finding
from shared.contracts.topics import BACKFILL_REQUESTS

_ALWAYS: Final = frozenset({Spot.TOPICS, Spot.OUTBOXES, Spot.LOGS, Spot.METRICS})
"""No system works without writing there."""


def check(facts: Facts, claims: Claims) -> list[Finding]:
    """The findings about what may be seen nowhere; none where nobody had words to look for, and nobody says so."""
    seen = facts.canaries
    if not seen.words and not claims.words and not facts.acknowledged.told:
        return []
    there = _there(facts, claims)
    return [
        *(_silent(spot, seen, there.get(spot, 0)) for spot in Spot),
        finding(
            "C8",
            "a person's number is found where it may stand, so that it would be found elsewhere",
            seen.allowed,
            (),
            produced=_asked(facts) if seen.numbers else 0,
        ),
    ]


def _silent(spot: Spot, seen: Sightings, there: int) -> Finding:
    searched = seen.searched.get(spot, 0)
    claim = f"nothing of a person in {spot}"
    return finding("C8", claim, searched, _faults(spot, seen, there), needed=spot in _ALWAYS, produced=there)


def _faults(spot: Spot, seen: Sightings, there: int) -> Iterator[str]:
    if 0 < seen.searched.get(spot, 0) < there:
        yield f"only {seen.searched[spot]:,} of {there:,} were looked at"
    for (where, place), count in seen.found.items():
        if where is spot:
            yield f"{place} shows what identifies a person, {count} times"


def _there(facts: Facts, claims: Claims) -> Mapping[Spot, int]:
    """How much there is to be looked at, counted apart from the search."""
    return {
        Spot.TOPICS: sum(map(len, facts.topics.values())),
        Spot.OUTBOXES: sum(map(len, facts.outboxes.values())),
        Spot.PARKED: len(facts.parked),
        Spot.MAILS: len(facts.mails),
        Spot.PROBLEMS: claims.problems,
        Spot.CONTENT: facts.contents_checked,
    }


def _asked(facts: Facts) -> int:
    """Persons about whom insurers were asked, by their number."""
    return sum(len(records) for (topic, _), records in facts.topics.items() if topic.startswith(BACKFILL_REQUESTS))
