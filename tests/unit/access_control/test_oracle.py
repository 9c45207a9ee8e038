"""Any sequence of requests, decided by the handlers and by an oracle that is written from the rules, not from the code.

The oracle keeps the history of what was done and looks back over it; the code folds states.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.access_control.domain.record import Record, State
from shared.contracts.access_decisions import Outcome
from shared.contracts.common import Owner
from shared.contracts.record_requests import (
    Authorise,
    Block,
    Close,
    Consult,
    DeclareTreatingDoctor,
    Release,
    Reopen,
    Revoke,
    RightsCommand,
    Unblock,
)
from tests.unit.access_control.cast import (
    DOCTOR,
    HOLDER,
    INSURER,
    NOW,
    NURSE,
    OPERATOR,
    OTHER_DOCTOR,
    decided,
    fail,
    handle,
)

PEOPLE = {actor.number: actor for actor in (DOCTOR, OTHER_DOCTOR, NURSE)}
LIFE_5_S = timedelta(seconds=5)
RESTRICTING = (Block, Revoke, Close, DeclareTreatingDoctor)


@dataclass
class History:
    """All that succeeded, in order, with its moment; questions are answered by looking back."""

    done: list[tuple[datetime, object]] = field(default_factory=list)
    held: bool = False
    version: int = 0
    last_permit: datetime = NOW

    def last(self, *kinds, professional=None):
        for _, body in reversed(self.done):
            if isinstance(body, kinds) and (professional is None or body.professional == professional):
                return body
        return None

    @property
    def closed(self):
        return isinstance(self.last(Close, Reopen), Close)

    def treating(self, professional):
        declared = self.last(DeclareTreatingDoctor)
        return declared is not None and declared.professional == professional

    def blocked(self, professional):
        return isinstance(self.last(Block, Unblock, professional=professional), Block)

    def authorised(self, professional, now):
        # an unblock gives nothing back, and takes nothing from who was not blocked
        found = self.last(Authorise, Revoke, Block, professional=professional)
        return isinstance(found, Authorise) and (found.until is None or now < found.until)

    def may(self, body):
        if isinstance(body, DeclareTreatingDoctor):
            return body.actor == INSURER
        if isinstance(body, Release):
            return body.actor == OPERATOR
        return body.actor == HOLDER and body.rights_version == self.version and self.lets(body)

    def lets(self, body):
        """Whether life, hold and standing let the holder do it."""
        if isinstance(body, Reopen):
            return not self.held
        if self.closed or (self.held and not isinstance(body, (Block, Revoke, Close))):
            return False
        if isinstance(body, Block):
            return not self.treating(body.professional)
        return not (isinstance(body, Authorise) and self.blocked(body.professional))

    def happens(self, body):
        """Whether there is something to change."""
        if isinstance(body, Block):
            return not self.blocked(body.professional)
        if isinstance(body, Unblock):
            return self.blocked(body.professional)
        if isinstance(body, Revoke):
            last = self.last(Authorise, Revoke, Block, professional=body.professional)
            return isinstance(last, Authorise)
        if isinstance(body, Reopen):
            return self.closed
        if isinstance(body, DeclareTreatingDoctor):
            return not self.treating(body.professional) and not (
                body.professional is None and self.last(DeclareTreatingDoctor) is None
            )
        return not isinstance(body, Release)

    def note(self, body, now):
        if isinstance(body, Release):
            self.held = False
        self.version += self.happens(body)
        self.done.append((now, body))

    def may_read(self, actor, now, deadline):
        if now > deadline or self.closed or self.held:
            return False
        if actor == HOLDER or self.treating(actor.number):
            return True
        return not self.blocked(actor.number) and self.authorised(actor.number, now)


numbers = st.sampled_from(sorted(PEOPLE))
authors = st.sampled_from([HOLDER, HOLDER, HOLDER, HOLDER, DOCTOR, INSURER])
ends = st.one_of(st.none(), st.integers(-5, 60))
kinds = st.sampled_from(
    [Authorise, Authorise, Block, Block, Unblock, Revoke, Close, Reopen, DeclareTreatingDoctor, Release]
)
commands = st.tuples(kinds, authors, numbers, st.sampled_from([0, 0, 0, 0, -1, 1]), ends, st.booleans())
reads = st.tuples(st.just(Consult), st.sampled_from([HOLDER, *PEOPLE.values()]), st.integers(-1, 3))
steps = st.lists(
    st.tuples(st.one_of(commands, commands, reads), st.integers(0, 4), st.sampled_from([False] * 9 + [True])),
    max_size=40,
)


def command(drawn, version, now):
    kind, actor, number, stale, end, none = drawn
    if kind is DeclareTreatingDoctor:
        return kind(actor=INSURER if actor == HOLDER else actor, professional=None if none else number)
    if kind is Release:
        return kind(actor=OPERATOR if actor == HOLDER else actor)
    fields = {"actor": actor, "rights_version": version + stale, "professional": number}
    if kind is Authorise:
        fields["until"] = None if end is None else now + timedelta(seconds=end)
    return kind(**fields)


def shortens(history, body, now):
    """Whether an authorisation would end earlier than the one that stands, expired or not."""
    if not isinstance(body, Authorise) or body.until is None or history.blocked(body.professional):
        return False
    last = history.last(Authorise, Revoke, Block, professional=body.professional)
    return isinstance(last, Authorise) and (last.until is None or body.until < last.until)


@settings(max_examples=200, deadline=None)
@given(steps)
def test_any_sequence_is_decided_as_the_oracle_says(drawn_steps):
    record, history, now = Record(state=State.OPEN), History(), NOW
    for drawn, pause, breaks in drawn_steps:
        now += timedelta(seconds=pause)
        if drawn[0] is Consult:
            record = read(record, history, now, drawn)
            continue
        body = command(drawn, history.version, now)
        record = broken(record, history, body, now) if breaks else done(record, history, body, now)
        assert record.rights_version == history.version
        assert record.held is history.held


def read(record, history, now, drawn):
    _, actor, seconds = drawn
    deadline = now + timedelta(seconds=seconds)
    effects = handle(Consult(actor=actor, owner=Owner.DOCUMENT, deadline=deadline), record, now)
    permitted = decided(effects).outcome is Outcome.PERMIT
    assert permitted is history.may_read(actor, now, deadline)
    assert (decided(effects).permit is not None) is permitted
    if actor.number and history.blocked(actor.number) and not history.treating(actor.number):
        assert not permitted, "a blocked professional never reads"
    if permitted:
        history.last_permit = max(history.last_permit, now + LIFE_5_S)
    return effects.state


def done(record, history, body, now):
    effects = handle(body, record, now)
    allowed = history.may(body)
    assert (decided(effects).outcome is Outcome.PERMIT) is allowed, body
    if not allowed:
        assert effects.state == record
        return record
    if isinstance(body, RESTRICTING):
        assert decided(effects).in_force_at == max(now, history.last_permit)
    history.note(body, now)
    return effects.state


def broken(record, history, body, now):
    """The handler raised: denied, and held where access may have been restricted."""
    effects = fail(body, record)
    assert decided(effects).outcome is Outcome.DENY
    history.held = history.held or isinstance(body, RESTRICTING) or shortens(history, body, now)
    return effects.state


def test_the_oracle_meets_both_answers():
    """It would say nothing if it denied, or permitted, everything."""
    history = History()
    assert not history.may_read(DOCTOR, NOW, NOW)
    history.note(Authorise(actor=HOLDER, rights_version=0, professional=DOCTOR.number), NOW)
    assert history.may_read(DOCTOR, NOW, NOW)
    assert isinstance(history.done[0][1], RightsCommand)
    history.note(Block(actor=HOLDER, rights_version=1, professional=DOCTOR.number), NOW)
    assert not history.may_read(DOCTOR, NOW, NOW)
