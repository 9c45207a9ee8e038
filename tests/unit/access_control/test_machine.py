"""Any life of a record, decided by the rules and by a small oracle that is written from the law, not from the code.

`law.py` is the oracle. Whatever happens, each command is also held against what it does to those who read: where it
takes anything from anybody, it is told no earlier than the last permit before it runs out. `LONG=1` plays ten thousand
lives, every day some hundreds.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from services.access_control.domain import decide
from services.access_control.domain.record import Record, State
from shared.contracts.access_decisions import Outcome
from shared.contracts.common import AccessMode, Act, FurtherAct, Owner, Wishes
from shared.contracts.record_requests import (
    AdministratorRole,
    AppScope,
    Consult,
    DelegationKind,
    DelegationScope,
    Function,
    TeamKind,
)
from shared.security import PERMIT_LIFETIME
from tests.unit.access_control.cast import (
    APP,
    CARER,
    CARER_ID,
    DELEGATIONS,
    DOCTOR,
    GUARDIAN,
    GUARDIAN_ID,
    HOLDER,
    INSURER,
    MAJORITY,
    MOTHER,
    MOTHER_ID,
    NURSE,
    OPERATOR,
    OSTEOPATH,
    POLICY,
    REGULATOR,
    changed,
    consult,
    decided,
    do,
    handle,
    seen,
)
from tests.unit.access_control.law import HALF_AN_HOUR, HOUR, INVITATION, Law
from tests.unit.access_control.machine_documents import ActsOnDocuments

OTHERS = [REGULATOR, OSTEOPATH, changed(NURSE, number="810000000031", sector="SA66", structure="1750000066")]
PEOPLE = [DOCTOR, NURSE, *OTHERS]
MODES = list(AccessMode)
THROUGH = changed(HOLDER, app=APP)
"""The holder's app."""
BY_LAW = {MOTHER_ID: MOTHER, GUARDIAN_ID: GUARDIAN}
AT_FIRST = {str(one): DELEGATIONS[str(one)] for one in BY_LAW}
SCOPES = {Owner.DOCUMENT: AppScope.READ_DOCUMENTS, Owner.HISTORY: AppScope.READ_HISTORY}
READERS = [
    *((who, mode, owner) for who in PEOPLE for mode in MODES for owner in SCOPES),
    *((one, AccessMode.NORMAL, owner) for one in (HOLDER, MOTHER, GUARDIAN, CARER, THROUGH) for owner in SCOPES),
]
people = st.sampled_from([DOCTOR, DOCTOR, DOCTOR, *PEOPLE])
sides = st.sampled_from([HOLDER, HOLDER, MOTHER, GUARDIAN])
ends = st.sampled_from([None, None, HOUR, 30 * HOUR])


