"""Further messages of `record.requests`: extracts for heirs and court experts, by an operator's case (AR-058, AR-065).

What identifies the applicant and the supporting papers goes to access_control over internal HTTP, under the case's id.
"""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from shared.contracts.common import Actor, Body, Code
from shared.contracts.record_requests import RightsCommand


class ExtractKind(StrEnum):
    """For whom an extract may be made (CSP L.1110-4 V, L.1111-18). Closed: nobody else is named there."""

    HEIR = "heir"
    """Ayant droit of the deceased holder."""
    COHABITEE = "cohabitee"
    """Concubin."""
    PACS_PARTNER = "pacs_partner"
    """Partenaire lié par un pacte civil de solidarité."""
    COURT_EXPERT = "court_expert"
    """Expert of a judicial medical expertise."""


class ExtractPurpose(StrEnum):
    """What for. The first three are those of L.1110-4 V, the last one an expert's alone."""

    CAUSES_OF_DEATH = "causes_of_death"
    """Know the causes of death."""
    MEMORY = "memory"
    """Defend the memory of the deceased."""
    RIGHTS = "rights"
    """Assert one's rights."""
    COURT_MISSION = "court_mission"
    """The mission that the court gave."""


class OpposeHeirs(RightsCommand):
    """The holder, while alive, opposes access by heirs, cohabitee or PACS partner, or takes that back (L.1110-4 V)."""

    type_name: ClassVar[str] = "carnet.record.oppose-heirs.v1"

    opposed: bool


class RequestExtract(Body):
    """An operator opens a case: for whom, what for, and of which documents at most."""

    type_name: ClassVar[str] = "carnet.record.request-extract.v1"

    actor: Actor
    case: UUID
    """Random; chosen by whoever sends this. What names the papers stands under it in access_control."""
    kind: ExtractKind
    purpose: ExtractPurpose
    types: frozenset[Code] = frozenset()
    """Document types (typeCode); empty: every type within the period, which is then needed."""
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    """End of the period of care, exclusive. Both or neither; neither: any time, of the types named."""


class AnswerExtract(Body):
    """Another operator approves one extract under a case, or refuses the case for good."""

    type_name: ClassVar[str] = "carnet.record.answer-extract.v1"

    actor: Actor
    case: UUID
    accepted: bool
    taken: int = 0
    """How many extracts had been taken when its author looked: said again, it approves no further one."""


MESSAGES = (OpposeHeirs, RequestExtract, AnswerExtract)
