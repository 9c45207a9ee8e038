"""Documents after acts on them: done or refused once, as their flags let, and concealed from whom they are withheld.

What document tells is followed event by event, with the rules of flags and states written a second time (domain rules,
2.3, 2.4, 4.9); who may act to which documents stands in the order that the decision gave.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from deploy.proof.checker.decisions import Told
from deploy.proof.checker.facts import Document, Facts, Sent
from deploy.proof.checker.requests import Requests
from deploy.proof.checker.verdict import Finding, finding
from deploy.proof.checker.versions import Versions
from shared.contracts.access_decisions import ConsentChanged, Decided
from shared.contracts.common import Act, FurtherAct
from shared.contracts.document_changes import ActRefused, DocumentChanged
from shared.contracts.document_events import Deposited
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.record_documents import DocumentCommand
from shared.contracts.topics import ACCESS_DECISIONS, DOCUMENT_EVENTS

_CHANGED, _REFUSED = DocumentChanged.type_name, ActRefused.type_name
_HOLDERS_OWN: Final = frozenset({FurtherAct.ARCHIVE, FurtherAct.UNARCHIVE, FurtherAct.DELETE})
"""What the holder's side does to documents alone that it deposited."""
_AUTHORS_OWN: Final = frozenset({FurtherAct.WITHHOLD, FurtherAct.HIDE, FurtherAct.REVEAL, FurtherAct.DELETE})
"""What a professional does to his own documents alone; of others the médecin traitant unmasks, too."""
_HOLDERS_SIDE: Final = frozenset({"patient", "representative"})
_NEWEST: Final = frozenset({"current", "archived"})
"""What comes into view is told; what was replaced opens silently."""
_SUPPRESSED: Final = "suppressed"


class Stands(NamedTuple):
    """How a document stands."""

    status: str
    masked: bool
    withheld: bool
    hidden: bool
    version: int = 1


class Event(NamedTuple):
    """Something that document told of one document."""

    id: UUID
    record: UUID
    type: str
    body: Mapping[str, Any]

    @property
    def document(self) -> UUID:
        """Which document."""
        return UUID(self.body["document"])


class Followed(NamedTuple):
    """What following the events showed."""

    ends: Mapping[UUID, Stands]
    """How each document has to stand at the end."""
    after: Mapping[UUID, Stands]
    """How its document stood after each event."""
    faults: tuple[str, ...]


def check(facts: Facts, asked: Requests, told: list[Told]) -> list[Finding]:
    """The findings about acts on documents."""
    orders = {UUID(body["request"]): body for body in told if body.get("order") and body["outcome"] == "permit"}
    events = list(_events(facts))
    answers = [event for event in events if event.type in {_CHANGED, _REFUSED}]
    followed = _follow(facts, events, orders)
    by_default = _masked_by_default(facts)
    there = sum(event.record not in facts.deleted for event in events if event.type == Deposited.type_name)
    concealed = len(followed.ends) if facts.leaves else 0
    return [
        finding(
            "C2",
            "every permitted act on a document was done or refused once",
            len(orders),
            _answered(orders, answers),
            produced=_permitted(facts, asked),
        ),
        finding("C4", "orders reach no further than the rules", len(orders), _too_far(orders), produced=len(answers)),
        finding(
            "C4",
            "acts make of documents what their flags and states let",
            len(answers),
            followed.faults,
            produced=len(orders),
        ),
        finding(
            "C4", "documents stand as their events say", len(facts.documents), _stand(facts, followed), produced=there
        ),
        finding(
            "C4",
            "what is deposited while its holder masks by default is masked",
            len(by_default),
            _unmasked(events, by_default),
        ),
        finding("C4", "traces are concealed from whom their document is", concealed, _concealed(facts, followed)),
        finding(
            "C4",
            "nobody on the holder's side is told of what is withheld",
            len(facts.deliveries),
            _told(facts, followed),
        ),
    ]


def _events(facts: Facts) -> Iterator[Event]:
    """Of documents, in the order of each record."""
    kinds = {Deposited.type_name, _CHANGED, _REFUSED}
    for (topic, _), rows in sorted(facts.outboxes.items()):
        if topic == DOCUMENT_EVENTS:
            yield from (_event(row) for row in rows if row.type in kinds)


def _event(row: Sent) -> Event:
    return Event(row.id, UUID(row.key), row.type, orjson.loads(row.payload))


def _permitted(facts: Facts, asked: Requests) -> int:
    """Acts that access_control's own rows say were permitted."""
    acts = {one.request for one in asked.asked if isinstance(one.body, DocumentCommand)}
    return sum(facts.decisions[request].outcome == "permit" for request in acts & facts.decisions.keys())


