"""Which event makes which notice, to whom, and which are recorded and not sent."""

from datetime import timedelta
from uuid import uuid4

import pytest

from services.notification.domain.deliveries import Death, Delivery, Leaving, Reach, Status
from services.notification.domain.notices import Event
from services.notification.domain.rules import RULES, untold
from services.notification.handlers import CONTACT_WAIT
from shared.contracts.access_decisions import (
    DeletionForeseen,
    DeletionRequested,
    OpeningForeseen,
    Outcome,
    RecordClosed,
    RecordDeleted,
    RecordOpened,
    RecordReopened,
)
from shared.contracts.access_extracts import ExtractChanged
from shared.contracts.access_oversight import CaseAnswered, CaseOpened
from shared.contracts.common import AccessMode, Act, Body, FurtherAct
from shared.contracts.document_events import SummaryDue, UpdateToTell
from shared.contracts.history_events import HistoryConsulted, HistoryUpdated
from shared.contracts.notification_events import Channel, Silence, Suppressed
from shared.contracts.reasons import Reason
from tests.unit.notification.telling import (
    DELEGATION,
    DOCTOR,
    HOLDER,
    HOSPITAL,
    INSURER,
    NOW,
    OPERATOR,
    RECORD,
    REPRESENTATIVE,
    TREATING,
    changed,
    consent,
    consulted,
    decided,
    deposited,
    emergency,
    handled,
    in_secret,
    life,
    refused,
    rights,
    told,
)

DELEGATE = str(DELEGATION)
UNTIL = NOW + timedelta(days=90)
EVERYBODY = Reach(contact=True, others=frozenset({TREATING, DELEGATE}))


def expert_case(state: str) -> ExtractChanged:
    told = {"kind": "court_expert", "purpose": "court_mission", "state": state}
    return ExtractChanged(act="answer_extract", actor=OPERATOR, case=DELEGATION, **told)


def updated(*, first: bool) -> HistoryUpdated:
    return HistoryUpdated.model_validate({"insurer": "amo-test", "lines": 3, "first": first})


