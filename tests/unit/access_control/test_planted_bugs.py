"""A bug in one rule denies and holds what it must, and the others go on (AR-018 and whatever else restricts).

Into every part of every rule, one after the other, a bug is planted that raises; then everything is asked. What met the
bug is denied; a command that may have restricted access holds the record; every other request is decided as before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from services.access_control import handlers
from services.access_control.domain import rights
from services.access_control.domain.branches import (
    apps,
    deposits,
    documents,
    extracts,
    holder,
    no_read,
    professionals,
)
from services.access_control.domain.branches.documents import TAKE_AWAY
from services.access_control.domain.oversight import Case, Oversight
from services.access_control.domain.record import ABSENT, Record, Right, State
from services.access_control.domain.relations import Agreement, DelegationState
from services.access_control.domain.requests import COMMANDS, ON_DOCUMENTS, command_of
from shared.contracts import record_documents as on
from shared.contracts import record_requests as ask
from shared.contracts.access_decisions import Outcome, RecordHeld
from shared.contracts.common import AccessMode, Body, Capacity, Owner, Wishes
from shared.contracts.reasons import Reason
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_extracts import AnswerExtract, OpposeHeirs, RequestExtract
from shared.contracts.record_oversight import ConfirmEmergency, Contest
from shared.contracts.record_requests import (
    AdministratorRole,
    AppScope,
    DelegationKind,
    DelegationScope,
    Function,
    TeamKind,
)
from shared.messaging import Failed
from tests.unit.access_control.cast import (
    APP,
    AUTHORISING,
    CARER,
    CARER_ID,
    CASE,
    DEAD,
    DELEGATIONS,
    DOCTOR,
    GUARDIAN,
    HEIR,
    HOLDER,
    INSURER,
    MATRIX,
    MINOR,
    MOTHER,
    NOW,
    NURSE,
    OPEN,
    OPERATOR,
    OSTEOPATH,
    OTHER_DOCTOR,
    OTHER_OPERATOR,
    POLICY,
    REGULATOR,
    SOON,
    TellingSigner,
    changed,
    decided,
    message,
    team,
    with_case,
)

P, V = DOCTOR.number, {"rights_version": 0}
SUSPENDED = replace(OPEN, suspended=True, suspended_at=NOW)
PENDING_ID = UUID(int=21)
PENDING = replace(DELEGATIONS[str(CARER_ID)], state=DelegationState.PENDING, expires=SOON)
INVITED = replace(OPEN, delegations={str(PENDING_ID): PENDING})
READING = {"kind": DelegationKind.CAREGIVING, "scopes": frozenset({DelegationScope.READ})}
HELPING = READING | {"kind": DelegationKind.HEALTHCARE_PROFESSIONAL}
AGREED = replace(OPEN, apps={APP: Agreement(frozenset(AppScope))})
THROUGH_APP = changed(HOLDER, app=APP)
BLOCKED = OPEN.with_right(P, Right(blocked=True))
HEIRESS = changed(HOLDER, capacity=Capacity.HEIR)
REQUESTS = handlers.requests(MATRIX, TellingSigner(), POLICY)
DEPOSITS = handlers.deposits(MATRIX, POLICY)

PERMITTED: list[tuple[Body, Record]] = [
    (ask.Authorise(actor=HOLDER, **V, professional=P), OPEN),
    (ask.Authorise(actor=HOLDER, **V, professional=P, until=SOON), AUTHORISING),
    (ask.Revoke(actor=HOLDER, **V, professional=P), AUTHORISING),
    (ask.Block(actor=HOLDER, **V, professional=P), AUTHORISING),
    (ask.Unblock(actor=HOLDER, **V, professional=P), BLOCKED),
    (ask.Close(actor=HOLDER, **V), OPEN),
    (ask.Reopen(actor=HOLDER, **V), replace(OPEN, state=State.CLOSED)),
    (ask.DeclareTreatingDoctor(actor=INSURER, professional=P), OPEN),
    (ask.Release(actor=OPERATOR), replace(OPEN, held=True)),
    (ask.AuthoriseFor(actor=DOCTOR, **V, professional=OTHER_DOCTOR.number, reason_code="absent"), team()),
    (ask.ConsentSession(actor=HOLDER, **V, professional=P, structure=DOCTOR.structure), OPEN),
    (ask.ConsentTeam(actor=HOLDER, **V, kind=TeamKind.STRUCTURE, team=DOCTOR.structure), OPEN),
    (ask.ConsentTeam(actor=HOLDER, **V, kind=TeamKind.STRUCTURE, team=DOCTOR.structure, until=SOON), team()),
    (ask.EndTeam(actor=HOLDER, **V, team=DOCTOR.structure), team()),
    (ask.NameAdministrator(actor=HOLDER, **V, professional=P, role=AdministratorRole.MIDWIFE), AUTHORISING),
    (
        ask.RemoveAdministrator(actor=HOLDER, **V, professional=P),
        OPEN.with_right(P, Right(administrator=AdministratorRole.MIDWIFE)),
    ),
    (ask.Wish(actor=HOLDER, **V, wishes=Wishes(break_glass=False)), OPEN),
    (ask.Wish(actor=HOLDER, **V, wishes=Wishes(masked=True)), OPEN),
    (ask.OptOut(actor=HOLDER, **V, functions=frozenset({Function.HISTORY})), OPEN),
    (ask.Invite(actor=HOLDER, **V, delegation=UUID(int=22), **READING), OPEN),
    (ask.Invite(actor=HOLDER, **V, delegation=UUID(int=25), professional=P, **HELPING), OPEN),
    (ask.Answer(actor=changed(CARER, delegation=PENDING_ID), **V, delegation=PENDING_ID, accepted=True), INVITED),
    (ask.EndDelegation(actor=CARER, **V, delegation=CARER_ID), MINOR),
    (ask.AgreeApp(actor=HOLDER, **V, app=APP, scopes=frozenset({AppScope.DEPOSIT})), OPEN),
    (ask.AgreeApp(actor=HOLDER, **V, app=APP, scopes=frozenset({AppScope.DEPOSIT})), AGREED),
    (ask.WithdrawApp(actor=HOLDER, **V, app=APP), AGREED),
    (ask.Activate(actor=HOLDER, **V), OPEN),
    (ask.Suspend(actor=OPERATOR), OPEN),
    (ask.Object(actor=HOLDER, **V), SUSPENDED),
    (ask.Lift(actor=INSURER), SUSPENDED),
    (ask.CloseUncontested(actor=INSURER), replace(SUSPENDED, suspended_at=NOW - timedelta(weeks=7))),
    (ask.Decease(actor=INSURER), OPEN),
    (ask.RequestDeletion(actor=HOLDER, **V), replace(OPEN, state=State.CLOSED)),
    (ConfirmEmergency(actor=OTHER_DOCTOR, professional=P), OPEN),
    (Contest(actor=HOLDER, case=UUID(int=23), request=UUID(int=24), professional=P), OPEN),
    (OpposeHeirs(actor=HOLDER, **V, opposed=True), OPEN),
    (
        RequestExtract(actor=OPERATOR, case=CASE, kind=HEIR.kind, purpose=HEIR.purpose, types=HEIR.types),
        replace(DEAD, oversight=Oversight(texts=frozenset({CASE}))),
    ),
    (AnswerExtract(actor=OTHER_OPERATOR, case=CASE, accepted=True), with_case(approved_until=None)),
    (AnswerExtract(actor=OTHER_OPERATOR, case=CASE, accepted=False), with_case()),
    (on.MaskByDefault(actor=HOLDER, **V, masked=True), OPEN),
    (on.MaskByDefault(actor=HOLDER, **V, masked=False), replace(OPEN, masks_by_default=True)),
]
"""Each command where it is permitted, so that every part of its rule is asked."""
READS = [
    (ask.Consult(actor=actor, owner=owner, deadline=SOON, **more), record)
    for actor, record, owner, more in (
        (HOLDER, OPEN, Owner.DOCUMENT, {}),
        (MOTHER, MINOR, Owner.DOCUMENT, {}),
        (THROUGH_APP, AGREED, Owner.DOCUMENT, {}),
        (DOCTOR, AUTHORISING, Owner.DOCUMENT, {}),
        (DOCTOR, AUTHORISING, Owner.HISTORY, {}),
        (NURSE, team(), Owner.DOCUMENT, {}),
        (DOCTOR, replace(OPEN, treating=P), Owner.AUDIT, {}),
        (DOCTOR, OPEN, Owner.DOCUMENT, {"mode": AccessMode.EMERGENCY, "reason_code": "unconscious"}),
        (REGULATOR, OPEN, Owner.DOCUMENT, {"mode": AccessMode.REGULATION, "reason_code": "unconscious"}),
        (DOCTOR, BLOCKED, Owner.DOCUMENT, {}),
        (OTHER_DOCTOR, OPEN, Owner.DOCUMENT, {}),
        (INSURER, OPEN, Owner.DOCUMENT, {}),
        (OPERATOR, OPEN, Owner.DOCUMENT, {}),
        (OPERATOR, with_case(), Owner.DOCUMENT, {"case": CASE}),
        (HOLDER, ABSENT, Owner.DOCUMENT, {}),
    )
]
FED = [
    (Deposit(deposit=UUID(int=31), actor=actor, type_code=type_code), replace(record, majority=NOW))
    for type_code in ("11502-2", deposits.DIRECTIVES)
    for actor, record in (
        (DOCTOR, OPEN),
        (OSTEOPATH, AUTHORISING),
        (HOLDER, OPEN),
        (GUARDIAN, MINOR),
        (THROUGH_APP, AGREED),
    )
]
CONTESTED = Case(UUID(int=32), P, None, NOW, NOW, founded=True, answered_by=OTHER_OPERATOR.number)
ERASED = replace(OPEN, oversight=Oversight(cases={CASE: CONTESTED}))
ACTS = [
    (body(actor=actor, document=UUID(int=32), at_request=True, **more), record)
    for actor, record, more, acts in (
        (HOLDER, MINOR, {}, (on.Mask, on.Unmask, on.Hide, on.Reveal, on.Archive, on.Unarchive, on.Delete)),
        (GUARDIAN, MINOR, {"opinion": "agrees"}, (on.Mask, on.Archive)),
        (MOTHER, MINOR, {}, (on.Mask, on.Unmask, on.Archive, on.Unarchive, on.Delete, on.Hide)),
        (DOCTOR, AUTHORISING, {}, on.ON_A_DOCUMENT),
        (DOCTOR, replace(OPEN, treating=P), {}, on.ON_A_DOCUMENT),
        (OTHER_DOCTOR, OPEN, {}, on.ON_A_DOCUMENT),
        (THROUGH_APP, AGREED, {}, on.ON_A_DOCUMENT),
        (HEIRESS, OPEN, {}, (on.Mask,)),
        (INSURER, OPEN, {}, (on.Mask,)),
        (OPERATOR, ERASED, {"case": CASE}, (on.Delete,)),
    )
    for body in acts
]
EVERYTHING = [*PERMITTED, *READS, *FED, *ACTS]
BRANCHES = {
    "holder": holder.BRANCH,
    "apps": apps.BRANCH,
    "professionals": professionals.BRANCH,
    "by case": no_read.BY_CASE,
    "extract": extracts.BRANCH,
    "excluded": no_read.EXCLUDED,
    "deposit, holder": deposits.HOLDER,
    "deposit, app": deposits.APP,
    "deposit, feeder": deposits.FEEDER,
    **{f"directives, {name}": branch for name, branch in deposits.OF_AN_ADULT.items()},
    "document, holder": documents.HOLDER,
    "document, professional": documents.PROFESSIONAL,
    "document, author": documents.AUTHOR,
    "document, operator": documents.OPERATOR,
    "document, app": documents.APP,
    "document, excluded": documents.EXCLUDED,
    "document, by case": documents.BY_CASE,
}
STEPS = {(name, step.code): step for name, branch in BRANCHES.items() for step in (*branch.steps, branch.grant)}
ASKED = [act for act in rights.RULES if act in COMMANDS.values()]
"""Acts that somebody asks for; the others are the clock's alone."""
PARTS = ("who", "state", "apply", "refuses", "restricts")


