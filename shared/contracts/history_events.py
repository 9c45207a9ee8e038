"""Topic `history.events`: what happened to the history of reimbursed care."""

from typing import ClassVar
from uuid import UUID

from shared.contracts.common import AccessMode, Actor, Body, Code


class HistoryUpdated(Body):
    """Lines of one record changed: one message per record and batch."""

    type_name: ClassVar[str] = "carnet.history.updated.v1"

    insurer: Code
    first: bool = False
    """The record's first lines ever (PRIMO_ALIM_MHS)."""


class HistoryConsulted(Body):
    """The history was read."""

    type_name: ClassVar[str] = "carnet.history.consulted.v1"

    request: UUID
    actor: Actor
    mode: AccessMode = AccessMode.NORMAL


class RecordDestroyed(Body):
    """The record's key, lines and index are destroyed here, as announced; told again for each announcement."""

    type_name: ClassVar[str] = "carnet.history.record-destroyed.v1"


MESSAGES = (HistoryUpdated, HistoryConsulted, RecordDestroyed)
