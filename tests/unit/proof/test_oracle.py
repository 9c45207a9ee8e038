"""The oracle is a second writing of the rules, so it is held against sentences, not against the service."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from deploy.proof.checker.oracle import Asked, Oracle
from deploy.proof.load.people import HOLDER, INSURER, OPERATOR, STRUCTURE, outsiders, professional
from shared.contracts.common import AccessMode, Actor, ActorKind, Owner, Wishes
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import (
    AdministratorRole,
    AgreeApp,
    Answer,
    Authorise,
    AuthoriseFor,
    Block,
    Close,
    CloseUncontested,
    ConsentSession,
    ConsentTeam,
    Consult,
    Decease,
    DeclareTreatingDoctor,
    DelegationKind,
    DelegationScope,
    EndDelegation,
    EndTeam,
    Invite,
    Lift,
    NameAdministrator,
    Object,
    Release,
    Reopen,
    RequestDeletion,
    Revoke,
    Suspend,
    TeamKind,
    Unblock,
    Wish,
)

RECORD = UUID(int=1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DOCTOR = professional(1)
NUMBER = DOCTOR.number


def consult(actor=DOCTOR, owner=Owner.DOCUMENT, **told):
    return Consult(actor=actor, owner=owner, deadline=NOW + timedelta(seconds=2), **told)


def command(kind, version, actor=HOLDER, **told):
    if kind in {Authorise, Revoke, Block, Unblock}:
        told = {"professional": NUMBER, **told}
    return kind(actor=actor, rights_version=version, **told)


def decided(*bodies, at=NOW, record=RECORD):
    oracle = Oracle([RECORD])
    asked = [Asked(uuid4(), record, getattr(body, "type_name", str(body)), _body(body)) for body in bodies]
    found = oracle.run(asked, dict.fromkeys((one.request for one in asked), at))
    return [next(iter(one.reasons)) if len(one.reasons) == 1 else one.reasons for one in found], oracle.life(record)


def _body(body):
    return None if isinstance(body, str) else body


@pytest.mark.parametrize(
    ("bodies", "reasons"),
    [
        ([consult()], [Reason.NOT_AUTHORISED]),
        ([consult(HOLDER)], [Reason.HOLDER]),
        ([command(Authorise, 0), consult()], [Reason.HOLDER, Reason.AUTHORISED]),
        ([command(Authorise, 0), command(Block, 1), consult()], [Reason.HOLDER, Reason.HOLDER, Reason.BLOCKED]),
        ([command(Authorise, 0), command(Revoke, 1), consult()], [Reason.HOLDER] * 2 + [Reason.NOT_AUTHORISED]),
        ([command(Authorise, 0, until=NOW), consult()], [Reason.HOLDER, Reason.AUTHORISATION_EXPIRED]),
        ([command(Block, 0), command(Unblock, 0), consult()], [Reason.HOLDER, Reason.STALE_RIGHTS, Reason.BLOCKED]),
        ([command(Block, 0), command(Unblock, 1), consult()], [Reason.HOLDER] * 2 + [Reason.NOT_AUTHORISED]),
        ([command(Block, 0), command(Authorise, 1)], [Reason.HOLDER, Reason.BLOCKED]),
        ([command(Block, 0), command(Block, 1), command(Unblock, 1)], [Reason.HOLDER] * 3),
        (
            [command(Close, 0), consult(HOLDER), command(Reopen, 1)],
            [Reason.HOLDER, Reason.RECORD_CLOSED, Reason.HOLDER],
        ),
        ([command(Block, 0, actor=DOCTOR)], [Reason.NOT_HOLDER]),
        ([command(Authorise, 0), consult(mode=AccessMode.EMERGENCY)], [Reason.HOLDER, Reason.EMERGENCY_NOT_SERVED]),
        ([command(Authorise, 0), consult(owner=Owner.AUDIT)], [Reason.HOLDER, Reason.NO_BRANCH]),
        ([consult(INSURER)], [Reason.EXCLUDED_ACTOR]),
        ([consult(STRUCTURE)], [Reason.NOT_AUTHENTICATED]),
        ([consult(outsiders(1)[2])], [Reason.EXCLUDED_SECTOR]),
        ([consult(outsiders(1)[3])], [Reason.NO_ROLE]),
    ],
)
def test_a_story_is_decided_as_the_rules_say(bodies, reasons):
    assert decided(*bodies)[0] == reasons


def test_the_treating_doctor_reads_and_is_not_blocked():
    declared = DeclareTreatingDoctor(actor=INSURER, professional=NUMBER)
    reasons, life = decided(declared, consult(), command(Block, 1))
    assert reasons == [Reason.INSURANCE_DECLARATION, Reason.TREATING_DOCTOR, Reason.NOT_BLOCKABLE]
    assert life.version == 1


def test_what_may_have_restricted_holds_the_record_until_it_is_released():
    reasons, life = decided(
        Block.type_name,
        consult(HOLDER),
        command(Authorise, 0),
        command(Block, 0),
        Release(actor=OPERATOR),
        consult(HOLDER),
    )
    assert reasons == [
        Reason.MALFORMED,
        Reason.RECORD_HELD,
        Reason.RECORD_HELD,
        Reason.HOLDER,
        Reason.OPERATOR_DUTY,
        Reason.HOLDER,
    ]
    assert not life.held


def test_a_broken_consultation_holds_nothing():
    assert decided(Consult.type_name, consult(HOLDER))[0] == [Reason.MALFORMED, Reason.HOLDER]


def test_a_late_consultation_is_denied_by_the_time_of_its_decision():
    assert decided(consult(HOLDER), at=NOW + timedelta(seconds=3))[0] == [Reason.LATE]


def test_a_record_that_is_not_there_stays_away():
    reasons, life = decided(consult(HOLDER), command(Close, 0), record=UUID(int=2))
    assert reasons == [Reason.NO_RECORD] * 2
    assert not life.exists


def test_of_a_request_that_comes_twice_the_first_counts():
    oracle, request = Oracle([RECORD]), uuid4()
    asked = Asked(request, RECORD, Authorise.type_name, command(Authorise, 0))
    assert len(oracle.run([asked, asked], {request: NOW})) == 1
    assert oracle.life(RECORD).version == 1


CARER = UUID(int=7)
GUARDIAN = UUID(int=8)


def delegate(identity):
    return Actor(kind=ActorKind.REPRESENTATIVE, authenticated=True, delegation=identity)


def invite(version, identity=CARER, kind=DelegationKind.CAREGIVING, actor=HOLDER, scope=DelegationScope.READ):
    return Invite(actor=actor, rights_version=version, delegation=identity, kind=kind, scopes=frozenset({scope}))


def answer(version, identity=CARER, accepted=True):
    return Answer(actor=delegate(identity), rights_version=version, delegation=identity, accepted=accepted)


def end(version, actor, identity=CARER):
    return EndDelegation(actor=actor, rights_version=version, delegation=identity)


def guarded(actor=INSURER):
    return [invite(0, GUARDIAN, DelegationKind.PROTECTED_ADULT, actor), answer(1, GUARDIAN)]


def team(version, **told):
    about = {"actor": HOLDER, "kind": TeamKind.PROFESSIONAL, "team": NUMBER} | told
    return ConsentTeam(rights_version=version, **about)


def session(version, actor=HOLDER, **told):
    about = {} if actor is DOCTOR else {"professional": NUMBER, "structure": DOCTOR.structure}
    return ConsentSession(actor=actor, rights_version=version, **about, **told)


def name(version, role=AdministratorRole.MIDWIFE):
    return NameAdministrator(actor=HOLDER, rights_version=version, professional=NUMBER, role=role)


def urgent(mode=AccessMode.EMERGENCY, actor=DOCTOR, code="unconscious", **told):
    return consult(actor, mode=mode, reason_code=code, **told)


BLOCK_OTHER = {"actor": DOCTOR, "professional": professional(2).number}
REGULATOR = DOCTOR.model_copy(update={"regulator": True})
H, A, DUTY = Reason.HOLDER, Reason.AUTHORISED, Reason.INSURANCE_DECLARATION


@pytest.mark.parametrize(
    ("bodies", "reasons"),
    [
        # AR-008, AR-009: a team reads until its end or the holder's word; who tells that care has ended is of the team
        ([team(0), consult(), EndTeam(actor=HOLDER, rights_version=1, team=NUMBER), consult()], [H, A, H, "none"]),
        ([team(0), EndTeam(actor=DOCTOR, rights_version=1, team=NUMBER), consult()], [H, A, "none"]),
        ([team(0, until=NOW)], [Reason.NO_BRANCH]),
        ([team(0, actor=DOCTOR)], [Reason.NOT_HOLDER]),
        ([team(0, actor=DOCTOR, kind=TeamKind.STRUCTURE, team=DOCTOR.structure), consult()], [A, A]),
        # AR-010: a consultation, declared by the professional or given by the holder; a block ends it
        ([session(0, DOCTOR), consult(), command(Block, 1), consult()], [A, A, H, Reason.BLOCKED]),
        ([session(0), consult(), command(Revoke, 1), consult()], [H, A, H, "none"]),
        ([command(Block, 0), session(1)], [H, Reason.BLOCKED]),
        # AR-028: an administrator blocks others and reads traces; what ends the authorisation ends that, too
        ([command(Authorise, 0), name(1), command(Block, 2, **BLOCK_OTHER)], [H, H, A]),
        ([command(Authorise, 0), name(1), consult(owner=Owner.AUDIT)], [H, H, A]),
        (
            [command(Authorise, 0), name(1), command(Revoke, 2), command(Block, 3, **BLOCK_OTHER)],
            [H, H, H, Reason.NOT_HOLDER],
        ),
        ([name(0)], [Reason.NOT_AUTHORISED]),
        ([command(Authorise, 0), name(1, AdministratorRole.DOCTOR)], [H, Reason.NO_BRANCH]),
        # AR-033 to AR-040: three wishes, the right to the mode, the reason
        ([urgent()], [A]),
        ([urgent(code=None)], [Reason.EMERGENCY_NOT_SERVED]),
        ([urgent(code="other")], [Reason.EMERGENCY_NOT_SERVED]),
        ([urgent(code="other", reason_told=True)], [Reason.EMERGENCY_NOT_SERVED]),
        ([urgent(AccessMode.REGULATION)], [Reason.EMERGENCY_NOT_SERVED]),
        ([urgent(AccessMode.REGULATION, REGULATOR)], [A]),
        ([command(Block, 0), urgent()], [H, Reason.BLOCKED]),
        (
            [Wish(actor=HOLDER, rights_version=0, wishes=Wishes(break_glass=False)), urgent()],
            [H, Reason.EMERGENCY_NOT_SERVED],
        ),
        # AR-061, AR-063: carers read, whom the law puts in charge decides with the holder's opinion
        ([invite(0), consult(delegate(CARER)), answer(1), consult(delegate(CARER))], [H, Reason.NO_BRANCH, H, H]),
        ([invite(0), answer(1, accepted=False), consult(delegate(CARER))], [H, H, Reason.NO_BRANCH]),
        ([invite(0), answer(1), answer(2)], [H, H, Reason.NO_BRANCH]),
        ([invite(0, scope=DelegationScope.RIGHTS)], [Reason.NO_BRANCH]),
        ([invite(0), answer(1), end(2, HOLDER), consult(delegate(CARER))], [H, H, H, Reason.NO_BRANCH]),
        (
            [*guarded(), command(Block, 2, delegate(GUARDIAN), opinion="agrees"), consult()],
            [DUTY, H, H, Reason.BLOCKED],
        ),
        ([*guarded(), command(Block, 2, delegate(GUARDIAN))], [DUTY, H, Reason.NO_BRANCH]),
        ([*guarded(), end(2, HOLDER, GUARDIAN)], [DUTY, H, Reason.NOT_HOLDER]),
        ([*guarded(), end(2, delegate(GUARDIAN), GUARDIAN)], [DUTY, H, H]),
        (guarded(HOLDER)[:1], [Reason.NOT_HOLDER]),
        ([invite(0, kind=DelegationKind.LEGAL_REPRESENTATION, actor=INSURER)], [Reason.NO_BRANCH]),
        # AR-057: suspended, objected, lifted; nobody closes within the six weeks
        ([Suspend(actor=INSURER), consult(HOLDER), Lift(actor=OPERATOR)], [DUTY, "suspended", Reason.OPERATOR_DUTY]),
        ([Suspend(actor=HOLDER), Lift(actor=INSURER)], [Reason.NO_BRANCH] * 2),
        (
            [Suspend(actor=INSURER), Object(actor=HOLDER, rights_version=1), CloseUncontested(actor=INSURER)],
            [DUTY, H, "no"],
        ),
        (
            [Decease(actor=INSURER), consult(HOLDER), Decease(actor=INSURER, undone=True), consult(HOLDER)],
            [DUTY, "gone", DUTY, H],
        ),
        # AR-055, AR-067, AR-011
        ([RequestDeletion(actor=HOLDER, rights_version=0), command(Close, 1)], [H, "gone"]),
        ([AgreeApp(actor=HOLDER, rights_version=0, app="x", scopes=frozenset())], [Reason.NO_BRANCH]),
        ([AuthoriseFor(actor=DOCTOR, rights_version=0, professional="8", reason_code="x")], [Reason.NOT_HOLDER]),
        ([team(0), AuthoriseFor(actor=DOCTOR, rights_version=1, professional="8", reason_code="x")], [H, A]),
    ],
)
def test_what_the_law_gives_beside_an_authorisation_is_decided_as_the_rules_say(bodies, reasons):
    words = {
        "none": Reason.NOT_AUTHORISED,
        "no": Reason.NO_BRANCH,
        "suspended": Reason.RECORD_SUSPENDED,
        "gone": Reason.RECORD_CLOSED,
    }
    assert decided(*bodies)[0] == [words.get(reason, reason) for reason in reasons]
