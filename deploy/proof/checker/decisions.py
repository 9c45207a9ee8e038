"""Decisions: one for each request, equal to the oracle's, told once; nothing read without one."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from deploy.proof.checker.facts import Claims, Facts
from deploy.proof.checker.oracle import PERMITS, Expected, Oracle
from deploy.proof.checker.requests import Requests
from deploy.proof.checker.verdict import Finding, finding
from shared.contracts import document_events, history_events
from shared.contracts.access_decisions import Decided, RecordOpened
from shared.contracts.common import Act, ActorKind, FurtherAct
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.topics import ACCESS_CONTROL, ACCESS_DECISIONS, RECORD_REQUESTS

_RESTRICTING = frozenset(
    {
        *(act.value for act in (Act.BLOCK, Act.REVOKE, Act.CLOSE, Act.DECLARE)),
        *(act.value for act in (FurtherAct.END_TEAM, FurtherAct.REMOVE_ADMINISTRATOR, FurtherAct.WITHDRAW_APP)),
        *(act.value for act in (FurtherAct.END_DELEGATION, FurtherAct.SUSPEND, FurtherAct.DECEASE)),
        *(act.value for act in (FurtherAct.CLOSE_UNCONTESTED, FurtherAct.REQUEST_DELETION)),
    }
)
"""What always takes access away. Others do so by what stands in them."""
_CONSULTED = frozenset({document_events.Consulted.type_name, history_events.HistoryConsulted.type_name})
_STATES = ("closed", "held", "version", "treating doctor", "authorised", "blocked", "flags", "relations")
_BROADER = {finer.value: finer.broader.value for finer in FurtherReason}
"""A decision's row has the most exact code, and the oracle speaks in those that each of them refines."""

Told = Mapping[str, Any]
"""The body of a `Decided`, with the record that it is about as `_record`."""


def told_decisions(facts: Facts) -> list[Told]:
    """Every `Decided` of the outbox, in the order in which each record's were made."""
    return [
        orjson.loads(row.payload) | {"_record": row.key}
        for (topic, _), rows in sorted(facts.outboxes.items())
        if topic == ACCESS_DECISIONS
        for row in rows
        if row.type == Decided.type_name
    ]


def told_openings(facts: Facts) -> Counter[UUID]:
    """How often each record was told to be opened."""
    return Counter(
        UUID(row.key)
        for (topic, _), rows in facts.outboxes.items()
        if topic == ACCESS_DECISIONS
        for row in rows
        if row.type == RecordOpened.type_name
    )


def check(facts: Facts, asked: Requests, oracle: Oracle, told: list[Told], claims: Claims) -> list[Finding]:
    """The findings about requests; runs the oracle over them, whose states are those at the end then."""
    expected = oracle.run(asked.asked, {request: row.decided_at for request, row in facts.decisions.items()})
    ours = [body for body in told if body["act"] != Act.DEPOSIT.value]
    repeats = {request for request, count in Counter(one.request for one in asked.asked).items() if count > 1}
    restrictions = [body for body in ours if _restricts(body)]
    return [
        finding(
            "C1",
            "every acknowledged request has its decision",
            len(facts.acknowledged.requests),
            _lost(facts),
            produced=len(asked.ids) if facts.acknowledged.told else 0,
        ),
        finding(
            "C2",
            "every request has exactly one decision",
            len(asked.ids),
            _undecided(facts, asked, ours),
            produced=max(len(facts.decisions), claims.requests),
        ),
        finding(
            "C10",
            "requests that came several times have one decision",
            len(repeats),
            _repeated(repeats, ours),
            produced=claims.repeats,
        ),
        finding(
            "C4",
            "decisions equal the sequential oracle's",
            len(expected),
            _different(facts, expected),
            produced=max(len(asked.ids), claims.requests),
        ),
        finding(
            "C4",
            "records and rights end as the oracle's",
            sum(life.exists for life in oracle.lives.values()),
            _states(facts, oracle),
            produced=len(facts.records),
        ),
        finding(
            "C4",
            "emergencies are told: when they began, why, to whom",
            len(_alarms(ours)),
            _alarmed(ours, expected),
            produced=max(_began(facts), claims.emergencies),
        ),
        finding(
            "C4",
            "a restriction is told after the last permit before it",
            len(restrictions),
            _early(told),
            produced=claims.restrictions,
        ),
        finding(
            "C4",
            "every read has its permit, and came before its end",
            _reads(facts),
            _unpermitted(facts, told),
            produced=max(_read_events(facts), claims.reads),
        ),
        finding(
            "C9",
            "what can't be read is parked, once",
            len(asked.parked),
            _unparked(facts, asked),
            produced=max(len(_parked(facts)), claims.poison),
        ),
    ]


def _restricts(body: Told) -> bool:
    """True for a permitted change that takes access away."""
    return bool(_RESTRICTING & {body["act"], body.get("further_act")}) and body["outcome"] == "permit"


def _began(facts: Facts) -> int:
    """Emergencies that stand in access_control's table."""
    return sum(relation[0] == "emergency" for row in facts.records.values() for relation in row.relations)


def _read_events(facts: Facts) -> int:
    """Reads that their owners told of, on whatever record."""
    return sum(row.type in _CONSULTED for rows in facts.outboxes.values() for row in rows)


def _reads(facts: Facts) -> int:
    return sum(map(len, facts.reads.values()))


def _lost(facts: Facts) -> Iterator[str]:
    for request in facts.acknowledged.requests - facts.decisions.keys():
        yield f"request {request} was confirmed and never decided"


