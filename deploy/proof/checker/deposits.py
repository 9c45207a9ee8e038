"""What should have become of deposits: the decision on each, then the outcome in the document service.

Deposits stand in a lane of their own, so that their order against changes of rights is not fixed: where a decision
depends on rights or on a closing, either outcome is right.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from uuid import UUID

from deploy.proof.checker.life import Life
from shared.contracts.common import Actor, ActorKind
from shared.contracts.reasons import Reason
from shared.terminology import excluded_sector, role

_OF_HEALTH: Final = {"health profession", "in training"}


class StagedAs(NamedTuple):
    """What the document service knew of a deposit when it was decided."""

    record: UUID
    unique_id: str
    replaces: bool


def decision(life: Life, actor: Actor) -> frozenset[Reason]:
    """The reasons for which a deposit into this record may have been decided."""
    if not life.exists:
        return frozenset({Reason.NO_RECORD})
    found = {_feeds(actor)}
    if Reason.CONSENT_NEEDED in found:
        found.add(Reason.AUTHORISED)
    if actor.app is not None:
        found.add(Reason.NO_BRANCH)  # whether it was agreed then, and referenced
    if actor.secret:
        found.add(Reason.NO_BRANCH)  # whether the holder was a minor then
    return frozenset(found | life.was_out)


def outcomes(
    decided: Iterable[tuple[UUID, bool]], staged: Mapping[UUID, StagedAs]
) -> dict[UUID, frozenset[Reason | None]]:
    """What became of each deposit, for decisions (deposit, permitted) in the order in which document reads them.

    None stands for stored. What a replacement does depends on its target and is left open.
    """
    taken: set[tuple[UUID, str]] = set()
    found: dict[UUID, frozenset[Reason | None]] = {}
    for deposit, permitted in decided:
        known = staged.get(deposit)
        if known is None or deposit in found:
            continue
        place = (known.record, known.unique_id)
        if not permitted:
            found[deposit] = frozenset({Reason.DENIED})
        elif place in taken:
            found[deposit] = frozenset({Reason.DUPLICATE})
        elif known.replaces:
            found[deposit] = frozenset({None, Reason.UNKNOWN_TARGET})
        else:
            taken.add(place)
            found[deposit] = frozenset({None})
    return found


def _feeds(actor: Actor) -> Reason:  # noqa: PLR0911 - a list of rules
    if actor.kind is ActorKind.PATIENT:
        return Reason.HOLDER if actor.authenticated else Reason.NOT_AUTHENTICATED
    if actor.kind is ActorKind.INSURER:
        return Reason.EXCLUDED_ACTOR
    if actor.kind not in {ActorKind.PROFESSIONAL, ActorKind.STRUCTURE}:
        return Reason.NO_BRANCH
    if actor.number is None:
        return Reason.NOT_AUTHENTICATED
    if actor.kind is ActorKind.PROFESSIONAL and actor.role is None:
        return Reason.NO_ROLE
    if actor.sector is not None and excluded_sector(actor.sector):
        return Reason.EXCLUDED_SECTOR
    known = role(actor.role) if actor.role is not None else None
    consents = actor.kind is ActorKind.PROFESSIONAL and (known is None or known.kind not in _OF_HEALTH)
    return Reason.CONSENT_NEEDED if consents else Reason.FEEDING_DUTY
