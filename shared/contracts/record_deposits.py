"""Topic `record.deposits`: deposits whose content is staged in the document service."""

from typing import ClassVar
from uuid import UUID

from shared.contracts.common import AccessMode, Actor, Body, Code


class Deposit(Body):
    """Ask to make a staged document part of the record. Content, title and hash stay with the document service."""

    type_name: ClassVar[str] = "carnet.record.deposit.v1"

    deposit: UUID
    """Id of the deposit: the request's id, and the id by which the whole flow can be followed."""
    actor: Actor
    type_code: Code
    replaces: bool = False
    mode: AccessMode = AccessMode.NORMAL
    """An opposition to bris de glace covers feeding in that mode, too (AR-033)."""


MESSAGES = (Deposit,)
