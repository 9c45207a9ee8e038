"""A small service for tests of the messaging: adds numbers per record, and says each sum."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from shared.contracts.common import Body
from shared.contracts.envelope import Message
from shared.contracts.topics import Key, Topic
from shared.database import Transaction
from shared.messaging import MESSAGING_TABLES, PARKED_RESOLUTION, Effects, Failed

PARTITIONS = 4


class Add(Body):
    type_name: ClassVar[str] = "test.add.v1"
    amount: int
    trouble: str = ""


class Added(Body):
    type_name: ClassVar[str] = "test.added.v1"
    sum: int


class Other(Body):
    type_name: ClassVar[str] = "test.other.v1"


NUMBERED_IN = Topic("test.in", "", Key.RECORD, ("feeder",), ("adder",), (Add, Other), True, PARTITIONS)
PLAIN_IN = Topic("test.requests", "", Key.RECORD, ("feeder",), ("adder",), (Add,), False, PARTITIONS)
OUT = Topic("test.out", "", Key.RECORD, ("adder",), ("tester",), (Added,), True, PARTITIONS)
TOPICS = (NUMBERED_IN, PLAIN_IN, OUT)

SQL = (
    MESSAGING_TABLES
    + PARKED_RESOLUTION
    + """
CREATE TABLE total (record uuid PRIMARY KEY, sum bigint NOT NULL CHECK (sum < 1000000));
CREATE TABLE step (cause uuid PRIMARY KEY, record uuid NOT NULL, sum bigint NOT NULL, ordinal bigserial);
"""
)


@dataclass(frozen=True)
class Step:
    cause: UUID
    record: UUID
    sum: int


class Totals:
    """The repository. Its statements are the counting's whole truth: a doubled message shows as a wrong sum."""

    async def load(self, tx: Transaction, messages: Sequence[Message[Any]]) -> Mapping[str, int]:
        records = {message.record for message in messages}
        rows = await tx.fetch("SELECT record, sum FROM total WHERE record = ANY($1::uuid[])", list(records))
        return {str(record): 0 for record in records} | {str(row["record"]): row["sum"] for row in rows}

    async def save(self, tx: Transaction, changes: Sequence[Step]) -> None:
        last = {step.record: step.sum for step in changes}
        await tx.execute(
            "INSERT INTO total SELECT * FROM unnest($1::uuid[], $2::bigint[]) "
            "ON CONFLICT (record) DO UPDATE SET sum = excluded.sum",
            list(last),
            list(last.values()),
        )
        await tx.execute(
            "INSERT INTO step (cause, record, sum) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[])",
            [step.cause for step in changes],
            [step.record for step in changes],
            [step.sum for step in changes],
        )

    async def done(self, tx: Transaction, messages: Sequence[Message[Any]]) -> set[UUID]:
        rows = await tx.fetch("SELECT cause FROM step WHERE cause = ANY($1::uuid[])", [one.id for one in messages])
        return {row["cause"] for row in rows}


def add(message: Message[Add], state: int, _now: datetime) -> Effects[int, Step]:
    if message.body.trouble == "raise":
        raise ZeroDivisionError("planted")
    total = state + message.body.amount
    return Effects(total, (Step(message.id, message.record, total),), (Added(sum=total),))


def failed(_message: Message[Failed], state: int, _now: datetime) -> Effects[int, Step]:
    return Effects(state, (), (Added(sum=-1),))
