"""Branch A, who stands on the holder's side: the holder, representatives, carers.

State, then the relation that is valid today, then its scope, then flags; never block, consent or matrix.
"""

from typing import Final

from services.access_control.domain.branches.people import not_delegated_for, not_on_holders_side, not_secret
from services.access_control.domain.cases import Consultation
from services.access_control.domain.policy import PURPOSES
from services.access_control.domain.record import no_consultation
from services.access_control.domain.steps import Branch, Grant, Step
from services.access_control.domain.verdict import Sight, Verdict, permit
from shared.contracts.common import AccessMode, ActorKind
from shared.contracts.further_reasons import Code, FurtherReason
from shared.contracts.reasons import Reason
from shared.contracts.record_requests import DelegationScope

HOLDERS_SIDE: Final = frozenset({ActorKind.PATIENT, ActorKind.REPRESENTATIVE})
_EVERYTHING: Final = Sight(masked=True)
"""What is masked to professionals is seen, what waits for its announcement is not (CSP R.1111-53, AR-029).

Documents hidden from legal representatives are hidden by their owner from every actor of that kind (AR-041).
"""


def too_late(case: Consultation) -> Code | None:
    """Late means no."""
    return Reason.LATE if case.now > case.asked.deadline else None


def other_purpose(case: Consultation) -> Code | None:
    """Secondary use is forbidden (AR-049): purposes are a closed list."""
    return None if case.asked.purpose in PURPOSES else FurtherReason.PURPOSE_EXCLUDED


def secret(case: Consultation) -> Code | None:
    """A secret connection is a minor's."""
    return not_secret(case.record, case.actor, case.now)


def state(case: Consultation) -> Code | None:
    """What the state lets nobody read."""
    return no_consultation(case.record)


def _person(case: Consultation) -> Code | None:
    return None if case.actor.authenticated else Reason.NOT_AUTHENTICATED


def _relation(case: Consultation) -> Code | None:
    return not_on_holders_side(case.record, case.actor, case.now)


def _scope(case: Consultation) -> Code | None:
    return not_delegated_for(case.record, case.actor, DelegationScope.READ)


def _mode(case: Consultation) -> Code | None:
    return None if case.asked.mode is AccessMode.NORMAL else Reason.EMERGENCY_NOT_SERVED


def _flags(case: Consultation) -> Verdict:
    holder = case.actor.kind is ActorKind.PATIENT
    return permit(Reason.HOLDER if holder else FurtherReason.REPRESENTATIVE, _EVERYTHING)


ALWAYS: Final[tuple[Step[Consultation], ...]] = (
    Step("deadline", (), too_late),
    Step("purpose", ("AR-049",), other_purpose),
    Step("secret", ("AR-042",), secret),
)
STEPS: Final[tuple[Step[Consultation], ...]] = (
    Step("A1", ("AR-054", "AR-057"), state),
    Step("A2", ("AR-061",), _person),
    Step("A3", ("AR-045", "AR-063"), _relation),
    Step("A4", ("AR-061",), _scope),
    Step("A5", ("AR-033", "AR-034"), _mode),
)
BRANCH: Final = Branch((*ALWAYS, *STEPS), Grant("A6", ("AR-029", "AR-041", "AR-061"), _flags))