class PlantedError(Exception):
    """The bug."""


def bug(*_):
    raise PlantedError


@contextmanager
def planted(rule: object, part: str) -> Iterator[None]:
    """A bug in a part of a frozen rule."""
    sound = getattr(rule, part)
    object.__setattr__(rule, part, bug)
    try:
        yield
    finally:
        object.__setattr__(rule, part, sound)


def settle(body: Body, record: Record):
    """What the lane makes of a request: a handler that raises is followed by that of `Failed`."""
    lane = DEPOSITS if isinstance(body, Deposit) else REQUESTS
    identity = UUID(int=1)
    try:
        return lane[type(body)](message(body, identity=identity), record, NOW)
    except PlantedError:
        failed = message(Failed.model_construct(original=body), type_name=body.type_name, identity=identity)
        return lane[Failed](failed, record, NOW)


SOUND = [settle(body, record) for body, record in EVERYTHING]


def hit_by() -> list[int]:
    """Ask everything; which requests met the bug. All others are decided as before."""
    found = []
    for place, ((body, record), sound) in enumerate(zip(EVERYTHING, SOUND, strict=True)):
        effects = settle(body, record)
        if effects == sound:
            continue
        assert decided(effects).outcome is Outcome.DENY, body
        assert decided(effects).reasons == (Reason.INTERNAL_ERROR,), body
        assert effects.state in (record, replace(record, held=True)), body
        found.append(place)
    return found


