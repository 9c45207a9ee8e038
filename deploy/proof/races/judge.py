"""The verdict over races: when each read really happened, against the moment at which its restriction was told."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from deploy.proof.checker.databases import connect
from deploy.proof.checker.verdict import Verdict, finding
from deploy.proof.races.plan import Restriction
from deploy.proof.races.race import READ, Race
from shared.contracts.reasons import Reason
from shared.contracts.topics import ACCESS_CONTROL, DOCUMENT

DENIED = {Restriction.BLOCK: Reason.BLOCKED, Restriction.REVOKE: Reason.NOT_AUTHORISED}


class Happened(NamedTuple):
    """A read that happened."""

    record: UUID
    at: datetime
    """The commit of its row, where the server keeps the time of commits; else the look at the clock before it."""


async def happened(admin_url: str, records: Collection[UUID]) -> dict[UUID, Happened]:
    """Reads on these records, by request, from document's own rows."""
    connection = await connect(admin_url, DOCUMENT)
    try:
        kept = await connection.fetchval("SHOW track_commit_timestamp") == "on"
        at = "greatest(read_at, pg_xact_commit_timestamp(xmin))" if kept else "read_at"
        sql = f"SELECT request, record, {at} FROM consulted WHERE record = ANY($1)"  # noqa: S608 - two constants
        return {row[0]: Happened(row[1], row[2]) for row in await connection.fetch(sql, list(records))}
    finally:
        await connection.close()


async def permitted(admin_url: str, records: Collection[UUID]) -> set[UUID]:
    """Reads of these records that were permitted, from access_control's own rows."""
    connection = await connect(admin_url, ACCESS_CONTROL)
    try:
        sql = "SELECT request FROM decision WHERE outcome = 'permit' AND act = 'consult' AND record = ANY($1)"
        return {row[0] for row in await connection.fetch(sql, list(records))}
    finally:
        await connection.close()


def judge(
    races: Sequence[tuple[Restriction, Race]],
    reads: Mapping[UUID, Happened],
    permits: Collection[UUID],
    *,
    failures: Sequence[str] = (),
    faults: Sequence[str] = (),
    faults_needed: bool = True,
) -> Verdict:
    """Compare what happened with what was told. Pure.

    Args:
        races: those that came to their end, with what each of them was about.
        reads: every read that happened.
        permits: every request that was permitted.
        failures: races that did not come about, and why.
        faults: what really happened to the processes meanwhile.
        faults_needed: that nothing happened to them is a fault of the run.
    """
    told = {request: race.told_at for _, race in races for request in race.reads}
    late = [request for request, one in reads.items() if request in told and one.at > told[request]]
    sides = {side for _, race in races for side in race.beside}
    mixed = sum(len(set(race.beside)) > 1 for _, race in races)
    out = sum(bool(race.ends) and max(race.ends) >= race.told_at for _, race in races)
    findings = [
        finding(
            "C4",
            "no read happened after its restriction was told",
            len(reads),
            (f"read {request} on record {reads[request].record} happened behind the restriction" for request in late),
            needed=True,
        ),
        finding(
            "C4",
            "no use of a permit begun after that was answered",
            sum(race.late_uses for _, race in races),
            (f"read {request} was answered" for _, race in races for request in race.late_answers),
            needed=True,
        ),
        finding("C4", "a restriction is told after the last permit before it", len(races), _early(races), needed=True),
        finding("C4", "what is asked behind the decision is denied", len(races), _behind(races), needed=True),
        finding("C4", "permits were out when restrictions were decided", out, _idle(out, len(races)), needed=True),
        finding("C4", "every read that happened was permitted", len(reads), _unpermitted(reads, permits), needed=True),
        finding("C4", "races came out on both sides", mixed, () if len(sides) > 1 else ("all on one side",)),
        finding("C7", "every race came to its end", len(races) + len(failures), failures, needed=True),
        finding("C7", "processes were frozen and killed meanwhile", len(faults), (), needed=faults_needed),
    ]
    counts = {
        "races": len(races),
        "reads": len(reads),
        "uses after it was told": sum(race.late_uses for _, race in races),
        "races decided within one moment": mixed,
        "races with permits out": out,
        "faults": len(faults),
    }
    return Verdict(tuple(findings), counts=counts)


def _idle(out: int, races: int) -> Iterator[str]:
    if out * 2 < races:
        yield f"a permit was out in {out} of {races} races only: too slow to race"


def _early(races: Sequence[tuple[Restriction, Race]]) -> Iterator[str]:
    for _, race in races:
        if any(end > race.told_at for end in race.ends):
            yield f"record {race.record}: a permit outlives the moment at which the restriction is told"


def _behind(races: Sequence[tuple[Restriction, Race]]) -> Iterator[str]:
    for restriction, race in races:
        if race.behind != (DENIED[restriction],):
            what = "permitted" if race.behind == (READ,) else f"answered {race.behind}"
            yield f"record {race.record}: a read behind the {restriction} was {what}"
        if race.stale not in {None, (Reason.STALE_RIGHTS,)}:
            yield f"record {race.record}: an unblock that came late was answered {race.stale}"


def _unpermitted(reads: Mapping[UUID, Happened], permits: Collection[UUID]) -> Iterator[str]:
    for request, one in reads.items():
        if request not in permits:
            yield f"read {request} on record {one.record} happened without a permit"
