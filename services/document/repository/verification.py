"""Verification: what documents say of their contents, and what the content store holds, compared."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

import asyncpg

from services.document.content import (
    ContentMissingError,
    ContentStore,
    ContentTornError,
    ContentUnreadableError,
    beside,
    unseal,
)
from shared.database import Database, Transaction
from shared.database.record_keys import RecordKeys
from shared.security import SecurityError, unwrap_with

AT_ONCE: Final = 200
"""Documents of one batch."""
_OPEN_AT_ONCE: Final = 4
"""Contents in memory at the same time."""
_NAMED: Final = 20
"""Documents named at most."""
_FIRST: Final = UUID(int=0)
_COLUMNS: Final = "id, record, object, content_key, size, sha256"
_KEPT: Final = "status <> 'refused'"
"""Refused deposits are collected; any other's content has to be there, that of a deleted document too (AR-051)."""

_DRAWN: Final = f"""
SELECT DISTINCT ON (id) n.* FROM unnest($1::uuid[], $2::bool[]) AS p (place, up) CROSS JOIN LATERAL (
    (SELECT {_COLUMNS} FROM document WHERE up AND id >= place AND {_KEPT} ORDER BY id LIMIT 1)
    UNION ALL
    (SELECT {_COLUMNS} FROM document WHERE NOT up AND id <= place AND {_KEPT} ORDER BY id DESC LIMIT 1)
) AS n
"""  # noqa: S608 - put together of constants
"""Neighbours of random places, above or below: of those above alone, the first document would never be one."""


class State(StrEnum):
    """What a content was found to be."""

    WHOLE = "whole"
    MISSING = "missing"
    """It is not in the store."""
    TORN = "torn"
    """Its segment ends before or within it, holds something else in its place, or its file can't be read."""
    WRONG = "wrong"
    """It does not open, or is not the one of its metadata: altered, cut or exchanged."""
    LOCKED = "locked"
    """The key of its record or its own does not open."""


@dataclass
class Verified:
    """What was found so far."""

    states: Counter[State] = field(default_factory=Counter)
    named: list[tuple[UUID, State]] = field(default_factory=list)
    """The first documents whose contents are not whole."""

    @property
    def seen(self) -> int:
        """Contents that were looked at; those deleted meanwhile are not among them."""
        return self.states.total()

    @property
    def ok(self) -> bool:
        """True where all are whole."""
        return self.seen == self.states[State.WHOLE]

    def add(self, document: UUID, state: State) -> None:
        """Note what one content is."""
        self.states[state] += 1
        if state is not State.WHOLE and len(self.named) < _NAMED:
            self.named.append((document, state))


Tell = Callable[[Verified], None]


class Verification:
    """Opens contents as readers do, beside a running system. Nothing is written; memory stays bounded."""

    def __init__(self, database: Database, content: ContentStore, keys: RecordKeys) -> None:
        self._database = database
        self._content = content
        self._keys = keys

    async def all(self, tell: Tell = lambda _: None) -> Verified:
        """Verify every content; `tell` hears after each batch how far it is."""
        verified, after = Verified(), _FIRST
        while rows := await self._database.fetch(
            f"SELECT {_COLUMNS} FROM document WHERE id > $1 AND {_KEPT} ORDER BY id LIMIT $2",  # noqa: S608 - constants
            after,
            AT_ONCE,
        ):
            await self._batch(rows, verified)
            after = rows[-1]["id"]
            tell(verified)
        return verified

    async def sample(self, number: int, tell: Tell = lambda _: None) -> Verified:
        """Verify at most so many contents, drawn at random, each once."""
        verified, drawn = Verified(), set[UUID]()
        ends = await self._database.fetch(
            "SELECT (SELECT id FROM document ORDER BY id LIMIT 1) AS first, "
            "(SELECT id FROM document ORDER BY id DESC LIMIT 1) AS last"
        )
        first, last = ends[0]["first"], ends[0]["last"]
        for start in range(0, number if first else 0, AT_ONCE):
            count = min(AT_ONCE, number - start)
            places = [UUID(int=first.int + secrets.randbelow(last.int - first.int + 1)) for _ in range(count)]
            rows = await self._database.fetch(_DRAWN, places, [bool(secrets.randbelow(2)) for _ in places])
            await self._batch([row for row in rows if row["id"] not in drawn], verified)
            drawn |= {row["id"] for row in rows}
            tell(verified)
        return verified

    async def _batch(self, rows: Sequence[asyncpg.Record], verified: Verified) -> None:
        async with self._database.transaction() as tx:
            keys = await self._opened(tx, {row["record"] for row in rows})
        gate = asyncio.Semaphore(_OPEN_AT_ONCE)

        async def state(row: asyncpg.Record) -> State:
            async with gate:
                return await self._state(row, keys.get(row["record"]))

        states = await asyncio.gather(*map(state, rows))
        odd = [row["id"] for row, found in zip(rows, states, strict=True) if found is not State.WHOLE]
        there = await self._there(odd) if odd else set()
        for row, found in zip(rows, states, strict=True):
            if found is State.WHOLE or row["id"] in there:
                verified.add(row["id"], found)

    async def _opened(self, tx: Transaction, records: Iterable[UUID]) -> dict[UUID, bytes]:
        """The keys of records that open."""
        wanted = sorted(records)
        try:
            return await self._keys.get(tx, wanted)
        except SecurityError:  # one of them does not: which, tells only each by itself
            found: dict[UUID, bytes] = {}
            for record in wanted if len(wanted) > 1 else ():
                found |= await self._opened(tx, [record])
            return found

    async def _state(self, row: asyncpg.Record, key: bytes | None) -> State:
        try:
            sealed = await self._content.get(row["object"])
            if key is None:
                return State.LOCKED
            content_key = unwrap_with(key, row["content_key"])
            document, sha256, size = row["id"], row["sha256"], row["size"]
            await beside(size, lambda: unseal(sealed, content_key, document, sha256, size))
        except SecurityError:
            return State.LOCKED
        except ContentMissingError:
            return State.MISSING
        except (ContentTornError, OSError):
            return State.TORN
        except ContentUnreadableError:
            return State.WRONG
        return State.WHOLE

    async def _there(self, documents: Sequence[UUID]) -> set[UUID]:
        """Those that are still kept: a record may have been deleted while its contents were looked at."""
        rows = await self._database.fetch(
            f"SELECT id FROM document WHERE id = ANY($1::uuid[]) AND {_KEPT}",  # noqa: S608 - constants
            documents,
        )
        return {row["id"] for row in rows}
