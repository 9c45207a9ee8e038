"""What every route needs: who asks, in which language, about which record, and may it be read."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from fastapi import Request

from services.gateway.api.requests import Requests
from services.gateway.api.terms import Terms
from services.gateway.api.urgency import Urgency
from services.gateway.clients import Owners
from services.gateway.domain.answers import denial, refusal
from services.gateway.domain.users import (
    UnacceptableInsError,
    UnknownUserError,
    User,
    accepted,
    acting_by,
    identify,
    may_be_urgent,
)
from services.gateway.settings import Settings
from shared.contracts.access_decisions import Decided, Outcome
from shared.contracts.common import Actor, Owner
from shared.contracts.http_access_control import InsView
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import Consult
from shared.http import Problem, RemoteError, bearer
from shared.observability import logger
from shared.security import ProviderUnavailableError, TokenRefusedError, TokenVerifier
from shared.terminology import Ins, parse_ins

GRACE_S = 1.0
"""A decision made before a read's deadline may arrive this much after it."""

_CARE: Final = Terms()

_log = logger(__name__)


@dataclass(frozen=True)
class Door:
    """The gateway's parts, as its routes use them."""

    settings: Settings
    verifier: TokenVerifier
    owners: Owners
    requests: Requests

    async def user(self, request: Request) -> User:
        """Who asks, by the request's access token; a dependency of every route.

        Raises:
            Problem: 401 without a valid token, 403 where it does not say who asks, 503 where it can't be verified.
        """
        try:
            claims = await self.verifier.verify(bearer(request))
        except TokenRefusedError as error:
            _log.warning("token_refused", code=error.code)
            headers = {"www-authenticate": 'Bearer error="invalid_token"'}
            raise Problem(401, error.code, f"{error}.", headers=headers) from None
        except ProviderUnavailableError as error:
            _log.warning("provider_unavailable", exc_info=error)
            told = "The identity provider can't be reached, so no token can be verified."
            raise Problem(503, "provider_unavailable", told, "Repeat in a moment.") from None
        try:
            return identify(claims, local=self.settings.is_local)
        except (UnknownUserError, UnacceptableInsError) as error:
            raise Problem(403, "unknown_user", f"{error}.") from None

    def identity(self, view: InsView) -> Ins:
        """The identity that a request names.

        Raises:
            Problem: 422 where it is none, or none for this installation.
        """
        try:
            return self.accepted(parse_ins(view.oid, view.matricule))
        except ValueError as error:
            raise Problem(422, "invalid_ins", f"{error}.") from None

    def accepted(self, ins: Ins) -> Ins:
        """The identity itself where this installation takes it; raises Problem 422 where not."""
        try:
            return accepted(ins, local=self.settings.is_local)
        except UnacceptableInsError as error:
            raise Problem(422, "unacceptable_ins", f"{error}.") from None

    async def found(self, user: User, ins: Ins, language: str) -> UUID:
        """The record of an identity.

        Raises:
            Problem: 404 where there is none (for outsiders the same 403 as where there is one); 403 where a holder
                names somebody else.
        """
        if user.is_holder and user.ins != ins:
            raise _not_own()
        record = await self.owners.access_control.find(self.accepted(ins))
        if record is None:
            raise refusal((Reason.NO_RECORD,), language, user.actor)
        return record

    async def named(self, user: User, ins: Ins, language: str) -> tuple[UUID, Actor]:
        """The record of an identity, and who asks as he stands to it: also whoever acts for that person.

        Raises:
            Problem: as `found`; for who does not act for that person the same 403 whether there is a record or not.
        """
        if user.ins is None or user.ins == ins:
            return await self.found(user, ins, language), user.actor
        record = await self.owners.access_control.find(self.accepted(ins))
        delegations = await self.owners.access_control.delegations(user.ins)
        actor = acting_by(user.actor, record, delegations) if record is not None else None
        if record is None or actor is None:
            raise _not_own()
        return record, actor

    async def addressed(self, user: User, record: UUID, language: str) -> UUID:
        """The record that a request names by its id, once a holder is known to be its holder.

        access_control sees only that a holder asks, not which: that it is his own record is checked here.

        Raises:
            Problem: 403 where a holder names another record than his own, 404 where he has none.
        """
        if user.ins is not None and await self.found(user, user.ins, language) != record:
            raise _not_own()
        return record

    async def acting(self, user: User, record: UUID, language: str, named: UUID | None = None) -> Actor:
        """Who asks, as he stands to a record that a request names: its holder, one who acts for him, or as he is.

        A person's delegations are found by the identity in his own token alone.

        Args:
            user: Who asks.
            record: The record's id.
            language: `fr` or `en`.
            named: The delegation that the request is about.

        Raises:
            Problem: 403 where a person names a record that is neither his own nor one for which he may be asked to act,
                404 where he has none at all.
        """
        if user.ins is None:
            return user.actor
        own = await self.owners.access_control.find(self.accepted(user.ins))
        if own == record:
            return user.actor
        delegations = await self.owners.access_control.delegations(user.ins)
        found = acting_by(user.actor, record, delegations, named)
        if found is not None:
            return found
        raise refusal((Reason.NO_RECORD,), language, user.actor) if own is None else _not_own()

    async def own(self, user: User, language: str) -> UUID:
        """A holder's own record.

        Raises:
            Problem: 403 for anybody else, 404 where there is none.
        """
        if user.ins is None:
            raise refusal((Reason.NOT_HOLDER,), language, user.actor)
        return await self.found(user, user.ins, language)

    async def permit(
        self,
        actor: Actor,
        record: UUID,
        owner: Owner,
        language: str,
        *,
        on: Terms = _CARE,
        case: UUID | None = None,
    ) -> str:
        """Ask to read, and give the signed permit for the owner.

        Args:
            actor: Who asks.
            record: The record.
            owner: Whose data are read.
            language: `fr` or `en`.
            on: The terms on which it is read; what is written beside an emergency goes to access_control first.
            case: The case under which an operator takes an extract (AR-065).

        Raises:
            Problem: the denial with its reason; 503 or 504 where no decision came.
        """
        request, within = uuid4(), self.settings.read_deadline_s
        told: dict[str, Any] = {"purpose": on.purpose, "consent": on.consent, "case": case}
        if (urgent := on.urgent) is not None:
            told |= {"mode": urgent.mode, "reason_code": urgent.reason}
            told["reason_told"] = await self._written(actor, record, request, urgent, language)
        deadline = datetime.now(UTC) + timedelta(seconds=within)
        asked = Consult(actor=actor, owner=owner, deadline=deadline, **told)
        decided = await self.requests.decide(record, asked, within + GRACE_S, request)
        self.expect_permit(decided, actor, language)
        if decided.permit is None:
            raise refusal((Reason.INTERNAL_ERROR,), language)
        return decided.permit

    async def _written(self, actor: Actor, record: UUID, request: UUID, urgent: Urgency, language: str) -> bool:
        """Hand over what is written beside an emergency's reason; False where there is nothing, or who may not write.

        Only who may be permitted an emergency at all writes into a record; any other is denied without it, and learns
        from no answer here whether there is such a record.
        """
        if urgent.text is None or not may_be_urgent(actor):
            return False
        try:
            await self.owners.access_control.write(record, request, urgent.text)
        except RemoteError as error:
            if error.code == Reason.NO_RECORD:
                raise refusal((Reason.NO_RECORD,), language, actor) from None
            raise
        return True

    @staticmethod
    def expect_permit(decided: Decided, actor: Actor, language: str) -> None:
        """Pass where the decision permits; raises the denial as a Problem where not."""
        if decided.outcome is not Outcome.PERMIT:
            reason = decided.reasons[0] if decided.reasons else None
            _log.info("denied", request=decided.request, code=reason)
            raise denial(decided, language, actor)

    def base(self, request: Request) -> str:
        """Address of the FHIR door, without a slash at its end."""
        own = self.settings.public_url.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"
        return f"{own}/fhir"


def language_of(request: Request) -> str:
    """`fr` where the client asks for French first, else `en`."""
    return "fr" if request.headers.get("accept-language", "").strip().lower().startswith("fr") else "en"


def _not_own() -> Problem:
    return Problem(
        403,
        "not_own_record",
        "A patient may address his own record alone.",
        "Leave the patient out, or name your own record: GET /records/me tells its id.",
    )
