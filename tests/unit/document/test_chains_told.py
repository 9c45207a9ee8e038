"""What is told of older versions that go along with a document, and what becomes of them after an error."""

from uuid import uuid4

import pytest

from services.document.domain.settlement import Flags
from services.document.handlers import decided, failed
from services.document.repository.decisions import merged
from shared.contracts.common import Scope
from shared.contracts.document_changes import ActRefused, DocumentChanged
from shared.contracts.envelope import Message
from shared.messaging import Failed
from tests.support.documents import DOCTOR, NOW, chain, ordered

RECORD = uuid4()
MASKED, WITHHELD = Flags(masked=True), Flags(withheld=True)


def of(*documents):
    return {one.id: one for one in documents}


def own(number):
    return Scope(types=frozenset(), own=number)


def as_failed(message):
    return Message(message.envelope, message.key, Failed.model_construct(original=message.body), message.topic, 0, 0)


def test_each_version_that_changed_is_told_after_the_named_one_which_answers():
    documents = chain(WITHHELD, Flags(), WITHHELD, version=2)
    message = ordered(documents[2].id, RECORD, "announce", DOCTOR)
    first, second = decided(message, of(*documents), NOW).emits
    assert (first.document, first.version_of, first.came_into_view) == (documents[2].id, None, True)
    assert second == DocumentChanged(
        act="announce",
        document=documents[0].id,
        actor=DOCTOR,
        request=message.body.request,
        version=3,
        masked=False,
        withheld=False,
        hidden_from_representatives=False,
        version_of=documents[2].id,
    )


def test_an_act_that_comes_again_by_another_request_answers_and_tells_of_no_version():
    documents = chain()
    once = decided(ordered(documents[2].id, RECORD, "delete"), of(*documents), NOW)
    (told,) = decided(ordered(documents[2].id, RECORD, "delete"), once.state, NOW).emits
    assert told.reason == "unknown_document"
    masked = decided(ordered(documents[2].id, RECORD, "mask"), of(*documents), NOW)
    assert [event.version_of for event in masked.emits] == [None, documents[2].id, documents[2].id]
    (again,) = decided(ordered(documents[2].id, RECORD, "mask"), masked.state, NOW).emits
    assert (again.changed, again.version_of) == (False, None)


@pytest.mark.parametrize("act", ["mask", "delete", "announce"])
def test_an_act_that_fails_holds_what_it_would_have_changed_until_it_is_done(act):
    documents = chain(WITHHELD, WITHHELD, WITHHELD) if act == "announce" else chain()
    message = ordered(documents[1].id, RECORD, act, DOCTOR)
    held = failed(as_failed(message), of(*documents), NOW)
    assert [one.held_by for one in held.state.values()] == [message.body.request] * 2 + [None]
    assert [event.deposit for event in held.emits] == [documents[1].id, documents[0].id]
    assert {row.id for row in held.changes} == {documents[1].id, documents[0].id}
    again = failed(as_failed(message), held.state, NOW)
    assert (again.changes, again.emits) == ((), ())
    done = decided(message, held.state, NOW)
    assert [one.held_by for one in done.state.values()] == [None] * 3
    assert [event.document for event in done.emits] == [documents[1].id, documents[0].id]
    rows = merged([*held.changes, *done.changes])
    assert {(row.id, row.held_by, row.flags) for row in rows} == {
        (one.id, None, one.flags) for one in done.state.values() if one.id != documents[2].id
    }


def test_an_act_on_one_version_alone_that_fails_holds_that_one_alone():
    documents = chain()
    held = failed(as_failed(ordered(documents[2].id, RECORD, "archive", DOCTOR)), of(*documents), NOW)
    assert [event.deposit for event in held.emits] == [documents[2].id]


def test_what_another_error_holds_already_is_not_held_anew():
    documents, another = chain(), uuid4()
    documents[1] = documents[1]._replace(held_by=another)
    held = failed(as_failed(message := ordered(documents[2].id, RECORD, "mask")), of(*documents), NOW)
    assert [one.held_by for one in held.state.values()] == [message.body.request, another, message.body.request]


@pytest.mark.parametrize("flags", [Flags(), WITHHELD])
def test_a_failed_act_frees_all_that_it_held_also_where_it_is_refused_in_the_end(flags):
    """An older version that is not its author's stays as it is, and is not held for ever."""
    documents = chain(MASKED, MASKED._replace(withheld=flags.withheld))
    documents[0] = documents[0]._replace(owners="B")
    message = ordered(documents[1].id, RECORD, "unmask", DOCTOR, scope=own("A"), version=1 + flags.withheld)
    held = failed(as_failed(message), of(*documents), NOW)
    done = decided(message, held.state, NOW)
    (told,) = done.emits
    assert isinstance(told, ActRefused if flags.withheld else DocumentChanged)
    assert [one.held_by for one in done.state.values()] == [None, None]
    assert done.state[documents[0].id] == documents[0]
    assert {row.id for row in done.changes} == {one.id for one in documents}
    assert {row.held_by for row in done.changes} == {None}
