"""Topic `record.requests`: what is asked of a record, by the gateway. The message's id is the request's id."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from shared.contracts.common import AccessMode, Actor, Body, Code, Owner, Wishes


class SpokenConsent(StrEnum):
    """The three answers that a firefighter doctor records (AR-064)."""

    HOLDER = "holder"
    """The person consented expressly."""
    TRUSTED_PERSON = "trusted_person"
    """The person could not; the trusted person did."""
    VITAL_RISK = "vital_risk"
    """Neither could, and life was at risk."""


class Consult(Body):
    """Ask to read. Each read is a request of its own; late means deny."""

    type_name: ClassVar[str] = "carnet.record.consult.v1"

    actor: Actor
    owner: Owner
    mode: AccessMode = AccessMode.NORMAL
    deadline: AwareDatetime
    reason_code: Code | None = None
    """Why, in an emergency mode, by the list `emergency_reasons` (AR-039). Its text never travels here."""
    reason_told: bool = False
    """True where a text stands beside the code; the code `other` needs one."""
    purpose: Code = "care"
    """What for: `care`, `prevention` or `coordination`; any other is a secondary use and denied (AR-049)."""
    consent: SpokenConsent | None = None
    """What a firefighter doctor was told before reading (AR-064)."""
    case: UUID | None = None
    """The case under which an operator takes an extract (AR-065); whoever does not know it denies operators."""


class RightsCommand(Body):
    """A change of rights, made on the rights that its author saw (ETag and If-Match)."""

    actor: Actor
    rights_version: int
    """Version of the rights the author had read; another current version is a conflict."""
    opinion: Code | None = None
    """What the protected adult thinks of it: asked of the person in charge of the protection (AR-063)."""


class Authorise(RightsCommand):
    """The holder lets a professional read (autorisation, AR-013), until an end date if one is given (AR-015)."""

    type_name: ClassVar[str] = "carnet.record.authorise.v1"

    professional: Code
    until: AwareDatetime | None = None


class Revoke(RightsCommand):
    """The holder takes an authorisation back."""

    type_name: ClassVar[str] = "carnet.record.revoke.v1"

    professional: Code


class Block(RightsCommand):
    """The holder blocks a named professional (blocage, AR-018): beats every authorisation."""

    type_name: ClassVar[str] = "carnet.record.block.v1"

    professional: Code


class Unblock(RightsCommand):
    """The holder ends a block; the professional then needs a new authorisation (AR-020)."""

    type_name: ClassVar[str] = "carnet.record.unblock.v1"

    professional: Code


class Close(RightsCommand):
    """The holder closes the record (AR-054)."""

    type_name: ClassVar[str] = "carnet.record.close.v1"


class Reopen(RightsCommand):
    """The holder opens a closed record again; what was archived comes back (AR-056)."""

    type_name: ClassVar[str] = "carnet.record.reopen.v1"


class DeclareTreatingDoctor(Body):
    """The insurance declares the médecin traitant, or that there is none any more (AR-066)."""

    type_name: ClassVar[str] = "carnet.record.declare-treating-doctor.v1"

    actor: Actor
    professional: Code | None = None


class Release(Body):
    """An operator ends the hold that an unexpected error put on the record."""

    type_name: ClassVar[str] = "carnet.record.release.v1"

    actor: Actor
    decided_at: datetime | None = None


class AuthoriseFor(RightsCommand):
    """A member of the care team collects the holder's consent for a colleague, and says why (AR-011)."""

    type_name: ClassVar[str] = "carnet.record.authorise-for.v1"

    professional: Code
    """Who may then read and feed."""
    reason_code: Code
    until: AwareDatetime | None = None


class ConsentSession(RightsCommand):
    """The holder consents to one consultation by a professional outside the care team (AR-010).

    The professional himself declares it, by an explicit act of his (AR-013), or the holder's side gives it.
    """

    type_name: ClassVar[str] = "carnet.record.consent-session.v1"

    professional: Code | None = None
    """None: the professional who asks."""
    structure: Code | None = None
    """None: the structure in which he acts."""
    until: AwareDatetime | None = None
    """Never later than the longest session that the settings allow (4 h)."""


class TeamKind(StrEnum):
    """What may be a care team (équipe de soins, CSP L.1110-12)."""

    STRUCTURE = "structure"
    """All who act in one named structure."""
    PROFESSIONAL = "professional"
    """One professional whom the patient recognises as of the team."""
    FORMALISED = "formalised"
    """A formalised team, across structures."""


class ConsentTeam(RightsCommand):
    """Initial prior consent, which opens the record to a care team until its end (AR-008, AR-009)."""

    type_name: ClassVar[str] = "carnet.record.consent-team.v1"

    kind: TeamKind
    team: Code
    """The structure's or professional's directory number, or the formalised team's identifier."""
    until: AwareDatetime | None = None
    """None: as long as the settings let a team's consent last."""


class EndTeam(RightsCommand):
    """The holder takes the consent to a care team back, or the team tells that its care has ended."""

    type_name: ClassVar[str] = "carnet.record.end-team.v1"

    team: Code


class AdministratorRole(StrEnum):
    """In which role the patient names an administrator (AR-028)."""

    MIDWIFE = "SAGE_FEMME_REFERENTE"
    PHARMACIST = "PHARMACIEN_CORRESPONDANT"
    DOCTOR = "MEDECIN_TRAITANT"
    """Known from the insurance's declaration alone (AR-066): nobody is named so."""


