"""What access_control is asked over internal HTTP, by the gateway alone: openings, look-ups, oppositions, rights.

An INS and what describes a person stand in bodies, never in a URL; answers hold the random record id alone.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from shared.contracts.common import AccessMode, Actor, Code, RecordId, Value, Wishes
from shared.contracts.record_requests import (
    AdministratorRole,
    AppScope,
    DelegationKind,
    DelegationScope,
    Function,
    TeamKind,
)

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class Sex(StrEnum):
    """Administrative sex, as FHIR writes it."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNKNOWN = "unknown"


class InsView(Value):
    """National health identity (INS): number of 15 characters and the OID that says which kind of number it is."""

    matricule: Annotated[str, Field(max_length=15, repr=False)]
    oid: Code


class Traits(Value):
    """Identity traits that go with an INS (traits stricts de l'identité)."""

    family_name: Annotated[Name, Field(repr=False)]
    """Birth name (nom de naissance)."""
    given_names: Annotated[tuple[Name, ...], Field(min_length=1, max_length=20, repr=False)]
    """Given names, in the order of the birth certificate."""
    sex: Sex
    birth_date: Annotated[date, Field(repr=False)]
    birth_place: Annotated[Code | None, Field(repr=False)] = None
    """Code of the commune or country of birth (code officiel géographique)."""


class OpenRecord(Value):
    """`POST /records`: the person's record, opened where there was none. Repeating gives the same record."""

    ins: InsView
    traits: Traits
    actor: Actor
    """Who opens it; an opening leaves a trace in the record."""


class OpenedRecord(Value):
    """The answer to `OpenRecord`: 201 where the record was opened now, 200 where it existed.

    Refusals: 403 with the reason as code; 409 `record_opposed`.
    """

    record: RecordId
    opened: bool


MOST_LOOKED_UP = 100


class ForeseenOpening(Value):
    """The answer to `POST /openings`, asked with an `OpenRecord` by the operator alone: an automatic opening (AR-001).

    The person is told, and may oppose it, or have the record opened at once, until it is opened by the clock. The id is
    told so that contact and index can follow it. Refusals as of an opening.
    """

    record: RecordId
    opens_at: AwareDatetime | None = None
    """When it is opened, unless the person opposes it before."""
    opened: bool = False
    """True where the person has the record already."""


class ChangeIdentity(Value):
    """`POST /identities/change`: a person's INS was replaced by another; the operator alone. Repeating changes nothing.

    The new one leads to the person's record, the old one to nothing any more. Refusals: 403; 404 `no_record`; 409
    `identity_taken` where the new one has a record of its own (merge them), `record_opposed` where it was opposed.
    """

    old: InsView
    new: InsView
    actor: Actor
    traits: Traits | None = None
    """As they came with the new INS; None: they stay as they were."""
    freed: bool = False
    """The old INS was never this person's: whoever it belongs to may have a record opened."""


class MergeIdentities(Value):
    """`POST /identities/merge`: two INS, each with a record, are one person's; the operator alone. Repeatable.

    The record of `kept` stays in use; that of `old` is held for the operator, and nothing leads to it any more.
    Refusals: 403; 404 `no_record` where one of them has none.
    """

    old: InsView
    kept: InsView
    actor: Actor


class FoundRecord(Value):
    """The answer to a changed or merged identity: the record that the person's INS leads to."""

    record: RecordId


class LookUp(Value):
    """`POST /records/lookup`: the records of persons, asked for together; the cost is per call, not per person."""

    persons: Annotated[tuple[InsView, ...], Field(min_length=1, max_length=MOST_LOOKED_UP)]


class Found(Value):
    """What was found of one person: a record, or nothing; or why that identity is not taken."""

    record: UUID | None = None
    refused: Code | None = None
    """`bad_ins` or `ins_not_accepted`."""


class RecordsFound(Value):
    """The answer to `LookUp`, in its order."""

    found: tuple[Found, ...]


class Oppose(Value):
    """`POST /oppositions`: a person opposes the opening of a record, or withdraws it (CSP R.1111-40). Repeatable.

    A counsellor of the health insurance records an opposition for the person, and withdraws none (AR-001).

    Refusals: 403 with the reason as code; 409 `record_exists` where there is a record already: it is closed instead.
    """

    ins: InsView
    opposed: bool = True
    actor: Actor | None = None
    """Who asks; None: the person, as gateways of the first release say."""


class RecordLife(StrEnum):
    """A record's life as its holder sees it; the first that holds, from the top."""

    SUSPENDED = "suspended"
    CLOSED = "closed"
    HELD = "held"
    """Nobody may read until an operator has resolved an error."""
    OPEN = "open"


class ProfessionalStanding(StrEnum):
    """États de l'autorisation (AR-014); who is not named has none (NON_EXISTE)."""

    VALID = "valide"
    EXPIRED = "expire"
    BLOCKED = "interdit"


class ProfessionalRight(Value):
    """What the holder decided about one professional."""

    professional: Code
    """Directory number."""
    standing: ProfessionalStanding
    until: AwareDatetime | None = None
    """End of the authorisation, where it has one."""
    administrator: AdministratorRole | None = None
    """The holder named this professional an administrator (AR-028)."""
    collector: Code | None = None
    """Who collected the consent for this professional (AR-011)."""


class TeamView(Value):
    """A care team that the holder consented to (AR-008)."""

    team: Code
    kind: TeamKind
    since: AwareDatetime
    until: AwareDatetime
    collector: Code | None = None
    """Who collected the consent; None: the holder's side gave it."""


