"""The checker follows older versions, which go along with what is done to the newest one."""

from dataclasses import replace
from uuid import UUID

import pytest

from deploy.proof.checker.facts import Decision, Facts
from deploy.proof.load.people import HOLDER
from shared.contracts import record_documents as on
from shared.contracts.access_decisions import Decided
from shared.contracts.document_changes import DocumentChanged
from shared.contracts.document_events import Deposited
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT_EVENTS, RECORD_REQUESTS
from tests.unit.proof.test_checker import DOCTOR, NOW, R, asked, told
from tests.unit.proof.test_checker_documents import ALL, OWN, D, acted, decided, found, word

NEW = UUID(int=80)
"""Replaced the first document, which is masked and of version 2."""
REQUEST = UUID(int=200)
FLAGS = {"masked": False, "withheld": False, "hidden_from_representatives": False}
MASKED = FLAGS | {"masked": True}
ACTS = {
    "delete": (on.Delete(actor=DOCTOR, document=NEW), OWN, {"status": "deleted"}),
    "unmask": (on.Unmask(actor=HOLDER, document=NEW), ALL, {"masked": False}),
}


def change(body, document, version, flags, **more):
    said = {"act": word(body), "document": document, "actor": body.actor, "request": REQUEST, "version": version}
    return DocumentChanged(**said, **flags, **more)


def chain(act: str, *, along: bool = True, **older) -> Facts:
    """The first document was replaced by another, which was then acted on."""
    facts = acted()
    body, scope, left = ACTS[act]
    flags = FLAGS if act == "unmask" else MASKED
    events = list(facts.outboxes[DOCUMENT_EVENTS, 0])
    decisions = list(facts.outboxes[ACCESS_DECISIONS, 0])
    topic = [*facts.topics[RECORD_REQUESTS, 0], asked(len(facts.topics[RECORD_REQUESTS, 0]), REQUEST, body)]
    decision: Decided = decided(REQUEST, body, scope)
    decisions.append(told(len(decisions) + 1, decision, "ordered"))
    deposited = Deposited(
        deposit=NEW, document=NEW, actor=DOCTOR, type_code="a", class_code="b", replaces=D, masked=True
    )
    bodies = [deposited, change(body, NEW, 2, flags)]
    if along:
        bodies.append(change(body, D, 4, flags | older, version_of=NEW))
    for one in bodies:
        events.append(told(len(events) + 1, one, f"chain {len(events)}"))
    row = facts.documents[D]
    documents = dict(facts.documents) | {
        D: row._replace(status="superseded", version=4 if along else 3)._replace(**left if along else {}),
        NEW: row._replace(unique_id="9", version=2)._replace(**left),
    }
    return replace(
        facts,
        topics=dict(facts.topics) | {(RECORD_REQUESTS, 0): topic},
        outboxes=dict(facts.outboxes) | {(ACCESS_DECISIONS, 0): decisions, (DOCUMENT_EVENTS, 0): events},
        decisions=dict(facts.decisions) | {REQUEST: Decision(R, "permit", "holder", 1, NOW)},
        documents=documents,
    )


def faults(facts):
    return [fault for finding in found(facts) for fault in finding.faults]


@pytest.mark.parametrize("act", ACTS)
def test_older_versions_that_go_along_are_no_fault(act):
    assert faults(chain(act)) == []


def test_an_older_version_left_behind_is_found():
    (left,) = faults(chain("delete", along=False))
    assert f"{D}, an older version, was left behind by the act {REQUEST}" in left


def test_an_older_version_may_stay_masked_where_it_is_not_for_the_one_who_unmasks():
    assert faults(chain("unmask", along=False)) == []


def test_an_older_version_changed_otherwise_is_found():
    assert faults(chain("delete", withheld=True))


def test_an_older_version_that_comes_into_view_is_found():
    assert faults(chain("unmask", came_into_view=True))
