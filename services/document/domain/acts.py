"""What an act makes of a document that stands in the record, or why it makes nothing of it. Pure.

Who may act was decided before, and came as an order; here is what only a document's own flags, state and version say.

The versions that a document replaced go along with it, so that none of them shows what the newest one does not (AR-021,
AR-051) and all of them open together (AR-071). What is newer than the document that was named stays as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from services.document.domain.settlement import IN_RECORD, Entries, Entry, Settled, Status, predecessors
from services.document.domain.visibility import shows, sight
from shared.contracts.access_decisions import Order
from shared.contracts.common import ActorKind, FurtherAct, Scope
from shared.contracts.further_reasons import FurtherReason

_IN_VIEW: Final = (Status.CURRENT, Status.ARCHIVED)
"""Of what the holder's side is told when it opens; of a version that was replaced, what replaced it is told."""
_HOLDERS_OWN: Final = Scope(types=None, masked=True)
"""Whatever its type, where only what the holder's side deposited is meant."""


class Done(NamedTuple):
    """What came of an order: the record's documents afterwards, the rows that change, and the document as it is."""

    entries: Entries
    changes: tuple[Settled, ...] = ()
    document: Entry | None = None
    """None where the act was refused."""
    changed: bool = False
    """False where it was so before."""
    came_into_view: bool = False
    """The holder's side sees it from now on, and did not before; never so of a version that was replaced."""
    older: tuple[Entry, ...] = ()
    """The versions that it replaced and that changed along with it, the newest first, as they are afterwards."""
    refused: FurtherReason | None = None


Rule = Callable[[Entry], Entry | FurtherReason]
"""What an act makes of a document, or why it does not."""


def carried_out(entries: Entries, order: Order, act: str | None, by: ActorKind, request: UUID) -> Done:
    """Do an act to the document that an order names.

    Args:
        entries: documents of the record.
        order: which document, and to which ones the act may be done.
        act: a `FurtherAct`; one without a rule is done to nothing.
        by: what kind of actor asks; representatives know of nothing that is hidden from them.
        request: by which it was asked for.

    Returns:
        Refused as `unknown_document` whether there is none or its existence may not be known. What an error held on
        account of the same request is free afterwards, whatever came of it.
    """
    found = entries.get(order.document)
    rule = RULES.get(act or "")
    if found is None or rule is None or not _known(found, order, by, request):
        return _refused(entries, FurtherReason.UNKNOWN_DOCUMENT, request)
    if order.holders and not found.by_holders_side:
        return _refused(entries, FurtherReason.NOT_THE_AUTHOR, request)
    if order.version is not None and order.version != found.version:
        return _refused(entries, FurtherReason.VERSION_CONFLICT, request)
    result = rule(found)
    if isinstance(result, FurtherReason):
        return _refused(entries, result, request)
    done = _done(entries, found, result)
    older = along(entries, found, act)
    if not older:
        return done
    change = _ALONG[act or ""]
    reached = [change(one) if act in _CLOSING or _known(one, order, by, request) else one for one in older]
    return _with_older(done, older, reached, request)


def along(entries: Entries, document: Entry, act: str | None) -> list[Entry]:
    """The older versions of a document that an act on it is for, too, the newest first."""
    if act not in _ALONG:
        return []
    return [one for one in predecessors(entries, document) if one.status in IN_RECORD]


def opened(entries: Entries, document: Entry) -> Done:
    """A withheld document opens by the clock; what waits to be masked is masked from now on (AR-025, AR-031).

    Of one that was deleted meanwhile its traces open: the holder is shown nothing new, and it is hushed up no longer.
    """
    return _done(entries, document, document._replace(withheld=False))


def _done(entries: Entries, before: Entry, result: Entry) -> Done:
    changed = result != before
    after = result._replace(version=before.version + changed, held_by=None)
    if after == before:
        return Done(entries, document=before)
    status = Status(after.status)
    in_view = before.withheld and not after.withheld and status in _IN_VIEW
    return Done({**entries, after.id: after}, (_row(after),), after, changed, in_view)


