"""Codes in words: every one has its sentences, and none tells a professional what is not for him."""

from uuid import uuid4

import pytest

from deploy.local.identity.cast import ALICE
from services.gateway.api.failures import problem
from services.gateway.domain.answers import act_told, denial, refusal
from services.gateway.domain.explained import words
from services.gateway.domain.mapping import trace_view
from shared.contracts import acts
from shared.contracts.access_decisions import Decided, Outcome
from shared.contracts.common import Act, Actor, ActorKind, FurtherAct
from shared.contracts.further_reasons import FurtherReason
from shared.contracts.http_audit import Trace
from shared.contracts.http_explanations import Hidden
from shared.contracts.reasons import Reason
from shared.http import RemoteError
from tests.unit.gateway.conftest import NOW

HOLDER = Actor(kind=ActorKind.PATIENT, authenticated=True)
DOCTOR = Actor(kind=ActorKind.PROFESSIONAL, number="899700000019", role="G15_10", sector="SA07", authenticated=True)
INSURER = Actor(kind=ActorKind.INSURER, number="amo-test")


def denied(*reasons, further=(), act=Act.CONSULT, further_act=None):
    return Decided(
        request=uuid4(),
        act=act,
        outcome=Outcome.DENY,
        reasons=reasons,
        further_reasons=tuple(code.value for code in further),
        further_act=further_act,
    )


@pytest.mark.parametrize("code", FurtherReason)
def test_every_finer_reason_is_told_in_both_languages(code):
    decided = denied(code.broader, further=(code,))
    french, english = (denial(decided, language, HOLDER) for language in ("fr", "en"))
    assert french.sentence != english.sentence
    assert code.value not in french.sentence
    assert (french.code, french.content()["reasons"]) == (code.broader.value, [code.value])
    assert french.content()["detail"] == french.sentence


@pytest.mark.parametrize("act", [*Act, *FurtherAct])
def test_every_act_has_its_words_in_both_languages(act):
    french, english = (acts.sentence(act, language) for language in ("fr", "en"))
    assert french and english
    assert act is Act.CONSULT or french != english
    assert acts.act(act.value) is act


def test_no_act_is_told_by_two_names():
    assert not {act.value for act in Act} & {act.value for act in FurtherAct}
    assert set(acts.SENTENCES) == {*Act, *FurtherAct}
    assert acts.act("tomorrows_act") is None


def test_a_code_of_tomorrow_is_told_by_the_one_that_is_known():
    decided = denied(Reason.NO_BRANCH).model_copy(update={"further_reasons": ("tomorrows_code",)})
    assert denial(decided, "en", HOLDER).content()["reasons"] == ["no_branch"]


def test_ar_018_a_colleague_is_not_told_whom_the_holder_blocked():
    collecting = {"act": Act.UNKNOWN, "further_act": FurtherAct.AUTHORISE_FOR.value}
    blocked, unauthorised = (
        denial(denied(code, **collecting), "fr", DOCTOR) for code in (Reason.BLOCKED, Reason.NOT_AUTHORISED)
    )
    assert blocked.content() == unauthorised.content()
    assert denial(denied(Reason.BLOCKED), "en", DOCTOR).code == "blocked", "the blocked one himself is told (AR-014)"
    assert denial(denied(Reason.BLOCKED, **collecting), "en", HOLDER).code == "blocked"


def test_ar_023_no_reason_that_is_told_to_a_professional_says_that_something_is_masked():
    """What an explanation says of documents is no reason of a decision, so that no refusal can hold it."""
    assert not {one.value for one in Hidden} & {one.value for one in (*Reason, *FurtherReason)}
    for code in FurtherReason:
        for language, word in (("fr", "masqu"), ("en", "mask")):
            assert word not in denial(denied(code.broader, further=(code,)), language, DOCTOR).sentence.lower()
    for hidden in Hidden:
        decided = denied(Reason.NOT_AUTHORISED).model_copy(update={"further_reasons": (hidden.value,)})
        assert denial(decided, "en", DOCTOR).content()["reasons"] == ["not_authorised"]


def test_ar_046_an_outsider_is_told_that_he_is_one_whatever_was_decided():
    told = [denial(denied(code.broader, further=(code,)), "en", INSURER).content() for code in FurtherReason]
    assert all(one == told[0] for one in told)
    assert told[0]["reasons"] == ["excluded_actor"]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (FurtherReason.UNKNOWN_DELEGATION, 404),
        (FurtherReason.INVITATION_OVER, 409),
        (FurtherReason.OBJECTION_TOO_LATE, 409),
        (FurtherReason.SCOPE_EMPTY, 422),
        (FurtherReason.OPINION_MISSING, 422),
        (FurtherReason.OUTSIDE_DELEGATION, 403),
        (FurtherReason.EMERGENCY_OPPOSED, 403),
    ],
)
def test_a_finer_reason_has_the_status_that_fits_it(code, status):
    assert denial(denied(code.broader, further=(code,)), "en", HOLDER).status == status


def test_what_an_owner_refuses_by_a_reason_is_told_in_the_clients_language():
    told = problem(RemoteError(403, "majority_reached", "The holder is of age."), "fr")
    assert (told.status, told.code) == (403, "no_branch")
    assert told.sentence == refusal((Reason.NO_BRANCH,), "fr", further=("majority_reached",)).sentence
    assert problem(RemoteError(403, "not_holder", "x"), "fr").code == "not_holder"
    assert problem(RemoteError(403, "unknown_caller", "x"), "fr").status == 500


def test_every_reason_why_a_document_is_hidden_has_its_words():
    for code in (*Hidden, "shown"):
        assert words(code, "fr") != words(code, "en") != code
    assert words("tomorrows_code", "fr") == "tomorrows_code"


def test_a_trace_says_what_was_done():
    trace = Trace(id=uuid4(), at=NOW, kind="carnet.access.rights-changed.v1", act=Act.BLOCK, correlation=uuid4())
    assert trace_view(trace, uuid4(), "en").sentence == "A professional is blocked."
    reasoned = trace.model_copy(update={"reasons": (Reason.HOLDER,)})
    assert trace_view(reasoned, uuid4(), "en").sentence == "A professional is blocked. " + words("holder", "en")
    assert trace_view(trace.model_copy(update={"act": Act.UNKNOWN}), uuid4(), "en").sentence is None
    assert act_told(Act.UNKNOWN, "en", FurtherAct.WISH.value) == acts.sentence(FurtherAct.WISH)
    assert act_told(Act.UNKNOWN, "en", "tomorrows_act") is None


async def test_a_finer_reason_comes_back_from_the_door(http, world, as_) -> None:
    world.denied, world.finer = (Reason.NO_BRANCH,), ("objection_too_late",)
    path = f"/records/{world.alice_record}/rights/object"
    headers = as_(ALICE.name) | {"if-match": '"7"', "accept-language": "fr"}
    answer = await http.post(path, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "no_branch")
    assert answer.json()["reasons"] == ["objection_too_late"]
    assert answer.json()["detail"] == "Le délai de six semaines est passé."