TOLD = [
    (consulted(), "ACCES_DMP_PS", ""),
    (consulted(HOSPITAL), "ACCES_DMP_PS", ""),
    (HistoryConsulted(request=uuid4(), actor=DOCTOR), "ACCES_DMP_PS", ""),
    (emergency(tell=None), "ACCES_BRIS_GLACE", ""),
    (emergency(mode=AccessMode.REGULATION, tell=None), "ACCES_CENTRE_15", ""),
    (refused(Reason.BLOCKED), "REFUS_ACCES_PS", ""),
    (deposited(), "AJOUT_DOCUMENT", ""),
    (deposited(HOSPITAL), "AJOUT_DOCUMENT", ""),
    (deposited(REPRESENTATIVE), "AJOUT_DOCUMENT", ""),
    (deposited(masked=True), "AJOUT_DOCUMENT", ""),
    (deposited(replaces=uuid4()), "MODIF_DOCUMENT", ""),
    (changed(FurtherAct.MASK), "MODIF_DOCUMENT", "changed"),
    (changed(FurtherAct.DELETE), "SUPP_DOC", ""),
    (changed(FurtherAct.OPEN_BY_TIME, OPERATOR, came_into_view=True), "REMISE_VISIBILITE_AUTO", ""),
    (UpdateToTell(hidden_from_representatives=False), "RETENTION_2_SEMAINES", ""),
    (rights(Act.AUTHORISE), "AUTORISATION_PS", "authorise"),
    (rights(Act.REVOKE), "AUTORISATION_PS", "revoke"),
    (rights(Act.DECLARE), "AUTORISATION_PS", "declare"),
    (rights(Act.BLOCK), "BLOCAGE_PS", "block"),
    (rights(Act.UNBLOCK), "BLOCAGE_PS", "unblock"),
    *((consent(act), "AUTORISATION_PS", act.value) for act in FurtherAct if "team" in act or "administrator" in act),
    (consent(FurtherAct.AUTHORISE_FOR), "AUTORISATION_PS", "authorise_for"),
    (consent(FurtherAct.CONSENT_SESSION), "AUTORISATION_PS", "consent_session"),
    (consent(FurtherAct.WISH, REPRESENTATIVE), "MODIF_DROITS", "wish"),
    (consent(FurtherAct.AGREE_APP, REPRESENTATIVE), "MODIF_DROITS", "agree_app"),
    (consent(FurtherAct.WITHDRAW_APP, REPRESENTATIVE), "MODIF_DROITS", "withdraw_app"),
    (consent(FurtherAct.OPT_OUT, REPRESENTATIVE), "MODIF_DROITS", "opt_out"),
    (consent(FurtherAct.OPT_OUT, HOLDER), "MODIF_DROITS", "opt_out"),
    (consent(FurtherAct.OPPOSE_HEIRS, HOLDER), "MODIF_DROITS", "oppose_heirs"),
    (consent(FurtherAct.ANSWER, REPRESENTATIVE, subject=DELEGATE, state="ACCEPTED"), "ACCORD_PARTAGE_PROFIL", ""),
    (consent(FurtherAct.ANSWER, REPRESENTATIVE, subject=DELEGATE, state="REFUSED"), "REFUS_PARTAGE_PROFIL", ""),
    (consent(FurtherAct.END_DELEGATION, REPRESENTATIVE, subject=DELEGATE), "REVOCATION_PAR_AIDANT", ""),
    (RecordOpened(actor=DOCTOR), "OUVERTURE_DOSSIER", ""),
    (life(FurtherAct.COME_OF_AGE, OPERATOR), "RAPPEL_CONSENT_PASSAGE_MAJO", ""),
    (DeletionForeseen(at=UNTIL), "SUPPRESSION_DEFINITIVE", "foreseen"),
    (OpeningForeseen(actor=OPERATOR, at=UNTIL), "OUVERTURE_INFO", ""),
    (expert_case("approved"), "ACCES_DMP_PS", "extract_approved"),
    (CaseOpened(actor=HOLDER, case=DELEGATION, request=DELEGATION, due=UNTIL), "CONTESTATION_ACCES", ""),
    (CaseAnswered(actor=OPERATOR, case=DELEGATION, finding="founded"), "CONTESTATION_ACCES", "answered"),
    (life(FurtherAct.ACTIVATE, REPRESENTATIVE), "OUVERTURE_DOSSIER", "activate"),
    (life(FurtherAct.SUSPEND, until=UNTIL), "CLOTURE_FRAUDE_PREAVIS", "suspend"),
    (life(FurtherAct.OBJECT, REPRESENTATIVE), "CLOTURE_FRAUDE_PREAVIS", "object"),
    (life(FurtherAct.LIFT), "REOUVERTURE_DOSSIER", "lift"),
    (life(FurtherAct.DECEASE, undone=True), "REOUVERTURE_DOSSIER", "decease"),
    (RecordClosed(actor=HOLDER), "CLOTURE_DOSSIER", ""),
    (RecordReopened(actor=HOLDER), "REOUVERTURE_DOSSIER", ""),
    (DeletionRequested(actor=HOLDER, latest=UNTIL), "SUPPRESSION_DEFINITIVE", "requested"),
    (updated(first=True), "PRIMO_ALIM_MHS", ""),
    (RecordDeleted(because="request"), "SUPPRESSION_DEFINITIVE", ""),
]
NOT_TOLD = [
    consulted(HOLDER),
    consulted(REPRESENTATIVE),
    HistoryConsulted(request=uuid4(), actor=HOLDER),
    deposited(HOLDER),
    updated(first=False),
    rights(Act.RELEASE),
    decided(),
    decided(act=Act.DEPOSIT),
    decided(act=Act.DEPOSIT, outcome=Outcome.DENY),
    decided(HOLDER, outcome=Outcome.DENY),
    consent(FurtherAct.CONSENT_SESSION, HOLDER),
    consent("an_act_of_tomorrow"),
    life(FurtherAct.ACTIVATE, HOLDER),
    life(FurtherAct.OBJECT, HOLDER),
    life(FurtherAct.DECEASE),
    life("an_act_of_tomorrow"),
]


