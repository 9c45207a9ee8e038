"""What a decision leaves behind: rows for the repository to write."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.access_control.domain.deletion import Deletion
from services.access_control.domain.extracts import Extract
from services.access_control.domain.oversight import Case, Confirmation, Emergency, Oversight
from services.access_control.domain.record import Record, Right
from services.access_control.domain.relations import Agreement, Delegation, Team
from shared.contracts.access_decisions import Outcome
from shared.contracts.common import AccessMode, Owner


@dataclass(frozen=True, slots=True)
class RecordChanged:
    """A record's life, hold, version, médecin traitant, wishes or end of permits; not its relations."""

    id: UUID
    record: Record


@dataclass(frozen=True, slots=True)
class RightChanged:
    """What the holder decided about one professional; None ends whatever was decided (NON_EXISTE)."""

    record: UUID
    professional: str
    right: Right | None


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """The end of a consent at the consultation, by professional and structure; None: there is none any more."""

    record: UUID
    who: tuple[str, str]
    until: datetime | None


@dataclass(frozen=True, slots=True)
class TeamChanged:
    """The consent to a care team; None: it was taken back."""

    record: UUID
    key: str
    team: Team | None


@dataclass(frozen=True, slots=True)
class DelegationChanged:
    """An invitation or delegation."""

    record: UUID
    id: str
    delegation: Delegation | None


@dataclass(frozen=True, slots=True)
class AgreementChanged:
    """The agreement with an app; None: it was withdrawn."""

    record: UUID
    app: str
    agreement: Agreement | None


@dataclass(frozen=True, slots=True)
class EmergencyBegan:
    """An emergency began (bris de glace, centre 15): it is kept for the patient and the operator, and counted."""

    record: UUID
    professional: str
    mode: AccessMode
    emergency: Emergency
    since: datetime
    secret: bool
    """A minor's secret connection: representatives are not shown it (AR-042)."""
    limit: int
    """How many a day are not reviewed."""


@dataclass(frozen=True, slots=True)
class EmergencyConfirmed:
    """A colleague confirmed a professional's emergency on a record."""

    record: UUID
    professional: str
    confirmation: Confirmation


@dataclass(frozen=True, slots=True)
class CaseBegan:
    """The holder contests an access."""

    record: UUID
    id: UUID
    case: Case


@dataclass(frozen=True, slots=True)
class ExtractKept:
    """A case of an heir or a court expert was opened, answered, or its extract taken."""

    record: UUID
    id: UUID
    extract: Extract


@dataclass(frozen=True, slots=True)
class DeletionBegun:
    """A record is deleted from here on: its owners' confirmations are waited for."""

    record: UUID
    deletion: Deletion


@dataclass(frozen=True, slots=True)
class Confirmed:
    """How far a deletion is; where it has ended, the holder is forgotten."""

    record: UUID
    deletion: Deletion


@dataclass(frozen=True, slots=True)
class DecisionMade:
    """The one decision on a request, by which a repeat of the request is known."""

    request: UUID
    record: UUID
    act: str
    """The code of an `Act` or `FurtherAct`."""
    outcome: Outcome
    reason: str
    """The most exact code."""
    rights_version: int
    decided_at: datetime
    matrix: "MatrixAsked | None" = None
    """For a consultation that was put to the habilitation matrix."""
    actor: str | None = None
    """For a consultation by a professional: the directory number, by which odd accesses are counted (AR-062)."""


@dataclass(frozen=True, slots=True)
class MatrixAsked:
    """What a decision keeps of its step E6, so that it can be rehearsed on another version (AR-012)."""

    group: str
    """The profession group, column of the matrix."""
    owner: Owner
    version: str
    """The version that answered."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a change replaced and what it put there, so that past moments stay explainable. Made by `past.kept`."""

    record: UUID
    what: str
    """A relation of `Record` by its name, or `past.LIFE`."""
    key: Any
    """Under which it stands in the relation."""
    before: Any
    after: Any
    """None: there is none any more."""
    at: datetime
    """The database's clock when it was decided."""
    secret: bool = False
    """Made in a minor's secret connection: not for representatives (AR-042)."""


Change = (
    RecordChanged
    | RightChanged
    | SessionChanged
    | TeamChanged
    | DelegationChanged
    | AgreementChanged
    | EmergencyBegan
    | EmergencyConfirmed
    | CaseBegan
    | ExtractKept
    | DeletionBegun
    | DecisionMade
    | Kept
)
RELATIONS: Final[tuple[tuple[str, Any], ...]] = (
    ("rights", RightChanged),
    ("sessions", SessionChanged),
    ("teams", TeamChanged),
    ("delegations", DelegationChanged),
    ("apps", AgreementChanged),
)


def differences(identity: UUID, before: Record, after: Record) -> tuple[Change, ...]:
    """The rows that turn one record into the other."""
    beside = _beside(identity, before.oversight, after.oversight)
    return (RecordChanged(identity, after), *_relations(identity, before, after), *beside)


def _beside(identity: UUID, before: Oversight, after: Oversight) -> Iterator[Change]:
    """What commands change beside the record."""
    if before is not after:
        for professional in _changed(before.confirmations, after.confirmations):
            yield EmergencyConfirmed(identity, professional, after.confirmations[professional])
        for opened in _changed(before.cases, after.cases):
            if (case := after.cases[opened]) is not None:
                yield CaseBegan(identity, opened, case)
        for case_id in _changed(before.extracts, after.extracts):
            yield ExtractKept(identity, case_id, after.extracts[case_id])


def _relations(identity: UUID, before: Record, after: Record) -> Iterator[Change]:
    for name, row in RELATIONS:
        was, now = getattr(before, name), getattr(after, name)
        if was is not now:
            yield from (row(identity, key, now.get(key)) for key in _changed(was, now))


def _changed(was: Mapping[Any, Any], now: Mapping[Any, Any]) -> list[Any]:
    """The keys that differ, in a stable order."""
    return sorted(key for key in {*was, *now} if was.get(key) != now.get(key))
