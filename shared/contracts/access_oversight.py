"""Further messages of `access.decisions`: what happens about accesses themselves."""

from typing import ClassVar
from uuid import UUID

from shared.contracts.common import Actor, Body


class TextRead(Body):
    """An operator read what somebody wrote beside a code, such as the reason of an emergency (AR-039)."""

    type_name: ClassVar[str] = "carnet.access.text-read.v1"

    actor: Actor
    subject: UUID
    """The request that the text belongs to."""


MESSAGES = (TextRead,)