def _undecided(facts: Facts, asked: Requests, told: list[Told]) -> Iterator[str]:
    for request in asked.ids - facts.decisions.keys():
        yield f"request {request} has no decision"
    for request in facts.decisions.keys() - asked.ids:
        yield f"request {request} was decided and is not in the topic"
    counts = Counter(UUID(body["request"]) for body in told)
    for request in asked.ids:
        if counts[request] != 1:
            yield f"the decision on {request} was told {counts[request]} times"
    for request in counts.keys() - asked.ids:
        yield f"a decision on {request} was told, which nobody asked"


def _repeated(repeats: set[UUID], told: list[Told]) -> Iterator[str]:
    counts = Counter(UUID(body["request"]) for body in told)
    for request in repeats:
        if counts[request] != 1:
            yield f"request {request} came several times and was decided {counts[request]} times"


def _different(facts: Facts, expected: list[Expected]) -> Iterator[str]:
    for one in expected:
        row = facts.decisions[one.request]
        outcomes = {"permit" if reason in PERMITS else "deny" for reason in one.reasons}
        wanted = "/".join(sorted(one.reasons))
        reason = _BROADER.get(row.reason, row.reason)
        if reason not in one.reasons or row.outcome not in outcomes or row.record != one.record:
            yield f"request {one.request}: {row.outcome} {row.reason}, the oracle says {wanted}"
        elif one.version is not None and row.rights_version != one.version:
            yield f"request {one.request}: version {row.rights_version}, the oracle says {one.version} ({wanted})"


def _states(facts: Facts, oracle: Oracle) -> Iterator[str]:
    for record, count in told_openings(facts).items():
        if count > 1:
            yield f"record {record} was told to be opened {count} times"
    for record in facts.records.keys() - oracle.lives.keys():
        yield f"record {record} was never told to be opened"
    for record, life in oracle.lives.items():
        row = facts.records.get(record)
        if row is None or not life.exists:
            if life.exists or row is not None:
                yield f"record {record}: exists for one of access_control and the oracle only"
            continue
        life = life.forgotten() if row.gone else life  # noqa: PLW2901 - what is left of it
        ours = (row.closed, row.held, row.rights_version, row.treating, dict(row.authorised), set(row.blocked))
        theirs = (life.closed, life.held, life.version, life.treating, life.authorised, life.blocked)
        for name, found, wanted in zip(
            _STATES, (*ours, row.flags, row.relations), (*theirs, *life.plain()), strict=True
        ):
            if found != wanted:
                yield f"record {record}: {name} differs from the oracle's"


def _alarms(told: list[Told]) -> dict[UUID, Told]:
    """Permitted accesses of professionals in an emergency mode, by request."""
    return {
        UUID(body["request"]): body
        for body in told
        if body["outcome"] == "permit"
        and body.get("mode", "normal") != "normal"
        and body["actor"]["kind"] == ActorKind.PROFESSIONAL.value
    }


def _alarmed(told: list[Told], expected: list[Expected]) -> Iterator[str]:
    alarms = _alarms(told)
    for one in expected:
        if one.alarm is None or one.request not in alarms:
            continue  # whether it was permitted is compared elsewhere
        said = alarms[one.request].get("emergency") or {}
        first = str(one.alarm.first) if one.alarm.first is not None else None
        if (said.get("reason"), said.get("tell"), said.get("first")) != (one.alarm.reason, one.alarm.tell, first):
            yield f"request {one.request}: the emergency is told as {said}, the oracle says {one.alarm}"
    for request in alarms.keys() - {one.request for one in expected if one.alarm is not None}:
        yield f"request {request}: an emergency access that the oracle does not know"


def _early(told: list[Told]) -> Iterator[str]:
    """`told` is in the order of decisions within each partition, so within each record; permits name their record."""
    last: dict[str, datetime] = {}
    for body in told:
        record = body["_record"]
        if body.get("expires"):
            expires = datetime.fromisoformat(body["expires"])
            last[record] = max(last.get(record, expires), expires)
        elif _restricts(body):
            force = datetime.fromisoformat(body["in_force_at"])
            if record in last and force < last[record]:
                yield f"request {body['request']}: in force before the last permit has run out"


def _unpermitted(facts: Facts, told: list[Told]) -> Iterator[str]:
    permits = {body["request"]: body for body in told if body["outcome"] == "permit" and body.get("expires")}
    for owner, reads in facts.reads.items():
        for read in reads:
            permit = permits.get(str(read.request))
            if permit is None or permit.get("owner") != owner or permit["_record"] != str(read.record):
                yield f"{owner} showed something for {read.request} without a permit for it"
            elif read.at > datetime.fromisoformat(permit["expires"]):
                yield f"{owner} showed something for {read.request} after its permit had run out"


def _parked(facts: Facts) -> list[tuple[int, int]]:
    """Requests that access_control parked, by partition and offset."""
    rows = (row for row in facts.parked if row.service == ACCESS_CONTROL and row.topic == RECORD_REQUESTS)
    return [(row.partition, row.offset) for row in rows]


def _unparked(facts: Facts, asked: Requests) -> Iterator[str]:
    places = Counter(_parked(facts))
    for place in asked.parked:
        if places[place] != 1:
            yield f"{RECORD_REQUESTS}/{place[0]} offset {place[1]} was parked {places[place]} times"
    for place in places.keys() - asked.parked:
        yield f"{RECORD_REQUESTS}/{place[0]} offset {place[1]} was parked and can be read"
    for row in facts.parked:
        if row.topic != RECORD_REQUESTS and not row.topic.startswith("insurance."):
            yield f"{row.service} parked {row.topic}/{row.partition} offset {row.offset}: {row.reason}"
