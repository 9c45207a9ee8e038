"""The chapter of rights: how an answer's reasons, a trace and the operator's verbs are read."""

import httpx2
import pytest

from deploy.local.secrets import Secrets
from deploy.proof.demo.cases import person
from deploy.proof.demo.deeds import Deed, Stage, by, reasons, user
from deploy.proof.demo.holders import Holder
from deploy.proof.demo.ledger import Ledger
from deploy.proof.demo.operator import Operator

NUMBER = "899700000035"


def event(number=NUMBER, told="Consultation. The holder blocked this professional.", outcome="8"):
    who = {"identifier": {"value": number}} if number else {"reference": "Patient/1"}
    agents = [{"requestor": False, "who": {"display": "carnet"}}, {"requestor": True, "who": who}]
    return {"agent": agents, "outcomeDesc": told, "outcome": outcome}


def test_a_trace_is_known_by_who_asked_what_was_said_and_the_outcome():
    blocked = by(NUMBER, "blocked", permitted=False)
    assert blocked(event())
    assert not any(map(blocked, (event(number="1"), event(told="Consultation."), event(outcome="0"))))
    assert (user(event(number="")), user(event())) == ("", NUMBER)
    assert by("", "Wishes")(event("", "Wishes for emergency access.", "0"))


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"code": "no_branch", "reasons": ["outside_delegation"]}, {"no_branch", "outside_delegation"}),
        ({"resourceType": "OperationOutcome", "issue": [{"details": {"coding": [{"code": "blocked"}]}}]}, {"blocked"}),
        ([], {""}),
    ],
)
def test_every_reason_of_a_refusal_is_found(body, wanted):
    assert set(reasons(httpx2.Response(403, json=body))) == wanted
    assert reasons(httpx2.Response(502, text="no JSON")) == []


def test_a_deed_that_did_not_come_out_fails_and_is_not_told():
    ledger, said = Ledger(), []
    stage = Stage(None, ledger, said.append, Holder(1, person(1)))
    refused = httpx2.Response(403, json={"code": "blocked", "detail": "Blocked."})
    assert stage.expect("refused", refused, 403, "blocked")
    assert not stage.expect("refused otherwise", refused, 403, "not_authorised")
    assert not stage.expect("not refused", refused, 200)
    assert [failure.step for failure in ledger.failures] == ["refused otherwise", "not refused"]
    stage.did("blocks", "patient", "in force")
    assert stage.deeds == [Deed("blocks", "patient", "in force")]
    assert said == ["patient: blocks: in force"]


async def test_a_verb_that_is_refused_says_why(tmp_path):
    operator = Operator("postgresql://127.0.0.1:1/postgres", Secrets(tmp_path))
    wrong = await operator.carnet("app", "register", "app-1", "--name", "n", "--scope", "documents.read", "--type", "x")
    assert wrong is not None
    assert "x is no document type" in wrong