@pytest.mark.parametrize(("body", "event", "variant"), TOLD)
def test_the_holder_is_told(body: Body, event: str, variant: str) -> None:
    effects = handled(body)
    (delivery,) = [change for change in effects.changes if isinstance(change, Delivery)]
    assert (delivery.event, delivery.variant, delivery.recipient) == (event, variant, None)
    assert (delivery.channel, delivery.status) == (Channel.EMAIL, Status.PLANNED)
    assert delivery.record == RECORD
    assert effects.emits == ()


@pytest.mark.parametrize("body", NOT_TOLD)
def test_the_holder_is_not_told(body: Body) -> None:
    effects = handled(body)
    assert [change for change in effects.changes if not isinstance(change, Death)] == []
    assert effects.emits == ()


def test_every_notice_is_made_by_some_rule() -> None:
    of_others = {Event.INVITATION.value, Event.INVITED_FOR.value, Event.ENDED.value, Event.SUMMARY_DUE.value}
    of_others |= {Event.REPRESENTED_OF_AGE.value}
    assert {event for _, event, _ in TOLD} | of_others == {event.value for event in Event}
    assert {type(body) for body, _, _ in TOLD} | {SummaryDue} == set(RULES)


@pytest.mark.parametrize("body", [consulted(), deposited(), rights(Act.BLOCK), RecordClosed(actor=HOLDER)])
def test_without_a_contact_the_notice_is_suppressed_at_once(body: Body) -> None:
    effects = handled(body, Reach(contact=False))
    (delivery,) = effects.changes
    (told,) = effects.emits
    assert (delivery.channel, delivery.status) == (Channel.NONE, Status.SUPPRESSED)
    assert isinstance(told, Suppressed)
    assert (told.notice, told.about, told.channel) == (delivery.notice, delivery.about, Channel.NONE)
    assert (told.reason, delivery.silence) == (Silence.NO_ADDRESS, Silence.NO_ADDRESS)


def test_ar_018_a_block_is_told_when_it_is_in_force_and_not_before() -> None:
    in_force = NOW + timedelta(seconds=4)
    (later,) = handled(rights(Act.BLOCK, in_force_at=in_force)).changes
    (passed,) = handled(rights(Act.BLOCK, in_force_at=NOW - timedelta(seconds=4))).changes
    assert (later.not_before, passed.not_before) == (in_force, NOW)


@pytest.mark.parametrize("ahead", [timedelta(hours=-1), timedelta(hours=1)])
def test_ar_018_a_clock_that_differs_tells_no_block_while_permits_are_out(ahead: timedelta) -> None:
    decided_at = NOW - ahead
    body = rights(Act.BLOCK, in_force_at=decided_at + timedelta(seconds=4))
    (delivery,) = handled(body, at=decided_at).changes
    assert delivery.not_before == NOW + timedelta(seconds=4)


def test_ar_055_a_deletion_is_told_once_and_nothing_is_kept_after_it() -> None:
    first, again = RecordDeleted(because="request"), RecordDeleted(because="request", round=2)
    cause = uuid4()
    assert handled(first, message_id=cause).changes[1:] == (Leaving(RECORD, cause),)
    assert handled(again, message_id=cause).changes == (Leaving(RECORD, cause),)
    opposed = handled(RecordDeleted(because="opposition"), message_id=cause)
    assert opposed.changes == (Leaving(RECORD, cause),), "there was no record whose deletion could be told"


def test_ar_054_the_end_of_the_archive_is_told_before_it_comes() -> None:
    assert told(DeletionForeseen(at=UNTIL)) == [("SUPPRESSION_DEFINITIVE", "foreseen", None, None)]


def test_ar_001_an_opening_that_will_come_is_told_and_the_contact_may_come_behind_it() -> None:
    (delivery,) = handled(OpeningForeseen(actor=OPERATOR, at=UNTIL), Reach(contact=False)).changes
    assert (delivery.event, delivery.status) == ("OUVERTURE_INFO", Status.PLANNED)
    assert delivery.not_before == NOW + CONTACT_WAIT


