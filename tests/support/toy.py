"""A service as small as can be, run as a real process: `python -m tests.support.toy`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.contracts.access_decisions import RecordOpened
from shared.contracts.document_events import Consulted
from shared.contracts.envelope import Message
from shared.contracts.topics import ACCESS_DECISIONS
from shared.database import Transaction
from shared.messaging import Consumer, Effects
from shared.runtime import Parts, Runtime
from shared.service import main
from shared.settings import ServiceSettings


class Nothing:
    async def load(self, _tx: Transaction, messages: Sequence[Message[Any]]) -> Mapping[str, None]:
        return {message.key: None for message in messages}

    async def save(self, _tx: Transaction, _changes: Sequence[None]) -> None:
        return None


def echo(message: Message[RecordOpened], _state: None, _now: object) -> Effects[None, None]:
    return Effects(None, emits=(Consulted(request=message.id, actor=message.body.actor),))


def compose(_runtime: Runtime[ServiceSettings]) -> Parts:
    return Parts(consumers=[Consumer("toy", (ACCESS_DECISIONS,), {RecordOpened: echo}, Nothing())])


if __name__ == "__main__":
    main("document", ServiceSettings, compose, migrations=Path(__file__).with_name("toy_migrations"))
