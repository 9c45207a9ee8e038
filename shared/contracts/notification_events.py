"""Topic `notification.events`: what was told to whom, never what it said."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from shared.contracts.common import Actor, Body, Code


class Channel(StrEnum):
    """How a person is told."""

    EMAIL = "email"
    NONE = "none"


class Notified(Body):
    """One notice about one event."""

    notice: UUID
    event: Code
    """Code of the event, for example `AJOUT_DOC_PS`."""
    channel: Channel
    about: UUID
    """Id of the message that caused it."""
    recipient: Code | None = None
    """Directory number of the médecin traitant, or the delegation whose delegate was told; None: the holder."""


class Sent(Notified):
    """Handed to the mail server."""

    type_name: ClassVar[str] = "carnet.notification.sent.v1"


class Failed(Notified):
    """Given up after the last attempt."""

    type_name: ClassVar[str] = "carnet.notification.failed.v1"


class Silence(StrEnum):
    """Why a notice is recorded and not sent."""

    NO_ADDRESS = "no_address"
    WITHHELD = "withheld"
    """It would tell of a document that is withheld from the holder (INVISIBLE_PATIENT, AR-029)."""
    HIDDEN = "hidden_from_representatives"
    """It would tell of a document that representatives may not know of (AR-041).

    Whose a minor's address is, nobody knows: it may be theirs.
    """
    CONFIDENTIAL = "secret_connection"
    """It was done under a minor's secret connection (AR-042); here, too, the address may be the representatives'."""
    SAME_ACCESS = "same_access"
    """The access that this read is part of was told already: one act, one message."""


class Suppressed(Notified):
    """Recorded and not sent: no channel, nothing that may be told, or told already."""

    type_name: ClassVar[str] = "carnet.notification.suppressed.v1"

    reason: Code | None = None
    """A `Silence`; None in messages of the first release."""


class ContactGiven(Body):
    """Somebody said how the médecin traitant or a delegate is told of the record. The address stands nowhere here."""

    type_name: ClassVar[str] = "carnet.notification.contact-given.v1"

    actor: Actor
    recipient: Code
    """Directory number of the médecin traitant, or the delegation whose delegate is told."""


class RecordDestroyed(Body):
    """How the holder was reached, and what was told, is destroyed: after the last notice, that of the deletion."""

    type_name: ClassVar[str] = "carnet.notification.record-destroyed.v1"


MESSAGES = (Sent, Failed, Suppressed, ContactGiven, RecordDestroyed)
