"""Reimbursed lines: one fate for each, as the order of its topic says, and each history holds what follows from it.

The rules are written a second time and apart from the service's: what a line is owed follows from what was published,
never from what became of it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from deploy.proof.checker.clients import Histories, Insured, Kept, Published
from deploy.proof.checker.facts import Facts, Record
from deploy.proof.checker.verdict import Finding, finding
from shared.contracts.envelope import MalformedError, from_headers
from shared.contracts.history_events import HistoryUpdated
from shared.contracts.insurance import LineAction, LineFate, LineReceipt, LineReceipts, ReimbursedCare
from shared.contracts.reasons import Reason
from shared.contracts.topics import HISTORY, HISTORY_EVENTS, RECEIPTS, REIMBURSEMENTS, of_insurer
from shared.terminology import parse_ins

_MONTHS: Final = 24
_PARIS: Final = ZoneInfo("Europe/Paris")
_WITHIN: Final = timedelta(days=1)
"""A line this near to a border of the window may fall on either side of it: midnight may have come meanwhile."""

Offset = tuple[int, int]
"""Partition and offset."""
Fate = tuple[LineFate, Reason | None]


class Came(NamedTuple):
    """A record of the insurer's topic, as whoever reads it finds it."""

    place: Offset
    id: UUID | None
    body: ReimbursedCare | None
    sent: datetime | None
    fault: Reason | None = None
    """Why it can't be read: then it is parked."""
    keyed: bool = True
    """Without a key nobody is answered."""


@dataclass
class Line:
    """What is known of a line: the highest version that came, and its content."""

    version: int = 0
    gone: bool = False
    body: ReimbursedCare | None = None
    settled: bool = True
    """False where its versions stand in several partitions, so that their order is nobody's."""


@dataclass
class Owed:
    """What follows from an insurer's topic."""

    came: list[Came] = field(default_factory=list)
    fates: dict[Offset, frozenset[Fate]] = field(default_factory=dict)
    """What each may be answered."""
    repeats: set[Offset] = field(default_factory=set)
    """Those under an id that came before in their partition: they may go unanswered."""
    echoes: set[Offset] = field(default_factory=set)
    """Those that change nothing: their line came before in this version or a later one, or they are refused."""
    lines: dict[str, Line] = field(default_factory=dict)


def check(facts: Facts, published: Published, histories: Histories) -> list[Finding]:
    """The findings about one insurer's lines. Pure."""
    owed = _owed(facts, published)
    receipts = _receipts(facts, published.insurer)
    unreadable = [came for came in owed.came if came.fault is not None]
    wanted = _wanted(owed, published)
    ids = {came.id for came in owed.came}
    return [
        finding(
            "C1",
            "every line that Kafka confirmed stands in its topic",
            len(published.confirmed),
            (f"line message {one} was confirmed and is not there" for one in published.confirmed - ids),
            needed=True,
        ),
        finding("C2", "every line is answered exactly once", len(owed.came), _answered(owed, receipts), needed=True),
        finding("C9", "every line is answered as it deserves", len(receipts), _fates(owed, receipts), needed=True),
        finding(
            "C9",
            "lines that can't be read are parked, once, and no others",
            len(unreadable),
            _parked(facts, published.insurer, unreadable),
            needed=True,
        ),
        finding(
            "C2",
            "accepted lines stand once in their history",
            len(wanted),
            _kept(wanted, published, histories.kept),
            needed=True,
        ),
        finding(
            "C10",
            "what was published again changed nothing",
            min(published.again, len(owed.echoes)),
            _stirred(facts, published, owed),
            needed=True,
        ),
        finding("C7", "every batch was confirmed in the end", len(published.confirmed), published.given_up),
    ]


def _owed(facts: Facts, published: Published) -> Owed:
    owed = Owed()
    topic = of_insurer(REIMBURSEMENTS, published.insurer)
    places = sorted(place for place in facts.topics if place[0] == topic)
    owed.came = [_came(record, partition) for _, partition in places for record in facts.topics[topic, partition]]
    of_line: dict[str, set[int]] = defaultdict(set)
    for came in owed.came:
        if came.body is not None:
            of_line[came.body.line].add(came.place[0])
    seen: set[tuple[int, UUID | None]] = set()
    for came in owed.came:
        key = (came.place[0], came.id)
        if came.id is not None and key in seen:
            owed.repeats.add(came.place)
        seen.add(key)
        if came.keyed:
            settled = came.body is None or len(of_line[came.body.line]) == 1
            owed.fates[came.place] = _fate(came, published.wrong.get(came.id or UUID(int=0)), owed, settled=settled)
    return owed