def test_ar_001_an_opening_is_told_and_the_contact_may_come_behind_it() -> None:
    (delivery,) = handled(RecordOpened(actor=DOCTOR), Reach(contact=False)).changes
    assert (delivery.status, delivery.not_before) == (Status.PLANNED, NOW + CONTACT_WAIT)


def test_the_same_event_makes_the_same_notice_and_another_event_another() -> None:
    cause = uuid4()
    first, again = (handled(consulted(), message_id=cause).changes[0].notice for _ in range(2))
    assert first == again
    assert handled(consulted()).changes[0].notice != first


@pytest.mark.parametrize("act", [FurtherAct.AUTHORISE_FOR, FurtherAct.CONSENT_SESSION, FurtherAct.CONSENT_TEAM])
def test_ar_010_011_013_a_consent_that_a_professional_recorded_is_told(act: FurtherAct) -> None:
    assert told(consent(act)) == [("AUTORISATION_PS", act.value, None, None)]


def test_ar_008_009_a_care_teams_access_and_its_end_are_told() -> None:
    for act in (FurtherAct.CONSENT_TEAM, FurtherAct.END_TEAM):
        assert told(consent(act, subject="1750000001")) == [("AUTORISATION_PS", act.value, None, None)]


def test_ar_020_the_end_of_a_block_is_told() -> None:
    assert told(rights(Act.UNBLOCK)) == [("BLOCAGE_PS", "unblock", None, None)]


def test_ar_045_the_young_adult_is_told_that_consents_are_to_be_renewed() -> None:
    assert told(life(FurtherAct.COME_OF_AGE, OPERATOR)) == [("RAPPEL_CONSENT_PASSAGE_MAJO", "", None, None)]


@pytest.mark.parametrize(("act", "variant"), [(FurtherAct.COME_OF_AGE, ""), (FurtherAct.FORESEE_MAJORITY, "soon")])
def test_ar_045_who_represented_a_minor_is_told_too_and_before_it(act: FurtherAct, variant: str) -> None:
    body = life(act, OPERATOR, delegations=(DELEGATION,))
    assert told(body, EVERYBODY) == [
        ("RAPPEL_CONSENT_PASSAGE_MAJO", variant, None, None),
        ("RAPPEL_CONSENT_RL_PASSAGE_MAJO", variant, str(DELEGATION), None),
    ]


def test_ar_056_073_reopening_and_a_closure_after_an_opposition_are_told() -> None:
    assert told(RecordReopened(actor=HOLDER)) == [("REOUVERTURE_DOSSIER", "", None, None)]
    assert told(RecordClosed(actor=INSURER)) == [("CLOTURE_DOSSIER", "", None, None)]


def test_ar_028_035_063_067_what_a_representative_decided_is_told() -> None:
    for act in (FurtherAct.NAME_ADMINISTRATOR, FurtherAct.WISH, FurtherAct.AGREE_APP):
        assert len(told(consent(act, REPRESENTATIVE))) == 1
        assert told(consent(act, HOLDER)) == []


def test_ar_054_055_057_suspension_closure_and_deletion_are_told_whoever_it_was() -> None:
    for actor in (HOLDER, INSURER, OPERATOR):
        assert len(told(RecordClosed(actor=actor))) == 1
        assert len(told(DeletionRequested(actor=actor, latest=UNTIL))) == 1
    assert told(life(FurtherAct.SUSPEND)) == [("CLOTURE_FRAUDE_PREAVIS", "suspend", None, None)]


def test_ar_066_a_declared_treating_doctor_is_told() -> None:
    assert told(rights(Act.DECLARE, INSURER)) == [("AUTORISATION_PS", "declare", None, None)]


def test_a_delegate_is_told_of_the_invitation_and_of_the_end() -> None:
    invited = consent(FurtherAct.INVITE, HOLDER, subject=DELEGATE, state="PENDING")
    assert told(invited, Reach(contact=True)) == [("PARTAGE_PROFIL_AIDANT", "", DELEGATE, None)]  # address follows
    ended = consent(FurtherAct.END_DELEGATION, HOLDER, subject=DELEGATE, state="EXPIRED")
    assert told(ended, EVERYBODY) == [("REVOCATION_PAR_AIDE", "", DELEGATE, None)]
    assert told(ended) == [("REVOCATION_PAR_AIDE", "", DELEGATE, Silence.NO_ADDRESS)]


