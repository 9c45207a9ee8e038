"""audit on a real database."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.audit.__main__ import TOPICS
from services.audit.handlers import BY_TYPE, one_state
from services.audit.repository import Log, Traces
from shared.contracts.common import Act, Actor, ActorKind, Owner, Scope
from shared.database.record_keys import RecordKeys
from shared.messaging import Consumer
from shared.security import Permit
from tests.support.follower import Follower, following, key_provider
from tests.support.system import System


@dataclass
class Audit:
    follower: Follower
    keys: RecordKeys
    log: Log
    traces: Traces


def permit(record: UUID, *, expires_in_s: float = 5.0, withheld: bool = False, **changes: Any) -> Permit:
    """A permit of the holder of a record to read its traces."""
    expires = datetime.now(UTC) + timedelta(seconds=expires_in_s)
    given = {
        "id": uuid4(),
        "record": record,
        "actor": Actor(kind=ActorKind.PATIENT),
        "owner": Owner.AUDIT,
        "act": Act.CONSULT,
        "scope": Scope(withheld=withheld),
        "issued": expires - timedelta(seconds=5),
        "expires": expires,
    }
    return Permit(**(given | changes))


@pytest.fixture
async def audit(system: System, tmp_path: Path) -> AsyncIterator[Audit]:
    async with following(system, "audit") as follower:
        keys = RecordKeys(key_provider(tmp_path / "keys"))
        log = Log(keys)
        await follower.follow(Consumer("events", TOPICS, BY_TYPE, log, state_key=one_state))
        yield Audit(follower, keys, log, Traces(follower.database, keys, log))