class DelegationView(Value):
    """Somebody who acts for the holder, or is invited to."""

    delegation: UUID
    kind: DelegationKind
    state: Code
    """`PENDING`, `ACCEPTED`, `REFUSED` or `EXPIRED`, today."""
    scopes: frozenset[DelegationScope]
    until: AwareDatetime | None = None
    professional: Code | None = None
    """Directory number of one who was invited as a professional."""


class AppView(Value):
    """The agreement with an app or digital service (AR-067)."""

    app: Code
    scopes: frozenset[AppScope]
    until: AwareDatetime | None = None


class RightsView(Value):
    """The answer to `GET /records/{record}/rights`, for the holder; 404 `no_record`."""

    record: UUID
    state: RecordLife
    rights_version: int
    """Named by the next command, so that one made on an older view is a conflict (ETag, If-Match)."""
    treating_doctor: Code | None = None
    """Directory number of the médecin traitant, who has access by right."""
    professionals: tuple[ProfessionalRight, ...] = ()
    activated: bool = False
    deceased: bool = False
    """The holder has died: nobody reads, feeds or decides. `state` is then `closed` or a word above it."""
    wishes: Wishes | None = None
    """The three emergency wishes (AR-035)."""
    opted_out: frozenset[Function] = frozenset()
    heirs_opposed: bool = False
    """The holder opposes access by heirs after his death (L.1110-4 V, AR-058)."""
    masks_by_default: bool = False
    """New documents are masked to professionals (AR-025)."""
    teams: tuple[TeamView, ...] = ()
    delegations: tuple[DelegationView, ...] = ()
    apps: tuple[AppView, ...] = ()
    objection_until: AwareDatetime | None = None
    """For a suspended record without an objection: until when the holder may object (AR-057)."""


class ReadRights(Value):
    """`POST /records/{record}/rights`: the same view for somebody who acts for the holder.

    403 with the reason as code where his delegation does not cover it today. What was done in a minor's secret
    connection is left out for him (AR-042).
    """

    reader: Actor


class StandingView(Value):
    """The answer to `POST /records/{record}/standing`: how a professional himself stands to a record (AR-014).

    Asked with `ReadRights`; 403 with the reason as code for who is no person with one exercise, or excluded.
    """

    standing: Code
    """`valide`, `expire`, `interdit` or `non_existe`."""
    until: AwareDatetime | None = None
    """End of the authorisation, where it has one."""
    treating: bool = False
    """He is the médecin traitant, who has access by right."""
    administrator: AdministratorRole | None = None
    in_team: bool = False
    """A care team's consent covers him today."""
    session: bool = False
    """A consent at the consultation holds for him where he acts."""
    rights_version: int
    """Named by a command that he makes, such as a consent that he collects (If-Match)."""


class NoteDelegate(Value):
    """`PUT /records/{record}/delegates/{delegation}`: who is invited, before `Invite` goes its way. Repeatable.

    409 `delegation_taken` where that id stands for somebody else, or the record is not there.
    """

    ins: InsView


class DelegateOf(Value):
    """One record for which a person may act, or is invited to; the gateway acts under the delegation's id."""

    record: RecordId
    delegation: UUID
    kind: DelegationKind
    state: Code
    """As it was answered; whether it is valid today is decided with each request."""
    rights_version: int = 0
    """Of the record's rights today: named by the answer to an invitation (If-Match)."""


class DelegatesFound(Value):
    """The answer to `POST /delegates/lookup`, asked with an `InsView`."""

    delegations: tuple[DelegateOf, ...] = ()


class WriteText(Value):
    """`PUT /records/{record}/texts/{subject}`: what a person wrote beside a code, before the request goes its way.

    The subject is the id of that request, which whoever sends it chooses beforehand: of a `consult` in an emergency
    mode, the text of its reason (AR-039); of a `contest` it is the case's id. Repeatable. 404 `no_record`; 409
    `text_taken` where another text stands there.
    """

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), Field(repr=False)]


class EmergencyView(Value):
    """One emergency access, as it began: the first of its half hour."""

    request: UUID
    professional: Code
    mode: AccessMode
    reason: Code
    """Code of the list `emergency_reasons`."""
    since: AwareDatetime
    until: AwareDatetime
    secret: bool
    """In a minor's secret connection: shown to the minor alone (AR-042)."""
    text: Annotated[str | None, Field(repr=False)] = None
    """What the professional wrote beside the reason."""


class EmergenciesView(Value):
    """The answer to `GET /records/{record}/emergencies`, for the holder; 404 `no_record`. The last ones first."""

    emergencies: tuple[EmergencyView, ...] = ()


class CaseView(Value):
    """One contested access and, once there is one, the operator's answer."""

    case: UUID
    request: UUID
    professional: Code | None = None
    structure: Code | None = None
    opened_at: AwareDatetime
    due: AwareDatetime
    answered_at: AwareDatetime | None = None
    finding: Code | None = None
    """`founded` or `unfounded`."""
    by_representative: bool = False
    secret: bool = True
    """A minor's own: shown to the minor alone (AR-042)."""
    text: Annotated[str | None, Field(repr=False)] = None
    answer: Annotated[str | None, Field(repr=False)] = None


class CasesView(Value):
    """The answer to `GET /records/{record}/cases`, for the holder; 404 `no_record`. The last ones first."""

    cases: tuple[CaseView, ...] = ()
