"""Further messages of `record.requests`: what is asked about accesses themselves."""

from typing import ClassVar
from uuid import UUID

from shared.contracts.common import Actor, Body, Code


class ConfirmEmergency(Body):
    """A colleague confirms that a professional has to break the glass of this record (AR-033).

    Asked for only where the installation wants it, of who does it more often in a day than is usual; never of the
    regulating doctor. It holds as long as an emergency does (30 minutes).
    """

    type_name: ClassVar[str] = "carnet.record.confirm-emergency.v1"

    actor: Actor
    """The colleague: another health professional, authenticated."""
    professional: Code
    """Who breaks the glass."""


class Contest(Body):
    """The holder contests an access that a trace tells of, and so opens a case for the operator (AR-061, AR-062).

    What the holder writes beside it goes to access_control over internal HTTP, under the case's id.
    """

    type_name: ClassVar[str] = "carnet.record.contest.v1"

    actor: Actor
    case: UUID
    """Random; chosen by whoever sends this."""
    request: UUID
    """The request behind the trace: its correlation. Of a deposit it is the document's id, and by a case about it an
    operator may delete that very document (AR-068)."""
    professional: Code | None = None
    """Who is named in the trace; access_control's own decision counts as long as it is kept."""
    structure: Code | None = None
    """In which structure, as the trace says."""
    opinion: Code | None = None
    """What the protected adult thinks of it: asked of the person in charge of the protection (AR-063)."""


MESSAGES = (ConfirmEmergency, Contest)
