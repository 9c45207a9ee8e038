"""The checker finds each fault that is planted into what clients were told at the doors, and into what came of it."""

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from deploy.proof.checker.clients import Attempt, Changed, Clients, Dropped, Histories, Looked, Taken
from deploy.proof.checker.doors import check
from deploy.proof.checker.facts import Document, Read, RecordRow
from shared.contracts.common import Act
from shared.contracts.document_events import Consulted
from shared.contracts.reasons import Reason
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT, DOCUMENT_EVENTS
from tests.unit.proof.test_checker import DEPOSIT, DOCTOR, HASH, NOW, READ, R, decision, leaf, told, whole

OTHER = UUID(int=77)
UNIQUE = "1.2.3"
HISTORIES = Histories((), frozenset({R}), frozenset({R}))


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def attempt(what, begin, end, status=200, **more):
    return Attempt(what, 1, at(begin), at(end), status, **more)


def facts():
    found = whole()
    place = (DOCUMENT_EVENTS, 0)
    consulted = told(2, Consulted(request=READ, actor=DOCTOR), "consulted")
    block = told(5, decision(UUID(int=50), Act.BLOCK, Reason.HOLDER, rights_version=2, in_force_at=NOW), "decided")
    outboxes = dict(found.outboxes)
    outboxes[place] = [*outboxes[place], consulted]
    outboxes[ACCESS_DECISIONS, 0] = [*outboxes[ACCESS_DECISIONS, 0], block]
    return replace(
        found,
        outboxes=outboxes,
        leaves=[*found.leaves, leaf(6, place, consulted)],
        records={R: RecordRow(False, False, 2, None, {}, frozenset({DOCTOR.number}))},
    )


def clients():
    deposit = Dropped(R, UNIQUE, HASH)
    deposit.answers = [Taken(201, at(-5), DEPOSIT, R, UNIQUE), Taken(202, at(-4), DEPOSIT)]
    unknown = attempt("block", 2, 3, 503, code="unsent")
    found = Clients(
        deposits=[deposit, Dropped(R, "9.9", b"broken", good=False, answers=[Taken(422, at(-3))])],
        looks=[Looked(DOCUMENT, R, DOCTOR.number, attempt("search", -1, 1), (UNIQUE,), whole=True)],
        changes=[
            Changed(R, "authorise", DOCTOR.number, 0, attempt("authorise", -9, -8), 1, R),
            Changed(R, "block", DOCTOR.number, 1, unknown),
            Changed(R, "block", DOCTOR.number, 1, attempt("block", 3, 4), 2, R),
        ],
        opened={"somebody": [R, R]},
        marks={UNIQUE: R},
    )
    found.attempts = [look.attempt for look in found.looks] + [change.attempt for change in found.changes]
    return found


def told_later(found):
    """The read that happened, seconds after its answer."""
    return replace(found, reads={DOCUMENT: [Read(READ, R, at(4.5))]})


def with_row(found, deposit, **changes):
    row = found.documents[DEPOSIT]._replace(**changes)
    return replace(found, documents=dict(found.documents) | {deposit: row})


def of_look(**changes):
    def plant(found):
        found.looks[0] = found.looks[0]._replace(**changes)

    return plant


def of_change(place, **changes):
    def plant(found):
        found.changes[place] = found.changes[place]._replace(**changes)

    return plant


def of_deposit(*answers):
    return lambda found: found.deposits[0].answers.extend(answers)


def attempted(*attempts):
    return lambda found: found.attempts.extend(attempts)


