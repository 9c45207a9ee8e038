"""HTTP for the gateway: index the holder of a new record, read a history on a permit."""

from collections.abc import Callable, Sequence
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Depends

from services.history_ingestion.domain.nomenclature import SECTIONS, USAGE, USAGE_LOINC, USAGE_TITLE
from services.history_ingestion.domain.window import today_in_paris, window_start
from services.history_ingestion.handlers import backfill
from services.history_ingestion.repository.persons import IndexedElsewhereError, PersonStore
from services.history_ingestion.repository.reading import lines_of
from shared.contracts.history_events import HistoryConsulted
from shared.contracts.http_history import HistorySection, HistoryView, IndexPerson, PersonIndexed, ReadHistory
from shared.database import Database
from shared.database.reads import use_permit
from shared.database.record_keys import RecordKeys
from shared.http import Problem, callers, reading_permit
from shared.messaging import Outbox, lock_partitions
from shared.security import Permit, PermitVerifier, ServiceVerifier
from shared.terminology.ins import Ins, parse_ins

HISTORY_TYPE = "REMB"
"""The document type that the history is of: the habilitation matrix says who may see it."""


class Index:
    """Use case: the gateway says whose a record is."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        persons: PersonStore,
        partition: Callable[[UUID], int],
        *,
        insurers: Sequence[str],
        oids: frozenset[str],
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._persons = persons
        self._partition = partition
        self._insurers = insurers
        self._oids = oids

    async def put(self, record: UUID, person: IndexPerson) -> PersonIndexed:
        """Index a record's holder, and ask the insurers for 24 months where the record is open already and fed.

        Where access_control's word comes later, its handler asks: whichever of the two comes last does.

        Raises:
            Problem: 422 for an INS that is none, 409 where it leads to another record.
        """
        ins = self._accepted(person)
        try:
            async with self._database.transaction() as tx:
                await lock_partitions(tx, {self._partition(record)})
                is_open, asks = await self._persons.index(tx, record, ins, moved=person.moved)
                if asks:
                    cause = uuid4() if person.moved else uuid5(record, "indexed")
                    asked = backfill(self._insurers, ins, await tx.clock(), cause)
                    await self._outbox.append(tx, self._outbox.root(asked, cause=cause, key=record))
        except IndexedElsewhereError:
            raise Problem(
                409,
                "indexed_elsewhere",
                "This person has another record here, or this record another person.",
                "Look the record up again; if it persists, an operator has to compare the two records.",
            ) from None
        return PersonIndexed(open=is_open)

    def _accepted(self, person: IndexPerson) -> Ins:
        try:
            ins = parse_ins(person.oid, person.matricule)
        except ValueError as error:
            raise Problem(422, "bad_ins", str(error), "Send the INS as the identity service gave it.") from None
        if ins.oid not in self._oids:
            raise Problem(
                422,
                "ins_not_taken_here",
                "This kind of identity is not taken in this environment.",
                "Use a test identity inside environment=local, a real one elsewhere.",
            )
        return ins


class Reading:
    """Use case: read a history within a permit."""

    def __init__(self, database: Database, outbox: Outbox, keys: RecordKeys, verifier: PermitVerifier) -> None:
        self._database = database
        self._outbox = outbox
        self._keys = keys
        self._verifier = verifier

    async def read(self, token: str) -> HistoryView:
        """The history that a permit opens, once. The read is recorded in the transaction that reads.

        Raises:
            Problem: 403 where the permit does not hold or is not about the history.
            PermitLateError, PermitUsedError: nothing was read.
        """
        permit = self._permitted(token)
        consulted = HistoryConsulted(request=permit.id, actor=permit.actor, mode=permit.mode)
        async with self._database.transaction() as tx:
            now = await use_permit(
                tx, request=permit.id, record=permit.record, expires=permit.expires, issued=permit.issued
            )
            since = window_start(today_in_paris(now))
            found = await lines_of(tx, self._keys, permit.record, since)
            await self._outbox.append(tx, self._outbox.root((consulted,), cause=permit.id, key=permit.record))
        return HistoryView(
            since=since,
            sections=tuple(
                HistorySection(section=name, loinc=section.loinc, title=section.title, lines=tuple(found.get(name, ())))
                for name, section in SECTIONS.items()
            ),
            usage_loinc=USAGE_LOINC,
            usage_title=USAGE_TITLE,
            usage=USAGE,
        )

    def _permitted(self, token: str) -> Permit:
        permit = reading_permit(self._verifier, token)
        types = permit.scope.types
        if types is not None and HISTORY_TYPE not in types:
            raise Problem(
                403,
                "outside_scope",
                f"The permit does not cover the reimbursement history ({HISTORY_TYPE}).",
                "Ask for a consultation whose scope holds it; the habilitation matrix says which professions may.",
            )
        return permit


def routes(index: Index, reading: Reading, verifier: ServiceVerifier) -> APIRouter:
    """The routes; only the gateway may call them."""
    router = APIRouter(dependencies=[Depends(callers(verifier, "gateway"))])

    @router.put("/persons/{record}")
    async def put_person(record: UUID, person: IndexPerson) -> PersonIndexed:
        return await index.put(record, person)

    @router.post("/read")
    async def read(asked: ReadHistory) -> HistoryView:
        return await reading.read(asked.permit)

    return router
