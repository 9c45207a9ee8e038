"""Topic `access.reviews`: accesses that an operator is to look at. Nothing is refused by it."""

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from shared.contracts.common import Body, Code


class ReviewRaised(Body):
    """What one actor did in a period is out of the usual (AR-062). The key is the review's random id, no record's.

    Told once for a kind, an actor and a period; how it went on stands in access_control's table of reviews.
    """

    type_name: ClassVar[str] = "carnet.access.review-raised.v1"

    review: UUID
    kind: Code
    """`records.hour`, `no_relation.hour`, `bris_de_glace.hour`, `bris_de_glace.day` or `centre_15.day`, so far."""
    actor: Code
    """Directory number of the professional."""
    period: AwareDatetime
    """Begin of the hour, or of the day in Paris."""
    counted: int
    """How many there were when it was told."""
    usual: int
    """How many are not reviewed, by the settings."""


MESSAGES = (ReviewRaised,)
