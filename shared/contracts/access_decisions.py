"""Topic `access.decisions`: every decision, the life of records and the changes of rights, in one order."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from shared.contracts.common import AccessMode, Act, Actor, Body, Code, Owner, Scope, Value, Wishes
from shared.contracts.reasons import Reason


class Outcome(StrEnum):
    """A decision is one of two."""

    PERMIT = "permit"
    DENY = "deny"


class Emergency(Value):
    """What is told of an emergency access: to the patient and the médecin traitant, electronically (AR-038)."""

    reason: Code | None = None
    """Why, by the list `emergency_reasons`; a text beside it never travels here (AR-039).

    None where the médecin traitant, who needs no reason, names this mode.
    """
    tell: Code | None = None
    """Directory number of the médecin traitant to tell; None where there is none, or he is the one who acts."""
    first: UUID | None = None
    """The request that began this emergency and gave its reason; this access goes on with it, within 30 minutes.

    None for the access that began it: the one that is counted and told. Where the médecin traitant names this mode each
    access stands by itself.
    """


class Order(Value):
    """A permitted act on a document: which one, and to which documents it may be done; document does it, or refuses.

    A document that is not among them is unknown to who asked.
    """

    document: UUID
    version: int | None = None
    """Version of its metadata that the author saw; None: any."""
    scope: Scope
    """To whatever this shows, and to own documents. Types that are none at all leave own ones."""
    holders: bool = False
    """To documents alone that the holder's side deposited, whatever the scope says."""


class Decided(Body):
    """The decision on one request."""

    type_name: ClassVar[str] = "carnet.access.decided.v1"

    request: UUID
    act: Act
    outcome: Outcome
    reasons: tuple[Reason, ...]
    actor: Actor | None = None
    """None only where the request could not be read."""
    mode: AccessMode = AccessMode.NORMAL
    owner: Owner | None = None
    """For a consultation: who may show something."""
    permit: str | None = None
    """For a permitted consultation: the signed permit (JWS), valid for seconds, for that owner alone."""
    expires: AwareDatetime | None = None
    matrix_version: Code | None = None
    rights_version: int = 0
    """Version of the record's rights after this decision."""
    in_force_at: AwareDatetime | None = None
    """For a change of rights: when the last permit given before it has run out; told to the patient only then."""
    further_act: Code | None = None
    """The act where `act` has no word for it: `act` is then `unknown`, also where it is permitted (`FurtherAct`)."""
    further_reasons: tuple[Code, ...] = ()
    """Finer codes than `reasons`, where there are (`FurtherReason`); who knows none of them tells `reasons`."""
    emergency: Emergency | None = None
    """For a permitted access in an emergency mode: shown during the whole access (AR-037) and told afterwards."""
    case: UUID | None = None
    """For an extract: the case under which an operator asked for it (AR-065)."""
    document: UUID | None = None
    """For an act on a document, permitted or not: the document as it was asked for."""
    order: Order | None = None
    """For a permitted act on a document."""
    opinion: Code | None = None
    """For an act on a document: the protected adult's own opinion, as of a change of rights (AR-063)."""


class RecordOpened(Body):
    """A record exists from now on."""

    type_name: ClassVar[str] = "carnet.access.record-opened.v1"

    actor: Actor


class RecordClosed(Body):
    """The holder closed the record."""

    type_name: ClassVar[str] = "carnet.access.record-closed.v1"

    actor: Actor


class RecordReopened(Body):
    """A closed record is open again."""

    type_name: ClassVar[str] = "carnet.access.record-reopened.v1"

    actor: Actor


class RecordHeld(Body):
    """An unexpected error on a restricting or unknown request: reads are denied until someone resolves it."""

    type_name: ClassVar[str] = "carnet.access.record-held.v1"

    request: UUID


class RecordReleased(Body):
    """The hold was ended by an operator."""

    type_name: ClassVar[str] = "carnet.access.record-released.v1"

    actor: Actor


class RightsChanged(Body):
    """Rights on the record changed: authorise, revoke, block, unblock, declare."""

    type_name: ClassVar[str] = "carnet.access.rights-changed.v1"

    act: Act
    actor: Actor
    professional: Code | None = None
    until: AwareDatetime | None = None
    rights_version: int
    in_force_at: AwareDatetime | None = None
    opinion: Code | None = None
    """The protected adult's own opinion, where the person in charge of the protection decided (AR-063)."""


