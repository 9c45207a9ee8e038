"""Deletions: done where they were asked for, confirmed by every owner, and nothing left but that there was a record."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from deploy.proof.checker.facts import Claims, Facts
from deploy.proof.checker.oracle import Oracle
from deploy.proof.checker.verdict import Finding, finding
from shared.contracts.topics import AUDIT, DOCUMENT, HISTORY

_FIRST: Final = frozenset({DOCUMENT, HISTORY, AUDIT})
"""Who confirms before the holder is told; notification is last."""


def check(facts: Facts, oracle: Oracle, claims: Claims) -> list[Finding]:
    """The findings about deletions; the oracle has run over all requests."""
    there, produced = len(facts.deletions), max(len(_wanted(oracle)), claims.deletions)
    return [
        finding(
            "C4",
            "what is deleted was asked for, and what was asked for is deleted",
            there,
            _asked(facts, oracle),
            produced=produced,
        ),
        finding("C7", "every owner confirmed each deletion", there, _unconfirmed(facts), produced=produced),
        finding("C8", "nothing is left of a deleted record", there, _left(facts), produced=produced),
    ]


def _wanted(oracle: Oracle) -> set[UUID]:
    return {record for record, life in oracle.lives.items() if life.deletion}


def _asked(facts: Facts, oracle: Oracle) -> Iterator[str]:
    wanted = _wanted(oracle)
    for record in wanted - facts.deleted:
        yield f"record {record} was to be deleted, and no deletion is on its way"
    requested = {record for record, one in facts.deletions.items() if one.because == "request"}
    for record in requested - wanted:
        yield f"record {record} is deleted, which nobody who may asked for"


def _unconfirmed(facts: Facts) -> Iterator[str]:
    for record, deletion in facts.deletions.items():
        waits = record in facts.leased and deletion.confirmed >= _FIRST
        if not deletion.ended and not waits:
            yield f"record {record}: only {', '.join(sorted(deletion.confirmed)) or 'nobody'} confirmed its deletion"


def _left(facts: Facts) -> Iterator[str]:
    for place, count in facts.left.items():
        yield f"{place} still has {count} rows of records that are deleted"
