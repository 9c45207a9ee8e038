"""Rehearsal, against the decision itself: each past consultation decided again, one by one, on the draft."""

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.access_control import handlers
from services.access_control.domain import decide
from services.access_control.domain.changes import DecisionMade, MatrixAsked
from services.access_control.domain.decide import REIMBURSEMENTS
from services.access_control.domain.matrix import NOTHING, Basis, Cell, build
from services.access_control.domain.matrix_rehearsal import Asked, Flip, asked_group, rehearse
from services.access_control.domain.policy import DEFAULT
from services.access_control.domain.record import Right
from services.access_control.domain.verdict import Sight, deny, permit
from shared.contracts.common import ActorKind, Owner
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_requests import Consult
from tests.unit.access_control.cast import (
    APP,
    AUTHORISING,
    DOCTOR,
    HOLDER,
    MATRIX,
    NOW,
    NURSE,
    OPEN,
    OTHER_DOCTOR,
    RECORD,
    SOON,
    TellingSigner,
    changed,
    decided,
    handle,
    message,
    reading,
)

ACTORS = {"medecin": DOCTOR, "infirmier": NURSE}
TYPES = ("11502-2", "34112-3", REIMBURSEMENTS)
OCCUPATIONAL = changed(NURSE, sector="SA66")
READ = (Owner.DOCUMENT, Owner.HISTORY)


def version(name, allowed):
    cells = {
        (group, code): Cell((group, code) in allowed, "documented", "high", "b") for group in ACTORS for code in TYPES
    }
    bases = {"b": Basis("", "")}
    return build(name, date(2024, 1, 1), cells, inactive=frozenset(), provenance="", bases=bases)


ALLOWED = st.frozensets(st.tuples(st.sampled_from(sorted(ACTORS)), st.sampled_from(TYPES)))
PAST = st.lists(st.tuples(st.sampled_from(sorted(ACTORS)), st.sampled_from(READ), st.sampled_from("ab")), max_size=12)


def decide_by(matrix, group, owner):
    return decide.consult(AUTHORISING, reading(ACTORS[group], owner), NOW, matrix)


@given(PAST, ALLOWED, ALLOWED, ALLOWED)
def test_ar_012_a_rehearsal_says_what_deciding_again_would_say(past, first, second, third):
    used, draft = {"a": version("a", first), "b": version("b", second)}, version("draft", third)
    counted, expected, touched = Counter(), Counter(), Counter()
    for group, owner, name in past:
        then, again = decide_by(used[name], group, owner), decide_by(draft, group, owner)
        counted[asked_group(ACTORS[group], then), owner, name, then.permitted] += 1
        had = then.scope.types if then.scope else frozenset()
        would = again.scope.types if again.scope else frozenset()
        for code in had ^ would:
            expected[group, code, code in would, then.permitted is not again.permitted] += 1
        touched[group] += had != would
    found = rehearse([Asked(*key, count) for key, count in counted.items()], used, draft)
    told = Counter()
    for flip in found.flips:
        told[flip.group, flip.type_code, flip.gained, False] += flip.scopes
        told[flip.group, flip.type_code, flip.gained, True] += flip.decisions
    assert +told == +expected
    assert dict(found.touched) == dict(+touched)
    assert (found.replayed, found.left_out) == (len(past), 0)


def test_a_rehearsal_on_the_version_in_force_changes_nothing():
    past = [
        Asked("medecin", Owner.DOCUMENT, MATRIX.version, permitted=True, count=5),
        Asked("medecin", Owner.HISTORY, MATRIX.version, permitted=True, count=2),
    ]
    found = rehearse(past, {MATRIX.version: MATRIX}, MATRIX)
    assert (found.flips, dict(found.touched), found.replayed) == ((), {}, 7)


def test_gains_and_losses_are_told_by_group_and_type_with_their_counts():
    used = version("a", {("medecin", "11502-2"), ("medecin", REIMBURSEMENTS), ("infirmier", "11502-2")})
    draft = version("b", {("medecin", "11502-2"), ("medecin", "34112-3")})
    past = [
        Asked("medecin", Owner.DOCUMENT, "a", permitted=True, count=10),
        Asked("medecin", Owner.HISTORY, "a", permitted=True, count=3),
        Asked("infirmier", Owner.HISTORY, "a", permitted=False, count=9),
    ]
    found = rehearse(past, {"a": used}, draft)
    assert found.flips == (
        Flip("medecin", "34112-3", gained=True, scopes=10, decisions=0),
        Flip("medecin", REIMBURSEMENTS, gained=False, scopes=10, decisions=3),
    )
    assert found.touched == {"medecin": 13}


