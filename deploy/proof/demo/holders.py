"""The patients: their records are opened as a professional does, and each decides who may read."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from deploy.local.identity.cast import CAST, DR_MARTIN, DR_NOIR, DR_ROUX, sample_patient
from deploy.local.identity.members import Patient
from deploy.proof.demo.door import Door, Who, said
from deploy.proof.demo.ledger import Ledger
from shared.contracts.http_access_control import ProfessionalStanding, RecordLife
from shared.terminology import Ins

DEPOSITOR: Final = Who(DR_ROUX.name)
READER: Final = Who(DR_MARTIN.name)
"""The doctor whom each patient authorises."""
BLOCKED: Final = Who(DR_NOIR.name)
KNOWN: Final = {member.matricule: member for member in CAST.values() if isinstance(member, Patient)}
"""Patients of the cast by their number."""
AT_ONCE: Final = 8
_OK: Final = 200
_CREATED: Final = 201
_CONFLICT: Final = 412
_TRIES: Final = 3
_NOT_YET: Final = UUID(int=0)


@dataclass
class Holder:
    """A patient and the record."""

    number: int
    """From 1, for people."""
    ins: Ins = field(repr=False)
    record: UUID = _NOT_YET
    """Known once the record is open."""

    @property
    def who(self) -> Who:
        """The patient with a token."""
        return Who("patient", self.ins)

    @property
    def patient(self) -> Patient:
        """The member of the cast with this identity, or a test patient who is known by the identity alone."""
        address = f"demonstration-{self.number}@patient.test"
        return KNOWN.get(self.ins.number) or sample_patient(self.ins.number, address)

    @property
    def name(self) -> str:
        """For people, without an identity."""
        known = KNOWN.get(self.ins.number)
        return known.name if known else f"patient {self.number}"

    def opening(self) -> dict[str, Any]:
        """The request that opens the record."""
        patient = self.patient
        return {
            "ins": {"matricule": patient.matricule, "oid": patient.oid},
            "traits": {
                "family_name": patient.family_name,
                "given_names": patient.given_names.split(),
                "sex": "female" if patient.sex == "F" else "male",
                "birth_date": patient.birth_date,
                "birth_place": patient.birth_place,
            },
            "contact": {"email": patient.email, "language": "fr"},
        }


class Holders:
    """Opens records and sets rights."""

    def __init__(self, door: Door, ledger: Ledger) -> None:
        self._door = door
        self._ledger = ledger
        self.by_ins: dict[Ins, Holder] = {}
        """Whose record is open, and who decided who may read."""
        self.others: list[Holder] = []
        """Whose record is open and has nobody's rights."""
        self.changes = 0
        """Authorisations and blocks that were made now."""

    async def prepare(self, everybody: Iterable[Ins]) -> None:
        """Open a record for each of these people, and let them decide; who has one keeps it."""
        for number, ins in enumerate(dict.fromkeys(everybody), 1):
            holder = Holder(number, ins)
            if await self._open(holder) and await self._decide(holder):
                self.by_ins[ins] = holder

    async def open_only(self, people: Iterable[Ins]) -> int:
        """Open a record for each of these people who has none yet; gives how many such records are open."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(holder: Holder) -> None:
            async with slots:
                if await self._open(holder):
                    self.others.append(holder)

        missing = [ins for ins in people if ins not in self.by_ins]
        await asyncio.gather(*(one(Holder(number, ins)) for number, ins in enumerate(missing, len(self.by_ins) + 1)))
        return len(self.others)

    @property
    def everybody(self) -> list[Holder]:
        """All whose record is open."""
        return [*self.by_ins.values(), *self.others]

    async def _open(self, holder: Holder) -> bool:
        answer = await self._door.ask(DEPOSITOR, "POST", "/records", "opening", json=holder.opening())
        wrong = None if answer.status_code in {_OK, _CREATED} else said(answer)
        if wrong is None:
            holder.record = UUID(answer.json()["record"])
        return self._ledger.expect(
            "record opened", holder.name, wrong, "See the reason; a patient who is opposed has to withdraw that first."
        )

    async def _decide(self, holder: Holder) -> bool:
        """The patient authorises one doctor and blocks another; what stands already is not repeated."""
        wanted = [
            ("authorise", DR_MARTIN.number, ProfessionalStanding.VALID),
            ("block", DR_NOIR.number, ProfessionalStanding.BLOCKED),
        ]
        wrong: str | None = None
        for verb, number, standing in wanted:
            wrong = wrong or await self._set(holder, verb, number, standing)
        return self._ledger.expect("rights set by the patient", holder.name, wrong, "See `carnet logs access_control`.")

    async def _set(self, holder: Holder, verb: str, number: str, standing: str) -> str | None:
        """Change one right, on a fresh view again where it changed meanwhile; gives what went wrong."""
        path = f"/records/{holder.record}/rights"
        wrong: str | None = None
        for _ in range(_TRIES):
            view = await self._door.ask(holder.who, "GET", path)
            if view.status_code != _OK:
                return said(view)
            rights = view.json()
            if _standing(rights, number) == standing:
                return None
            closed = rights["state"] == RecordLife.CLOSED
            change = {} if closed else {"professional": number}
            answer = await self._door.ask(
                holder.who,
                "POST",
                f"{path}/{'reopen' if closed else verb}",
                "change of rights",
                json=change,
                headers={"if-match": view.headers["etag"]},
            )
            wrong = said(answer)
            if answer.status_code not in {_OK, _CONFLICT}:
                return wrong
            self.changes += answer.status_code == _OK and not closed
        view = await self._door.ask(holder.who, "GET", path)
        return None if _standing(view.json(), number) == standing else wrong


def _standing(rights: dict[str, Any], number: str) -> str | None:
    return next((one["standing"] for one in rights["professionals"] if one["professional"] == number), None)
