"""Further messages of `record.requests`: what is asked about accesses themselves."""

from typing import ClassVar

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


MESSAGES = (ConfirmEmergency,)
