"""Messages to decisions: pure functions of a message, a record and the database's clock.

Whatever happens, a request gets its decision. What can't be read or handled is denied; and where it may have restricted
access, the record is held: nobody reads until an operator resolves it (design, invariant 9).
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from services.access_control.domain import decide, past, rights, timers
from services.access_control.domain.branches.documents import TAKE_AWAY
from services.access_control.domain.changes import (
    Change,
    Confirmed,
    DecisionMade,
    DeletionBegun,
    EmergencyBegan,
    ExtractKept,
    MatrixAsked,
    RecordChanged,
    differences,
)
from services.access_control.domain.commands.rule import AnyAct
from services.access_control.domain.deletion import Deletion
from services.access_control.domain.events import deletion_of, events_of
from services.access_control.domain.matrix import Matrix
from services.access_control.domain.matrix_rehearsal import asked_group
from services.access_control.domain.oversight import Emergency
from services.access_control.domain.policy import DEFAULT, Policy
from services.access_control.domain.record import Record, no_record
from services.access_control.domain.requests import (
    ACTS,
    ACTS_BY_NAME,
    COMMANDS,
    ON_DOCUMENTS,
    act_of,
    command_of,
    reading_of,
)
from services.access_control.domain.verdict import Sight, Verdict, deny
from shared.contracts import record_requests as bodies
from shared.contracts.access_decisions import Decided, Order, Outcome, RecordHeld
from shared.contracts.audit_events import RecordDestroyed
from shared.contracts.common import AccessMode, Act, ActorKind, Body, FurtherAct
from shared.contracts.envelope import Message
from shared.contracts.reasons import Reason
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_documents import DocumentCommand
from shared.messaging import Effects, Failed, Handlers, Unreadable
from shared.security import PERMIT_LIFETIME, Extract, Permit

Done = Effects[Record, Change]

_NEVER_RESTRICTING: Final[frozenset[AnyAct]] = (
    rights.NEVER_RESTRICTING
    | {Act.CONSULT, Act.DEPOSIT, Act.AUTHORISE}
    | (frozenset(ON_DOCUMENTS.values()) - TAKE_AWAY)
)
"""A request of these kinds that can't be read was no attempt to restrict access; of any other kind it may have been."""
_MAY_TAKE: Final = TAKE_AWAY | {Act.UNKNOWN}
"""What may have taken access away, whatever stands in it, of all that changes nothing here itself."""


class Signer(Protocol):
    """Signs permits. A pure function: Ed25519 gives the same permit the same signature each time."""

    def sign(self, permit: Permit) -> str:
        """The permit as a compact JWS."""
        ...


@dataclass(frozen=True, slots=True)
class _Lane:
    """What both lanes do with requests that can't be handled, over one version of the matrix and of the settings."""

    matrix: Matrix
    policy: Policy

    def unreadable(self, message: Message[Unreadable], record: Record, now: datetime) -> Done:
        """Deny what can't be read; hold the record where nobody can say that it did not restrict access.

        One that is deleted is not held: there is nothing to read in it, and nobody could release it.
        """
        act = ACTS_BY_NAME.get(message.envelope.type, Act.UNKNOWN)
        hold = act not in _NEVER_RESTRICTING
        return self._denied(message, record, now, act=act, reason=message.body.reason, hold=hold)

    def failed(self, message: Message[Failed], record: Record, now: datetime) -> Done:
        """Deny after an unexpected error; hold the record where the request may have restricted access."""
        original = message.body.original
        act = ACTS.get(type(original), Act.UNKNOWN)
        hold = _may_restrict(original, record) if type(original) in COMMANDS else act in _MAY_TAKE
        told = {name: getattr(original, name, None) for name in ("actor", "document")}
        return self._denied(message, record, now, act=act, reason=Reason.INTERNAL_ERROR, hold=hold, **told)

    def _denied(
        self,
        message: Message[Any],
        record: Record,
        now: datetime,
        *,
        act: AnyAct,
        reason: Reason,
        hold: bool,
        **told: Any,
    ) -> Done:
        request = self._request(message)
        decided = self._decided(request, act, record, deny(reason), **told)
        rows = self._rows(message, decided, now)
        if not hold or record.held or no_record(record) is not None:
            return Effects(record, changes=rows, emits=(decided,))
        after = replace(record, held=True)
        changes = (RecordChanged(message.record, after), *past.kept(message.record, record, after, now), *rows)
        return Effects(after, changes=changes, emits=(decided, RecordHeld(request=request)))

    def _request(self, message: Message[Any]) -> UUID:
        """The id by which the decision is told: the message's own."""
        return message.id

    def _rows(
        self, message: Message[Any], decided: Decided, now: datetime, asked: MatrixAsked | None = None
    ) -> tuple[Change, ...]:
        """What is kept of a decision; nothing where the numbers of the lane's topic drop repeats."""
        del message, decided, now, asked
        return ()

    def _decided(self, request: UUID, act: AnyAct, after: Record, verdict: Verdict, **told: Any) -> Decided:
        return Decided(
            request=request,
            act=act if isinstance(act, Act) else Act.UNKNOWN,
            further_act=act.value if isinstance(act, FurtherAct) else None,
            outcome=Outcome.PERMIT if verdict.permitted else Outcome.DENY,
            reasons=(verdict.reason,),
            further_reasons=(verdict.further.value,) if verdict.further is not None else (),
            matrix_version=self.matrix.version,
            rights_version=after.rights_version,
            **told,
        )


