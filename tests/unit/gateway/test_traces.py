from datetime import UTC, datetime
from uuid import uuid4

import pytest

from deploy.local.identity.cast import BRUNO
from services.gateway.domain.mapping import trace_view
from shared.contracts.access_decisions import FunctionsKnown, TreatingDoctorKnown
from shared.contracts.common import Actor, ActorKind, Owner
from shared.contracts.document_events import SummaryDue, UpdateToTell
from shared.contracts.http_audit import Trace
from tests.unit.gateway.test_commands import DELEGATION, delegated

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
DOCTOR = Actor(kind=ActorKind.PROFESSIONAL, number="899700000027", structure="1990000025")


def trace(kind, **more):
    return Trace(id=uuid4(), at=AT, kind=kind, actor=DOCTOR, correlation=uuid4(), **more)


@pytest.mark.parametrize(
    ("found", "action", "permitted"),
    [
        (trace("carnet.access.decided.v1", outcome="deny", reasons=("blocked",)), "decide", False),
        (trace("carnet.access.decided.v1", outcome="permit", reasons=("authorised",)), "decide", True),
        (trace("carnet.document.deposited.v1", document=uuid4()), "create", True),
        (trace("carnet.document.refused.v1"), "create", False),
        (trace("carnet.document.consulted.v1"), "search", True),
        (trace("carnet.document.consulted.v1", document=uuid4()), "read", True),
        (trace("carnet.history.consulted.v1"), "read", True),
        (trace("carnet.audit.consulted.v1"), "read", True),
        (trace("carnet.access.rights-changed.v1"), "update", True),
        (trace("carnet.access.consent-changed.v1", further_act="consent_team"), "update", True),
        (trace("carnet.access.life-changed.v1", further_act="suspend"), "update", True),
        (trace("carnet.access.deletion-requested.v1"), "update", True),
        (trace("carnet.notification.sent.v1", notice="ACCES_DMP_PS"), "update", True),
        (trace("carnet.notification.failed.v1", notice="ACCES_DMP_PS"), "update", False),
        (trace("carnet.document.changed.v1", document=uuid4(), further_act="mask"), "update", True),
        (trace("carnet.document.changed.v1", document=uuid4(), further_act="delete"), "delete", True),
        (trace("carnet.document.act-refused.v1", document=uuid4(), further_act="mask"), "update", False),
        (trace("carnet.document.act-refused.v1", document=uuid4(), further_act="delete"), "delete", False),
        (trace("carnet.access.decided.v1", outcome="permit", further_act="delete"), "decide", True),
        (trace("carnet.something.new.v1"), "update", True),
    ],
)
def test_what_was_done(found, action, permitted) -> None:
    view = trace_view(found, uuid4(), "en")
    assert (view.action, view.permitted) == (action, permitted)


def test_a_reason_is_told_in_words() -> None:
    found = trace("carnet.access.decided.v1", outcome="deny", reasons=("blocked",))
    assert trace_view(found, uuid4(), "fr").sentence == "Le titulaire a bloqué ce professionnel."


def test_the_finer_reason_is_told_and_an_unknown_one_leaves_the_released_one() -> None:
    found = trace("carnet.access.decided.v1", outcome="permit", reasons=("authorised",), further_reasons=("care_team",))
    view = trace_view(found, uuid4(), "fr")
    assert (view.reason, view.sentence) == ("care_team", "Le titulaire a consenti à l'accès de l'équipe de soins.")
    newer = found.model_copy(update={"further_reasons": ("a_reason_of_tomorrow",)})
    assert trace_view(newer, uuid4(), "fr").reason == "authorised"


@pytest.mark.parametrize(("language", "label"), [("fr", "Détresse vitale"), ("en", "Vital distress")])
def test_ar_039_the_reason_of_an_emergency_is_told_in_words(language, label) -> None:
    found = trace("carnet.access.decided.v1", mode="bris_de_glace", emergency_reason="vital_distress")
    view = trace_view(found, uuid4(), language)
    assert (view.mode, view.emergency_reason, view.emergency_label) == ("bris_de_glace", "vital_distress", label)
    newer = found.model_copy(update={"emergency_reason": "a_reason_of_tomorrow"})
    assert trace_view(newer, uuid4(), language).emergency_label is None


