"""Topic `record.requests`: what is asked of a record, by the gateway. The message's id is the request's id."""

from datetime import datetime
from typing import ClassVar

from pydantic import AwareDatetime

from shared.contracts.common import AccessMode, Actor, Body, Code, Owner


class Consult(Body):
    """Ask to read. Each read is a request of its own; late means deny."""

    type_name: ClassVar[str] = "carnet.record.consult.v1"

    actor: Actor
    owner: Owner
    mode: AccessMode = AccessMode.NORMAL
    deadline: AwareDatetime


class RightsCommand(Body):
    """A change of rights, made on the rights that its author saw (ETag and If-Match)."""

    actor: Actor
    rights_version: int
    """Version of the rights the author had read; another current version is a conflict."""


class Authorise(RightsCommand):
    """The holder lets a professional read (autorisation, AR-013), until an end date if one is given (AR-015)."""

    type_name: ClassVar[str] = "carnet.record.authorise.v1"

    professional: Code
    until: AwareDatetime | None = None


class Revoke(RightsCommand):
    """The holder takes an authorisation back."""

    type_name: ClassVar[str] = "carnet.record.revoke.v1"

    professional: Code


class Block(RightsCommand):
    """The holder blocks a named professional (blocage, AR-018): beats every authorisation."""

    type_name: ClassVar[str] = "carnet.record.block.v1"

    professional: Code


class Unblock(RightsCommand):
    """The holder ends a block; the professional then needs a new authorisation (AR-020)."""

    type_name: ClassVar[str] = "carnet.record.unblock.v1"

    professional: Code


class Close(RightsCommand):
    """The holder closes the record (AR-054)."""

    type_name: ClassVar[str] = "carnet.record.close.v1"


class Reopen(RightsCommand):
    """The holder opens a closed record again; what was archived comes back (AR-056)."""

    type_name: ClassVar[str] = "carnet.record.reopen.v1"


class DeclareTreatingDoctor(Body):
    """The insurance declares the médecin traitant, or that there is none any more (AR-066)."""

    type_name: ClassVar[str] = "carnet.record.declare-treating-doctor.v1"

    actor: Actor
    professional: Code | None = None


class Release(Body):
    """An operator ends the hold that an unexpected error put on the record."""

    type_name: ClassVar[str] = "carnet.record.release.v1"

    actor: Actor
    decided_at: datetime | None = None


MESSAGES = (Consult, Authorise, Revoke, Block, Unblock, Close, Reopen, DeclareTreatingDoctor, Release)
