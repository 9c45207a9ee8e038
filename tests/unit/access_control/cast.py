"""People, records and messages that the tests of access control share."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from services.access_control import handlers
from services.access_control.__main__ import load_matrix
from services.access_control.domain import decide, rights
from services.access_control.domain.decide import Reading
from services.access_control.domain.extracts import Applied, Extract
from services.access_control.domain.policy import App, Policy
from services.access_control.domain.record import Record, Right, State
from services.access_control.domain.relations import ALL_SCOPES, Delegation, DelegationState, Team
from services.access_control.domain.rights import Command
from shared.contracts.common import AccessMode, Actor, ActorKind, Body, Owner, Wishes
from shared.contracts.envelope import Envelope, Message
from shared.contracts.record_extracts import ExtractKind, ExtractPurpose
from shared.contracts.record_requests import AppScope, DelegationKind, DelegationScope, TeamKind
from shared.messaging import Failed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOON = NOW + timedelta(seconds=2)
RECORD = UUID("6f2c1f6e-1111-4111-8111-111111111111")
MATRIX = load_matrix()

HOLDER = Actor(kind=ActorKind.PATIENT, authenticated=True)
DOCTOR = Actor(
    kind=ActorKind.PROFESSIONAL,
    number="810000000001",
    role="G15_10",
    specialty="SM26",
    sector="SA07",
    structure="1750000001",
    authenticated=True,
)
OTHER_DOCTOR = DOCTOR.model_copy(update={"number": "810000000002"})
NURSE = DOCTOR.model_copy(update={"number": "810000000003", "role": "G15_60", "specialty": None})
OSTEOPATH = DOCTOR.model_copy(update={"number": "810000000004", "role": "R95_71", "specialty": None})
SOCIAL_WORKER = DOCTOR.model_copy(update={"number": "310000000005", "role": "R94_41", "specialty": None})
HOSPITAL = Actor(kind=ActorKind.STRUCTURE, number="1750000001", structure="1750000001")
INSURER = Actor(kind=ActorKind.INSURER, number="amo-test")
OPERATOR = Actor(kind=ActorKind.OPERATOR, number="operator-1", authenticated=True)
OTHER_OPERATOR = OPERATOR.model_copy(update={"number": "operator-2"})
REPRESENTATIVE = Actor(kind=ActorKind.REPRESENTATIVE, authenticated=True)

OPEN = Record(state=State.OPEN)
AUTHORISING = replace(OPEN, rights={DOCTOR.number: Right(), NURSE.number: Right(), OSTEOPATH.number: Right()})


class TellingSigner:
    """Signs nothing: the permit's own JSON shows in tests what was permitted."""

    def sign(self, permit):
        return permit.model_dump_json()


REQUESTS = handlers.requests(MATRIX, TellingSigner())
DEPOSITS = handlers.deposits(MATRIX)


def reading(actor: Actor, owner: Owner = Owner.DOCUMENT, mode: AccessMode = AccessMode.NORMAL) -> Reading:
    return Reading(actor, owner, mode, SOON)


def changed(actor: Actor, **fields) -> Actor:
    return actor.model_copy(update=fields)


def message(body: Body, *, type_name: str = "", identity: UUID | None = None, record: UUID = RECORD) -> Message:
    identity = identity or uuid4()
    envelope = Envelope(identity, type_name or body.type_name, "gateway", NOW, identity)
    return Message(envelope, str(record), body, "record.requests", 0, 0)


def handle(body: Body, record: Record = OPEN, now: datetime = NOW, lane=REQUESTS, **more):
    return lane[type(body)](message(body, **more), record, now)


def fail(body: Body, record: Record = OPEN, lane=REQUESTS):
    return lane[Failed](message(Failed.model_construct(original=body), type_name=body.type_name), record, NOW)


def decided(effects):
    return effects.emits[0]


