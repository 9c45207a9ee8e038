"""Older versions of documents: what is masked or deleted takes them along (AR-021, AR-051, AR-071)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from shared.contracts.common import FurtherAct

_AS_WANTED: Final = {
    FurtherAct.MASK: lambda status, masked: masked or status == "deleted",
    FurtherAct.DELETE: lambda status, masked: status == "deleted",  # noqa: ARG005 - called alike
}
"""By act that takes along every older version, whoever wrote it: whether one is so already, by status and mask."""


class Versions:
    """Which document replaced which, and which older versions an act has yet to reach."""

    def __init__(self) -> None:
        self._replaced: dict[UUID, UUID] = {}
        self._waiting: dict[tuple[str, UUID], None] = {}

    def replaced(self, document: UUID, target: UUID) -> None:
        """A deposit replaced a document."""
        self._replaced[document] = target

    def changed(self, body: Mapping[str, Any], stand: Mapping[UUID, Sequence[Any]]) -> None:
        """An act changed a document, or an older version along with it; `stand` begins with status and mask."""
        request, document = body.get("request"), UUID(body["document"])
        if body.get("version_of"):
            self._waiting.pop((request or "", document), None)
            return
        so = _AS_WANTED.get(body["act"])
        if request is None or so is None:
            return
        for older in self._older(document):
            if older in stand and not so(*stand[older][:2]):
                self._waiting[request, older] = None

    def left_behind(self) -> Iterator[str]:
        """The older versions that an act did not reach."""
        for request, document in self._waiting:
            yield f"document {document}, an older version, was left behind by the act {request}"

    def _older(self, document: UUID) -> Iterator[UUID]:
        found = self._replaced.get(document)
        while found is not None:
            yield found
            found = self._replaced.get(found)