class Life(RuleBasedStateMachine, ActsOnDocuments):
    """One record, played against the oracle: every command by who may ask for it, then every read after each step."""

    professionals = PEOPLE

    @initialize(
        opening=st.sets(st.sampled_from(["session", "team", "authorise", "name", "urgent", "helper"])),
        by=sides,
        end=ends,
        near=st.booleans(),
    )
    def begin(self, opening, by, end, near) -> None:
        """Half of the lives begin right before majority, most with something given already."""
        self.law, self.turn = Law(), len(opening)
        self.record = Record(state=State.OPEN, majority=MAJORITY, delegations=AT_FIRST)
        self.policy = POLICY
        for which in BY_LAW:
            self.law.happened("accept", which=which, until=None)
        if near:
            self.majority_is_near()
        given = {
            "session": lambda: self.session(DOCTOR),
            "team": lambda: self.team(by),
            "authorise": lambda: self.authorise(DOCTOR, by, end),
            "urgent": lambda: self.urgent(DOCTOR, AccessMode.EMERGENCY, "unconscious"),
            "name": lambda: self.name(DOCTOR, HOLDER),
            "helper": lambda: (self.invite(by, {DelegationScope.READ}, end, DOCTOR), self.answer(accepted=True)),
        }
        for name in filter(opening.__contains__, given):
            given[name]()

    def ask(self, act, actor, expected: bool, **fields) -> bool:
        """Ask for it; the answer has to be the expected one, a denial changes nothing, what restricts says when."""
        last_permit = self.law.now + PERMIT_LIFETIME
        self.record = replace(self.record, permits_until=last_permit)
        if actor is GUARDIAN:
            fields.setdefault("opinion", "agrees")
        after = do(self.record, act, actor, self.law.now, self.policy, **fields)
        assert after.verdict.permitted is expected, (act, after.verdict, self.law.log)
        assert expected or after.record is self.record
        if after.happened and self.takes_something(after.record):
            assert after.in_force_at == last_permit, (act, self.law.log)
        self.record = after.record
        return expected and after.happened

    def takes_something(self, after: Record) -> bool:
        """True where somebody is shown less now than before."""
        now, policy = self.law.now, self.policy
        return any(seen(self.record, *reader, now, policy) - seen(after, *reader, now, policy) for reader in READERS)

    def decides(self, actor) -> bool:
        return self.law.decides(actor)

    def free(self, actor) -> bool:
        return self.law.usable and not self.law.held and self.decides(actor)

    def block_stands(self, who) -> bool:
        return self.law.last("block", "unblock", who=who.number)[0] == "block"

    @rule(who=people, by=sides, end=st.one_of(ends, st.just(0 * HOUR)))
    def authorise(self, who, by, end) -> None:
        until = None if end is None else self.law.now + end
        held_before = self.law.authorised(who)
        expected = self.free(by) and not self.block_stands(who)
        if self.ask(Act.AUTHORISE, by, expected, professional=who.number, until=until):
            if not held_before:
                self.law.happened("authorise_anew", who=who.number)
            self.law.happened("authorise", who=who.number, until=until, by=by)

    @rule(who=people, by=sides)
    def revoke(self, who, by) -> None:
        expected = self.law.usable and self.decides(by)
        if self.ask(Act.REVOKE, by, expected, professional=who.number):
            self.law.happened("revoke", who=who.number)

    @rule(who=people, by=st.sampled_from([HOLDER, MOTHER, DOCTOR, NURSE]))
    def block(self, who, by) -> None:
        may = self.law.administrator(by) and not self.law.barred(by) if by.number else self.decides(by)
        expected = may and self.law.usable and not self.law.treats(who)
        if self.ask(Act.BLOCK, by, expected, professional=who.number):
            self.law.happened("block", who=who.number)

    @rule(who=people, by=sides)
    def unblock(self, who, by) -> None:
        if self.ask(Act.UNBLOCK, by, self.free(by), professional=who.number):
            self.law.happened("unblock", who=who.number)

    @rule(who=people, by=sides)
    def name(self, who, by) -> None:
        expected = self.free(by) and self.law.authorised(who)
        named = {"professional": who.number, "role": AdministratorRole.PHARMACIST}
        if self.ask(FurtherAct.NAME_ADMINISTRATOR, by, expected, **named):
            self.law.happened("name", who=who.number, by=by)
            if by is MOTHER:  # what she touched is hers: nothing is left of it at majority
                until = self.law.last("authorise", who=who.number)[1]["until"]
                self.law.happened("authorise", who=who.number, until=until, by=by)

    @rule(who=people)
    def remove(self, who) -> None:
        if self.ask(FurtherAct.REMOVE_ADMINISTRATOR, HOLDER, self.law.usable, professional=who.number):
            self.law.happened("remove", who=who.number)

    @rule(who=st.sampled_from([DOCTOR, NURSE, OSTEOPATH]))
    def session(self, who) -> None:
        expected = self.free(HOLDER) and not self.law.blocked(who) and not self.law.barred(who)
        if self.ask(FurtherAct.CONSENT_SESSION, who, expected):
            self.law.happened("session", who=who.number, at=self.law.now)

    @rule(by=sides)
    def team(self, by) -> None:
        asked = {"team_kind": TeamKind.STRUCTURE, "team": DOCTOR.structure}
        if self.ask(FurtherAct.CONSENT_TEAM, by, self.free(by), **asked):
            self.law.happened("team", structure=DOCTOR.structure, by=by)

    @rule()
    def end_team(self) -> None:
        if self.ask(FurtherAct.END_TEAM, HOLDER, self.law.usable, team=DOCTOR.structure):
            self.law.happened("end_team", structure=DOCTOR.structure)

    @rule(break_glass=st.booleans(), regulation=st.booleans(), masked=st.booleans())
    def wish(self, break_glass, regulation, masked) -> None:
        wishes = Wishes(break_glass=break_glass, regulation=regulation, masked=masked)
        if self.ask(FurtherAct.WISH, HOLDER, self.free(HOLDER), wishes=wishes):
            self.law.happened("wish", **wishes.model_dump())

    @rule(who=st.sampled_from([DOCTOR.number, NURSE.number, None]))
    def declare(self, who) -> None:
        if self.ask(Act.DECLARE, INSURER, not self.law.deleted, professional=who):
            self.law.happened("declare", who=who or "nobody")

    @rule(act=st.sampled_from([Act.CLOSE, Act.REOPEN]))
    def close_or_reopen(self, act) -> None:
        law = self.law
        dead = law.dead or law.deleted
        closed = law.last("close", "reopen")[0] == "close"
        suspended = law.last("suspend", "lift")[0] == "suspend"
        expected = not (dead or closed) if act is Act.CLOSE else not (dead or suspended or law.held)
        if self.ask(act, HOLDER, expected):
            law.happened(act.value)

    @rule(act=st.sampled_from([FurtherAct.SUSPEND, FurtherAct.LIFT]))
    def suspend_or_lift(self, act) -> None:
        law = self.law
        dead = law.dead or law.deleted
        suspended = law.last("suspend", "lift")[0] == "suspend"
        if self.ask(act, OPERATOR, not dead and (suspended or act is FurtherAct.SUSPEND)):
            law.happened(act.value)

    @rule(undone=st.sampled_from([False, True, True, True]))
    def die_or_live(self, undone) -> None:
        if self.ask(FurtherAct.DECEASE, INSURER, not self.law.deleted, undone=undone):
            self.law.happened("live" if undone else "die")

    @rule(hold=st.booleans())
    def hold_or_release(self, hold) -> None:
        """A hold comes of an error, not of a command: set here as the handlers do."""
        if not hold:
            self.ask(Act.RELEASE, OPERATOR, not self.law.deleted)
            self.law.happened("release")
        elif not self.law.deleted:
            self.record = replace(self.record, held=True)
            self.law.happened("hold")

    @rule(who=people, mode=st.sampled_from(MODES[1:]), reason=st.sampled_from(["unconscious", None, "other", "x"]))
    def urgent(self, who, mode, reason) -> None:
        """A read in an emergency mode, by the handler: the first one begins the emergency, its reason goes on."""
        law = self.law
        told = {"mode": mode, "deadline": law.now + HOUR, "reason_code": reason, "reason_told": True}
        body = Consult(actor=who, owner=Owner.DOCUMENT, **told)
        treats, known = law.treats(who), law.going_on(who, mode)
        expected = law.may_read(who, mode) and (treats or known or reason == "unconscious")
        effects = handle(body, self.record, law.now)
        told = decided(effects)
        assert (told.outcome is Outcome.PERMIT) is expected, (who, mode, reason, told, law.log)
        assert (told.emergency is not None) is expected
        assert not expected or (told.emergency.first is not None) is (known and not treats)
        self.record = effects.state
        if expected and not treats and not known:
            law.happened("emergency", who=who.number, mode=mode, at=law.now)

    @rule(by=sides, scopes=st.sets(st.sampled_from(DelegationScope)), end=ends, who=st.none() | people)
    def invite(self, by, scopes, end, who) -> None:
        until, number = None if end is None else self.law.now + end, who and who.number
        kind = DelegationKind.HEALTHCARE_PROFESSIONAL if who else DelegationKind.CAREGIVING
        barred = who is not None and self.block_stands(who)
        expected = self.free(by) and bool(scopes) and DelegationScope.RIGHTS not in scopes and not barred
        asked = {"delegation": CARER_ID, "kind": kind, "scopes": frozenset(scopes), "until": until}
        if self.ask(FurtherAct.INVITE, by, expected, professional=number, **asked):
            self.law.happened("invite", which=CARER_ID, scopes=scopes, until=until, at=self.law.now, who_is=number)

    @rule(accepted=st.sampled_from([True, True, False]))
    def answer(self, accepted) -> None:
        law = self.law
        expected = law.usable and not law.held and law.waits(CARER_ID)
        if self.ask(FurtherAct.ANSWER, CARER, expected, delegation=CARER_ID, accepted=accepted):
            until = law.last("invite", which=CARER_ID)[1]["until"]
            law.happened("accept" if accepted else "refuse", which=CARER_ID, until=until)

    @rule(which=st.sampled_from([CARER_ID, CARER_ID, GUARDIAN_ID]), by=st.sampled_from([HOLDER, CARER, OPERATOR]))
    def end_delegation(self, which, by) -> None:
        """A carer's by anybody of both sides; the holder does not end what protects him."""
        known = which in BY_LAW or self.law.last("invite", which=which)[0] is not None
        may = by is OPERATOR or which == CARER_ID
        if self.ask(FurtherAct.END_DELEGATION, by, self.law.usable and known and may, delegation=which):
            self.law.happened("end", which=which)

    @rule(by=sides, scopes=st.sets(st.sampled_from(AppScope), min_size=1), end=ends)
    def agree(self, by, scopes, end) -> None:
        law = self.law
        until = None if end is None else law.now + end
        wanted = law.last("app_off", "app_on")[0] != "app_off" and not law.without(Function.APPS)
        asked = {"app": APP, "app_scopes": frozenset(scopes), "until": until}
        if self.ask(FurtherAct.AGREE_APP, by, self.free(by) and wanted, **asked):
            law.happened("agree", by=by, scopes=scopes, until=until)

    @rule(by=sides)
    def withdraw(self, by) -> None:
        if self.ask(FurtherAct.WITHDRAW_APP, by, self.law.usable and self.decides(by), app=APP):
            self.law.happened("withdraw")

    @rule(functions=st.sets(st.sampled_from(Function)))
    def opt_out(self, functions) -> None:
        if self.ask(FurtherAct.OPT_OUT, HOLDER, self.free(HOLDER), functions=frozenset(functions)):
            self.law.happened("opt_out", functions=functions)

    @rule(off=st.booleans())
    def the_operator_suspends_the_app(self, off) -> None:
        app = replace(POLICY.apps[APP], suspended=off)
        self.policy = replace(POLICY, apps={**POLICY.apps, APP: app})
        self.law.happened("app_off" if off else "app_on")

    @rule(who=people, bar=st.booleans())
    def the_operator_suspends_an_actor(self, who, bar) -> None:
        barred = self.record.oversight.suspended - {who.number} | ({who.number} if bar else set())
        self.record = replace(self.record, oversight=replace(self.record.oversight, suspended=barred))
        self.law.happened("bar" if bar else "admit", who=who.number)

    @rule(by=sides, stale=st.sampled_from([True] * 6 + [False]))
    def delete(self, by, stale) -> None:
        """Mostly on rights that were overtaken: a deleted record has no life any more."""
        law = self.law
        can = law.deleted or not (law.dead or law.held)
        version = self.record.rights_version - stale
        if self.ask(FurtherAct.REQUEST_DELETION, by, can and self.decides(by) and not stale, version=version):
            law.happened("delete")

    @rule()
    def the_clock_tidies_up(self) -> None:
        """What ended by itself is taken away: nothing that is decided changes."""
        self.ask(FurtherAct.COME_OF_AGE, OPERATOR, self.law.usable and self.law.adult)

    @rule(who=people, act=st.sampled_from([Act.AUTHORISE, Act.UNBLOCK, FurtherAct.WISH, Act.CLOSE]))
    def a_stranger_decides_on_nothing(self, who, act) -> None:
        for actor in (who, CARER, THROUGH):
            self.ask(act, actor, expected=False, professional=who.number, wishes=Wishes(masked=True))

    @rule(who=people)
    def a_stale_command_changes_nothing(self, who) -> None:
        stale = self.record.rights_version - 1
        for act in (Act.UNBLOCK, Act.AUTHORISE):
            self.ask(act, HOLDER, expected=False, professional=who.number, version=stale)

    @rule(
        jump=st.sampled_from(
            [timedelta(microseconds=1), HALF_AN_HOUR, HOUR, 5 * HOUR, 11 * HOUR, 40 * HOUR, INVITATION]
        )
    )
    def time_passes(self, jump) -> None:
        self.law.now += jump

    @rule()
    def majority_is_near(self) -> None:
        self.law.now = max(self.law.now, MAJORITY - timedelta(microseconds=1))

    @invariant()
    def every_read_and_deposit_is_decided_as_the_law_says(self) -> None:
        law, now = self.law, self.law.now
        for who in PEOPLE:
            for mode in MODES:
                verdict = consult(self.record, who, now, self.policy, mode=mode, reason_code="unconscious")
                assert verdict.permitted is law.may_read(who, mode), (who, mode, verdict, law.log)
                if verdict.scope is not None:
                    assert verdict.scope.masked is law.sees_masked(who, mode), (who, mode, law.log)
                if mode is not AccessMode.NORMAL:
                    without = consult(self.record, who, now, self.policy, mode=mode).permitted
                    justified = law.treats(who) or law.going_on(who, mode)
                    assert without is (law.may_read(who, mode) and justified), (who, mode, law.log)
            assert decide.deposit(self.record, who, now).permitted is law.may_feed(who), (who, law.log)
            history = consult(self.record, who, now, self.policy, owner=Owner.HISTORY).permitted
            may = law.may_read(who, AccessMode.NORMAL) and not law.without(Function.HISTORY)
            assert not history or may, (who, law.log)
            assert not (law.treats(who) and may) or history, (who, law.log)

    @invariant()
    def the_holders_side_reads_and_feeds_as_the_law_says(self) -> None:
        law, now = self.law, self.law.now
        readable = law.usable and not law.held
        assert consult(self.record, HOLDER, now).permitted is readable
        for one in (MOTHER, GUARDIAN, CARER):
            reads = readable and law.covers(one, DelegationScope.READ)
            assert consult(self.record, one, now).permitted is reads, (one, law.log)
            feeds = law.usable and law.covers(one, DelegationScope.DEPOSIT)
            assert decide.deposit(self.record, one, now).permitted is feeds, (one, law.log)
        for owner, scope in SCOPES.items():
            permitted = consult(self.record, THROUGH, now, self.policy, owner=owner).permitted
            assert permitted is (readable and law.app_may(scope)), law.log
        feeds = decide.deposit(self.record, THROUGH, now, self.policy).permitted
        assert feeds is (law.usable and law.app_may(AppScope.DEPOSIT)), law.log


QUIET = (HealthCheck.too_slow, HealthCheck.data_too_large)


def test_any_life_of_a_record_is_decided_as_the_law_says() -> None:
    run_state_machine_as_test(
        Life, settings=settings(max_examples=500, stateful_step_count=20, deadline=None, suppress_health_check=QUIET)
    )


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_ten_thousand_lives() -> None:
    run_state_machine_as_test(
        Life, settings=settings(max_examples=10_000, stateful_step_count=30, deadline=None, suppress_health_check=QUIET)
    )