def _came(record: Record, partition: int) -> Came:
    place = (partition, record.offset)
    keyed = _readable(record.key)
    try:
        envelope = from_headers(record.headers)
    except MalformedError:
        return Came(place, None, None, None, Reason.MALFORMED, keyed)
    told = (place, envelope.id, None, envelope.time)
    if not keyed:
        return Came(*told, Reason.MALFORMED, keyed=False)
    if envelope.type != ReimbursedCare.type_name:
        return Came(*told, Reason.UNKNOWN_TYPE)
    try:
        body = ReimbursedCare.model_validate_json(record.value)
    except ValidationError:
        return Came(*told, Reason.MALFORMED)
    return Came(place, envelope.id, body, envelope.time)


def _readable(key: bytes | None) -> bool:
    """True for a key that is there and is text."""
    try:
        (key or b"").decode()
    except UnicodeDecodeError:
        return False
    return key is not None


def _fate(came: Came, wrong: Reason | None, owed: Owed, *, settled: bool) -> frozenset[Fate]:
    """What it may be answered; moves what is known of its line on."""
    line = came.body
    refusal = came.fault or wrong or (_refusal(came) if line is not None else None)
    if refusal is not None or line is None:
        owed.echoes.add(came.place)
        return frozenset({(LineFate.REJECTED, refusal)})
    known = owed.lines.setdefault(line.line, Line())
    known.settled &= settled
    found, outside = _by_version(came, line, known.version)
    if line.version > known.version:
        known.version, known.body = line.version, line
        known.gone = outside or line.action is LineAction.CANCEL
    else:
        owed.echoes.add(came.place)
    if not settled:
        return frozenset({(LineFate.ACCEPTED, None), (LineFate.DUPLICATE, None), *found, _STALE})
    return found


_STALE: Final[Fate] = (LineFate.REJECTED, Reason.STALE_VERSION)
_OUTSIDE: Final[Fate] = (LineFate.OUTSIDE_WINDOW, Reason.OUTSIDE_WINDOW)


def _by_version(came: Came, line: ReimbursedCare, before: int) -> tuple[frozenset[Fate], bool]:
    """What a plausible line may be answered, and whether it lies outside the window."""
    inside: Fate = _STALE
    if line.version >= before:
        inside = (LineFate.ACCEPTED, None) if line.version > before else (LineFate.DUPLICATE, None)
    today = _day(came)
    begin = _months_before(today)
    if line.care_date < begin - _WITHIN:
        return frozenset({_OUTSIDE}), True
    if line.care_date <= begin + _WITHIN:
        return frozenset({_OUTSIDE, inside}), line.care_date < begin
    return frozenset({inside}), False


def _refusal(came: Came) -> Reason | None:
    """Why a readable line is refused, as far as that can be told without nomenclatures."""
    line = came.body
    if line is None:
        return None
    if line.version < 1:
        return Reason.MALFORMED
    try:
        ins = parse_ins(line.oid, line.matricule)
    except ValueError:
        return Reason.BAD_NIR
    if not ins.key_is_valid() or not ins.is_test:
        return Reason.BAD_NIR
    return Reason.BAD_DATE if line.care_date > _day(came) + _WITHIN else None


def _day(came: Came) -> date:
    moment = came.sent
    return moment.astimezone(_PARIS).date() if moment is not None else date.min


def _months_before(day: date) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - _MONTHS, 12)
    for last in range(day.day, 0, -1):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError


def _receipts(facts: Facts, insurer: str) -> list[tuple[Offset, LineReceipt]]:
    topic = of_insurer(RECEIPTS, insurer)
    return [
        ((body.partition, receipt.offset), receipt)
        for (name, _), rows in facts.outboxes.items()
        if name == topic
        for row in rows
        for body in (LineReceipts.model_validate_json(row.payload),)
        for receipt in body.receipts
    ]


