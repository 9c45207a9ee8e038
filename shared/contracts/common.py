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


RecordId = UUID
"""Random, given at opening; nothing about the person follows from it."""
