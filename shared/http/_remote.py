"""What a call to another service ends in: a reply or a typed error. Apart from the client, which few processes need."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any


class RemoteError(Exception):
    """The service called answered with a problem."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(f"{status} {code}: {sentence}")
        self.status = status
        self.code = code
        self.sentence = sentence


class RemoteUnavailable(RemoteError):  # noqa: N818 - a state of the other service
    """The service called could not be reached or did not answer in time; whether it acted is unknown."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer read to its end."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    content: bytes

    def json(self) -> Any:
        """The content as JSON."""
        return json.loads(self.content)


@dataclass(frozen=True, slots=True)
class StreamedReply:
    """An answer whose content is read piece by piece, within its `with` block."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


def remote_error(audience: str, status: int, content: bytes) -> RemoteError:
    """The error that an answer stands for, with the code and sentence of its problem where it holds one."""
    try:
        problem = json.loads(content)
        return RemoteError(status, str(problem["code"]), str(problem["detail"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return RemoteError(status, "refused", f"{audience} refused with status {status} and without a reason")