def test_what_others_do_to_a_delegation_is_told_to_both() -> None:
    assert told(consent(FurtherAct.INVITE, INSURER, subject=DELEGATE), EVERYBODY) == [
        ("AJOUT_ENTOURAGE", "", None, None),
        ("PARTAGE_PROFIL_AIDANT", "", DELEGATE, None),
    ]
    assert told(consent(FurtherAct.END_DELEGATION, OPERATOR, subject=DELEGATE), EVERYBODY) == [
        ("REVOCATION_PAR_AIDE", "for_holder", None, None),
        ("REVOCATION_PAR_AIDE", "", DELEGATE, None),
    ]
    another = REPRESENTATIVE.model_copy(update={"delegation": uuid4()})
    assert len(told(consent(FurtherAct.END_DELEGATION, another, subject=DELEGATE), EVERYBODY)) == 2


def test_an_invitation_that_names_nobody_is_not_told_to_the_holder_as_if_he_were_invited() -> None:
    assert told(consent(FurtherAct.INVITE, HOLDER)) == []


@pytest.mark.parametrize(
    "body",
    [
        consulted(in_secret(DOCTOR)),
        HistoryConsulted(request=uuid4(), actor=in_secret(DOCTOR)),
        deposited(in_secret(DOCTOR)),
        refused(Reason.NOT_AUTHORISED, actor=in_secret(DOCTOR)),
        rights(Act.AUTHORISE, in_secret(HOLDER)),
        consent(FurtherAct.CONSENT_SESSION, in_secret(DOCTOR)),
        consent(FurtherAct.INVITE, in_secret(HOLDER), subject=DELEGATE),
        consent(FurtherAct.END_DELEGATION, in_secret(HOLDER), subject=DELEGATE),
        life(FurtherAct.OBJECT, in_secret(REPRESENTATIVE)),
        DeletionRequested(actor=in_secret(HOLDER), latest=UNTIL),
    ],
    ids=lambda body: f"{body.type_name}-{getattr(body, 'act', '')}",
)
def test_ar_042_nothing_of_a_secret_connection_is_sent_where_representatives_may_read_it(body: Body) -> None:
    effects = handled(body, EVERYBODY)
    assert effects.changes
    assert {(one.status, one.silence) for one in effects.changes} == {(Status.SUPPRESSED, Silence.CONFIDENTIAL)}


def test_what_is_refused_under_no_right_of_the_holder_is_not_told() -> None:
    for reason in (Reason.LATE, Reason.INTERNAL_ERROR, Reason.NO_RECORD, Reason.RECORD_HELD):
        assert told(refused(reason)) == []
    assert told(refused(Reason.EMERGENCY_NOT_SERVED, further_reasons=("emergency_reason_missing",))) == []
    assert told(refused(Reason.RECORD_CLOSED, further_reasons=("record_deceased",))) == []
    assert told(refused(Reason.RECORD_CLOSED)) == [("REFUS_ACCES_PS", "", None, None)]
    assert len(told(refused(Reason.NOT_AUTHORISED, further_reasons=("team_consent_ended",)))) == 1


@pytest.mark.parametrize(
    "body",
    [
        *(one for one in NOT_TOLD if one.type_name == decided().type_name),
        *(body for body, _, _ in TOLD if body.type_name == decided().type_name),
        refused(Reason.BLOCKED, mode=AccessMode.EMERGENCY),
        emergency(),
        decided(further_act="suspend", act=Act.UNKNOWN),
    ],
)
def test_a_decision_that_is_passed_over_unread_would_have_made_no_notice(body: Body) -> None:
    if untold(body.model_dump_json(exclude_none=True).encode()):
        assert told(body) == []


def test_most_decisions_are_passed_over_and_none_that_is_written_otherwise() -> None:
    assert untold(decided().model_dump_json(exclude_none=True).encode())
    assert untold(decided(act=Act.DEPOSIT).model_dump_json(exclude_none=True).encode())
    assert not untold(decided().model_dump_json(exclude_none=True, indent=1).encode())
