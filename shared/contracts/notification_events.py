"""Topic `notification.events`: what was told to whom, never what it said."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from shared.contracts.common import Body, Code


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


class Sent(Notified):
    """Handed to the mail server."""

    type_name: ClassVar[str] = "carnet.notification.sent.v1"


class Failed(Notified):
    """Given up after the last attempt."""

    type_name: ClassVar[str] = "carnet.notification.failed.v1"


class Suppressed(Notified):
    """Recorded and not sent: no channel, or the person asked for none."""

    type_name: ClassVar[str] = "carnet.notification.suppressed.v1"


class RecordDestroyed(Body):
    """How the holder was reached, and what was told, is destroyed: after the last notice, that of the deletion."""

    type_name: ClassVar[str] = "carnet.notification.record-destroyed.v1"


MESSAGES = (Sent, Failed, Suppressed, RecordDestroyed)