class NameAdministrator(RightsCommand):
    """The holder names an authorised professional administrator: sees masked documents, may block (AR-028)."""

    type_name: ClassVar[str] = "carnet.record.name-administrator.v1"

    professional: Code
    role: AdministratorRole


class RemoveAdministrator(RightsCommand):
    """The holder ends a professional's being administrator; the authorisation stays."""

    type_name: ClassVar[str] = "carnet.record.remove-administrator.v1"

    professional: Code


class Wish(RightsCommand):
    """The three emergency wishes of the holder, all at once (AR-035)."""

    type_name: ClassVar[str] = "carnet.record.wish.v1"

    wishes: Wishes


class Function(StrEnum):
    """Functions of the record that a holder may do without."""

    HISTORY = "history"
    """The reimbursed care of the last 24 months."""
    APPS = "apps"
    """Apps and digital services."""


class OptOut(RightsCommand):
    """The functions that the holder does not want; those that are not named are wanted (again)."""

    type_name: ClassVar[str] = "carnet.record.opt-out.v1"

    functions: frozenset[Function]


class DelegationKind(StrEnum):
    """Why somebody acts for the holder."""

    LEGAL_REPRESENTATION = "LEGAL_REPRESENTATION"
    """A minor's legal representative; ends at majority (AR-045)."""
    CAREGIVING = "CAREGIVING"
    """A carer whom the holder chose (aidant)."""
    HEALTHCARE_PROFESSIONAL = "HEALTHCARE_PROFESSIONAL"
    """A professional who helps the holder with the record."""
    PROTECTED_ADULT = "PROTECTED_ADULT"
    """The person in charge of an adult's protection (AR-063)."""


class DelegationScope(StrEnum):
    """What a delegation covers."""

    READ = "read"
    DEPOSIT = "deposit"
    RIGHTS = "rights"
    """Consents, blocks and wishes: everything that the holder decides."""


class Invite(RightsCommand):
    """Invite somebody to act for the holder. Who it is goes to access_control over internal HTTP, never here."""

    type_name: ClassVar[str] = "carnet.record.invite.v1"

    delegation: UUID
    kind: DelegationKind
    scopes: frozenset[DelegationScope] = frozenset()
    """What a carer or helper may do; legal representatives and protectors may do all."""
    until: AwareDatetime | None = None
    """End of the delegation itself."""
    professional: Code | None = None
    """Directory number of an invited professional: needed of one who is to help as such, so that a block ends it."""


class Answer(RightsCommand):
    """The invited one accepts or refuses, under the invitation's own id."""

    type_name: ClassVar[str] = "carnet.record.answer.v1"

    delegation: UUID
    accepted: bool


class EndDelegation(RightsCommand):
    """The holder's side, an operator, or the delegate ends a delegation."""

    type_name: ClassVar[str] = "carnet.record.end-delegation.v1"

    delegation: UUID


class AppScope(StrEnum):
    """What the holder may agree with an app about (AR-067)."""

    READ_DOCUMENTS = "documents.read"
    READ_HISTORY = "history.read"
    READ_TRACES = "traces.read"
    DEPOSIT = "documents.deposit"


class AgreeApp(RightsCommand):
    """The holder's agreement with an app or digital service, by scope (AR-067). It replaces a former one."""

    type_name: ClassVar[str] = "carnet.record.agree-app.v1"

    app: Code
    scopes: frozenset[AppScope]
    until: AwareDatetime | None = None


class WithdrawApp(RightsCommand):
    """The holder withdraws the agreement with an app."""

    type_name: ClassVar[str] = "carnet.record.withdraw-app.v1"

    app: Code


class Activate(RightsCommand):
    """The holder activates a record that was opened automatically."""

    type_name: ClassVar[str] = "carnet.record.activate.v1"


class Suspend(Body):
    """The insurance or the operator suspends the record for fraud, at once (AR-057)."""

    type_name: ClassVar[str] = "carnet.record.suspend.v1"

    actor: Actor


class Object(RightsCommand):
    """The holder objects to the suspension within six weeks (AR-057)."""

    type_name: ClassVar[str] = "carnet.record.object.v1"


class Lift(Body):
    """The insurance or the operator lifts a suspension."""

    type_name: ClassVar[str] = "carnet.record.lift.v1"

    actor: Actor


class CloseUncontested(Body):
    """Six weeks after a suspension without an objection the insurance or the operator closes the record (AR-057)."""

    type_name: ClassVar[str] = "carnet.record.close-uncontested.v1"

    actor: Actor


class Decease(Body):
    """The insurance or the operator tells the holder's death, or takes back one that was told by error."""

    type_name: ClassVar[str] = "carnet.record.decease.v1"

    actor: Actor
    undone: bool = False


class RequestDeletion(RightsCommand):
    """The holder expressly asks that the record be deleted (AR-055)."""

    type_name: ClassVar[str] = "carnet.record.request-deletion.v1"


MESSAGES = (
    Consult,
    Authorise,
    Revoke,
    Block,
    Unblock,
    Close,
    Reopen,
    DeclareTreatingDoctor,
    Release,
    AuthoriseFor,
    ConsentSession,
    ConsentTeam,
    EndTeam,
    NameAdministrator,
    RemoveAdministrator,
    Wish,
    OptOut,
    Invite,
    Answer,
    EndDelegation,
    AgreeApp,
    WithdrawApp,
    Activate,
    Suspend,
    Object,
    Lift,
    CloseUncontested,
    Decease,
    RequestDeletion,
)
