"""What a handler is: a pure function from a message and a state to effects; no I/O, no clock, no randomness."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar
from uuid import UUID

from shared.contracts.common import Body
from shared.contracts.envelope import Message
from shared.contracts.reasons import Reason
from shared.database import Transaction

S = TypeVar("S")
C = TypeVar("C")
S_co = TypeVar("S_co", covariant=True)
C_contra = TypeVar("C_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Emit:
    """A message to send where topic or key do not follow from the registry and the cause."""

    body: Body
    topic: str | None = None
    key: str | None = None


class Effects(NamedTuple, Generic[S, C]):
    """What one message does: the state the next message of its key sees, rows to save, messages to send."""

    state: S
    changes: tuple[C, ...] = ()
    emits: tuple[Body | Emit, ...] = ()


Handler = Callable[[Message[Any], S, datetime], Effects[S, C]]
Handlers = Mapping[type[Body], Handler[S, C]]


class Store(Protocol[S_co, C_contra]):
    """A service's repository as a consumer sees it. Both calls are one statement per table at most."""

    async def load(self, tx: Transaction, messages: Sequence[Message[Any]]) -> Mapping[str, S_co]:
        """The states of all keys of these messages, read after their partitions are locked."""
        ...

    async def save(self, tx: Transaction, changes: Sequence[C_contra]) -> None:
        """Write all changes of the batch."""
        ...


class Raw(Body):
    """Register a handler for `Raw` alone to be given every message unread: the audit log keeps any valid envelope."""

    type_name: ClassVar[str] = "carnet.raw"
    payload: bytes


class Unreadable(Body):
    """Given to the handler of `Unreadable`, where there is one, beside parking: a message that can't be read."""

    type_name: ClassVar[str] = "carnet.unreadable"
    reason: Reason
    """`malformed` or `unknown_type`."""


class Failed(Body):
    """Given to the handler of `Failed`, where there is one, beside parking: a handler or `save` raised unexpectedly."""

    type_name: ClassVar[str] = "carnet.failed"
    original: Any


async def _nothing_done(_tx: Transaction, _messages: Sequence[Message[Any]]) -> set[UUID]:
    return set()


def _by_key(message: Message[Any]) -> str:
    return message.key


@dataclass(frozen=True)
class Consumer(Generic[S, C]):
    """One lane of a service: which topics it takes, what it does with each message, where its state lives."""

    name: str
    """With the service's name it makes the consumer group `<service>.<name>`."""
    topics: tuple[str, ...]
    handlers: Handlers[S, C]
    store: Store[S, C]
    gather_s: float = 0.01
    """Least time between the beginnings of two transactions at low rates, in seconds; who comes alone never waits.

    What comes meanwhile waits at the broker: the cost is per fetch and per transaction, however much they carry.
    """
    max_batch: int | None = None
    waited_for: bool = False
    """True where a person waits for what the lane answers: the process's other lanes then give way (`Precedence`)."""
    done: Callable[[Transaction, Sequence[Message[Any]]], Any] = field(default=_nothing_done)
    """For topics without numbers: which of these messages were handled before, by id."""
    state_key: Callable[[Message[Any]], str] = field(default=_by_key)
    """What the state is loaded and kept by: the message's key, unless the lane says otherwise."""
    unread: Mapping[type[Body], Callable[[bytes], bool]] = field(default_factory=dict)
    """By type: True for a body with which nothing is done, seen from its bytes; it is passed over like a type without
    a handler. For types of which a lane needs few: reading one costs far more than a look at it."""
