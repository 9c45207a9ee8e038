"""The load goes on looking at the versions of rights, whatever holds up one look."""

import asyncio
from types import SimpleNamespace
from uuid import UUID

from deploy.proof.load import run
from deploy.proof.load.run import Load
from tests.support.system import eventually

RECORD = UUID(int=1)


class Connection:
    """The first one never answers."""

    made = 0

    def __init__(self):
        Connection.made += 1
        self.hangs = Connection.made == 1

    async def fetch(self, _sql):
        if self.hangs:
            await asyncio.Event().wait()
        return [{"id": RECORD, "rights_version": 7}]

    def terminate(self):
        pass


async def test_a_look_that_is_held_up_is_given_up_for_another(monkeypatch):
    async def connect(_url, _service):
        return Connection()

    monkeypatch.setattr(run, "connect", connect)
    monkeypatch.setattr(run, "VERSIONS_WITHIN_S", 0.01)
    monkeypatch.setattr(run, "AGAIN_S", 0.0)
    load = Load(SimpleNamespace(admin_url=""), seed=1, records=1)
    following = asyncio.create_task(load._follow_versions())

    async def seen():
        return RECORD in load._versions

    await eventually(seen, timeout_s=5)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert load._versions == {RECORD: 7}
    assert load.told.counts["versions not seen"] == 1