def test_what_was_decided_by_an_unknown_version_is_left_out_and_told():
    found = rehearse([Asked("medecin", Owner.DOCUMENT, "lost", permitted=True, count=4)], {}, MATRIX)
    assert (found.replayed, found.left_out, found.flips) == (0, 4, ())


@pytest.mark.parametrize(
    ("actor", "verdict", "group"),
    [
        (DOCTOR, permit(Reason.AUTHORISED, Sight(types=frozenset())), "medecin"),
        (NURSE, deny(Reason.MATRIX_DENIES), "infirmier"),
        (DOCTOR, permit(Reason.TREATING_DOCTOR, Sight(types=None)), None),
        (HOLDER, permit(Reason.HOLDER, Sight(types=None)), None),
        (HOLDER, permit(Reason.HOLDER, Sight(types=frozenset({"t"}))), None),
        (DOCTOR, deny(Reason.BLOCKED), None),
        (DOCTOR, permit(Reason.AUTHORISED), None),
        (OCCUPATIONAL, deny(Reason.MATRIX_DENIES), "medecin"),
        (
            changed(DOCTOR, kind=ActorKind.REPRESENTATIVE, app=APP),
            permit(FurtherReason.APP, Sight(types=frozenset({"t"}))),
            None,
        ),
    ],
)
def test_a_group_is_kept_only_where_the_matrix_had_a_say(actor, verdict, group):
    assert asked_group(actor, verdict) == group


def kept(effects):
    (row,) = [change for change in effects.changes if isinstance(change, DecisionMade)]
    return row.matrix


def consult(actor, owner=Owner.DOCUMENT):
    return Consult(actor=actor, owner=owner, deadline=SOON)


def test_a_permitted_consultation_keeps_what_a_rehearsal_needs():
    asked = MatrixAsked("medecin", Owner.HISTORY, MATRIX.version)
    assert kept(handle(consult(DOCTOR, Owner.HISTORY), AUTHORISING)) == asked


def test_so_does_one_that_the_matrix_denied():
    lane = handlers.requests(NOTHING, TellingSigner())
    effects = handle(consult(NURSE, Owner.HISTORY), AUTHORISING, lane=lane)
    assert decided(effects).reasons == (Reason.MATRIX_DENIES,)
    assert decided(effects).matrix_version == "none"
    assert kept(effects) == MatrixAsked("infirmier", Owner.HISTORY, "none")


def test_ar_012_047_occupational_medicine_is_rehearsed_in_the_column_that_it_reads():
    lane = handlers.requests(MATRIX, TellingSigner(), replace(DEFAULT, occupational_medicine=True))
    effects = handle(consult(OCCUPATIONAL), OPEN.with_right(OCCUPATIONAL.number, Right()), lane=lane)
    assert kept(effects) == MatrixAsked("medecin", Owner.DOCUMENT, MATRIX.version)


@pytest.mark.parametrize(
    ("actor", "record"),
    [(HOLDER, OPEN), (OTHER_DOCTOR, AUTHORISING), (DOCTOR, replace(OPEN, treating=DOCTOR.number)), (DOCTOR, OPEN)],
)
def test_nothing_is_kept_where_the_matrix_had_no_say(actor, record):
    assert kept(handle(consult(actor), record)) is None


def test_ar_012_a_type_that_the_matrix_does_not_know_is_in_no_scope():
    verdict = decide.consult(AUTHORISING, reading(DOCTOR), NOW, MATRIX)
    assert "0-0" not in verdict.scope.types
    assert verdict.scope.types <= MATRIX.types


def test_ar_012_a_history_is_denied_where_the_matrix_does_not_know_its_type():
    without = build(
        "w",
        date(2024, 1, 1),
        {place: cell for place, cell in MATRIX.cells.items() if place[1] != REIMBURSEMENTS},
        inactive=MATRIX.inactive,
        provenance="",
        bases=MATRIX.bases,
    )
    verdict = decide.consult(AUTHORISING, reading(DOCTOR, Owner.HISTORY), NOW, without)
    assert (verdict.permitted, verdict.reason) == (False, Reason.MATRIX_DENIES)


@pytest.mark.parametrize("type_code", ["11502-2", "ATTEST-RESID", "0-0"])
def test_ar_003_a_deposit_never_asks_the_matrix(type_code):
    body = Deposit(deposit=RECORD, actor=DOCTOR, type_code=type_code)
    told = [
        decided(handlers.deposits(matrix)[Deposit](message(body), OPEN, NOW)).outcome for matrix in (MATRIX, NOTHING)
    ]
    assert told == ["permit", "permit"]
