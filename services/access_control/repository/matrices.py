"""Versions of the habilitation matrix: what is stored of them, when each takes effect, and the one in force.

Nothing here is ever changed or removed; the database itself refuses it.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from services.access_control.domain.matrix import Basis, Cell, Matrix, MatrixError, build
from services.access_control.domain.matrix_rehearsal import Asked
from services.access_control.domain.matrix_schedule import Activation, Schedule, schedule, told, versions_from
from services.access_control.repository.records import KEEP_DECISIONS
from shared.contracts.access_decisions import Outcome
from shared.contracts.common import Owner
from shared.contracts.envelope import Message
from shared.database import Database, Transaction
from shared.messaging import Store

S = TypeVar("S")
C = TypeVar("C")

STALE_AFTER_S: Final = 10.0
"""A batch that would be decided by an older reading of the schedule reads it again first."""
_BEFORE: Final = timedelta(hours=1)
"""The version in force is looked up for some time back too: a batch took its clock before it read the schedule."""
_PIECE: Final = timedelta(hours=1)
"""Decisions are counted hour by hour: each statement stays within the time-outs of the service's role."""


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """What is known of a version, without its cells."""

    version: str
    effective: date
    sha256: str
    imported_by: str
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class Past:
    """What was put to the matrix in a period (`until` is outside)."""

    since: datetime
    until: datetime
    asked: tuple[Asked, ...]


class Matrices:
    """The stored versions, for the commands."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, matrix: Matrix, by: str) -> bool:
        """Store a version; False where it is there already with the same content.

        Raises:
            MatrixError: its name is taken by another content.
        """
        async with self._database.transaction() as tx:
            if await _add_version(tx, matrix, by):
                await _add_cells(tx, matrix)
                return True
            (stored,) = await _stored(tx, matrix.version)
        if stored.sha256 != matrix.digest():
            raise MatrixError(
                f"version {stored.version} is stored with another content, imported at {told(stored.imported_at)} by "
                f"{stored.imported_by}; versions are never overwritten: give the new content a version of its own"
            )
        return False

    async def stored(self) -> list[StoredVersion]:
        """Every version, in the order of their import."""
        async with self._database.transaction() as tx:
            return await _stored(tx)

    async def load(self, versions: Collection[str]) -> dict[str, Matrix]:
        """Versions by name; one that is not stored is left out.

        Raises:
            MatrixError: what is stored is not what was imported.
        """
        async with self._database.transaction() as tx:
            return await _load(tx, versions)

    async def activate(self, version: str, by: str, start: Callable[[datetime], datetime]) -> Activation:
        """Let a stored version take effect.

        Args:
            version: Its name.
            by: Who decides.
            start: Gives the moment from the database's clock; may refuse by raising.
        """
        async with self._database.transaction() as tx:
            now = await tx.clock()
            decided = Activation(version, start(now), by, now)
            await tx.execute(
                "INSERT INTO matrix_activation (version, takes_effect, activated_by, activated_at) "
                "VALUES ($1, $2, $3, $4)",
                decided.version,
                decided.takes_effect,
                decided.by,
                decided.at,
            )
        return decided

    async def activations(self) -> tuple[list[Activation], datetime]:
        """Every activation in the order in which they were decided, and the database's clock."""
        async with self._database.transaction() as tx:
            return await _activations(tx), await tx.clock()

    async def past(self, since: datetime, until: datetime | None = None) -> Past:
        """What was put to the matrix, counted, as far as decisions are kept: until now where no end is given."""
        async with self._database.transaction() as tx:
            now = await tx.clock()
        since, until = max(since, now - KEEP_DECISIONS), min(until or now, now)
        counted: Counter[tuple[str, str, str, bool]] = Counter()
        start = since
        while start < until:
            end = min(start + _PIECE, until)
            async with self._database.transaction() as tx:
                rows = await tx.fetch(
                    """
                    SELECT profession_group, owner, matrix_version, outcome = $3 AS permitted, count(*) AS times
                    FROM decision
                    WHERE decided_at >= $1 AND decided_at < $2 AND profession_group IS NOT NULL
                    GROUP BY 1, 2, 3, 4
                    """,
                    start,
                    end,
                    Outcome.PERMIT.value,
                )
            for row in rows:
                counted[row["profession_group"], row["owner"], row["matrix_version"], row["permitted"]] += row["times"]
            start = end
        asked = [
            Asked(group, Owner(owner), version, permitted, count)
            for (group, owner, version, permitted), count in sorted(counted.items())
        ]
        return Past(since, until, tuple(asked))


