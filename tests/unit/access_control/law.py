"""What the law says of one record, written from the law and not from the code.

One log of what happened, and each question answered by looking back over it: no state is folded, no step and no order
is known.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.contracts.common import AccessMode
from shared.contracts.record_requests import DelegationScope, Function
from shared.terminology import role
from tests.unit.access_control.cast import GUARDIAN, HOLDER, MAJORITY, MOTHER, NOW

HOUR = timedelta(hours=1)
SESSION = 4 * HOUR
HALF_AN_HOUR = HOUR / 2
INVITATION = timedelta(days=30)


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
        return not (closed or suspended or self.dead or self.deleted)

    @property
    def dead(self) -> bool:
        return self.last("die", "live")[0] == "die"

    @property
    def deleted(self) -> bool:
        """Nothing takes it back."""
        return self.last("delete")[0] is not None

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
        if not self.usable or self.held or who.sector == "SA66" or self.barred(who) or self.blocked(who):
            return False
        if self.treats(who):
            return True
        if mode is AccessMode.EMERGENCY:
            return self.wish("break_glass") and role(who.role).kind == "health profession"
        if mode is AccessMode.REGULATION:
            return self.wish("regulation") and who.regulator
        return self.authorised(who) or self.consented_now(who) or self.in_team(who)

    def barred(self, who) -> bool:
        """Suspended by the operator: does nothing anywhere, the médecin traitant either."""
        return self.last("bar", "admit", who=who.number)[0] == "bar"

    def going_on(self, who, mode) -> bool:
        """An emergency of his in this mode began within the half hour: no reason is asked for again."""
        kind, told = self.last("emergency", who=who.number, mode=mode)
        return kind is not None and self.now < told["at"] + HALF_AN_HOUR

    def acts_for(self, actor) -> bool:
        """Invited, accepted, not ended; a carer's end has not come, a minor has not come of age."""
        if actor is MOTHER and self.adult:
            return False
        kind, told = self.last("accept", "refuse", "end", which=actor.delegation)
        if self.blocked_since_invited(actor.delegation):
            return False
        return kind == "accept" and (told["until"] is None or self.now < told["until"])

    def blocked_since_invited(self, which) -> bool:
        """Who was invited as a professional, and blocked as one after that."""
        for kind, told in reversed(self.log):
            if kind == "invite" and told["which"] == which:
                return False
            if kind == "block" and told["who"] == self.last("invite", which=which)[1].get("who_is"):
                return True
        return False

    def waits(self, which) -> bool:
        """An invitation that has neither its answer nor its end, of the last thirty days."""
        invited = self.last("invite", which=which)[1]
        answered = self.last("accept", "refuse", "end", which=which)[0]
        if self.blocked_since_invited(which):
            return False
        return bool(invited) and answered is None and self.now < invited["at"] + INVITATION

    def covers(self, actor, scope) -> bool:
        """For whom the law puts in charge everything, for others what the invitation says."""
        return self.acts_for(actor) and (
            any(actor is one for one in (MOTHER, GUARDIAN)) or scope in self.scopes(actor.delegation)
        )

    def scopes(self, which):
        return self.last("invite", which=which)[1]["scopes"]

    def decides(self, actor) -> bool:
        """The holder, and whom the law puts in charge."""
        return actor is HOLDER or (any(actor is one for one in (MOTHER, GUARDIAN)) and self.acts_for(actor))

    def without(self, function) -> bool:
        kind, told = self.last("opt_out")
        return kind is not None and function in told["functions"]

    def app_may(self, scope) -> bool:
        """Not suspended by the operator, wanted at all, agreed for this scope, and not ended."""
        kind, told = self.last("agree", "withdraw")
        if kind != "agree" or self.last("app_off", "app_on")[0] == "app_off" or self.without(Function.APPS):
            return False
        over = told["until"] is not None and self.now >= told["until"]
        return scope in told["scopes"] and not over and not (told["by"] is MOTHER and self.adult)

    def sees_masked(self, who, mode) -> bool:
        urgent = mode is not AccessMode.NORMAL and self.wish("masked")
        return self.treats(who) or self.administrator(who) or urgent

    def may_feed(self, who) -> bool:
        if not self.usable or who.sector == "SA66" or self.barred(who):
            return False
        if role(who.role).kind == "health profession":
            return True
        if self.last("block", "unblock", who=who.number)[0] == "block" and not self.treats(who):
            return False
        return self.authorised(who) or self.consented_now(who) or self.in_team(who)

    @property
    def masks_by_default(self) -> bool:
        return self.last("default")[1].get("masked", False)

    def acts_on(self, who, act, asked_for) -> str | None:
        """On which documents a professional may do it, in a word; None: on none.

        `all`; `read`: what he is shown in a normal access; `own`: his and his structure's; `his` alone.
        """
        if not self.usable or self.held or who.sector == "SA66" or self.barred(who):
            return None
        if act == "delete":
            return "his"
        if self.blocked(who) or (act in {"mask", "unmask", "reveal"} and not asked_for):
            return None
        if act in {"unmask", "announce"} and self.treats(who):
            return "all"
        reads = act in {"mask", "announce", "archive", "unarchive"} and self.may_read(who, AccessMode.NORMAL)
        return "read" if reads else "own"

    def side_acts_on(self, actor, act) -> str | None:
        """The same for the holder's side: `seen`, or `deposited`, which is what that side deposited."""
        if not self.usable or (self.held and act != "mask") or act in {"withhold", "announce"}:
            return None
        decides, feeds = (
            actor is HOLDER or self.covers(actor, scope) for scope in (DelegationScope.RIGHTS, DelegationScope.DEPOSIT)
        )
        match act:
            case "hide":
                return "seen" if actor is HOLDER and not self.adult else None
            case "reveal":
                return "seen" if actor is HOLDER else None
            case "mask" | "unmask":
                return "seen" if decides else None
            case _:
                return "deposited" if feeds else None