def _may_restrict(original: Any, record: Record) -> bool:
    """True where a command may take access away, and where the very rule that says so has the bug.

    An error of this answer would be one of the answer to errors, at which the whole lane stops.
    """
    try:
        return rights.restricts(record, command_of(original))
    except Exception:  # noqa: BLE001 - whatever it is: nobody knows, so nobody reads
        return True


@dataclass(frozen=True, slots=True)
class _Requests(_Lane):
    """Reads and rights. Their topic has no numbers: a repeat is known by the decision's row."""

    signer: Signer

    def consult(self, message: Message[bodies.Consult], record: Record, now: datetime) -> Done:
        """A read is asked for: the answer is a permit that lives for seconds, or a denial."""
        body = message.body
        asked = reading_of(body, text_kept=message.id in record.oversight.texts)
        verdict = decide.consult(record, asked, now, self.matrix, record.oversight.policy(self.policy))
        group = asked_group(body.actor, verdict)
        put = MatrixAsked(group, body.owner, self.matrix.version) if group is not None else None
        told: dict[str, Any] = {"actor": body.actor, "mode": body.mode, "owner": body.owner, "case": body.case}
        if verdict.scope is None:
            decided = self._decided(message.id, Act.CONSULT, record, verdict, **told)
            return Effects(record, changes=self._rows(message, decided, now, put), emits=(decided,))
        expires = now + PERMIT_LIFETIME
        told |= {"permit": self._signed(message, verdict.scope, now, expires), "expires": expires}
        told["emergency"] = decide.told_of_emergency(record, asked, verdict, now)
        after = record.with_permit(expires)
        decided = self._decided(message.id, Act.CONSULT, after, verdict, **told)
        changes = self._rows(message, decided, now, put)  # which tell that the permit is out: the record is not written
        if decide.begins_emergency(record, asked, verdict, now):
            began = self._began(message, now)
            known = after.oversight.begun(began.professional, began.mode, began.emergency)
            after, changes = replace(after, oversight=known), (*changes, began)
        if verdict.scope.case is not None:
            after, taken = _taken(message.record, after, verdict.scope.case)
            changes = (*changes, taken)
        return Effects(after, changes=changes, emits=(decided,))

    def _began(self, message: Message[bodies.Consult], now: datetime) -> EmergencyBegan:
        body, policy = message.body, self.policy
        return EmergencyBegan(
            record=message.record,
            professional=body.actor.number or "",
            mode=body.mode,
            emergency=Emergency(message.id, body.reason_code or "", now + policy.emergency),
            since=now,
            secret=body.actor.secret,
            limit=policy.regulation_a_day if body.mode is AccessMode.REGULATION else policy.break_glass_a_day,
        )

    def command(self, message: Message[Any], record: Record, now: datetime) -> Done:
        """A change of rights, life or hold is asked for."""
        command = command_of(message.body)
        changed = rights.change(record, command, now, record.oversight.policy(self.policy))
        told = {"actor": command.actor, "in_force_at": changed.in_force_at}
        decided = self._decided(message.id, command.act, changed.record, changed.verdict, **told)
        rows = self._rows(message, decided, now)
        rows = (*rows_of(message.record, record, changed, now, secret=command.actor.secret), *rows)
        events = events_of(command, changed, now, self.policy)
        return Effects(changed.record, changes=rows, emits=(decided, *events))

    def act(self, message: Message[DocumentCommand], record: Record, now: datetime) -> Done:
        """Something is to be done to a document: the answer says to which its owner may do it, or why to none."""
        body, asked = message.body, act_of(message.body)
        verdict = decide.act(record, asked, now, self.matrix, record.oversight.policy(self.policy))
        told: dict[str, Any] = {"actor": body.actor, "document": body.document, "case": asked.case}
        told["opinion"] = asked.opinion
        if verdict.scope is not None:
            sight = verdict.scope
            told["order"] = Order(
                document=body.document, version=body.version, scope=sight.scope(), holders=sight.holders
            )
        decided = self._decided(message.id, asked.act, record, verdict, **told)
        return Effects(record, changes=self._rows(message, decided, now), emits=(decided,))

    def _rows(
        self, message: Message[Any], decided: Decided, now: datetime, asked: MatrixAsked | None = None
    ) -> tuple[Change, ...]:
        return (
            DecisionMade(
                request=decided.request,
                record=message.record,
                act=decided.further_act or decided.act,
                outcome=decided.outcome,
                reason=next(iter(decided.further_reasons), decided.reasons[0]),
                rights_version=decided.rights_version,
                decided_at=now,
                actor=_reader(decided),
                matrix=asked,
            ),
        )

    def _signed(self, message: Message[bodies.Consult], sight: Sight, now: datetime, expires: datetime) -> str:
        body = message.body
        return self.signer.sign(
            Permit(
                id=message.id,
                record=message.record,
                actor=body.actor,
                owner=body.owner,
                act=Act.CONSULT,
                mode=body.mode,
                scope=sight.scope(),
                extract=Extract(case=sight.case, since=sight.since, until=sight.until) if sight.case else None,
                issued=now,
                expires=expires,
            )
        )


