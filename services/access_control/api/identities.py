"""What the operator has done to the index of persons: an INS that changed, and two of one person."""

from collections.abc import Awaitable
from uuid import UUID

from fastapi import APIRouter

from services.access_control.api.records import expect, ins_of, no_record, told
from services.access_control.domain import opening
from services.access_control.repository import IdentityTakenError, Moves, NoRecordError
from services.access_control.settings import Settings
from shared.contracts.http_access_control import ChangeIdentity, FoundRecord, MergeIdentities
from shared.http import Problem


def identities(router: APIRouter, moves: Moves, settings: Settings) -> APIRouter:
    """The routes, on a router that says who may call."""
    accepted = settings.accepted_oids

    @router.post("/identities/change")
    async def change(wanted: ChangeIdentity) -> FoundRecord:
        """Let another INS lead to a person's record."""
        expect(opening.not_foreseen(wanted.actor))
        old, new = ins_of(wanted.old, accepted), ins_of(wanted.new, accepted)
        record = await _found(told(moves.change(old, new, wanted.traits, wanted.actor, freed=wanted.freed)))
        return FoundRecord(record=record)

    @router.post("/identities/merge")
    async def merge(wanted: MergeIdentities) -> FoundRecord:
        """Keep one of a person's two records in use, and hold the other."""
        expect(opening.not_foreseen(wanted.actor))
        old, kept = ins_of(wanted.old, accepted), ins_of(wanted.kept, accepted)
        return FoundRecord(record=await _found(moves.merge(old, kept, wanted.actor)))

    return router


async def _found(moved: Awaitable[UUID]) -> UUID:
    try:
        return await moved
    except NoRecordError:
        raise no_record() from None
    except IdentityTakenError:
        why = "The new identity has a record of its own."
        raise Problem(409, "identity_taken", why, "Have the two merged, once it is sure that they are one.") from None
