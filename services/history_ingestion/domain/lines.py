"""What is done with one line: is it plausible, is it new, is its content kept.

Two questions are kept apart. The *fate*, which the insurer is told, follows from what the insurer sent and from the
date. Whether *content* is kept follows from whether the person has an open record; it never shows in the fate.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.history_ingestion.domain.nomenclature import is_plausible
from services.history_ingestion.domain.window import window_start
from shared.contracts.insurance import LineAction, LineFate, ReimbursedCare
from shared.contracts.reasons import Reason
from shared.terminology.ins import parse_ins

LARGEST = 2**31 - 1
"""Versions and quantities beyond are refused as malformed."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a line before a message about it."""

    id: UUID
    """Keyed hash of insurer and line."""
    version: int = 0
    """The highest version that came, whether its content was kept or not; 0 where none did."""
    gone: bool = False
    """True where that version cancelled the line or moved it out of the window."""
    record: UUID | None = None
    """The record that holds the line's content, if one does."""
    kept: int = 0
    """The version of that content; 0 where there is none."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a line: its fate, what is known of it from now on, whether its content is kept or removed."""

    fate: LineFate
    known: Known
    reason: Reason | None = None
    keep: bool = False
    remove: bool = False


def fault_of(line: ReimbursedCare, today: date, oids: Collection[str]) -> Reason | None:
    """Why a line is rejected, or None where it is plausible.

    Args:
        line: as the insurer sent it.
        today: the date in Paris.
        oids: the kinds of INS accepted here (test identities inside `local`, real ones elsewhere).
    """
    if not (0 < line.version <= LARGEST and abs(line.quantity) <= LARGEST):
        return Reason.MALFORMED
    try:
        ins = parse_ins(line.oid, line.matricule)
    except ValueError:
        return Reason.BAD_NIR
    if ins.oid not in oids or not ins.key_is_valid():
        return Reason.BAD_NIR
    if line.care_date > today:
        return Reason.BAD_DATE
    if not is_plausible(line.section, line.code_system, line.code):
        return Reason.BAD_CODE
    return None


def judge(line: ReimbursedCare, known: Known, today: date, record: UUID | None) -> Verdict:
    """What becomes of a plausible line; `record` is the person's open record, if there is one.

    Whatever order versions come in and however often, what is kept in the end is the highest version: nothing where
    that one cancels or lies outside the window. A line that came before the person had a record is kept when it
    comes again, as a backfill does.
    """
    version, before = line.version, known.version
    outside = line.care_date < window_start(today)
    gone = outside or line.action is LineAction.CANCEL
    fate, reason = _fate(version, before, outside=outside)
    if version < before:
        return Verdict(fate, known, reason)
    gone = gone or (version == before and known.gone)
    if not gone and record is not None and version > known.kept:
        return Verdict(fate, Known(known.id, version, gone, record, version), reason, keep=True)
    if version > before:
        # what stands of an earlier version is no longer true, whatever stands in its place
        return Verdict(fate, Known(known.id, version, gone), reason, remove=True)
    return Verdict(fate, known, reason)


def _fate(version: int, before: int, *, outside: bool) -> tuple[LineFate, Reason | None]:
    if outside:
        return LineFate.OUTSIDE_WINDOW, Reason.OUTSIDE_WINDOW
    if version > before:
        return LineFate.ACCEPTED, None
    if version == before:
        return LineFate.DUPLICATE, None
    return LineFate.REJECTED, Reason.STALE_VERSION
