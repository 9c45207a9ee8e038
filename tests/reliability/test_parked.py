"""`carnet parked` beside a system that runs: every service's own program finds its database, its keys and its lanes."""

import asyncio
import os
import sys
from uuid import uuid4

from deploy.local.parked import OWNERS


async def carnet_parked(system, *arguments):
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", "parked", *arguments),
        env={**os.environ, "CARNET_HOME": str(system.home.folder), "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await asyncio.wait_for(child.communicate(), 60)
    return child.returncode, said.decode(), complained.decode()


async def test_every_service_lists_what_it_parked(tended):
    code, said, complained = await carnet_parked(tended, "list")
    assert code == 0, complained
    assert all(service in said for service in OWNERS)


async def test_what_no_service_parked_is_refused_by_each(tended):
    asked = ("replay", str(uuid4()), "--why", "mended", "--by", "op-1")
    told = await asyncio.gather(*(carnet_parked(tended, *asked, "--service", service) for service in OWNERS))
    for code, said, complained in told:
        assert (code, "no parked message" in said) == (1, True), complained
