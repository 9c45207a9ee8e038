"""Contested accesses: what a holder sees of a case, what an operator answers, and how structures stand."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from services.access_control.repository import majorities
from services.access_control.repository.identities import NoRecordError
from services.access_control.repository.majorities import SERVICE
from services.access_control.repository.sending import Sending
from services.access_control.repository.suspensions import add
from services.access_control.repository.written import open_text
from shared.contracts.access_oversight import CaseAnswered
from shared.contracts.common import Actor
from shared.contracts.http_access_control import CaseView
from shared.database import Database, Transaction
from shared.database.record_keys import RecordKeys
from shared.messaging import lock_partitions
from shared.security import context, decrypt, encrypt

_SHOWN: Final = 500


class AnswerError(ValueError):
    """An answer that can't be given: why, and what is expected."""


class Finding(StrEnum):
    """What an operator found."""

    FOUNDED = "founded"
    UNFOUNDED = "unfounded"


@dataclass(frozen=True, slots=True)
class Case:
    """One case, as an operator reads it."""

    id: UUID
    record: UUID
    request: UUID
    professional: str | None
    structure: str | None
    opened_at: datetime
    due: datetime
    overdue: bool
    finding: str | None
    written: bool
    """The holder wrote something beside it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How often accesses in one structure were contested, and what was found."""

    structure: str | None
    cases: int
    waiting: int
    overdue: int
    founded: int
    suspended: int
    """Cases after which the professional was suspended."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operator answers."""

    operator: Actor
    finding: Finding
    text: str
    """For the holder, who alone reads it; kept encrypted."""
    suspends: bool = False
    """The professional is denied everything from now on."""


class Contests:
    """The cases."""

    def __init__(self, database: Database, keys: RecordKeys) -> None:
        self._database = database
        self._keys = keys

    async def of(self, record: UUID) -> tuple[CaseView, ...]:
        """A record's cases, the last first, with what was written and answered.

        Raises:
            NoRecordError: there is none.
        """
        async with self._database.transaction() as tx:
            key = (await self._keys.get(tx, [record])).get(record)
            if key is None:
                raise NoRecordError
            rows = await tx.fetch(
                """
                SELECT c.id, c.request, c.professional, c.structure, c.opened_at, c.due, c.answered_at, c.finding,
                       c.answer, c.by_representative, w.text
                FROM contest c LEFT JOIN written w ON w.subject = c.id AND w.record = c.record
                WHERE c.record = $1 ORDER BY c.opened_at DESC LIMIT $2
                """,
                record,
                _SHOWN,
            )
            of_age = (await majorities.load(tx, self._keys, [record])).get(record)
        return tuple(_view(key, row, of_age) for row in rows)

    async def listed(self, *, answered: bool = False, structure: str = "") -> list[Case]:
        """Cases in the order in which they are due: those that wait for an answer, or all."""
        async with self._database.transaction() as tx:
            rows = await tx.fetch(
                """
                SELECT c.id, c.record, c.request, c.professional, c.structure, c.opened_at, c.due,
                       c.answered_at IS NULL AND c.due <= clock_timestamp() AS overdue, c.finding,
                       w.subject IS NOT NULL AS written
                FROM contest c LEFT JOIN written w ON w.subject = c.id AND w.record = c.record
                WHERE ($1 OR c.answered_at IS NULL) AND ($2 = '' OR c.structure = $2) ORDER BY c.due LIMIT $3
                """,
                answered,
                structure,
                _SHOWN,
            )
        return [Case(*row) for row in rows]

    async def by_structure(self) -> list[Standing]:
        """How structures stand, those with most founded cases first."""
        async with self._database.transaction() as tx:
            rows = await tx.fetch(
                """
                SELECT structure, count(*) AS cases, count(*) FILTER (WHERE answered_at IS NULL) AS waiting,
                       count(*) FILTER (WHERE coalesce(answered_at, clock_timestamp()) >= due) AS overdue,
                       count(*) FILTER (WHERE finding = 'founded') AS founded,
                       count(*) FILTER (WHERE suspends) AS suspended
                FROM contest GROUP BY structure ORDER BY founded DESC, cases DESC, structure LIMIT $1
                """,
                _SHOWN,
            )
        return [Standing(*row) for row in rows]

    async def answer(self, case: UUID, answer: Answer, sending: Sending) -> None:
        """Answer a case, once; who did wrong may be suspended in the same transaction.

        Raises:
            AnswerError: there is no such case, it has its answer, or nobody is known who could be suspended.
        """
        async with self._database.transaction() as tx:
            known = await tx.fetchrow("SELECT record, professional FROM contest WHERE id = $1", case)
            if known is None:
                raise AnswerError(f"there is no case {case}; see carnet case list")
            if answer.suspends and known["professional"] is None:
                raise AnswerError("no professional is known who could be suspended; answer without --suspend")
            await lock_partitions(tx, {sending.partition(known["record"])})
            if not await self._store(tx, case, known["record"], answer):
                raise AnswerError(f"{case} has its answer already; see carnet case list --all")
            if answer.suspends:
                await add(tx, known["professional"], answer.operator.number or "", f"case {case}")
            told = CaseAnswered(
                actor=answer.operator,
                case=case,
                finding=answer.finding.value,
                suspended=known["professional"] if answer.suspends else None,
            )
            await sending.outbox.append(tx, sending.outbox.root((told,), cause=case, key=known["record"]))

    async def _store(self, tx: Transaction, case: UUID, record: UUID, answer: Answer) -> bool:
        key = (await self._keys.get(tx, [record])).get(record)
        if key is None:
            raise AnswerError("the record is being deleted: nothing is kept of it any more")
        status = await tx.execute(
            """
            UPDATE contest
            SET answered_at = clock_timestamp(), answered_by = $2, finding = $3, answer = $4, suspends = $5
            WHERE id = $1 AND answered_at IS NULL
            """,
            case,
            answer.operator.number,
            answer.finding.value,
            encrypt(key, answer.text.encode(), _context(case)),
            answer.suspends,
        )
        return status == "UPDATE 1"


def _view(key: bytes, row: Any, of_age: datetime | None) -> CaseView:
    """A case as its holder sees it.

    Who decides for an adult sees the adult's cases, as everything of the record (AR-063): no access to it was secret. A
    minor's own are the minor's: which of them are about a secret connection is told to nobody else (AR-042).
    """
    return CaseView(
        case=row["id"],
        request=row["request"],
        professional=row["professional"],
        structure=row["structure"],
        opened_at=row["opened_at"],
        due=row["due"],
        answered_at=row["answered_at"],
        finding=row["finding"],
        by_representative=row["by_representative"],
        secret=not row["by_representative"] and (of_age is None or row["opened_at"] < of_age),
        text=open_text(key, row["text"], row["id"]) if row["text"] else None,
        answer=decrypt(key, row["answer"], _context(row["id"])).decode() if row["answer"] else None,
    )


def _context(case: UUID) -> bytes:
    return context(SERVICE, "contest", "answer", case)
