"""Whether a holder wants new documents masked to professionals, whatever their depositors say (AR-025)."""

from typing import Final, NamedTuple
from uuid import UUID

MASKED: Final = "masked"
"""The state, as access_control tells it, in which they are."""


class ByDefault(NamedTuple):
    """What the holder of a record wants from now on."""

    record: UUID
    masked: bool
