"""Everything that a decision looks at is kept from batch to batch, in a constant number of statements."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.access_control.domain.changes import differences
from services.access_control.domain.deletion import Because
from services.access_control.domain.record import Record, Right, State
from services.access_control.domain.relations import ALL_SCOPES, Agreement, Delegation, DelegationState, Team
from services.access_control.repository import Requests
from services.access_control.repository.records import load_one
from shared.contracts.common import ActorKind, Wishes
from shared.contracts.record_requests import (
    AdministratorRole,
    Answer,
    AppScope,
    ConsentSession,
    ConsentTeam,
    DelegationKind,
    DelegationScope,
    EndTeam,
    Function,
    Invite,
    OptOut,
    TeamKind,
    Wish,
)
from shared.database.record_keys import RecordKeys
from tests.integration.access_control.conftest import TRAITS, consult
from tests.unit.access_control.cast import DOCTOR, HOLDER, NURSE, OPERATOR, OTHER_DOCTOR, REPRESENTATIVE, changed

pytestmark = pytest.mark.kafka

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
FAR = datetime(2900, 1, 1, tzinfo=UTC)
CHILD = TRAITS | {"birth_date": "2025-02-28"}
DELEGATION = uuid4()
FULL = Record(
    state=State.CLOSED,
    activated=True,
    suspended=True,
    suspended_at=NOW,
    objected=True,
    deceased=True,
    closed_at=NOW,
    foreseen_at=NOW,
    deletion_due=FAR,
    deleted_because=Because.ARCHIVE,
    held=True,
    rights_version=9,
    treating=DOCTOR.number,
    wishes=Wishes(break_glass=False, regulation=False, masked=True),
    opted_out=frozenset({Function.APPS, Function.HISTORY}),
    masks_by_default=True,
    heirs_opposed=True,
    rights={
        DOCTOR.number: Right(until=FAR, administrator=AdministratorRole.MIDWIFE, by_representative=True),
        NURSE.number: Right(collector=DOCTOR.number, why="absent"),
        OTHER_DOCTOR.number: Right(blocked=True),
    },
    sessions={(NURSE.number, "1750000001"): FAR, (NURSE.number, ""): FAR},
    teams={
        "1750000001": Team(TeamKind.STRUCTURE, NOW, FAR, DOCTOR.number, by_representative=True),
        "team-1": Team(TeamKind.FORMALISED, NOW, NOW),
    },
    delegations={
        str(DELEGATION): Delegation(
            DelegationKind.LEGAL_REPRESENTATION, DelegationState.ACCEPTED, ALL_SCOPES, FAR, until=NOW
        ),
        str(uuid4()): Delegation(
            DelegationKind.CAREGIVING, DelegationState.PENDING, frozenset({DelegationScope.READ}), NOW
        ),
    },
    apps={"app-1": Agreement(frozenset(AppScope), FAR, by_representative=True), "app-2": Agreement(frozenset())},
)
OF_AGE_1961 = datetime(1979, 3, 1, 23, tzinfo=UTC)
EMPTY = Record(state=State.OPEN)


async def stored(service, record: UUID) -> Record:
    async with service.runtime.database.transaction() as tx:
        return await load_one(tx, RecordKeys(service.runtime.keys), record)


async def save(service, record: UUID, before: Record, after: Record) -> None:
    async with service.runtime.database.transaction() as tx:
        await Requests(RecordKeys(service.runtime.keys)).save(tx, differences(record, before, after))


async def test_every_field_of_a_record_comes_back_as_it_was(service):
    record, neighbour = await service.opened(1), await service.opened(2)
    assert await stored(service, record) == EMPTY
    await save(service, record, EMPTY, FULL)
    assert await stored(service, record) == replace(FULL, majority=OF_AGE_1961)
    assert await stored(service, neighbour) == EMPTY
    again = replace(EMPTY, delegations=FULL.delegations)
    await save(service, record, FULL, again)
    assert await stored(service, record) == replace(again, majority=OF_AGE_1961)


async def test_of_several_changes_of_one_row_the_last_counts(service):
    record = await service.opened(1)
    team = Team(TeamKind.STRUCTURE, NOW, FAR)
    with_team = replace(EMPTY, teams={"s": team}, sessions={("p", "s"): FAR}, apps={"a": Agreement(frozenset())})
    async with service.runtime.database.transaction() as tx:
        changes = (*differences(record, EMPTY, with_team), *differences(record, with_team, EMPTY))
        await Requests(RecordKeys(service.runtime.keys)).save(tx, changes)
    assert await stored(service, record) == EMPTY


async def test_ar_061_the_holder_sees_every_relation_and_what_has_become_of_it(service):
    record = await service.opened(1)
    await save(service, record, EMPTY, FULL)
    view = (await service.call("GET", f"/records/{record}/rights")).json()
    assert (view["state"], view["deceased"], view["activated"]) == ("suspended", True, True)
    assert view["wishes"] == {"break_glass": False, "regulation": False, "masked": True}
    assert sorted(view["opted_out"]) == ["apps", "history"]
    assert [(one["professional"], one["standing"], one["collector"]) for one in view["professionals"]] == [
        (OTHER_DOCTOR.number, "interdit", None),
        (NURSE.number, "valide", DOCTOR.number),
    ], "what a representative gave is nothing at majority"
    assert view["teams"] == [], "one has ended, the other one was a representative's"
    assert {one["kind"]: one["state"] for one in view["delegations"]} == {
        "LEGAL_REPRESENTATION": "EXPIRED",
        "CAREGIVING": "EXPIRED",
    }
    assert [one["app"] for one in view["apps"]] == ["app-1", "app-2"]
    assert view["objection_until"] is None, "the holder objected"


async def test_ar_045_a_childs_majority_is_known_where_somebody_represents_it(service):
    record = await service.opened(1, traits=CHILD)
    assert (await stored(service, record)).majority is None, "no key is opened where nothing ends then"
    delegation = uuid4()
    represents = changed(REPRESENTATIVE, delegation=delegation)
    invited = await service.ask(
        record,
        Invite(actor=OPERATOR, rights_version=0, delegation=delegation, kind=DelegationKind.LEGAL_REPRESENTATION),
    )
    assert (invited["outcome"], invited["act"], invited["further_act"]) == ("permit", "unknown", "invite")
    await service.ask(record, Answer(actor=represents, rights_version=1, delegation=delegation, accepted=True))
    assert (await stored(service, record)).majority == datetime(2043, 2, 27, 23, tzinfo=UTC)
    read = await service.consult(record, represents)
    assert (read["outcome"], read["reasons"], read["further_reasons"]) == ("permit", ["holder"], ["representative"])
    assert read["actor"]["kind"] == ActorKind.REPRESENTATIVE


async def test_ar_045_nobody_is_invited_to_represent_an_adult(service):
    record = await service.opened(1)
    invite = Invite(actor=OPERATOR, rights_version=0, delegation=uuid4(), kind=DelegationKind.LEGAL_REPRESENTATION)
    assert (await service.ask(record, invite))["further_reasons"] == ["majority_reached"]


async def test_consents_and_wishes_are_decided_from_batch_to_batch(service):
    record = await service.opened(1)
    session = ConsentSession(actor=DOCTOR, rights_version=0)
    assert (await service.ask(record, session))["further_reasons"] == ["collected"]
    assert (await service.consult(record, DOCTOR))["further_reasons"] == ["session_consent"]
    team = ConsentTeam(actor=HOLDER, rights_version=1, kind=TeamKind.STRUCTURE, team=NURSE.structure)
    await service.ask(record, team)
    assert (await service.consult(record, NURSE))["further_reasons"] == ["care_team"]
    ended = await service.ask(record, EndTeam(actor=HOLDER, rights_version=2, team=NURSE.structure))
    assert ended["outcome"] == "permit"
    assert (await service.consult(record, NURSE))["reasons"] == ["not_authorised"]
    await service.ask(record, Wish(actor=HOLDER, rights_version=3, wishes=Wishes(break_glass=False)))
    await service.ask(record, OptOut(actor=HOLDER, rights_version=4, functions=frozenset({Function.HISTORY})))
    kept = await stored(service, record)
    assert (kept.wishes.break_glass, kept.opted_out, kept.rights_version) == (False, {Function.HISTORY}, 5)


@pytest.mark.parametrize("size", [2, 40])
async def test_statements_do_not_grow_with_relations_or_minors(service, size):
    records = [await service.opened(person, traits=CHILD) for person in range(1, 9)]
    for record in records:
        represented = replace(
            FULL,
            state=State.OPEN,
            suspended=False,
            deceased=False,
            held=False,
            deletion_due=None,
            deleted_because=None,
            teams={},
        )
        delegations = {str(uuid4()): one for one in FULL.delegations.values()}
        await save(service, record, EMPTY, replace(represented, delegations=delegations))
    counted: list[int] = []
    service.runtime.database.on_statements = counted.append
    some = [records[place % 8] for place in range(size)]
    await service.take(*(service.message(record, consult(HOLDER)) for record in some))
    until = datetime.now(UTC) + timedelta(hours=1)
    teams = [
        ConsentTeam(actor=HOLDER, rights_version=9 + place // 8, kind=TeamKind.STRUCTURE, team=f"s{place}", until=until)
        for place in range(size)
    ]
    await service.take(*(service.message(record, body) for record, body in zip(some, teams, strict=True)))
    # as in any batch (lock, progress, done, rights, relations, records, decisions, the end: progress and outbox), keys
    # and identities of minors, and records and teams that are saved, with what they replaced
    assert counted == [10, 13]