def _with_older(done: Done, older: Sequence[Entry], reached: Sequence[Entry], request: UUID) -> Done:
    """Let older versions change too; those that another request holds stay held."""
    ends = [
        after._replace(version=before.version + (after != before), held_by=_held(before, request))
        for before, after in zip(older, reached, strict=True)
    ]
    differing = [(before, after) for before, after in zip(older, ends, strict=True) if after != before]
    return done._replace(
        entries={**done.entries, **{after.id: after for _, after in differing}},
        changes=(*done.changes, *(_row(after) for _, after in differing)),
        older=tuple(after for before, after in differing if after.version != before.version),
    )


def _refused(entries: Entries, reason: FurtherReason, request: UUID) -> Done:
    """Nothing is done; what is held until this request is done is not held for ever."""
    held = [one for one in entries.values() if one.held_by == request]
    done = Done(entries, refused=reason)
    return _with_older(done, held, held, request) if held else done


def _held(document: Entry, request: UUID) -> UUID | None:
    return None if document.held_by == request else document.held_by


def _row(document: Entry) -> Settled:
    status = Status(document.status)
    return Settled(document.id, status, flags=document.flags, version=document.version, held_by=document.held_by)


def _known(document: Entry, order: Order, by: ActorKind, request: UUID) -> bool:
    """True where who asks may know of the document.

    One that is held after a failure is there for the request that failed alone, when that is replayed.
    """
    if document.status not in IN_RECORD or document.held_by not in (None, request):
        return False
    return shows(sight(_HOLDERS_OWN if order.holders else order.scope, by), document)


def _mask(document: Entry) -> Entry | FurtherReason:
    """A withheld one is not masked (AR-026), nor does it say that it will be when it opens: it is shown as withheld."""
    return FurtherReason.FLAGS_EXCLUDE_EACH_OTHER if document.withheld else document._replace(masked=True)


def _unmask(document: Entry) -> Entry:
    """A withheld one is shown as not masked; what the holder wants when it opens stays (AR-025)."""
    return document if document.withheld else document._replace(masked=False)


def _withhold(document: Entry) -> Entry | FurtherReason:
    """Too late, since whatever is not withheld can be seen by the holder (AR-029)."""
    if document.withheld:
        return document
    return FurtherReason.FLAGS_EXCLUDE_EACH_OTHER if document.masked else FurtherReason.ALREADY_VISIBLE


def _announce(document: Entry) -> Entry:
    return document._replace(withheld=False)


def _hide(document: Entry) -> Entry | FurtherReason:
    """Too late, since whatever is not hidden can be seen by representatives (AR-043)."""
    return document if document.hidden else FurtherReason.ALREADY_VISIBLE


def _reveal(document: Entry) -> Entry:
    return document._replace(hidden=False)


def _archive(document: Entry) -> Entry | FurtherReason:
    if document.status == Status.SUPERSEDED:
        return FurtherReason.WRONG_STATE
    return document._replace(status=Status.ARCHIVED)


def _unarchive(document: Entry) -> Entry | FurtherReason:
    if document.status == Status.SUPERSEDED:
        return FurtherReason.WRONG_STATE
    return document._replace(status=Status.CURRENT)


def _delete(document: Entry) -> Entry:
    """What it replaced does not come back."""
    return document._replace(status=Status.DELETED)


def _mask_older(document: Entry) -> Entry:
    """Whatever its flags: one that is withheld is masked when it opens (AR-025)."""
    return document._replace(masked=True)


RULES: Final[Mapping[str, Rule]] = {
    FurtherAct.MASK: _mask,
    FurtherAct.UNMASK: _unmask,
    FurtherAct.WITHHOLD: _withhold,
    FurtherAct.ANNOUNCE: _announce,
    FurtherAct.HIDE: _hide,
    FurtherAct.REVEAL: _reveal,
    FurtherAct.ARCHIVE: _archive,
    FurtherAct.UNARCHIVE: _unarchive,
    FurtherAct.DELETE: _delete,
}
"""By act, as access_control names it."""
_ALONG: Final[Mapping[str, Callable[[Entry], Entry]]] = {
    FurtherAct.MASK: _mask_older,
    FurtherAct.UNMASK: _unmask,
    FurtherAct.ANNOUNCE: _announce,
    FurtherAct.REVEAL: _reveal,
    FurtherAct.DELETE: _delete,
}
"""What some acts make of the versions that the document replaced."""
_CLOSING: Final = (FurtherAct.MASK, FurtherAct.DELETE)
"""These reach every older version; the others, which open, those alone that the order is for."""
