"""The rest of the cast's patients become what the cast says of them: a minor, one who opposes, one who closed hers."""

from collections.abc import Collection
from typing import Final

from deploy.local.identity.cast import ALICE, BRUNO, CHLOE, DAVID
from deploy.local.identity.members import Patient
from deploy.proof.demo.door import Door, problem, said
from deploy.proof.demo.holders import DEPOSITOR, READER, Holder, Holders
from deploy.proof.demo.ledger import Ledger
from shared.contracts.http_access_control import RecordLife
from shared.contracts.reasons import Reason
from shared.terminology import Ins

_OK: Final = 200
_NO_CONTENT: Final = 204
_FORBIDDEN: Final = 403
_CONFLICT: Final = 409


def ins_of(patient: Patient) -> Ins:
    """The identity of a member of the cast."""
    return Ins(patient.oid, patient.matricule)


ALWAYS: Final = ins_of(ALICE)
"""Has a record, with whatever documents."""
CLOSED: Final = ins_of(CHLOE)
"""Closed her record, unless she has documents."""


class Others:
    """Plays those of them who have no document."""

    def __init__(self, door: Door, ledger: Ledger, holders: Holders) -> None:
        self._door = door
        self._ledger = ledger
        self._holders = holders

    async def play(self, busy: Collection[Ins]) -> None:
        """Play whoever is not among `busy`, whose records are in use. Repeating changes nothing."""
        if ins_of(BRUNO) not in busy:
            await self._opposed(Holder(0, ins_of(BRUNO)))
        free = [ins for ins in (ins_of(CHLOE), ins_of(DAVID)) if ins not in busy]
        await self._holders.open_only(free)
        for holder in self._holders.others:
            if holder.ins == ins_of(CHLOE):
                await self._closed(holder)

    async def _opposed(self, holder: Holder) -> None:
        """Who opposes gets no record, whoever asks (CSP R.1111-40)."""
        answer = await self._door.ask(holder.who, "PUT", "/records/me/opposition", json={"opposed": True})
        wrong = None if answer.status_code == _NO_CONTENT else said(answer)
        if wrong is None:
            opening = await self._door.ask(DEPOSITOR, "POST", "/records", json=holder.opening())
            opposed = opening.status_code == _CONFLICT and problem(opening)[0] == Reason.RECORD_OPPOSED
            wrong = None if opposed else f"expected 409 {Reason.RECORD_OPPOSED.value}, got {said(opening)}"
        next_step = "A record that was opened before can't be opposed: `carnet down --wipe`, then play again."
        self._ledger.expect("no record for who is opposed", holder.name, wrong, next_step)

    async def _closed(self, holder: Holder) -> None:
        """A record that its holder closed is open to nobody."""
        path = f"/records/{holder.record}/rights"
        view = await self._door.ask(holder.who, "GET", path)
        if view.status_code == _OK and view.json()["state"] == RecordLife.OPEN:
            version = {"if-match": view.headers["etag"]}
            view = await self._door.ask(holder.who, "POST", f"{path}/close", json={}, headers=version)
        wrong = None if view.status_code == _OK else said(view)
        if wrong is None:
            address = f"/fhir/DocumentReference?patient=Patient/{holder.record}"
            answer = await self._door.ask(READER, "GET", address, "refused read")
            closed = answer.status_code == _FORBIDDEN and problem(answer)[0] == Reason.RECORD_CLOSED
            wrong = None if closed else f"expected 403 {Reason.RECORD_CLOSED.value}, got {said(answer)[:200]}"
        self._ledger.expect("closed record refused", holder.name, wrong, "See `carnet logs access_control`.")