class ConsentChanged(Body):
    """Consents, wishes, delegations or agreements changed: every `FurtherAct` that is not of the record's life."""

    type_name: ClassVar[str] = "carnet.access.consent-changed.v1"

    act: Code
    """A `FurtherAct`; a reader who does not know it yet passes over it."""
    actor: Actor
    professional: Code | None = None
    subject: Code | None = None
    """The team, delegation or app that it is about."""
    state: Code | None = None
    """The delegation's new state."""
    scopes: tuple[Code, ...] = ()
    """What a delegation or an agreement covers; for an opt-out, the functions that are not wanted any more."""
    wishes: Wishes | None = None
    until: AwareDatetime | None = None
    rights_version: int
    in_force_at: AwareDatetime | None = None
    opinion: Code | None = None


class LifeChanged(Body):
    """The life of the record changed otherwise than by opening, closing, reopening or a hold."""

    type_name: ClassVar[str] = "carnet.access.life-changed.v1"

    act: Code
    """`activate`, `suspend`, `object`, `lift`, `decease`; by the clock `foresee_majority`, `come_of_age` (AR-045)."""
    actor: Actor
    until: AwareDatetime | None = None
    """For a suspension: the end of the six weeks in which the holder may object (AR-057)."""
    undone: bool = False
    """True where a death that was told by error is taken back."""
    rights_version: int
    in_force_at: AwareDatetime | None = None
    delegations: tuple[UUID, ...] = ()
    """Legal representations that end by majority, or will: their delegates are told, too."""


class DeletionRequested(Body):
    """The holder expressly asked that the record be deleted: at most three months, the holder is told (AR-055)."""

    type_name: ClassVar[str] = "carnet.access.deletion-requested.v1"

    actor: Actor
    latest: AwareDatetime
    """When it has to be done at the latest; a maximum, no timer."""


class OpeningForeseen(Body):
    """The person's record is going to be opened automatically, unless the person opposes it before (AR-001).

    The key is the id that the record will have.
    """

    type_name: ClassVar[str] = "carnet.access.opening-foreseen.v1"

    actor: Actor
    at: AwareDatetime
    """The end of the window of opposition (CSP R.1111-28)."""


class IdentityChanged(Body):
    """Another INS leads to the record from now on; the record is the same. Neither INS travels."""

    type_name: ClassVar[str] = "carnet.access.identity-changed.v1"

    actor: Actor


class RecordMerged(Body):
    """This record and another are one person's: the person's INS leads to the other one alone, this one is held.

    Nothing moves from one into the other; an operator resolves it.
    """

    type_name: ClassVar[str] = "carnet.access.record-merged.v1"

    actor: Actor
    into: UUID
    """The record that is kept in use."""


class TreatingDoctorKnown(Body):
    """Who the médecin traitant is, of a declaration from before owners noted them (AR-006, AR-066). No change."""

    type_name: ClassVar[str] = "carnet.access.treating-doctor-known.v1"

    professional: Code


class FunctionsKnown(Body):
    """The functions that the holder does without, of an opt-out from before owners followed them. No change."""

    type_name: ClassVar[str] = "carnet.access.functions-known.v1"

    unwanted: tuple[Code, ...]
    """Each a `Function`; none where all are wanted (again)."""


class DeletionForeseen(Body):
    """A closed record's ten years in the archive are ending: told to the holder before, who may reopen it (AR-054)."""

    type_name: ClassVar[str] = "carnet.access.deletion-foreseen.v1"

    at: AwareDatetime
    """Not before this moment it is deleted."""


class DeletionAnnounced(Body):
    """The record is deleted: every owner destroys its key and rows, and confirms. Repeated daily until all have.

    Nothing of it is read, fed or decided any more from here on; nobody can take it back.
    """

    type_name: ClassVar[str] = "carnet.access.deletion-announced.v1"

    because: Code
    """`request`: the holder's express request (AR-055); `archive`: ten years after closure (AR-054); `opposition`: to
    an automatic opening, before there was more than an identity (AR-001)."""
    latest: AwareDatetime
    """When it has to be done at the latest."""
    round: int = 1
    """How often it has been announced, this time included."""


class RecordDeleted(Body):
    """All owners but notification have destroyed what they kept: it tells the holder so, then it destroys the contact.

    Repeated daily until it has.
    """

    type_name: ClassVar[str] = "carnet.access.record-deleted.v1"

    because: Code
    """As it was announced."""
    round: int = 1


MESSAGES = (
    Decided,
    RecordOpened,
    RecordClosed,
    RecordReopened,
    RecordHeld,
    RecordReleased,
    RightsChanged,
    ConsentChanged,
    LifeChanged,
    DeletionRequested,
    OpeningForeseen,
    IdentityChanged,
    RecordMerged,
    TreatingDoctorKnown,
    FunctionsKnown,
    DeletionForeseen,
    DeletionAnnounced,
    RecordDeleted,
)