FACTS = {
    "a deposit is lost": ("every deposit that a door took", lambda f: replace(f, documents={})),
    "a deposit is refused": ("every deposit that a door took", lambda f: with_row(f, DEPOSIT, status="refused")),
    "a deposit has other bytes": ("every deposit that a door took", lambda f: with_row(f, DEPOSIT, sha256=b"?")),
    "a repeat is stored, too": ("repeats at the doors", lambda f: with_row(f, OTHER)),
    "nobody sent it": ("nothing refused", lambda f: with_row(f, OTHER, unique_id="7.7")),
    "a broken document is stored": ("nothing refused", lambda f: with_row(f, OTHER, unique_id="9.9", sha256=b"broken")),
    "a broken document is stored elsewhere": (
        "nothing refused",
        lambda f: with_row(f, OTHER, record=OTHER, sha256=b"broken"),
    ),
    "nothing was read": ("every read that a door", lambda f: replace(f, reads={})),
    "the read came later": ("every read that a door", told_later),
    "the read was not permitted": (
        "every read that a door",
        lambda f: replace(f, decisions={READ: f.decisions[READ]._replace(outcome="deny")}),
    ),
    "the read was not traced": ("every read that a door", lambda f: replace(f, leaves=f.leaves[:-1])),
    "a read passed a block": ("no read passes", told_later),
    "a change was not decided": (
        "changes told",
        lambda f: replace(f, outboxes=dict(f.outboxes) | {(ACCESS_DECISIONS, 0): f.outboxes[ACCESS_DECISIONS, 0][:4]}),
    ),
    "a right is another": (
        "rights end",
        lambda f: replace(f, records={R: f.records[R]._replace(blocked=frozenset())}),
    ),
    "an opened record is lost": ("an opening", lambda f: replace(f, records={})),
}
CLIENTS = {
    "a repeat has an id of its own": ("repeats at the doors", of_deposit(Taken(201, at(0), OTHER))),
    "a repeat is refused": ("repeats at the doors", of_deposit(Taken(409, at(0)))),
    "a broken document was taken": (
        "nothing refused",
        lambda c: c.deposits[1].answers.append(Taken(201, at(0), DEPOSIT)),
    ),
    "another's document was shown": ("nobody is answered", lambda c: c.marks.update({UNIQUE: OTHER})),
    "a document of nobody was shown": ("nobody is answered", of_look(shown=(UNIQUE, "x"))),
    "another document was opened": ("nobody is answered", of_look(wanted="x")),
    "a document was shown twice": ("nobody is answered", of_look(shown=(UNIQUE, UNIQUE))),
    "another's change was answered": ("nobody is answered", of_change(0, about=OTHER)),
    "another's deposit was answered": ("nobody is answered", of_deposit(Taken(201, at(0), DEPOSIT, OTHER, UNIQUE))),
    "a stored document is not found": ("what a door told to be stored", of_look(shown=())),
    "two answers for one read": ("every read that a door", lambda c: c.looks.append(c.looks[0])),
    "an answer after the block": ("no read passes", of_look(attempt=attempt("search", 5, 6))),
    "a change made another version": ("changes told", of_change(2, told=7)),
    "a conflict with nobody": (
        "changes told",
        of_change(0, attempt=attempt("authorise", -9, -8, 412), told=None, about=None),
    ),
    "nobody asked for a change": ("changes told", lambda c: c.changes.__delitem__(slice(1, 3))),
    "one person has two records": ("an opening", lambda c: c.opened.update(somebody=[R, OTHER])),
    "one record has two persons": ("an opening", lambda c: c.opened.update(another=[R])),
    "an error says nothing": ("errors at the doors", attempted(attempt("search", 0, 1, 503, clear=False))),
    "an error is ours": ("errors at the doors", attempted(attempt("search", 0, 1, 500, code="internal_error"))),
    "a holder is refused": ("errors at the doors", attempted(attempt("search", 0, 1, 404, refusable=False))),
    "a client was never told": ("every client", lambda c: c.given_up.append("a deposit was never answered")),
}


def wrong(found):
    return [one.claim for one in found if not one.ok]


def test_whole_answers_have_no_fault():
    assert wrong(check(facts(), clients(), HISTORIES)) == []


@pytest.mark.parametrize("name", FACTS)
def test_a_planted_fact_is_found(name):
    claim, plant = FACTS[name]
    assert any(one.startswith(claim) for one in wrong(check(plant(facts()), clients(), HISTORIES)))


@pytest.mark.parametrize("name", CLIENTS)
def test_a_planted_answer_is_found(name):
    claim, plant = CLIENTS[name]
    found = deepcopy(clients())
    plant(found)
    assert any(one.startswith(claim) for one in wrong(check(facts(), found, HISTORIES)))


@pytest.mark.parametrize(
    "histories", [HISTORIES._replace(indexed=frozenset()), HISTORIES._replace(reached=frozenset())]
)
def test_an_opening_that_stopped_half_way_is_found(histories):
    (claim,) = wrong(check(facts(), clients(), histories))
    assert claim.startswith("an opening")


def test_a_read_after_the_block_was_taken_back_is_none_past_it():
    found = clients()
    found.changes.append(Changed(R, "unblock", DOCTOR.number, 2, attempt("unblock", 4.1, 4.2, None)))
    claims = wrong(check(told_later(facts()), found, HISTORIES))
    assert not any(one.startswith("no read passes") for one in claims)


def test_nothing_to_look_at_is_a_fault():
    claims = wrong(check(facts(), Clients(), HISTORIES))
    assert {"repeats at the doors are one deposit", "nobody is answered with another's"} <= set(claims)


def test_a_document_of_others_is_none_of_the_clients():
    row = Document(OTHER, "current", "5.5", "x", False, b"other", None, UUID(int=3))
    found = facts()
    assert wrong(check(replace(found, documents={**found.documents, OTHER: row}), clients(), HISTORIES)) == []