def test_whose_rights_changed_or_who_was_told_is_shown() -> None:
    for field, value in (("professional", "810000000002"), ("subject", "team-1"), ("recipient", "810000000077")):
        assert trace_view(trace("carnet.access.consent-changed.v1", **{field: value}), uuid4(), "en").about == value


def test_who_acts_for_the_holder_and_through_which_app() -> None:
    delegation = uuid4()
    carer = Actor(kind=ActorKind.REPRESENTATIVE, delegation=delegation, app="app-1")
    found = trace("carnet.document.consulted.v1").model_copy(update={"actor": carer})
    view = trace_view(found, uuid4(), "en")
    assert (view.actor_kind, view.delegation, view.app) == ("representative", delegation, "app-1")


async def test_a_patient_sees_his_traces(http, world, as_) -> None:
    world.traces = [trace("carnet.document.consulted.v1").model_dump(mode="json")]
    answer = await http.get("/fhir/AuditEvent", headers=as_("alice"))
    event = answer.json()["entry"][0]["resource"]
    assert event["resourceType"] == "AuditEvent"
    assert event["agent"][0]["who"]["identifier"]["value"] == DOCTOR.number
    assert world.requests[0][1].owner is Owner.AUDIT
    assert world.calls[-1][3]["permit"] == "permit-for-audit"


async def test_pages_follow_one_another(http, world, as_) -> None:
    world.traces = [trace("carnet.document.consulted.v1").model_dump(mode="json")]
    first = await http.get(
        f"/fhir/AuditEvent?patient=Patient/{world.alice_record}&_count=1&date=ge2026-01-01", headers=as_("alice")
    )
    following = next(link["url"] for link in first.json()["link"] if link["relation"] == "next")
    second = await http.get(following.removeprefix("https://carnet"), headers=as_("alice"))
    assert second.status_code == 200
    asked = world.calls[-1][3]
    assert asked["after"] == world.traces[0]["id"]
    assert datetime.fromisoformat(asked["until"]) == AT
    assert asked["since"].startswith("2026-01-01")


async def test_nobody_else_sees_them(http, world, as_) -> None:
    world.records[(BRUNO.oid, BRUNO.matricule)] = uuid4()
    answer = await http.get(f"/fhir/AuditEvent?patient=Patient/{world.alice_record}", headers=as_("bruno"))
    assert answer.status_code == 403
    assert world.requests == []


@pytest.mark.parametrize("query", ["patient=x", "date=x", "_count=0", "_count=x", "_page=x", "_page=2026_x", "agent=1"])
async def test_parameters_that_can_not_be_read(http, as_, query) -> None:
    answer = await http.get(f"/fhir/AuditEvent?{query}", headers=as_("alice"))
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == [query.partition("=")[0]]


async def test_a_professional_has_to_name_the_patient(http, as_) -> None:
    assert (await http.get("/fhir/AuditEvent", headers=as_("dr-martin"))).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        UpdateToTell(hidden_from_representatives=False),
        SummaryDue(professional="810000000077"),
        TreatingDoctorKnown(professional="810000000077"),
        FunctionsKnown(unwanted=("history",)),
    ],
)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_happens_without_an_act_is_told_in_words(body, language) -> None:
    who = getattr(body, "professional", None)
    told = Trace(id=uuid4(), at=AT, kind=body.type_name, professional=who, correlation=uuid4())
    view = trace_view(told, uuid4(), language)
    assert (view.actor_kind, view.action, bool(view.sentence), view.about) == ("system", "update", True, who)
    assert view.sentence != trace_view(told, uuid4(), "en" if language == "fr" else "fr").sentence


async def test_who_acts_for_the_holder_asks_for_traces_as_representative(http, world, as_) -> None:
    delegated(world)
    path = f"/fhir/AuditEvent?patient=Patient/{world.alice_record}"
    assert (await http.get(path, headers=as_("bruno"))).status_code == 200
    ((record, asked),) = world.requests
    assert (record, asked.owner) == (world.alice_record, Owner.AUDIT)
    assert (asked.actor.kind, asked.actor.delegation) == (ActorKind.REPRESENTATIVE, DELEGATION)
    assert (await http.get(f"/fhir/AuditEvent?patient=Patient/{uuid4()}", headers=as_("bruno"))).status_code == 404
    assert len(world.requests) == 1
