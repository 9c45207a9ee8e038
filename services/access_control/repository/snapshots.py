"""Records, and versions of the matrix, as they stood at any moment."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from services.access_control.domain.matrix import NOTHING, Matrix
from services.access_control.domain.matrix_schedule import in_force
from services.access_control.domain.past import record_at
from services.access_control.domain.policy import Policy
from services.access_control.domain.record import Record, State
from services.access_control.repository import beside, past
from services.access_control.repository.beside import Asked
from services.access_control.repository.matrices import Matrices
from services.access_control.repository.records import load_one
from shared.database import Database
from shared.database.record_keys import RecordKeys

NOBODY: Final = Asked()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A record as it stood at a moment."""

    record: Record
    moment: datetime
    now: datetime
    """The database's clock."""
    told_from: datetime
    """Before this moment there was no record, or it is not known what stood; `record` is then not to be used."""


class Snapshots:
    """Snapshots of records, and versions of the matrix, at any moment."""

    def __init__(self, database: Database, keys: RecordKeys, policy: Policy) -> None:
        self._database = database
        self._policy = policy
        self._keys = keys
        self._matrices = Matrices(database)
        self._known: dict[str, Matrix] = {}

    async def snapshot(
        self, record: UUID, moment: datetime | None = None, *, about: Asked = NOBODY, secrets: bool = True
    ) -> Snapshot | None:
        """A record at a moment; None where there is no such record now.

        Args:
            record: Its id.
            moment: None, or a later moment than now: as it stands now.
            about: Whose emergencies, suspensions and apps are to be known.
            secrets: False leaves out what was done in a minor's secret connection.
        """
        async with self._database.transaction() as tx:
            # what stands now is read first: a change that commits in between is then undone by its own row
            found = await load_one(tx, self._keys, record, with_majority=True)
            if found.state is State.ABSENT:
                return None
            now = await tx.clock()
            told = await tx.fetchrow(
                "SELECT greatest(opened_at, (SELECT since FROM past_told)) AS since FROM record WHERE id = $1", record
            )
            asked = moment if moment is not None else now
            rows = await past.load(tx, record) if asked < now or not secrets else []
            around = await beside.load(
                tx,
                record,
                about,
                min(asked, now),
                emergency=self._policy.emergency,
                count_day=self._policy.colleague_confirms,
                secrets=secrets,
            )
        if told is None:
            return None
        stood = record_at(found, rows, min(asked, now), secrets=secrets)
        return Snapshot(replace(stood, oversight=around), asked, now, told["since"])

    async def matrix(self, moment: datetime) -> Matrix:
        """The version of the matrix that held, or will hold, at a moment."""
        activations, _ = await self._matrices.activations()
        held = in_force(activations, moment)
        if held is None:
            return NOTHING
        if held.version not in self._known:
            self._known |= await self._matrices.load({held.version})
        return self._known.get(held.version, NOTHING)