MASKED_TOO = Wishes(masked=True)
REGULATOR = changed(DOCTOR, number="810000000006", regulator=True, sector="SA01", structure="1750000009")
CASE = UUID(int=41)
HEIR = Applied(ExtractKind.HEIR, ExtractPurpose.MEMORY, frozenset({"11488-4"}))
EXPERT = Applied(ExtractKind.COURT_EXPERT, ExtractPurpose.COURT_MISSION, since=NOW - timedelta(days=9), until=NOW)
DEAD = replace(OPEN, deceased=True)


def with_case(record: Record = DEAD, applied: Applied = HEIR, **more) -> Record:
    """A record on which the cast's operator opened a case; approved by the other one unless told otherwise."""
    approved = {"approved_by": OTHER_OPERATOR.number, "approved_until": NOW + timedelta(days=7)}
    extract = Extract(applied, OPERATOR.number, NOW, **(approved | more))
    return replace(record, oversight=record.oversight.with_extract(CASE, extract))


APP = "app-health-1"
POLICY = Policy(apps={APP: App(frozenset(AppScope)), "app-suspended": App(frozenset(AppScope), suspended=True)})
MAJORITY = datetime(2026, 3, 1, 23, tzinfo=UTC)
"""00:00 in Paris on 2 March 2026, eleven hours after NOW."""
MOTHER_ID, CARER_ID, GUARDIAN_ID = (UUID(int=number) for number in (11, 12, 13))
MOTHER, CARER, GUARDIAN = (
    changed(REPRESENTATIVE, delegation=identity) for identity in (MOTHER_ID, CARER_ID, GUARDIAN_ID)
)
DELEGATIONS = {
    str(MOTHER_ID): Delegation(DelegationKind.LEGAL_REPRESENTATION, DelegationState.ACCEPTED, ALL_SCOPES, NOW),
    str(CARER_ID): Delegation(
        DelegationKind.CAREGIVING, DelegationState.ACCEPTED, frozenset({DelegationScope.READ}), NOW
    ),
    str(GUARDIAN_ID): Delegation(DelegationKind.PROTECTED_ADULT, DelegationState.ACCEPTED, ALL_SCOPES, NOW),
}
MINOR = replace(OPEN, majority=MAJORITY, delegations=DELEGATIONS)


def team(record: Record = OPEN, key: str = DOCTOR.structure, kind: TeamKind = TeamKind.STRUCTURE, **more) -> Record:
    """A record whose holder consented to a care team: by default, the structure of the cast's doctors."""
    fields = {"since": NOW, "until": NOW + timedelta(days=30)} | more
    return replace(record, teams={**record.teams, key: Team(kind=kind, **fields)})


def consult(record: Record, actor: Actor, now: datetime = NOW, policy: Policy = POLICY, **more):
    """The decision on a reading; `more` are fields of the reading."""
    fields = {"owner": Owner.DOCUMENT, "mode": AccessMode.NORMAL, "deadline": now + timedelta(seconds=2)} | more
    return decide.consult(record, Reading(actor, **fields), now, MATRIX, policy)


EVERY_TYPE = frozenset().union(*(MATRIX.types_for(one) for one in ("medecin", "infirmier")), {"any other"})


def seen(record: Record, actor: Actor, mode: AccessMode, owner: Owner, now: datetime, policy: Policy) -> frozenset[str]:
    """What an actor would be shown, in words of which one may take away; nothing where he may not read."""
    sight = consult(record, actor, now, policy, owner=owner, mode=mode, reason_code="unconscious").scope
    if sight is None:
        return frozenset()
    types = EVERY_TYPE if sight.types is None else sight.types
    return frozenset({"something", *types, *(flag for flag in ("masked", "withheld") if getattr(sight, flag))})


def do(record: Record, act, actor: Actor = HOLDER, now: datetime = NOW, policy: Policy = POLICY, **fields):
    """What comes of a command, made on today's version of the rights unless one is named."""
    command = Command(**({"act": act, "actor": actor, "version": record.rights_version} | fields))
    return rights.change(record, command, now, policy)