class InForce:
    """The schedule of versions as this process knows it.

    It is read every few seconds by a loop, so that a batch costs no statement for it; a batch that would be decided by
    a reading older than `STALE_AFTER_S` (the first one, or the first after a freeze) reads it itself. Activations are
    decided longer ahead than that, so processes change versions at the same moment of the database's clock.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._schedule = Schedule()
        self._matrices: Mapping[str, Matrix] = {}
        self._read_at: float | None = None

    def at(self, now: datetime) -> Matrix:
        """The version in force at a moment of the database's clock."""
        return self._schedule.at(now)

    async def reload(self) -> bool:
        """Read the schedule again."""
        async with self._database.transaction() as tx:
            await self._read(tx)
        return False

    async def ensure(self, tx: Transaction) -> None:
        """Read the schedule again where what is known of it is too old to decide by."""
        if self._read_at is None or self._clock() - self._read_at > STALE_AFTER_S:
            await self._read(tx)

    async def _read(self, tx: Transaction) -> None:
        began = self._clock()
        activations = await _activations(tx)
        needed = versions_from(activations, await tx.clock() - _BEFORE)
        missing = needed - self._matrices.keys()
        known = {**self._matrices, **(await _load(tx, missing) if missing else {})}
        if self._read_at is None or began > self._read_at:
            self._matrices = {name: known[name] for name in needed}
            self._schedule = schedule(activations, self._matrices)
            self._read_at = began


class Informed(Generic[S, C]):
    """A lane's store, by whose batches nothing is decided before the matrix in force is known."""

    def __init__(self, store: Store[S, C], in_force: InForce) -> None:
        self._store = store
        self._in_force = in_force

    async def load(self, tx: Transaction, messages: Sequence[Message[Any]]) -> Mapping[str, S]:
        """What the store gives."""
        await self._in_force.ensure(tx)
        return await self._store.load(tx, messages)

    async def save(self, tx: Transaction, changes: Sequence[C]) -> None:
        """What the store does."""
        await self._store.save(tx, changes)


async def _activations(tx: Transaction) -> list[Activation]:
    rows = await tx.fetch("SELECT version, takes_effect, activated_by, activated_at FROM matrix_activation ORDER BY id")
    return [Activation(*row) for row in rows]


async def _stored(tx: Transaction, version: str | None = None) -> list[StoredVersion]:
    rows = await tx.fetch(
        """
        SELECT version, effective, sha256, imported_by, imported_at FROM matrix_version
        WHERE $1::text IS NULL OR version = $1 ORDER BY imported_at, version
        """,
        version,
    )
    return [StoredVersion(*row) for row in rows]


async def _add_version(tx: Transaction, matrix: Matrix, by: str) -> bool:
    """Store what is said of a version; False where its name is taken."""
    inserted = await tx.fetchrow(
        """
        INSERT INTO matrix_version (version, effective, provenance, inactive_groups, bases, sha256, imported_by)
        VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7) ON CONFLICT (version) DO NOTHING RETURNING version
        """,
        matrix.version,
        matrix.effective,
        matrix.provenance,
        sorted(matrix.inactive),
        json.dumps({name: asdict(basis) for name, basis in matrix.bases.items()}),
        matrix.digest(),
        by,
    )
    return inserted is not None


async def _add_cells(tx: Transaction, matrix: Matrix) -> None:
    cells = list(matrix.cells.values())
    await tx.execute(
        """
        INSERT INTO matrix_cell (version, profession_group, type_code, consult, status, confidence, basis)
        SELECT $1, * FROM unnest($2::text[], $3::text[], $4::boolean[], $5::text[], $6::text[], $7::text[])
        """,
        matrix.version,
        [group for group, _ in matrix.cells],
        [type_code for _, type_code in matrix.cells],
        [cell.consult for cell in cells],
        [cell.status for cell in cells],
        [cell.confidence for cell in cells],
        [cell.basis for cell in cells],
    )


async def _load(tx: Transaction, versions: Collection[str]) -> dict[str, Matrix]:
    names = sorted(versions)
    told = await tx.fetch(
        """
        SELECT version, effective, provenance, inactive_groups, bases, sha256
        FROM matrix_version WHERE version = ANY($1::text[])
        """,
        names,
    )
    rows = await tx.fetch(
        """
        SELECT version, profession_group, type_code, consult, status, confidence, basis
        FROM matrix_cell WHERE version = ANY($1::text[])
        """,
        names,
    )
    cells: dict[str, dict[tuple[str, str], Cell]] = {row["version"]: {} for row in told}
    for version, group, type_code, *said in rows:
        cells[version][group, type_code] = Cell(*said)
    return {row["version"]: _built(row, cells[row["version"]]) for row in told}


def _built(row: Any, cells: Mapping[tuple[str, str], Cell]) -> Matrix:
    matrix = build(
        row["version"],
        row["effective"],
        cells,
        inactive=frozenset(row["inactive_groups"]),
        provenance=row["provenance"],
        bases={name: Basis(**basis) for name, basis in json.loads(row["bases"]).items()},
    )
    if matrix.digest() != row["sha256"]:
        # nobody reads by a matrix that someone changed behind the service's back
        raise MatrixError(f"version {matrix.version} of the matrix is not what was imported; restore the database")
    return matrix
