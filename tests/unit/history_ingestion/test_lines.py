"""Which lines are plausible, and which version of a line counts."""

from datetime import date, timedelta
from itertools import permutations
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.history_ingestion.domain.lines import LARGEST, Known, fault_of, judge
from services.history_ingestion.domain.nomenclature import CODE_SYSTEMS, SECTIONS
from services.history_ingestion.domain.window import window_start
from shared.contracts.insurance import CareSection, LineAction, LineFate
from shared.contracts.reasons import Reason
from shared.terminology.ins import NIR, TEST_INS_OIDS
from tests.support.history import TODAY, care, nir, record_of

ID = uuid4()
START = window_start(TODAY)


def fault(**changes):
    return fault_of(care(**changes), TODAY, TEST_INS_OIDS)


def test_a_plausible_line_has_no_fault() -> None:
    assert fault() is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"matricule": nir(1)[:-2] + "00"}, Reason.BAD_NIR),
        ({"matricule": "A" * 15}, Reason.BAD_NIR),
        ({"oid": NIR}, Reason.BAD_NIR),
        ({"oid": "1.2.3"}, Reason.BAD_NIR),
        ({"care_date": TODAY + timedelta(days=1)}, Reason.BAD_DATE),
        ({"code": "340093567322"}, Reason.BAD_CODE),
        ({"code_system": "NABM", "code": "1208"}, Reason.BAD_CODE),
        ({"code_system": "CIP7"}, Reason.BAD_CODE),
        ({"version": 0}, Reason.MALFORMED),
        ({"version": LARGEST + 1}, Reason.MALFORMED),
        ({"quantity": 10**12}, Reason.MALFORMED),
    ],
)
def test_what_is_wrong_with_a_line_is_named(changes, reason) -> None:
    assert fault(**changes) is reason


@pytest.mark.parametrize(
    ("section", "system", "code"),
    [
        ("medicines", "CIP13", "3400935673220"),
        ("vaccinations", "ATC", "J07AM01"),
        ("devices", "LPP", "1234567"),
        ("hospitalisations", "GHS", "1940"),
        ("medical_dental", "NGAP", "G"),
        ("medical_dental", "CCAM", "HBMD053"),
        ("radiology", "CCAM", "YYYY300"),
        ("biology", "NABM", "552"),
    ],
)
def test_codes_of_the_published_examples_are_taken(section, system, code) -> None:
    assert fault(section=section, code_system=system, code=code) is None


def test_every_section_is_coded() -> None:
    assert set(SECTIONS) == set(CareSection)
    assert {system for section in SECTIONS.values() for system in section.systems} == set(CODE_SYSTEMS)


def test_today_is_no_future() -> None:
    assert fault(care_date=TODAY) is None


@pytest.mark.parametrize(("day", "inside"), [(START, True), (START - timedelta(days=1), False)])
def test_the_first_day_of_the_window_is_kept(day, inside) -> None:
    verdict = judge(care(care_date=day), Known(ID), TODAY, record_of(1))
    assert verdict.keep is inside
    assert verdict.fate is (LineFate.ACCEPTED if inside else LineFate.OUTSIDE_WINDOW)


def test_a_lower_version_is_stale_and_changes_nothing() -> None:
    known = Known(ID, 3, gone=False, record=record_of(1), kept=3)
    verdict = judge(care(version=2), known, TODAY, record_of(1))
    assert (verdict.fate, verdict.reason, verdict.known) == (LineFate.REJECTED, Reason.STALE_VERSION, known)
    assert not verdict.keep
    assert not verdict.remove


def test_a_line_that_came_before_the_record_is_kept_when_it_comes_again() -> None:
    first = judge(care(), Known(ID), TODAY, None)
    assert (first.fate, first.keep) == (LineFate.ACCEPTED, False)
    again = judge(care(), first.known, TODAY, record_of(1))
    assert (again.fate, again.keep) == (LineFate.DUPLICATE, True)
    assert again.known.record == record_of(1)


def test_a_cancelled_line_does_not_come_back_by_a_backfill() -> None:
    cancelled = judge(care(version=2, action="cancel"), Known(ID), TODAY, None).known
    for version in (1, 2):
        assert not judge(care(version=version), cancelled, TODAY, record_of(1)).keep


def test_a_correction_moves_a_line_to_another_person() -> None:
    known = judge(care(), Known(ID), TODAY, record_of(1)).known
    moved = judge(care(version=2, person=2), known, TODAY, record_of(2))
    assert (moved.known.record, moved.keep) == (record_of(2), True)
    gone = judge(care(version=2, person=3), known, TODAY, None)
    assert (gone.known.record, gone.remove) == (None, True)


VERSION = st.fixed_dictionaries(
    {
        "action": st.sampled_from(LineAction),
        "person": st.integers(1, 3),
        "care_date": st.sampled_from([TODAY, START, START - timedelta(days=1), date(2019, 1, 1)]),
    }
)
RECORDS = {1: record_of(1), 2: record_of(2)}
"""Person 3 has none."""


def play(line_versions, order, records):
    """Fates and what is known in the end, after versions (numbered from 1) came in this order."""
    known, fates = Known(ID), []
    for index in order:
        content = line_versions[index]
        line = care(version=index + 1, **content)
        verdict = judge(line, known, TODAY, records.get(content["person"]))
        assert not (verdict.keep and verdict.remove)
        known = verdict.known
        fates.append((verdict.fate, verdict.reason))
    return fates, known


@given(st.lists(VERSION, min_size=1, max_size=4), st.data())
def test_versions_in_any_order_and_repeated_end_in_the_same_state(versions, data) -> None:
    last = versions[-1]
    outside = last["care_date"] < START
    gone = outside or last["action"] is LineAction.CANCEL
    record = None if gone else RECORDS.get(last["person"])
    expected = Known(ID, len(versions), gone, record, len(versions) if record else 0)
    extra = data.draw(st.lists(st.integers(0, len(versions) - 1), max_size=4))
    order = data.draw(st.permutations([*range(len(versions)), *extra]))
    assert play(versions, order, RECORDS)[1] == expected


@given(st.lists(VERSION, min_size=1, max_size=4), st.data())
def test_fates_never_depend_on_who_has_a_record(versions, data) -> None:
    order = data.draw(st.lists(st.integers(0, len(versions) - 1), min_size=1, max_size=8))
    fates = play(versions, order, RECORDS)[0]
    assert fates == play(versions, order, {})[0]


def test_each_version_counts_once() -> None:
    plain = [{"action": LineAction.NEW, "person": 1, "care_date": TODAY}] * 3
    for order in permutations(range(3)):
        fates, _ = play(plain, [*order, *order], RECORDS)
        accepted = sum(fate is LineFate.ACCEPTED for fate, _ in fates)
        rising = [index for place, index in enumerate(order) if index == max(order[: place + 1])]
        assert accepted == len(rising)
