"""What access_control is asked over internal HTTP about looks that nobody takes: explanations, and seeing as others do.

A look may also be a deposit, or an act on a document that stands in the record (domain rules, 4.9).

Neither makes a permit or a trace, or changes anything. Both are for the holder and who decides for him alone, so an
answer may say of a document's kind that it would be hidden; no professional is ever told so.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from shared.contracts.common import AccessMode, Act, Actor, Code, FurtherAct, Owner, Value
from shared.contracts.record_requests import SpokenConsent

MOST_LOOKS = 20
LookAct = Literal[
    Act.CONSULT,
    Act.DEPOSIT,
    FurtherAct.MASK,
    FurtherAct.UNMASK,
    FurtherAct.WITHHOLD,
    FurtherAct.ANNOUNCE,
    FurtherAct.HIDE,
    FurtherAct.REVEAL,
    FurtherAct.ARCHIVE,
    FurtherAct.UNARCHIVE,
    FurtherAct.DELETE,
]
"""What may be explained."""


class Hidden(StrEnum):
    """Why a document of some kind would not be shown to, or changed by, somebody whose look or act is permitted.

    Told to the holder's side.
    """

    TYPE = "type_not_shown"
    """The matrix does not open its type to that profession (AR-012)."""
    MASKED = "masked"
    """Masked to professionals (MASQUE_PS, AR-021)."""
    WITHHELD = "withheld"
    """Withheld from the holder's side until it is announced (INVISIBLE_PATIENT, AR-029)."""
    FROM_REPRESENTATIVES = "hidden_from_representatives"
    """Hidden from representatives (INVISIBLE_REPRESENTANTS_LEGAUX, AR-041)."""
    NOT_OWN = "not_own"
    """This act is a professional's on his own documents alone (AR-024, AR-029, AR-051)."""
    NOT_OF_THE_HOLDERS_SIDE = "not_of_the_holders_side"
    """This act is the holder's side's on what that side deposited alone (AR-052, AR-068)."""


HIDDEN_SENTENCES: dict[Hidden, tuple[str, str]] = {
    Hidden.TYPE: (
        "La matrice d'habilitation n'ouvre pas ce type de document à cette profession.",
        "The habilitation matrix does not open this type of document to this profession.",
    ),
    Hidden.MASKED: (
        "Le document est masqué aux professionnels.",
        "The document is masked to professionals.",
    ),
    Hidden.WITHHELD: (
        "Le document attend la consultation d'annonce.",
        "The document waits for the consultation in which it is announced.",
    ),
    Hidden.FROM_REPRESENTATIVES: (
        "Le document est caché aux représentants légaux.",
        "The document is hidden from legal representatives.",
    ),
    Hidden.NOT_OWN: (
        "Cet acte ne porte que sur les documents de son auteur.",
        "This is done by a document's author alone.",
    ),
    Hidden.NOT_OF_THE_HOLDERS_SIDE: (
        "Le titulaire ne fait cela qu'aux documents déposés par lui-même ou en son nom.",
        "The holder does this to documents alone that were deposited by or for the holder.",
    ),
}


class DocumentKind(Value):
    """A document as far as a decision depends on it; whether there is one like it is not asked."""

    type_code: Code
    """Document type (typeCode)."""
    confidentiality: frozenset[Code] = frozenset()
    """Codes such as `MASQUE_PS`."""
    own: bool = False
    """It was deposited by who looks, or by his structure (R.1111-49); for a deletion by himself (AR-051)."""
    holders: bool = False
    """It was deposited by the holder's side; asked about for acts on documents alone."""


class Look(Value):
    """A look, a deposit or an act on a document that somebody might want to make."""

    actor: Actor
    act: LookAct = Act.CONSULT
    owner: Owner = Owner.DOCUMENT
    """For a look."""
    mode: AccessMode = AccessMode.NORMAL
    """For a look or deposit: acts on documents know no emergency."""
    reason_code: Code | None = None
    """The reason of an emergency access; a text is taken as told beside it."""
    purpose: Code = "care"
    consent: SpokenConsent | None = None
    at_request: bool = False
    """For an act on a document: a professional records that the holder asks for it."""
    document: DocumentKind | None = None


class Explain(Value):
    """`POST /records/{record}/explain`; 404 `no_record`, 403 with the reason as code for who is not entitled."""

    reader: Actor
    """Who wants to know."""
    look: Look
    at: AwareDatetime | None = None
    """The moment; None: now. A later one is answered on what is decided today."""


class StepSaid(Value):
    """What one step of a decision said, in the order of the domain rules (4.7)."""

    step: Code
    rules: tuple[Code, ...]
    """The access rules that it applies: `AR-018`."""
    code: Code | None = None
    """A `Reason`, `FurtherReason` or `Hidden`; None where it let the decision go on."""


class Explained(Value):
    """What would be decided on a look."""

    permitted: bool
    """For a look at a kind of document: that the look is permitted and such a document shown in it. For an act on one:
    that it is permitted and reaches such a document, whose state and flags its owner looks at then."""
    code: Code
    """The most exact reason of the decision."""
    steps: tuple[StepSaid, ...]
    types: frozenset[Code] | None = None
    """For a permitted look: document types that are shown; None means every type. For an act: to which it is done."""
    masked: bool = False
    """Documents masked to professionals would be shown."""
    own: bool = False
    """Documents of his own, or of his structure, would be shown whatever their type or mask."""
    holders: bool = False
    """For an act: done to documents alone that the holder's side deposited."""


class Explanation(Value):
    """The answer to `Explain`."""

    at: AwareDatetime
    told_from: AwareDatetime
    """From this moment on it can be told what was decided; what stood before is not stored."""
    explained: Explained | None = None
    """None where the moment lies before `told_from`."""
    matrix_version: Code | None = None
    """The version of the habilitation matrix that held then."""
    rights_version: int = 0
    """Of the record's rights at that moment."""


class Hypothesis(Value):
    """A command that is made up: applied to what is known of the record, and thrown away."""

    type: Code
    """Message type of `record.requests`."""
    body: dict[str, Any]


class SeeAs(Value):
    """`POST /records/{record}/see-as`: what others would see; refusals as for `Explain`, 422 for no such command."""

    reader: Actor
    looks: Annotated[tuple[Look, ...], Field(min_length=1, max_length=MOST_LOOKS)]
    change: Hypothesis | None = None


class Seen(Value):
    """What one of them would see."""

    now: Explained
    after: Explained | None = None
    """After the change; None where there is none, or it would be refused."""


class ChangeSaid(Value):
    """Whether the made-up command would be permitted."""

    permitted: bool
    code: Code


class SeenAs(Value):
    """The answer to `SeeAs`: in the order of its looks."""

    seen: tuple[Seen, ...]
    change: ChangeSaid | None = None
    rights_version: int


def hidden_sentence(reason: Hidden, language: str = "en") -> str:
    """The sentence that explains to the holder's side why a document would not be shown."""
    french, english = HIDDEN_SENTENCES[reason]
    return french if language.startswith("fr") else english