def _answered(orders: Mapping[UUID, Told], answers: list[Event]) -> Iterator[str]:
    """An older version that went along has its own event, which answers nobody."""
    named = (event.body for event in answers if not event.body.get("version_of"))
    counts = Counter(UUID(body["request"]) for body in named if body.get("request"))
    for request in orders:
        if counts[request] != 1:
            yield f"the act {request} was permitted, and done or refused {counts[request]} times"
    for request in counts.keys() - orders.keys():
        yield f"the act {request} was done or refused, and never permitted"


def _too_far(orders: Mapping[UUID, Told]) -> Iterator[str]:
    for request, told in orders.items():
        scope, kind, act = told["order"]["scope"], told["actor"]["kind"], told["further_act"]
        if told["order"]["document"] != told.get("document"):
            yield f"the order of {request} names another document than was asked for"
        if kind in _HOLDERS_SIDE:
            if scope.get("withheld"):
                yield f"the order of {request} shows the holder's side what is withheld"
            if act in _HOLDERS_OWN and not told["order"].get("holders"):
                yield f"the order of {request} lets the holder's side {act} what others deposited"
        elif kind != "operator" and _own_alone(told) and scope.get("types") != []:
            yield f"the order of {request} lets a professional {act} documents of others"


def _own_alone(told: Told) -> bool:
    treats = told["reasons"] == ["treating_doctor"]
    return told["further_act"] in _AUTHORS_OWN or (told["further_act"] == FurtherAct.UNMASK and not treats)


def _follow(facts: Facts, events: list[Event], orders: Mapping[UUID, Told]) -> Followed:
    ends: dict[UUID, Stands] = {}
    after: dict[UUID, Stands] = {}
    faults: list[str] = []
    versions = Versions()
    for event in events:
        body, document = event.body, event.document
        if event.type == Deposited.type_name:
            ends[document] = _deposited(body)
            if body.get("replaces") and UUID(body["replaces"]) in ends:
                target = UUID(body["replaces"])
                versions.replaced(document, target)
                ends[target] = ends[target]._replace(status="superseded", version=ends[target].version + 1)
        else:
            order = orders.get(UUID(body["request"])) if body.get("request") else None
            faults += _step(event, order, ends, facts)
        if event.type == _CHANGED:
            versions.changed(body, ends)
        if document in ends:
            after[event.id] = ends[document]
    return Followed(ends, after, (*faults, *versions.left_behind()))


def _deposited(body: Mapping[str, Any]) -> Stands:
    return Stands("current", *_flags(body))


def _step(event: Event, told: Told | None, ends: dict[UUID, Stands], facts: Facts) -> Iterator[str]:
    """Compare what came of an act with what had to come of it, and go on from there."""
    body, before = event.body, ends.get(event.document)
    if body["act"] == FurtherAct.OPEN_BY_TIME:
        wanted: Stands | str | None = _opened(before)
    elif body.get("version_of"):
        wanted = _gone_along(body["act"], before)
    else:
        wanted = _outcome(event, told, before, facts)
    if wanted is None:
        return  # its row is gone with its record, or nobody ordered it: told elsewhere
    found = _found(body, wanted if isinstance(wanted, Stands) else before) if event.type == _CHANGED else body["reason"]
    if found != wanted:
        yield f"document {event.document}: {body['act']} of {body.get('request')} gave {found}, expected {wanted}"
    if isinstance(found, Stands):
        if before is not None and bool(body.get("changed", True)) != (found.version != before.version):
            yield f"document {event.document}: {body['act']} does not say whether it changed something"
        in_view = before is not None and before.withheld and not found.withheld and found.status in _NEWEST
        if before is not None and bool(body.get("came_into_view")) != in_view:
            yield f"document {event.document}: {body['act']} does not say whether it came into view"
        ends[event.document] = found


def _found(body: Mapping[str, Any], like: Stands | None) -> Stands:
    """What an event tells; of the status it says nothing."""
    return Stands(like.status if like is not None else "", *_flags(body), body["version"])


def _flags(body: Mapping[str, Any]) -> tuple[bool, bool, bool]:
    return bool(body.get("masked")), bool(body.get("withheld")), bool(body.get("hidden_from_representatives"))


def _opened(before: Stands | None) -> Stands | None:
    return _changed(before, before._replace(withheld=False)) if before is not None else None


def _gone_along(act: str, before: Stands | None) -> Stands | None:
    """What an act makes of an older version: masked is also what is withheld, and so will be when it opens."""
    if before is None:
        return None
    after = before._replace(masked=True) if act == FurtherAct.MASK else _made(act, before)
    return None if isinstance(after, str) else _changed(before, after)


def _outcome(event: Event, told: Told | None, before: Stands | None, facts: Facts) -> Stands | str | None:
    if told is None or (event.record in facts.deleted and event.document not in facts.documents):
        return None
    row, order = facts.documents.get(event.document), told["order"]
    if row is None or before is None or row.record != event.record or not _shown(order, told["actor"], before, row):
        return FurtherReason.UNKNOWN_DOCUMENT.value
    if order.get("holders") and row.submitter.partition(":")[0] not in _HOLDERS_SIDE:
        return FurtherReason.NOT_THE_AUTHOR.value
    if order.get("version") not in {None, before.version}:
        return FurtherReason.VERSION_CONFLICT.value
    after = _made(event.body["act"], before)
    return after if isinstance(after, str) else _changed(before, after)


