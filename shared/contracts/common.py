"""Words that several messages share: who acts, in which mode, on what, and how far a permission goes."""

from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

Code = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:^|/-]+$")]
"""A code of a nomenclature or a directory number: short, printable, never free text."""


class Value(BaseModel):
    """An immutable value. Unknown fields are ignored, so that an older reader understands a newer writer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Body(Value):
    """The body of one message. Each message names its versioned type, which travels as `ce_type`."""

    type_name: ClassVar[str]


class ActorKind(StrEnum):
    """What kind of person or thing acts."""

    PROFESSIONAL = "professional"
    STRUCTURE = "structure"
    """A hospital's or laboratory's software with the structure's certificate: it may feed, never read (AR-016)."""
    PATIENT = "patient"
    """The holder of the record (titulaire)."""
    REPRESENTATIVE = "representative"
    INSURER = "insurer"
    OPERATOR = "operator"


class Strength(StrEnum):
    """How strongly an actor was authenticated (AR-016, AR-017)."""

    CERTIFICATE = "certificate"
    """A server's certificate alone (authentification indirecte): feeds, never reads."""
    AIR = "air"
    """A person whom the structure authenticated strongly (authentification indirecte renforcée): may read."""
    DIRECT = "direct"
    """A person who authenticated to the national identity provider."""


class Capacity(StrEnum):
    """A special capacity in which somebody acts; the law gives each a rule of its own."""

    COORDINATING_DOCTOR = "ehpad_coordinating_doctor"
    """Médecin coordonnateur of a home for the aged: with the resident's agreement (AR-050)."""
    PMI_DOCTOR = "pmi_doctor"
    """Médecin de protection maternelle et infantile (AR-050)."""
    FIREFIGHTER_DOCTOR = "firefighter_doctor"
    """Médecin de sapeurs-pompiers (AR-064)."""
    COUNSELLOR = "insurance_counsellor"
    """Counsellor of the health insurance: opens, informs, records an opposition, reads nothing (AR-001)."""
    HEIR = "heir"
    """Ayant droit: an operator's case, never a session (AR-058, AR-065)."""
    COURT_EXPERT = "court_expert"
    """Expert of a court: an operator's case, never a session (AR-058, AR-065)."""
    TRUSTED_PERSON = "trusted_person"
    """Personne de confiance: no access follows from it (AR-069)."""


class Actor(Value):
    """Who acts. Professionals and structures appear by directory numbers, a holder by nothing but his kind."""

    kind: ActorKind
    number: Code | None = None
    """Directory number (idNat): `8` + RPPS of a professional, `1` + FINESS of a structure; an insurer's code."""
    role: Code | None = None
    """Profession as the matrix writes it: `G15_10` is code 10 of TRE_G15."""
    specialty: Code | None = None
    """Savoir-faire, for example `SM26`."""
    sector: Code | None = None
    """Sector exercised, for example `SA07`; exclusions look at it and never at the specialty (AR-047)."""
    structure: Code | None = None
    """Directory number of the structure on whose behalf the actor acts."""
    authenticated: bool = False
    """True where a person was authenticated; a server certificate alone is not (AR-016)."""
    regulator: bool = False
    """True where the identity provider grants medical regulation (Acces_Regulation_Medicale, AR-034)."""
    strength: Strength | None = None
    """How strongly; None where the gateway does not say: then `authenticated` alone counts."""
    capacity: Capacity | None = None
    team: Code | None = None
    """A formalised care team (équipe de soins) in which the actor takes part, by its identifier (AR-008)."""
    secret: bool = False
    """Secret connection (connexion secrète): nothing that is done in it may reach representatives (AR-042)."""
    delegation: UUID | None = None
    """By which delegation a representative or carer acts; nobody's identity travels."""
    app: Code | None = None
    """The app or digital service through which the holder's side acts (AR-067)."""


class AccessMode(StrEnum):
    """TRE_R248_ModeAcces: how a professional accesses a record."""

    NORMAL = "normal"
    EMERGENCY = "bris_de_glace"
    REGULATION = "centre_15"


class Owner(StrEnum):
    """The services that own something that can be read."""

    DOCUMENT = "document"
    HISTORY = "history_ingestion"
    AUDIT = "audit"


class Act(StrEnum):
    """What an actor asks to do. Every act gets a decision."""

    OPEN = "open"
    DEPOSIT = "deposit"
    CONSULT = "consult"
    AUTHORISE = "authorise"
    REVOKE = "revoke"
    BLOCK = "block"
    UNBLOCK = "unblock"
    CLOSE = "close"
    REOPEN = "reopen"
    DECLARE = "declare"
    """The insurance declares the médecin traitant (AR-066)."""
    RELEASE = "release"
    """An operator ends the hold on a record after an unexpected error."""
    UNKNOWN = "unknown"
    """A request that could not be read; its decision is a deny."""


