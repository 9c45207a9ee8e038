"""Any life of a record, decided by the rules and by a small oracle that is written from the law, not from the code.

The oracle keeps one log of what happened and answers each question by looking back over it: it folds no state, knows no
step and no order. `LONG=1` plays ten thousand lives, every day some hundreds.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from services.access_control.domain import decide
from services.access_control.domain.record import Record, State
from shared.contracts.common import AccessMode, Act, FurtherAct, Wishes
from shared.contracts.record_requests import AdministratorRole, TeamKind
from shared.terminology import role
from tests.unit.access_control.cast import (
    DELEGATIONS,
    DOCTOR,
    HOLDER,
    INSURER,
    MAJORITY,
    MOTHER,
    NOW,
    NURSE,
    OPERATOR,
    OSTEOPATH,
    REGULATOR,
    changed,
    consult,
    do,
)

OTHERS = [REGULATOR, OSTEOPATH, changed(NURSE, number="810000000031", sector="SA66", structure="1750000066")]
PEOPLE = [DOCTOR, NURSE, *OTHERS]
MODES = list(AccessMode)
HOUR = timedelta(hours=1)
SESSION = 4 * HOUR


@dataclass
class Law:
    """What happened, in order; and what the law says of it."""

    log: list[tuple[str, dict]] = field(default_factory=list)
    now: datetime = NOW

    def happened(self, what: str, **told) -> None:
        self.log.append((what, told))

    def last(self, *kinds: str, **told):
        """The last of these events about that, as (kind, told)."""
        for kind, said in reversed(self.log):
            if kind in kinds and all(said.get(name) == value for name, value in told.items()):
                return kind, said
        return None, {}

    @property
    def adult(self) -> bool:
        return self.now >= MAJORITY

    @property
    def usable(self) -> bool:
        closed = self.last("close", "reopen")[0] == "close"
        suspended = self.last("suspend", "lift")[0] == "suspend"
        dead = self.last("die", "live")[0] == "die"
        return not (closed or suspended or dead)

    @property
    def held(self) -> bool:
        return self.last("hold", "release")[0] == "hold"

    def treats(self, who) -> bool:
        return self.last("declare")[1].get("who") == who.number

    def blocked(self, who) -> bool:
        return self.last("block", "unblock", who=who.number)[0] == "block" and not self.treats(who)

    def authorised(self, who) -> bool:
        """Nobody took it back, blocked him, or came of age since; and its end has not come."""
        kind, told = self.last("authorise", "revoke", "block", "unblock", who=who.number)
        if kind != "authorise" or (told["by"] is MOTHER and self.adult):
            return False
        return told["until"] is None or self.now < told["until"]

    def consented_now(self, who) -> bool:
        """One of his consents at the consultation holds, none of them ended by block or revocation."""
        for kind, told in reversed(self.log):
            if kind in {"block", "revoke"} and told["who"] == who.number:
                return False
            if kind == "session" and told["who"] == who.number and self.now < told["at"] + SESSION:
                return True
        return False

    def in_team(self, who) -> bool:
        kind, told = self.last("team", "end_team", structure=who.structure)
        return kind == "team" and not (told["by"] is MOTHER and self.adult)

    def administrator(self, who) -> bool:
        """Named, and authorised without a break ever since."""
        if not self.authorised(who):
            return False
        for kind, told in reversed(self.log):
            if told.get("who") != who.number:
                continue
            if kind == "name":
                return not (told["by"] is MOTHER and self.adult)
            if kind in {"remove", "revoke", "block", "unblock", "authorise_anew"}:
                return False
        return False

    def wish(self, name: str) -> bool:
        kind, told = self.last("wish")
        return told[name] if kind else name != "masked"

    def may_read(self, who, mode) -> bool:
        if not self.usable or self.held or who.sector == "SA66" or self.blocked(who):
            return False
        if self.treats(who):
            return True
        if mode is AccessMode.EMERGENCY:
            return self.wish("break_glass") and role(who.role).kind == "health profession"
        if mode is AccessMode.REGULATION:
            return self.wish("regulation") and who.regulator
        return self.authorised(who) or self.consented_now(who) or self.in_team(who)

    def sees_masked(self, who, mode) -> bool:
        urgent = mode is not AccessMode.NORMAL and self.wish("masked")
        return self.treats(who) or self.administrator(who) or urgent

    def may_feed(self, who) -> bool:
        if not self.usable or who.sector == "SA66":
            return False
        if role(who.role).kind == "health profession":
            return True
        if self.last("block", "unblock", who=who.number)[0] == "block" and not self.treats(who):
            return False
        return self.authorised(who) or self.consented_now(who) or self.in_team(who)


people = st.sampled_from([DOCTOR, DOCTOR, DOCTOR, *PEOPLE])
sides = st.sampled_from([HOLDER, HOLDER, MOTHER])
ends = st.sampled_from([None, None, HOUR, 30 * HOUR])


class Life(RuleBasedStateMachine):
    """One record, played against the oracle: every command by who may ask for it, then every read after each step."""

    @initialize(
        opening=st.sets(st.sampled_from(["session", "team", "authorise", "name"])),
        by=sides,
        end=ends,
        near=st.booleans(),
    )
    def begin(self, opening, by, end, near) -> None:
        """Half of the lives begin right before majority, most with something given already."""
        self.law = Law()
        self.record = Record(state=State.OPEN, majority=MAJORITY, delegations=DELEGATIONS)
        if near:
            self.majority_is_near()
        if "session" in opening:
            self.session(DOCTOR)
        if "team" in opening:
            self.team(by)
        if "authorise" in opening:
            self.authorise(DOCTOR, by, end)
        if "name" in opening:
            self.name(DOCTOR, HOLDER)

    def ask(self, act, actor, expected: bool, **fields) -> bool:
        """Ask for it; the answer has to be the expected one, and a denial changes nothing."""
        after = do(self.record, act, actor, self.law.now, **fields)
        assert after.verdict.permitted is expected, (act, after.verdict, self.law.log)
        assert expected or after.record is self.record
        self.record = after.record
        return expected and after.happened

    def decides(self, actor) -> bool:
        return actor is HOLDER or not self.law.adult

    def free(self, actor) -> bool:
        return self.law.usable and not self.law.held and self.decides(actor)

    def block_stands(self, who) -> bool:
        return self.law.last("block", "unblock", who=who.number)[0] == "block"

    @rule(who=people, by=sides, end=ends)
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
        may = self.law.administrator(by) if by.number else self.decides(by)
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
        expected = self.free(HOLDER) and not self.law.blocked(who)
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
        self.ask(Act.DECLARE, INSURER, expected=True, professional=who)
        self.law.happened("declare", who=who or "nobody")

    @rule(act=st.sampled_from([Act.CLOSE, Act.REOPEN]))
    def close_or_reopen(self, act) -> None:
        law = self.law
        dead = law.last("die", "live")[0] == "die"
        closed = law.last("close", "reopen")[0] == "close"
        suspended = law.last("suspend", "lift")[0] == "suspend"
        expected = not (dead or closed) if act is Act.CLOSE else not (dead or suspended or law.held)
        if self.ask(act, HOLDER, expected):
            law.happened(act.value)

    @rule(act=st.sampled_from([FurtherAct.SUSPEND, FurtherAct.LIFT]))
    def suspend_or_lift(self, act) -> None:
        law = self.law
        dead = law.last("die", "live")[0] == "die"
        suspended = law.last("suspend", "lift")[0] == "suspend"
        if self.ask(act, OPERATOR, not dead and (suspended or act is FurtherAct.SUSPEND)):
            law.happened(act.value)

    @rule(undone=st.sampled_from([False, True, True, True]))
    def die_or_live(self, undone) -> None:
        self.ask(FurtherAct.DECEASE, INSURER, expected=True, undone=undone)
        self.law.happened("live" if undone else "die")

    @rule(hold=st.booleans())
    def hold_or_release(self, hold) -> None:
        """A hold comes of an error, not of a command: set here as the handlers do."""
        if hold:
            self.record = replace(self.record, held=True)
            self.law.happened("hold")
        else:
            self.ask(Act.RELEASE, OPERATOR, expected=True)
            self.law.happened("release")

    @rule(who=people, act=st.sampled_from([Act.AUTHORISE, Act.UNBLOCK, FurtherAct.WISH, Act.CLOSE]))
    def a_stranger_decides_on_nothing(self, who, act) -> None:
        self.ask(act, who, expected=False, professional=who.number, wishes=Wishes(masked=True))

    @rule(who=people)
    def a_stale_command_changes_nothing(self, who) -> None:
        stale = self.record.rights_version - 1
        for act in (Act.UNBLOCK, Act.AUTHORISE):
            self.ask(act, HOLDER, expected=False, professional=who.number, version=stale)

    @rule(jump=st.sampled_from([timedelta(microseconds=1), HOUR, 5 * HOUR, timedelta(hours=11), 40 * HOUR]))
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
                verdict = consult(self.record, who, now, mode=mode, reason_code="unconscious")
                assert verdict.permitted is law.may_read(who, mode), (who, mode, verdict, law.log)
                if verdict.scope is not None:
                    assert verdict.scope.masked is law.sees_masked(who, mode), (who, mode, law.log)
            assert decide.deposit(self.record, who, now).permitted is law.may_feed(who), (who, law.log)
        readable = law.usable and not law.held
        assert consult(self.record, HOLDER, now).permitted is readable
        assert consult(self.record, MOTHER, now).permitted is (readable and not law.adult)


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