def _changed(before: Stands, after: Stands) -> Stands:
    return after._replace(version=before.version + (after != before))


def _shown(order: Mapping[str, Any], actor: Mapping[str, Any], stands: Stands, row: Document) -> bool:
    """Whether who asks may know of it."""
    scope, kind = order["scope"], actor["kind"]
    if stands.status == "deleted" or (kind == "representative" and stands.hidden):
        return False
    if kind in _HOLDERS_SIDE:
        return not stands.withheld
    if {scope.get("own"), scope.get("own_structure")} & set(row.owners):
        return True
    types = scope.get("types")
    of_a_type = types is None or row.type_code in types
    seen = (scope.get("masked") or not stands.masked) and (scope.get("withheld") or not stands.withheld)
    return bool(of_a_type and seen)


def _made(act: str, it: Stands) -> Stands | str:  # noqa: PLR0911 - a table
    """What an act makes of a document, or why nothing."""
    match act:
        case FurtherAct.MASK:
            return FurtherReason.FLAGS_EXCLUDE_EACH_OTHER.value if it.withheld else it._replace(masked=True)
        case FurtherAct.UNMASK:
            return it if it.withheld else it._replace(masked=False)
        case FurtherAct.WITHHOLD:
            late = FurtherReason.FLAGS_EXCLUDE_EACH_OTHER if it.masked else FurtherReason.ALREADY_VISIBLE
            return it if it.withheld else late.value
        case FurtherAct.ANNOUNCE:
            return it._replace(withheld=False)
        case FurtherAct.HIDE:
            return it if it.hidden else FurtherReason.ALREADY_VISIBLE.value
        case FurtherAct.REVEAL:
            return it._replace(hidden=False)
        case FurtherAct.DELETE:
            return it._replace(status="deleted")
        case _:
            moved = it._replace(status="archived" if act == FurtherAct.ARCHIVE else "current")
            return FurtherReason.WRONG_STATE.value if it.status == "superseded" else moved


def _stand(facts: Facts, followed: Followed) -> Iterator[str]:
    for document, row in facts.documents.items():
        wanted = followed.ends.get(document)
        if wanted is None:
            continue
        found = Stands(row.status, row.masked, row.withheld, row.hidden, row.version)
        if found != wanted:
            yield f"document {document}: {found}, its events say {wanted}"


def _masked_by_default(facts: Facts) -> set[UUID]:
    """Deposits that were permitted while their record's holder masked new documents."""
    wanted: dict[str, bool] = defaultdict(bool)
    found: set[UUID] = set()
    for (topic, _), rows in facts.outboxes.items():
        if topic != ACCESS_DECISIONS:
            continue
        for row in rows:
            if row.type == ConsentChanged.type_name and FurtherAct.MASK_BY_DEFAULT.encode() in row.payload:
                wanted[row.key] = orjson.loads(row.payload)["state"] == "masked"
            elif row.type == Decided.type_name and wanted[row.key]:
                body = orjson.loads(row.payload)
                if (body["act"], body["outcome"]) == (Act.DEPOSIT.value, "permit"):
                    found.add(UUID(body["request"]))
    return found


def _unmasked(events: list[Event], by_default: set[UUID]) -> Iterator[str]:
    for event in events:
        asked_for = event.type == Deposited.type_name and UUID(event.body["deposit"]) in by_default
        if asked_for and not event.body.get("masked"):
            yield f"document {event.document} is not masked, though its holder masks new documents"


def _concealed(facts: Facts, followed: Followed) -> Iterator[str]:
    if not facts.leaves:
        return  # audit is not there
    for document, row in facts.documents.items():
        stands = followed.ends.get(document)
        if stands is None or row.record in facts.deleted:
            continue
        found = facts.concealed.get(document, (False, False))
        if found != (stands.withheld, stands.hidden):
            yield f"document {document}: concealed {found}, its events say {(stands.withheld, stands.hidden)}"


def _told(facts: Facts, followed: Followed) -> Iterator[str]:
    for delivery in facts.deliveries:
        stands = followed.after.get(delivery.about)
        if stands is None or delivery.status == _SUPPRESSED:
            continue
        represents = _is_delegation(delivery.recipient)
        if stands.withheld and (delivery.recipient is None or represents):
            yield f"notice {delivery.notice} tells the holder's side of a document that is withheld"
        if stands.hidden and represents:
            yield f"notice {delivery.notice} tells a representative of a document that is hidden"


def _is_delegation(recipient: str | None) -> bool:
    """A delegation is named by its id, a professional by a directory number."""
    try:
        return recipient is not None and bool(UUID(recipient))
    except ValueError:
        return False
