"""Further messages of `access.decisions`: what happens about accesses themselves."""

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from shared.contracts.common import Actor, Body, Code


class TextRead(Body):
    """An operator read what somebody wrote beside a code, such as the reason of an emergency (AR-039)."""

    type_name: ClassVar[str] = "carnet.access.text-read.v1"

    actor: Actor
    subject: UUID
    """The request that the text belongs to."""


class CaseOpened(Body):
    """The holder contests an access: the operator has to answer."""

    type_name: ClassVar[str] = "carnet.access.case-opened.v1"

    actor: Actor
    case: UUID
    request: UUID
    """The request behind the trace that is contested."""
    professional: Code | None = None
    structure: Code | None = None
    due: AwareDatetime
    """When the answer is due."""
    opinion: Code | None = None
    """What the protected adult thinks of it, as who decides for him says (AR-063)."""


class CaseAnswered(Body):
    """The operator answered a case; what is written there is read from access_control, by the holder alone."""

    type_name: ClassVar[str] = "carnet.access.case-answered.v1"

    actor: Actor
    case: UUID
    finding: Code
    """`founded` or `unfounded`."""
    suspended: Code | None = None
    """Directory number of the professional, where the operator suspended him for it."""


MESSAGES = (TextRead, CaseOpened, CaseAnswered)
