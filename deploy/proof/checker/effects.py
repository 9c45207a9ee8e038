"""Effects of deposits: each one decided as the oracle says, then stored or refused, once, with the content sent."""

from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from uuid import UUID

import orjson

from deploy.proof.checker.decisions import Told
from deploy.proof.checker.deposits import StagedAs, decision, outcomes
from deploy.proof.checker.facts import Claims, Facts
from deploy.proof.checker.oracle import PERMITS, Oracle
from deploy.proof.checker.verdict import Finding, finding
from shared.contracts.common import Act
from shared.contracts.document_events import Deposited, DepositRefused, DocumentHeld
from shared.contracts.reasons import Reason
from shared.contracts.record_deposits import Deposit
from shared.contracts.topics import DOCUMENT_EVENTS, RECORD_DEPOSITS

_IN_RECORD = frozenset({"current", "superseded", "archived", "deleted"})
"""Deletion is logical: what was stored stays."""
_ENDS = frozenset({Deposited.type_name, DepositRefused.type_name, DocumentHeld.type_name})


def check(facts: Facts, oracle: Oracle, told: list[Told], claims: Claims) -> list[Finding]:
    """The findings about deposits; the oracle has run over all requests."""
    deposits = _deposits(facts)
    decided = [body for body in told if body["act"] == Act.DEPOSIT.value]
    acknowledged = facts.acknowledged.deposits
    gone = {deposit for deposit, (record, _) in deposits.items() if record in facts.deleted}
    there, produced = len(facts.documents), max(len(deposits) - len(gone), claims.deposits)
    current = sum(document.status == "current" for document in facts.documents.values())
    return [
        finding(
            "C1",
            "every acknowledged deposit is stored or refused, as it was sent",
            len(acknowledged),
            _lost(facts, gone),
            produced=_told_of(facts, deposits),
        ),
        finding(
            "C2",
            "every deposit has exactly one decision",
            len(deposits),
            _counted(deposits, decided),
            produced=max(there, claims.deposits),
        ),
        finding(
            "C4",
            "decisions on deposits equal the oracle's",
            len(decided),
            _different(deposits, decided, oracle),
            produced=max(len(deposits), claims.deposits),
        ),
        finding(
            "C4", "outcomes of deposits follow from decisions", there, _outcomes(facts, decided), produced=produced
        ),
        finding("C2", "every deposit's outcome was told once", there, _told_once(facts), produced=produced),
        finding("C3", "nothing stored that was not sent", there, _invented(facts, deposits), produced=produced),
        finding(
            "C3",
            "stored contents open and have their hash",
            facts.contents_checked,
            _broken(facts),
            produced=current,
        ),
    ]


def _told_of(facts: Facts, deposits: Mapping[UUID, tuple[UUID, Deposit]]) -> int:
    """Deposits of whom somebody told what he sent, if anybody did."""
    if not facts.acknowledged.told:
        return 0
    records = facts.acknowledged.records
    return sum(records is None or record in records for record, _ in deposits.values())


def _deposits(facts: Facts) -> dict[UUID, tuple[UUID, Deposit]]:
    """Every deposit that document asked for, with its record."""
    return {
        deposit.deposit: (UUID(row.key), deposit)
        for (topic, _), rows in facts.outboxes.items()
        if topic == RECORD_DEPOSITS
        for row in rows
        if (deposit := Deposit.model_validate_json(row.payload))
    }


def _lost(facts: Facts, gone: AbstractSet[UUID]) -> Iterator[str]:
    for deposit, sha256 in facts.acknowledged.deposits.items():
        document = facts.documents.get(deposit)
        if document is None and deposit in gone:
            continue  # its record was deleted, and the document with it
        if document is None:
            yield f"deposit {deposit} was acknowledged and is gone"
        elif document.status not in {*_IN_RECORD, "refused"}:
            yield f"deposit {deposit} was acknowledged and is {document.status}"
        elif document.sha256 != sha256:
            yield f"deposit {deposit} has another content than the one sent"


def _counted(deposits: Mapping[UUID, object], decided: list[Told]) -> Iterator[str]:
    counts = Counter(UUID(body["request"]) for body in decided)
    for deposit in deposits.keys() | counts.keys():
        if deposit not in deposits:
            yield f"deposit {deposit} was decided and never asked"
        elif counts[deposit] != 1:
            yield f"deposit {deposit} was decided {counts[deposit]} times"


def _different(deposits: Mapping[UUID, tuple[UUID, Deposit]], decided: list[Told], oracle: Oracle) -> Iterator[str]:
    for body in decided:
        record, deposit = deposits.get(UUID(body["request"]), (None, None))
        if record is None or deposit is None:
            continue
        reasons = decision(oracle.life(record), deposit.actor)
        reason = Reason(body["reasons"][0])
        if reason not in reasons or (body["outcome"] == "permit") != (reason in PERMITS):
            wanted = "/".join(sorted(reasons))
            yield f"deposit {deposit.deposit}: {body['outcome']} {reason}, the oracle says {wanted}"


def _outcomes(facts: Facts, decided: list[Told]) -> Iterator[str]:
    staged = {key: StagedAs(row.record, row.unique_id, row.replaces) for key, row in facts.documents.items()}
    order = [(UUID(body["request"]), body["outcome"] == "permit") for body in decided]
    for deposit, wanted in outcomes(order, staged).items():
        row = facts.documents[deposit]
        found = None if row.status in _IN_RECORD else row.reason
        if row.status == "held" or found not in wanted:
            told = "/".join(sorted(reason or "stored" for reason in wanted))
            yield f"deposit {deposit}: {row.status} {row.reason or ''}, expected {told}"


def _told_once(facts: Facts) -> Iterator[str]:
    counts: Counter[UUID] = Counter()
    for (topic, _), rows in facts.outboxes.items():
        if topic == DOCUMENT_EVENTS:
            counts.update(UUID(orjson.loads(row.payload)["deposit"]) for row in rows if row.type in _ENDS)
    for deposit in facts.documents.keys() | counts.keys():
        if counts[deposit] != 1:
            yield f"the outcome of deposit {deposit} was told {counts[deposit]} times"


def _invented(facts: Facts, deposits: Mapping[UUID, object]) -> Iterator[str]:
    hashes, records = facts.acknowledged.sent_hashes, facts.acknowledged.records
    for deposit, row in facts.documents.items():
        if deposit not in deposits:
            yield f"deposit {deposit} was never asked"
        elif hashes is not None and row.sha256 not in hashes and (records is None or row.record in records):
            yield f"deposit {deposit} has a content that nobody sent"
    objects = Counter(row.object for row in facts.documents.values())
    for name, count in objects.items():
        if count > 1:
            yield f"the content {name} belongs to {count} documents"


def _broken(facts: Facts) -> Iterator[str]:
    if facts.contents_broken:
        yield f"{facts.contents_broken} contents of {facts.contents_checked} do not open or have another hash"