def _answered(owed: Owed, receipts: Sequence[tuple[Offset, LineReceipt]]) -> Iterator[str]:
    counts = Counter(place for place, _ in receipts)
    for came in owed.came:
        count, most = counts[came.place], 1 if came.keyed else 0
        least = 0 if came.place in owed.repeats else most
        if not least <= count <= most:
            yield f"the line at {came.place} was answered {count} times"
    for place in counts.keys() - {came.place for came in owed.came}:
        yield f"a line at {place} was answered, and there is none"


def _fates(owed: Owed, receipts: Iterable[tuple[Offset, LineReceipt]]) -> Iterator[str]:
    bodies = {came.place: came.body for came in owed.came}
    for place, receipt in receipts:
        allowed = owed.fates.get(place, frozenset())
        if (receipt.fate, receipt.reason) not in allowed:
            wanted = "/".join(sorted(f"{fate} {reason or ''}" for fate, reason in allowed))
            yield f"the line at {place} was answered {receipt.fate} {receipt.reason or ''}, expected {wanted}"
        body = bodies.get(place)
        named = (body.line, body.version) if body is not None else (None, None)
        if (receipt.line, receipt.version) != named:
            yield f"the receipt of the line at {place} names another line or version"


def _parked(facts: Facts, insurer: str, unreadable: Iterable[Came]) -> Iterator[str]:
    topic = of_insurer(REIMBURSEMENTS, insurer)
    rows = [row for row in facts.parked if row.service == HISTORY and row.topic == topic]
    counts = Counter((row.partition, row.offset) for row in rows)
    reasons = {(row.partition, row.offset): row.reason for row in rows}
    wanted = {came.place: came.fault for came in unreadable}
    for place, fault in wanted.items():
        if counts[place] != 1:
            yield f"the line at {place} was parked {counts[place]} times"
        elif reasons[place] != fault:
            yield f"the line at {place} was parked as {reasons[place]}, expected {fault}"
    for place in counts.keys() - wanted.keys():
        yield f"the line at {place} can be read and was parked: {reasons[place]}"


def _wanted(owed: Owed, published: Published) -> dict[str, tuple[UUID, ReimbursedCare]]:
    """The lines that have to stand in histories of settled persons, with their record."""
    found = {}
    for name, line in owed.lines.items():
        record = published.settled.get(_insured(line.body)) if line.body is not None else None
        if record is not None and line.body is not None and line.settled and not line.gone:
            found[name] = (record, line.body)
    return found


def _insured(line: ReimbursedCare) -> Insured:
    return line.oid, line.matricule


def _kept(
    wanted: Mapping[str, tuple[UUID, ReimbursedCare]], published: Published, kept: Iterable[Kept]
) -> Iterator[str]:
    records = set(published.settled.values())
    stand: dict[str | None, list[Kept]] = defaultdict(list)
    for row in kept:
        if row.record in records and row.insurer == published.insurer:
            stand[row.line].append(row)
    for row in stand.pop(None, ()):
        yield f"record {row.record} has a line that nobody published"
    for name, (record, body) in wanted.items():
        rows = stand.pop(name, [])
        if len(rows) != 1:
            yield f"line {name} stands {len(rows)} times in the history of record {record}"
        elif rows[0].record != record or rows[0].version != body.version or _told(rows[0]) != _sent(body):
            yield f"line {name} stands otherwise than it was published, or in another's history"
    for rows in stand.values():
        yield f"line {rows[0].line} of record {rows[0].record} may not stand there"


def _told(row: Kept) -> tuple[object, ...]:
    content = row.content or {}
    return row.care_date, row.section, content.get("code_system"), content.get("code"), content.get("label")


def _sent(body: ReimbursedCare) -> tuple[object, ...]:
    return body.care_date.isoformat(), body.section.value, body.code_system, body.code, body.label


def _stirred(facts: Facts, published: Published, owed: Owed) -> Iterator[str]:
    """Updates of settled persons' histories that were told because of a message that changes nothing."""
    records = set(published.settled.values())
    causes = {came.id for came in owed.came if came.place not in owed.echoes}
    for (topic, _), rows in facts.topics.items():
        for row in rows if topic == HISTORY_EVENTS else ():
            envelope = from_headers(row.headers)
            if envelope.type != HistoryUpdated.type_name or UUID((row.key or b"").decode()) not in records:
                continue
            if envelope.cause not in causes:
                yield f"record {(row.key or b'').decode()} was told an update because of {envelope.cause}"