def _taken(identity: UUID, record: Record, case: UUID) -> tuple[Record, ExtractKept]:
    """The approval is used up by the permit, whether it is used or not: a second extract asks for another one."""
    used = record.oversight.extracts[case].used()
    return replace(record, oversight=record.oversight.with_extract(case, used)), ExtractKept(identity, case, used)


def rows_of(
    identity: UUID, record: Record, changed: rights.Changed, now: datetime, *, secret: bool = False
) -> tuple[Change, ...]:
    """The rows that a command leaves behind."""
    if not changed.happened:
        return ()
    begun = deletion_of(changed, now)
    deletion = (DeletionBegun(identity, begun),) if begun is not None else ()
    kept = past.kept(identity, record, changed.record, now, secret=secret)
    return (*differences(identity, record, changed.record), *kept, *deletion)


@dataclass(frozen=True, slots=True)
class Struck:
    """What the clock did to a record."""

    changes: tuple[Change, ...]
    emits: tuple[Body, ...]
    name: str
    """What tells this act from every other on the record."""


def struck(identity: UUID, record: Record, now: datetime, policy: Policy) -> tuple[Struck, ...]:
    """Do to a record what time has brought, by the commands that others use; there is no request to decide on."""
    found = []
    for due in timers.due(record, now, policy):
        command = replace(due, version=record.rights_version)
        changed = rights.change(record, command, now, policy)
        if changed.happened:
            rows, events = rows_of(identity, record, changed, now), events_of(command, changed, now, policy)
            name = f"clock/{command.act}/{command.delegation or ''}/{changed.record.rights_version}"
            found.append(Struck(rows, events, name))
        record = changed.record
    return tuple(found)


def confirmed(
    message: Message[RecordDestroyed], deletion: Deletion | None, now: datetime
) -> Effects[Deletion | None, Confirmed]:
    """An owner destroyed what it kept of a deleted record; the next one in turn is told."""
    if deletion is None:
        return Effects(None)
    after = deletion.confirmed_by(message.body.owner, now)
    if after is deletion:
        return Effects(deletion)
    turn = (after.told(),) if after.is_told and not deletion.is_told else ()
    return Effects(after, (Confirmed(message.record, after),), turn)


@dataclass(frozen=True, slots=True)
class _Deposits(_Lane):
    """Deposits. Their topic is numbered: no row is kept to know a repeat."""

    def deposit(self, message: Message[Deposit], record: Record, now: datetime) -> Done:
        """A staged document wants to become part of the record."""
        body = message.body
        policy = record.oversight.policy(self.policy)
        verdict = decide.deposit(record, body.actor, now, policy, mode=body.mode, type_code=body.type_code)
        told = {"actor": body.actor, "mode": body.mode}
        return Effects(record, emits=(self._decided(body.deposit, Act.DEPOSIT, record, verdict, **told),))

    def _request(self, message: Message[Any]) -> UUID:
        """A deposit is known by the id at the root of its flow, also where its body can't be read."""
        return message.envelope.correlation


def _reader(decided: Decided) -> str | None:
    """The professional who asked to read."""
    actor = decided.actor
    asks = decided.act is Act.CONSULT and actor is not None and actor.kind is ActorKind.PROFESSIONAL
    return actor.number if asks and actor is not None else None


def requests(matrix: Matrix, signer: Signer, policy: Policy = DEFAULT) -> Handlers[Record, Change]:
    """The handlers of the lane of `record.requests`."""
    lane = _Requests(matrix, policy, signer)
    return {
        bodies.Consult: lane.consult,
        **dict.fromkeys(COMMANDS, lane.command),
        **dict.fromkeys(ON_DOCUMENTS, lane.act),
        Unreadable: lane.unreadable,
        Failed: lane.failed,
    }


def deposits(matrix: Matrix, policy: Policy = DEFAULT) -> Handlers[Record, Change]:
    """The handlers of the lane of `record.deposits`."""
    lane = _Deposits(matrix, policy)
    return {Deposit: lane.deposit, Unreadable: lane.unreadable, Failed: lane.failed}


CONFIRMATIONS: Final[Handlers[Deletion | None, Confirmed]] = {RecordDestroyed: confirmed}
"""The handlers of the lane of `audit.events`."""