class FurtherAct(StrEnum):
    """Acts added since the first release.

    They travel in a field of their own beside `Act.UNKNOWN`: a wider `Act` would break its readers.
    """

    AUTHORISE_FOR = "authorise_for"
    """A member of the care team collects the holder's consent for a colleague (AR-011)."""
    CONSENT_SESSION = "consent_session"
    """The holder consents to one consultation by a professional outside the team (AR-010)."""
    CONSENT_TEAM = "consent_team"
    """Initial consent to a care team (AR-008, AR-009)."""
    END_TEAM = "end_team"
    NAME_ADMINISTRATOR = "name_administrator"
    """The holder names an administrator (AR-028)."""
    REMOVE_ADMINISTRATOR = "remove_administrator"
    WISH = "wish"
    """The three emergency wishes (AR-035)."""
    OPT_OUT = "opt_out"
    """Functions that the holder does not want."""
    INVITE = "invite"
    """Invite a representative or carer (délégation)."""
    ANSWER = "answer"
    """The invited one accepts or refuses."""
    END_DELEGATION = "end_delegation"
    AGREE_APP = "agree_app"
    """The holder's agreement with an app, by scope (AR-067)."""
    WITHDRAW_APP = "withdraw_app"
    ACTIVATE = "activate"
    SUSPEND = "suspend"
    """Suspension for fraud (AR-057)."""
    OBJECT = "object"
    """The holder objects to a suspension, within six weeks."""
    LIFT = "lift"
    CLOSE_UNCONTESTED = "close_uncontested"
    """Six weeks went by without an objection (AR-057)."""
    DECEASE = "decease"
    REQUEST_DELETION = "request_deletion"
    """The holder's express request (AR-055)."""
    CONFIRM_EMERGENCY = "confirm_emergency"
    """A colleague confirms a professional's emergency on a record (bris de glace, AR-033)."""
    CONTEST = "contest"
    """The holder contests an access."""
    OPPOSE_HEIRS = "oppose_heirs"
    """The holder opposes access by heirs after his death, or takes that back (L.1110-4 V, AR-058)."""
    REQUEST_EXTRACT = "request_extract"
    """An operator opens the case of an heir or a court expert (AR-065)."""
    ANSWER_EXTRACT = "answer_extract"
    """Another operator approves one extract, or refuses the case (AR-065)."""
    FORESEE_DELETION = "foresee_deletion"
    """The archive of a closed record is ending: its holder is told (AR-054). By the clock alone, as the next two."""
    DELETE_ARCHIVED = "delete_archived"
    """Ten years went by after the closure (AR-054)."""
    FORESEE_MAJORITY = "foresee_majority"
    """The holder will soon be of age: he and who represents him are told what will end (AR-045). By the clock alone."""
    COME_OF_AGE = "come_of_age"
    """The holder is of age: nothing is left of what representatives may do, or consented to (AR-045)."""
    MASK = "mask"
    """Acts on one document, as `record_documents` tells them (domain rules, 4.9)."""
    UNMASK = "unmask"
    WITHHOLD = "withhold"
    ANNOUNCE = "announce"
    HIDE = "hide"
    REVEAL = "reveal"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"
    DELETE = "delete"
    OPEN_BY_TIME = "open_by_time"
    """A withheld document opens one month after its deposit (AR-031). By the clock alone."""
    MASK_BY_DEFAULT = "mask_by_default"
    """Whether new documents are masked (AR-025)."""


class Scope(Value):
    """What a permit lets its owner show: an allow-list; what is not named is not shown."""

    types: frozenset[Code] | None = None
    """Document types (typeCode) that may be seen; None means every type (holder, médecin traitant)."""
    masked: bool = False
    """Documents masked to professionals (MASQUE_PS) may be seen (AR-022)."""
    withheld: bool = False
    """Documents withheld from the holder (INVISIBLE_PATIENT) may be seen (AR-029)."""
    own: Code | None = None
    """Directory number whose own documents are seen whatever their type or mask (AR-021, AR-024)."""
    own_structure: Code | None = None
    """Structure whose documents are seen likewise: the depositor is a person or a structure (R.1111-49)."""


class Wishes(Value):
    """What the holder wants in an emergency: three independent answers (AR-035).

    The two modes are permitted at creation (AR-036); no source says so of masked documents, so they stay masked.
    """

    break_glass: bool = True
    """BTG: professionals may break the glass (bris de glace)."""
    regulation: bool = True
    """ETREAT: the regulating doctor of the SAMU may read (centre 15)."""
    masked: bool = False
    """MASKED: masked documents are shown in both emergency modes."""


RecordId = UUID
"""Random, given at opening; nothing about the person follows from it."""
