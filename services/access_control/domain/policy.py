"""Settings that rules need, as one frozen value. Each default says which rule or conflict of sources it settles."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from shared.contracts.record_requests import AppScope


@dataclass(frozen=True, slots=True)
class App:
    """An app or digital service as the operator referenced it (service numérique référencé, AR-067)."""

    scopes: frozenset[AppScope]
    """What it may be agreed on with a holder at most."""
    types: frozenset[str] | None = None
    """Document types it may be shown at most; None: as many as the holder sees."""
    suspended: bool = False
    """Suspended by the operator: denied at once, whatever holders agreed."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What an installation decides. The default follows the law, or the stricter source where sources differ."""

    feeding_needs_consent: bool = True
    """Non-health professionals (R94, R95, R291) deposit with consent alone (L.1111-17 III, AR-003)."""
    occupational_medicine: bool = False
    """Occupational medicine reads and feeds with express consent, in the doctors' column (AR-047).

    L.1111-17 IV allows it; public information still says no access, and no decree was found: off.
    """
    pmi_needs_consent: bool = True
    """A PMI doctor needs a relation like anybody. L.1111-18 states no consent; no decree says how: on (AR-050)."""
    session: timedelta = timedelta(hours=4)
    """Longest that one consent at the consultation holds (AR-010); no source gives a number."""
    team: timedelta = timedelta(days=365)
    """How long a team's consent holds at most, and where no end is named (AR-008): the law gives no number."""
    block_ends_delegations: bool = True
    """Who is blocked as a professional neither acts for the holder by a delegation given to him as one (AR-018).

    The domain rules (4.7) ask a delegate for no block; the guide of the DMP says that a blocked professional never has
    access, whatever he was given. The stricter one holds: the block ends the delegation, and none is given while it
    stands.
    """
    majority_notice: timedelta = timedelta(days=30)
    """How long before the holder comes of age that is told (AR-045): no source gives a number."""
    invitation: timedelta = timedelta(days=30)
    """How long an invitation to act for the holder waits for its answer."""
    objection: timedelta = timedelta(weeks=6)
    """In which the holder may object to a suspension (CSP R.1111-36, AR-057)."""
    archive_years: int = 10
    """How long a closed record is kept before it is deleted (CSP R.1111-36, L.1111-18, AR-054)."""
    archive_notice: timedelta = timedelta(days=30)
    """How long before that its holder is told at least: no source gives a number."""
    deletion: timedelta = timedelta(days=90)
    """In which an express deletion has to be done: three months at most (CSP R.1111-36, AR-055)."""
    emergency: timedelta = timedelta(minutes=30)
    """How long an emergency lasts for one professional on one record, from its first decision."""
    break_glass_a_day: int = 5
    """Beyond it a professional's bris de glace of one day are to be reviewed; no source gives a number (AR-062)."""
    regulation_a_day: int = 50
    """The same of centre 15: a regulating doctor's shift holds that many calls; no source gives a number."""
    colleague_confirms: bool = False
    """Beyond the number a colleague confirms each bris de glace, never centre 15. No source asks for it: off."""
    case_answer: timedelta = timedelta(days=30)
    """In which a contested access is answered: the month of article 12(3) of the GDPR; no source says more."""
    extract_approval: timedelta = timedelta(days=7)
    """How long an approved extract waits to be taken (AR-065): no source gives a number."""
    apps: Mapping[str, App] = field(default_factory=lambda: MappingProxyType({}))
    """The referenced apps by code: no setting, but what the register says when something is decided."""


DEFAULT: Final = Policy()
PURPOSES: Final = frozenset({"care", "prevention", "coordination"})
"""What a record may be read for: the purposes of CSP L.1111-14. A closed list, no setting (AR-049)."""
