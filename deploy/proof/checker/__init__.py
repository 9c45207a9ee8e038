"""The checker: whether what a run left behind is whole, once, in order, as decided and silent about persons.

`gather` reads the facts, `check` compares them. Neither asks a service for anything.
"""

import time
from collections.abc import Mapping
from typing import Final

from deploy.proof.checker import decisions, deletions, documents, effects, extracts, numbers, silence, traces
from deploy.proof.checker.facts import Acknowledged, Claims, Facts
from deploy.proof.checker.oracle import Oracle
from deploy.proof.checker.requests import requests
from deploy.proof.checker.verdict import Finding, Verdict
from shared.contracts.topics import Topic

__all__ = ["Acknowledged", "Claims", "Facts", "Finding", "Verdict", "check"]


_NONE: Final = Claims()


def check(facts: Facts, topics: Mapping[str, Topic], claims: Claims = _NONE) -> Verdict:
    """Compare the facts of a quiet system. Pure.

    Args:
        facts: What it left behind.
        topics: Its registry.
        claims: What the run says that it did: what is about nothing of it is a fault, not a proof.
    """
    began = time.monotonic()
    asked = requests(facts.topics, facts.partitions)
    told = decisions.told_decisions(facts)
    oracle = Oracle(
        decisions.told_openings(facts),
        facts.texts | facts.acknowledged.texts,
        register=facts.apps,
        majorities=facts.majorities,
    )
    findings = [
        *numbers.check(facts, topics),
        *decisions.check(facts, asked, oracle, told, claims),
        *effects.check(facts, oracle, told, claims),
        *documents.check(facts, asked, told),
        *extracts.check(facts),
        *traces.check(facts, claims),
        *deletions.check(facts, oracle, claims),
        *silence.check(facts, claims),
    ]
    counts = {
        "requests": len(asked.ids),
        "deposits": len(facts.documents),
        "leaves": len(facts.leaves),
        "notices": len(facts.deliveries),
        "notices under lease": sum(delivery.leased for delivery in facts.deliveries),
        "e-mails": len(facts.mails),
        "parked": len(facts.parked),
        "emergencies": sum(len(life.began) for life in oracle.lives.values()),
        "contested": sum(len(life.cases) for life in oracle.lives.values()),
        "deletions": len(facts.deletions),
    }
    return Verdict(tuple(findings), time.monotonic() - began, counts)
