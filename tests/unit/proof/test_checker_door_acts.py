"""The checker finds each fault that is planted into what clients were told of acts on documents."""

from dataclasses import replace
from uuid import UUID

import pytest

from deploy.proof.checker import door_acts, doors
from deploy.proof.checker.clients import Acted, Looked
from shared.contracts.document_changes import DocumentChanged
from shared.contracts.topics import DOCUMENT, DOCUMENT_EVENTS
from tests.unit.proof.test_checker import DEPOSIT, DOCTOR, HASH, HOLDER, R, told
from tests.unit.proof.test_checker_doors import HISTORIES, UNIQUE, attempt, clients, facts, with_row, wrong

MASKED, DELETED, DONE = (
    "what a door told to be masked is found by no professional from then on",
    "what a door told to be deleted is found by nobody from then on",
    "acts on documents told at the doors are those done",
)
FOUND = "what a door told to be stored is found from then on"
LOST = "every deposit that a door took is stored, as sent"
NONE_SUCH = {"status": 404, "code": "unknown_document"}


def acted(act, begin, end, version=None, **more):
    return Acted(R, DEPOSIT, act, attempt(f"{act} of a document", begin, end, **more), version)


def unknown(act, begin, end):
    return acted(act, begin, end, status=None)


def look(begin, *shown, reader=DOCTOR.number, what="search", status=200):
    return Looked(DOCUMENT, R, reader, attempt(what, begin, begin + 0.5, status), shown, whole=reader is None)


def changed(number, act, version, document=DEPOSIT):
    flags = {"masked": act == "mask", "withheld": False, "hidden_from_representatives": False}
    request = UUID(int=100 + number)
    body = DocumentChanged(act=act, document=document, actor=HOLDER, request=request, version=version, **flags)
    return told(number, body, act)


def happened(*changes, status="deleted"):
    found = with_row(facts(), DEPOSIT, status=status)
    place = (DOCUMENT_EVENTS, 0)
    return replace(found, outboxes=found.outboxes | {place: [*found.outboxes[place], *changes]})


WHOLE = (
    acted("mask", 10, 11, 2),
    look(12),
    acted("unmask", 14, 15, 3),
    look(16, UNIQUE),
    acted("mask", 17, 18, 4),
    look(19),
    look(19, UNIQUE, reader=None),
    unknown("delete", 20, 21),
    acted("delete", 21, 22, 5),
    acted("delete", 22, 23, **NONE_SUCH),
    look(24),
    look(24, reader=None),
    look(24, what="opening of a document", status=404),
)
EVENTS = (changed(3, "mask", 2), changed(4, "unmask", 3), changed(5, "mask", 4), changed(6, "delete", 5))


def claims(*came, found=None):
    """The claims about acts that do not hold, and others' that they touch."""
    seen = clients()
    for one in came:
        (seen.acted if isinstance(one, Acted) else seen.looks).append(one)
    stood = found or happened(*EVENTS)
    touched = [one for one in doors.check(stood, seen, HISTORIES) if one.claim in {FOUND, LOST}]
    return set(wrong(touched + door_acts.check(stood, seen)))


def swapped(old, *new):
    place = WHOLE.index(old)
    return (*WHOLE[:place], *new, *WHOLE[place + 1 :])


def test_acts_that_were_done_and_held_have_no_fault():
    assert claims(*WHOLE) == set()


@pytest.mark.parametrize(
    ("seen", "claim"),
    [
        (look(12, UNIQUE), MASKED),
        (look(11.1, HASH.hex(), what="opening of a document"), MASKED),
        (look(19.1, UNIQUE), MASKED),
        (look(24, UNIQUE), DELETED),
        (look(24, UNIQUE, reader=None), DELETED),
        (look(22.1, HASH.hex(), reader=None, what="opening of a document"), DELETED),
    ],
)
def test_what_was_shown_after_an_answer_is_found(seen, claim):
    assert claim in claims(*WHOLE, seen)


@pytest.mark.parametrize(
    "seen",
    [
        look(10.4, UNIQUE),  # began before the answer
        look(13.8, UNIQUE),  # ended after the unmasking was asked for
        look(12, UNIQUE, reader=None),  # the holder
        look(12, UNIQUE, status=504),  # nothing was answered
        look(20.2, reader=None),  # the deletion, of which nobody was told yet, is done
    ],
)
def test_what_may_be_shown_is_no_fault(seen):
    assert claims(*WHOLE, seen) == set()


@pytest.mark.parametrize(
    ("unmasked", "fault"),
    [
        (unknown("unmask", 1, 2), False),  # it may be done whenever it likes
        (unknown("unmask", 11.5, 13), False),
        (acted("unmask", 1, 10.5, 3), False),  # both at the same time: either may have been first
        (acted("unmask", 1, 2, 3), True),
        (acted("unmask", 1, 2, **NONE_SUCH), True),
    ],
)
def test_an_unmasking_that_may_come_after_a_masking_excuses_what_is_shown(unmasked, fault):
    seen = clients()
    seen.acted, seen.looks = [acted("mask", 10, 11, 2), unmasked], [look(12, UNIQUE)]
    (masked,) = (one for one in door_acts.check(happened(), seen) if one.claim == MASKED)
    assert (masked.looked_at, masked.fault_count) == (fault, fault)


def test_a_deletion_that_was_known_by_a_refusal_holds_as_well():
    came = (unknown("delete", 1, 2), acted("delete", 2, 3, **NONE_SUCH), look(4, UNIQUE))
    assert DELETED in claims(*came)


@pytest.mark.parametrize(
    ("came", "found"),
    [
        (WHOLE, happened(*EVENTS[:-1])),  # told and not done
        (WHOLE, happened(*EVENTS, status="current")),
        (swapped(WHOLE[0], acted("mask", 10, 11, 9)), None),  # another version
        (swapped(WHOLE[0], acted("mask", 10, 11)), None),  # no version
        (swapped(WHOLE[0], acted("mask", 10, 11, status=403, code="denied")), None),
        (WHOLE[3:], None),  # a masking that nobody asked for
        (WHOLE, happened(*EVENTS, changed(7, "mask", 6, UUID(int=9)))),
    ],
)
def test_an_act_that_was_not_done_as_told_is_found(came, found):
    assert DONE in claims(*came, found=found)


def test_a_document_is_found_by_its_holder_until_its_deletion_was_asked_for():
    assert FOUND in claims(*WHOLE, look(12, reader=None))
    assert FOUND in claims(*WHOLE, look(19.2, reader=None))


def test_a_document_is_gone_only_where_its_deletion_was_asked_for():
    assert claims(*WHOLE[:7], found=happened(*EVENTS[:3])) >= {LOST}


def test_nothing_to_look_at_is_a_fault():
    assert claims() >= {MASKED, DELETED, DONE}
