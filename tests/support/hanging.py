"""A service with a loop whose turn never ends, run as a real process: `python -m tests.support.hanging`."""

import asyncio

from shared.loops import Loop
from shared.runtime import Parts, Runtime
from shared.service import main
from shared.settings import ServiceSettings


async def hang() -> bool:
    await asyncio.Event().wait()
    return False


def compose(_runtime: Runtime[ServiceSettings]) -> Parts:
    return Parts(loops=[Loop("hanging", 1.0, hang, limit_s=2.0)])


if __name__ == "__main__":
    main("document", ServiceSettings, compose)
