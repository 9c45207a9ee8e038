"""Looks and acts that nobody takes: why they would be permitted or not, now, at another moment, or after a change.

The same functions decide as for a real look, on a snapshot and without effect; what is told is what they said.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from services.access_control.domain import decide, rights
from services.access_control.domain.branches.people import not_delegated_for, not_on_holders_side
from services.access_control.domain.cases import ActOnDocument, Reading
from services.access_control.domain.matrix import Matrix
from services.access_control.domain.policy import Policy
from services.access_control.domain.record import Record
from services.access_control.domain.rights import Changed, Command
from services.access_control.domain.verdict import Sight, Verdict
from shared.contracts.common import Act, Actor, ActorKind, FurtherAct
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.http_explanations import DocumentKind, Explained, Hidden, Look, StepSaid
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import DelegationScope

HOLDERS_SIDE: Final = frozenset({ActorKind.PATIENT, ActorKind.REPRESENTATIVE})
_IN_TIME: Final = timedelta(seconds=1)
"""Nobody waits for the answer, so no look is late."""
_NO_DOCUMENT: Final = UUID(int=0)
"""A document is compared with what a case is about, and nobody imagines a case."""
_OPINION: Final = "told"
"""Of the protected adult: taken as told, like a text beside a reason."""
_SHOWN: Final = "shown"
_REACHED: Final = "reached"
_SEEN: Final[dict[Hidden, tuple[str, ...]]] = {
    Hidden.TYPE: ("AR-012",),
    Hidden.MASKED: ("AR-021", "AR-022"),
    Hidden.WITHHELD: ("AR-029",),
    Hidden.FROM_REPRESENTATIVES: ("AR-041",),
}
_ALL_RULES: Final = tuple(sorted({rule for rules in _SEEN.values() for rule in rules}))
_RULES: Final = _SEEN | {
    Hidden.NOT_OWN: ("AR-024", "AR-029", "AR-051"),
    Hidden.NOT_OF_THE_HOLDERS_SIDE: ("AR-052", "AR-068"),
}


@dataclass(frozen=True, slots=True)
class Rules:
    """By what is decided: a version of the matrix, and the installation's settings."""

    matrix: Matrix
    policy: Policy


def refused(record: Record, reader: Actor, now: datetime) -> Code | None:
    """Why somebody may not know what the holder decided; None for the holder and who decides for him (AR-061).

    A representative needs a delegation that covers rights, as for changing them.
    """
    if reader.kind not in HOLDERS_SIDE or reader.app is not None:
        return Reason.NOT_HOLDER
    if not reader.authenticated:
        return Reason.NOT_AUTHENTICATED
    return not_on_holders_side(record, reader, now) or not_delegated_for(record, reader, DelegationScope.RIGHTS)


def explained(record: Record, look: Look, now: datetime, rules: Rules) -> Explained:
    """What would be decided on a look or an act, and what each rule says to it."""
    verdict = _verdict(record, look, now, rules)
    steps = tuple(StepSaid(step=said.step, rules=said.rules, code=_value(said.code)) for said in verdict.trail)
    sight = verdict.scope
    told = Explained(permitted=verdict.permitted, code=verdict.code.value, steps=steps)
    if sight is None:
        return told
    holders = look.actor.kind in HOLDERS_SIDE
    own = not holders and (sight.own is not None or sight.own_structure is not None)
    shown = {"types": sight.types, "masked": sight.masked or holders, "own": own, "holders": sight.holders}
    told = told.model_copy(update=shown)
    return told if look.document is None else _with_document(told, look, look.document, sight)


def hypothetical(record: Record, command: Command, now: datetime, policy: Policy) -> Changed:
    """What a command would come to, made on the rights as they stand now."""
    made_now = replace(command, version=record.rights_version)
    return rights.change(record, made_now, now, record.oversight.policy(policy))


def hidden(document: DocumentKind, sight: Sight, actor: Actor) -> Hidden | None:
    """Why a permitted look would not show a document of this kind; None where it would. Acts reach what is shown.

    What the documents' owner applies to each of them: type, mask, withholding, representatives; own ones are shown.
    """
    holders, flags = actor.kind in HOLDERS_SIDE, document.confidentiality
    if document.own and not holders and (sight.own is not None or sight.own_structure is not None):
        return None
    if sight.types is not None and document.type_code not in sight.types:
        return Hidden.TYPE
    if "MASQUE_PS" in flags and not (sight.masked or holders):
        return Hidden.MASKED
    if "INVISIBLE_PATIENT" in flags and (holders or not sight.withheld):
        return Hidden.WITHHELD
    if "INVISIBLE_REPRESENTANTS_LEGAUX" in flags and actor.kind is ActorKind.REPRESENTATIVE:
        return Hidden.FROM_REPRESENTATIVES
    return None


def _verdict(record: Record, look: Look, now: datetime, rules: Rules) -> Verdict:
    policy = record.oversight.policy(rules.policy)
    if look.act is Act.DEPOSIT:
        type_code = look.document.type_code if look.document is not None else None
        return decide.explain_deposit(record, look.actor, now, policy, mode=look.mode, type_code=type_code)
    if isinstance(look.act, FurtherAct):
        acting = ActOnDocument(look.act, look.actor, _NO_DOCUMENT, at_request=look.at_request, opinion=_OPINION)
        return decide.explain_act(record, acting, now, rules.matrix, policy)
    reading = Reading(
        actor=look.actor,
        owner=look.owner,
        mode=look.mode,
        deadline=now + _IN_TIME,
        reason_code=look.reason_code,
        reason_told=True,
        purpose=look.purpose,
        consent=look.consent,
    )
    return decide.explain(record, reading, now, rules.matrix, policy)


def _with_document(told: Explained, look: Look, document: DocumentKind, sight: Sight) -> Explained:
    """One step more: what the owner would do with such a document."""
    why = hidden(document, sight, look.actor)
    if sight.holders and not document.holders:
        why = Hidden.NOT_OF_THE_HOLDERS_SIDE
    if why is Hidden.TYPE and told.code == FurtherReason.AUTHOR:
        why = Hidden.NOT_OWN  # the matrix was not asked
    fine = _REACHED if isinstance(look.act, FurtherAct) else _SHOWN
    step = StepSaid(step="document", rules=_RULES[why] if why else _ALL_RULES, code=why.value if why else fine)
    return told.model_copy(update={"permitted": why is None, "steps": (*told.steps, step)})


def _value(code: Code | None) -> str | None:
    return code.value if code is not None else None