def test_the_requests_here_ask_every_part_of_every_rule():
    assert {type(body) for body, _ in PERMITTED} == set(COMMANDS)
    for (body, _), sound in zip(PERMITTED, SOUND, strict=False):
        assert decided(sound).outcome is Outcome.PERMIT, (body, decided(sound))


@pytest.mark.parametrize("where", STEPS, ids=" ".join)
def test_ar_018_a_bug_in_a_step_denies_what_meets_it_and_holds_only_what_an_act_may_have_taken_away(where):
    with planted(STEPS[where], "ask"):
        hit = hit_by()
        for place in hit:
            body, record = EVERYTHING[place]
            held = ON_DOCUMENTS.get(type(body)) in TAKE_AWAY
            effects = settle(body, record)
            assert effects.state == replace(record, held=held), "a read or a deposit restricts nobody"
            assert [type(one) for one in effects.emits[1:]] == ([RecordHeld] if held else [])
            assert decided(effects).document == getattr(body, "document", None)
    assert hit, f"nobody met the bug in {where}"
    assert not any(place < len(PERMITTED) for place in hit), "commands go on"


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("act", ASKED)
def test_ar_018_a_bug_in_a_command_denies_it_and_holds_what_may_have_been_restricted(act, part):
    rule = rights.RULES[act]
    may = [command_of(body).act is act and rights.restricts(record, command_of(body)) for body, record in PERMITTED]
    with planted(rule, part):
        hit = hit_by()
        assert {COMMANDS[type(EVERYTHING[place][0])] for place in hit} == {act}
        for place in hit:
            body, record = EVERYTHING[place]
            effects = settle(body, record)
            # where the bug hits the very question whether access was to be taken, nobody knows: held
            held = (part == "restricts" or may[place]) and not record.held
            assert effects.state == replace(record, held=record.held or held)
            assert [type(one) for one in effects.emits[1:]] == ([RecordHeld] if held else [])


@pytest.mark.parametrize("act", ASKED)
def test_a_record_that_a_bug_held_is_read_by_nobody_and_released_by_the_operator(act):
    with planted(rights.RULES[act], "restricts"):
        held = [
            settle(body, record).state for body, record in PERMITTED if COMMANDS[type(body)] is act and not record.held
        ]
    for record in held:
        for actor in (HOLDER, DOCTOR):
            read = ask.Consult(actor=actor, owner=Owner.DOCUMENT, deadline=SOON)
            assert decided(settle(read, record)).outcome is Outcome.DENY
        released = settle(ask.Release(actor=OPERATOR), record).state
        assert released == replace(record, held=False)
