"""What access_control is asked over internal HTTP about looks that nobody takes: explanations, and seeing as others do.

Neither makes a permit or a trace, or changes anything. Both are for the holder and who decides for him alone, so an
answer may say of a document's kind that it would be hidden; no professional is ever told so.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from shared.contracts.common import AccessMode, Act, Actor, Code, Owner, Value
from shared.contracts.record_requests import SpokenConsent

MOST_LOOKS = 20


class Hidden(StrEnum):
    """Why a document of some kind would not be shown to somebody whose look is permitted. Told to the holder's side."""

    TYPE = "type_not_shown"
    """The matrix does not open its type to that profession (AR-012)."""
    MASKED = "masked"
    """Masked to professionals (MASQUE_PS, AR-021)."""
    WITHHELD = "withheld"
    """Withheld from the holder's side until it is announced (INVISIBLE_PATIENT, AR-029)."""
    FROM_REPRESENTATIVES = "hidden_from_representatives"
    """Hidden from representatives (INVISIBLE_REPRESENTANTS_LEGAUX, AR-041)."""


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
}


class DocumentKind(Value):
    """A document as far as a decision depends on it; whether there is one like it is not asked."""

    type_code: Code
    """Document type (typeCode)."""
    confidentiality: frozenset[Code] = frozenset()
    """Codes such as `MASQUE_PS`."""
    own: bool = False
    """It was deposited by who looks, or by his structure (R.1111-49)."""


class Look(Value):
    """A look, or a deposit, that somebody might want to make."""

    actor: Actor
    act: Literal[Act.CONSULT, Act.DEPOSIT] = Act.CONSULT
    owner: Owner = Owner.DOCUMENT
    mode: AccessMode = AccessMode.NORMAL
    reason_code: Code | None = None
    """The reason of an emergency access; a text is taken as told beside it."""
    purpose: Code = "care"
    consent: SpokenConsent | None = None
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
    """For a look at a kind of document: that the look is permitted and such a document shown in it."""
    code: Code
    """The most exact reason of the decision."""
    steps: tuple[StepSaid, ...]
    types: frozenset[Code] | None = None
    """For a permitted look: document types that are shown; None means every type."""
    masked: bool = False
    """Documents masked to professionals would be shown."""
    own: bool = False
    """Documents of his own, or of his structure, would be shown whatever their type or mask."""


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
