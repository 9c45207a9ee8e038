"""A mail server that delivers nothing: it keeps each message as a file, so that people and tests see what left.

For tests it can be made to fail, as real servers do. `python -m deploy.local.mail --port N --folder DIR` runs it.
"""

import argparse
import asyncio
import contextlib
import email
import email.policy
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

import uvloop
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.processes import LOOPBACK
from shared.files import new_file

MAX_BYTES = 10 * 1024 * 1024
_TEMPORARY = "451 4.3.0 Requested by the test: try again later"
_PERMANENT = "550 5.1.1 Requested by the test: no such mailbox"
_PLAIN = re.compile(r"<([A-Za-z0-9._+-]+@[A-Za-z0-9.-]+)>(.*)", re.DOTALL)


class Fault(StrEnum):
    """How the server fails for the first messages."""

    TEMPORARY = "temporary"
    """Answers 451: the sender tries again."""
    PERMANENT = "permanent"
    """Answers 550: the sender gives up."""
    HANG = "hang"
    """Answers nothing for a long time: the sender's time-out is what ends it."""
    DISCONNECT = "disconnect"
    """Closes the connection after the content, before the answer: the sender cannot know."""
    KEEP_AND_DISCONNECT = "keep_and_disconnect"
    """Keeps the message, then closes the connection: the sender's repeat must carry the same Message-ID."""


@dataclass
class Sink:
    """Handler of aiosmtpd: writes each message to `folder`.

    Args:
        folder: where the `.eml` files go.
        fault: how to fail; None never fails.
        failures: how many messages meet the fault before all is well.
        hang_s: how long HANG stays silent.
    """

    folder: Path
    fault: Fault | None = None
    failures: int = 0
    hang_s: float = 60.0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        """Keep the message, or fail as asked."""
        if self.fault is not None and self.failures > 0:
            self.failures -= 1
            return await self._fail(self.fault, server, envelope)
        self._keep(envelope)
        return "250 2.0.0 Kept"

    async def _fail(self, fault: Fault, server: SMTP, envelope: Envelope) -> str:
        if fault is Fault.HANG:
            await asyncio.sleep(self.hang_s)
        elif fault in {Fault.DISCONNECT, Fault.KEEP_AND_DISCONNECT}:
            if fault is Fault.KEEP_AND_DISCONNECT:
                self._keep(envelope)
            if isinstance(server.transport, asyncio.WriteTransport):
                server.transport.abort()
        return _PERMANENT if fault is Fault.PERMANENT else _TEMPORARY

    def _keep(self, envelope: Envelope) -> None:
        content = envelope.content or b""
        name = f"{time.time_ns()}-{uuid4().hex[:8]}"
        unfinished = self.folder / f".{name}"
        with os.fdopen(new_file(unfinished), "wb") as handle:
            handle.write(content if isinstance(content, bytes) else content.encode())
        unfinished.replace(self.folder / f"{name}.eml")


class _Server(SMTP):
    """aiosmtpd's server, which reads plain addresses without a full parser: that was a third of its work."""

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        # aiosmtpd's own method, which is slow and right, reads whatever is not plain
        plain = _PLAIN.fullmatch(arg)
        return (plain[1], plain[2]) if plain else super()._getaddr(arg)


@contextlib.asynccontextmanager
async def serving(sink: Sink, port: int = 0) -> AsyncIterator[int]:
    """Serve on loopback inside a running event loop; gives the port."""
    sink.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Server(sink, hostname="carnet.test", data_size_limit=MAX_BYTES), LOOPBACK, port
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def messages(folder: Path) -> Sequence[EmailMessage]:
    """The messages that were kept, oldest first."""
    paths = sorted(folder.glob("*.eml"))
    return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]


async def _run(port: int, folder: Path) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with serving(Sink(folder), port):
        await stopping.wait()


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description="Carnet's mail sink")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(given.port, given.folder))


if __name__ == "__main__":
    main()
