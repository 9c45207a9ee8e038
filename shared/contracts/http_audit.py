"""What audit is asked over internal HTTP, and what it shows: the traces of a record, for one reader.

Nothing here has a partition's number, a place in the log or a proof: those would betray that something is withheld.
"""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.contracts.access_decisions import Outcome
from shared.contracts.common import AccessMode, Act, Actor, Code, Value
from shared.contracts.reasons import Reason

MAX_TRACES = 200
DEFAULT_TRACES = 50


class ReadTraces(Value):
    """`POST /read`: newest traces first. Each permit reads once."""

    permit: Annotated[str, Field(max_length=8192)]
    """The signed permit (JWS) for audit."""
    since: AwareDatetime | None = None
    """Traces from this moment on."""
    until: AwareDatetime | None = None
    """Traces before this moment."""
    after: UUID | None = None
    """With `until` the moment of the last trace seen: that trace; the page goes on behind it."""
    count: Annotated[int, Field(ge=1, le=MAX_TRACES)] = DEFAULT_TRACES


class Trace(Value):
    """One thing that happened to the record."""

    id: UUID
    at: AwareDatetime
    """When it happened."""
    kind: Code
    """The message type, for example `carnet.document.deposited.v1`."""
    act: Act | None = None
    """What was asked, where it is a decision or a change of rights."""
    further_act: Code | None = None
    """The act where `act` has no word for it (`FurtherAct`); `act` is then None or `unknown`."""
    outcome: Outcome | None = None
    reasons: tuple[Reason, ...] = ()
    further_reasons: tuple[Code, ...] = ()
    """Finer codes than `reasons` (`FurtherReason`), as the decision told them."""
    actor: Actor | None = None
    """None where no person acted."""
    mode: AccessMode = AccessMode.NORMAL
    emergency_reason: Code | None = None
    """Why a record was opened in an emergency, by the list `emergency_reasons`; the text beside it is not here."""
    professional: Code | None = None
    """Whose rights changed."""
    subject: Code | None = None
    """The team, delegation or app whose rights changed."""
    document: UUID | None = None
    notice: Code | None = None
    """Code of the notice sent, for example `ACCES_DMP_PS`."""
    recipient: Code | None = None
    """To whom it was sent, where that was not the holder: a directory number or a delegation."""
    correlation: UUID
    """The request or deposit at the root: the same for all that followed from it."""


class Traces(Value):
    """The answer to `ReadTraces`."""

    traces: tuple[Trace, ...]
