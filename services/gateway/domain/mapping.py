"""Between FHIR, the owners' views and events: publication to deposit, entry to document, trace to AuditEvent."""

from typing import Final
from uuid import UUID

from pydantic import ValidationError

from services.gateway.domain.answers import act_told
from services.gateway.domain.users import HIDDEN
from services.gateway.fhir.actors import AuthorKind
from services.gateway.fhir.audit import Action, TraceView
from services.gateway.fhir.errors import FhirError
from services.gateway.fhir.publish import Publication
from services.gateway.fhir.search import DocumentSearch
from services.gateway.fhir.search import Range as SearchRange
from services.gateway.fhir.views import DocumentView
from shared.contracts import history_events
from shared.contracts.access_decisions import Decided, FunctionsKnown, Outcome, RecordOpened, TreatingDoctorKnown
from shared.contracts.common import AccessMode, Actor, ActorKind, Body, FurtherAct
from shared.contracts.document_changes import ActRefused, DocumentChanged
from shared.contracts.document_events import (
    Consulted,
    Deposited,
    DepositRefused,
    DocumentHeld,
    SummaryDue,
    UpdateToTell,
)
from shared.contracts.further_reasons import code
from shared.contracts.http_audit import Trace
from shared.contracts.http_document import (
    DepositMetadata,
    DepositState,
    DepositView,
    DocumentEntry,
    DocumentFilters,
    Patient,
    Range,
)
from shared.contracts.notification_events import ContactGiven, Failed
from shared.contracts.reason_sentences import sentence
from shared.contracts.reasons import Reason
from shared.terminology import emergency_reason

_ACTIONS: Final[dict[str, Action]] = {
    Decided.type_name: "decide",
    RecordOpened.type_name: "create",
    Deposited.type_name: "create",
    DepositRefused.type_name: "create",
    DocumentHeld.type_name: "create",
    history_events.HistoryConsulted.type_name: "read",
    "carnet.audit.consulted.v1": "read",
}
_FAILED: Final = frozenset(
    {DepositRefused.type_name, DocumentHeld.type_name, ActRefused.type_name, Failed.type_name},
)
_ON_DOCUMENTS: Final = frozenset({DocumentChanged.type_name, ActRefused.type_name})
_ARCHIVED: Final = frozenset({"archived"})
_NOBODY: Final = "system"
_SENTENCES: Final[dict[str, tuple[str, str]]] = {
    ContactGiven.type_name: (
        "Adresse donnée pour informer le médecin traitant ou une personne qui agit pour le titulaire.",
        "Address given at which the treating doctor or somebody who acts for the holder is told.",
    ),
    TreatingDoctorKnown.type_name: (
        "Médecin traitant déclaré auparavant.",
        "The treating doctor, declared before.",
    ),
    FunctionsKnown.type_name: (
        "Choix des fonctions du dossier, fait auparavant.",
        "Choice of the record's functions, made before.",
    ),
    UpdateToTell.type_name: (
        "Mise à jour du dossier, à voir avec un professionnel de santé.",
        "Update of the record, to be seen with a health professional.",
    ),
    SummaryDue.type_name: (
        "La synthèse annuelle du médecin traitant est attendue.",
        "The treating doctor's yearly summary is due.",
    ),
}
"""What happened without an act that was decided, in words."""


def deposit_metadata(
    published: Publication, *, deposit: UUID, record: UUID, actor: Actor, mode: AccessMode = AccessMode.NORMAL
) -> DepositMetadata:
    """What document is told of a publication. `actor` deposits in a mode; the authors are those that it names.

    Raises:
        FhirError: 422 where a value is longer or of another form than document keeps, and where a document that is
            deposited in a secret connection is not hidden from representatives (AR-042).
    """
    if actor.secret and HIDDEN not in published.confidentiality:
        told = f"In a secret connection only documents with the security label {HIDDEN} are deposited; add it."
        raise FhirError(422, "business-rule", told, "DocumentReference.securityLabel")
    try:
        return _metadata(published, deposit, record, actor).model_copy(update={"mode": mode})
    except ValidationError as error:
        raise _unfit(error, 422) from None


def _metadata(published: Publication, deposit: UUID, record: UUID, actor: Actor) -> DepositMetadata:
    return DepositMetadata(
        deposit=deposit,
        record=record,
        actor=actor,
        unique_id=published.unique_id,
        type_code=published.type_code,
        class_code=published.class_code,
        format_code=published.format_code,
        content_type=published.content_type,
        title=published.title,
        description=published.description,
        created=published.created,
        service_start=published.service_start,
        service_stop=published.service_stop,
        practice_setting=published.practice_setting,
        facility_type=published.facility_type,
        language=published.language,
        confidentiality=published.confidentiality,
        professionals=_authors(published, AuthorKind.PROFESSIONAL),
        structures=_authors(published, AuthorKind.STRUCTURE),
        replaces=published.replaces,
        replaces_document=published.replaces_document,
        patient=Patient(oid=published.patient.oid, number=published.patient.number),
        sha1=published.sha1.hex(),
        size=len(published.content),
    )


def outcome_of(event: Body) -> DepositView | None:
    """What document would answer about the deposit that an event tells of; None where the event says too little.

    The reasons of a denial stand in the decision and in document's row; a deposit that was not staged has no row.
    """
    match event:
        case Deposited(deposit=deposit, document=document):
            return DepositView(deposit=deposit, state=DepositState.STORED, document=document)
        case DepositRefused(deposit=deposit, reason=Reason.DUPLICATE | Reason.UNKNOWN_TARGET as reason):
            return DepositView(deposit=deposit, state=DepositState.REFUSED, reason=reason)
        case DocumentHeld(deposit=deposit):
            return DepositView(deposit=deposit, state=DepositState.HELD, reason=Reason.INTERNAL_ERROR)
        case _:
            return None


def is_depositor(actor: Actor, own: UUID | None, view: DepositView) -> bool:
    """True where it was this actor who deposited. A holder has no number: he is known by his own record.

    Args:
        actor: Who asks.
        own: The holder's own record, None for anybody else and where there is none.
        view: The deposit, as document tells its outcome; one that does not say whose it is, is nobody's.
    """
    if actor.kind is ActorKind.PATIENT:
        return own is not None and (view.record, view.submitter) == (own, f"{actor.kind.value}:")
    return actor.number is not None and view.submitter == f"{actor.kind.value}:{actor.number}"


def filters(search: DocumentSearch) -> DocumentFilters:
    """What document is asked to look for.

    Raises:
        FhirError: 400 where a value is longer or of another form than document knows, or no document is as asked.
    """
    wanted = {
        "unique_id": search.unique_id,
        "types": search.types,
        "classes": search.classes,
        "formats": search.formats,
        "labels": search.labels,
        "statuses": _statuses(search),
        "deposited": _range(search.deposited),
        "created": _range(search.created),
        "period": _range(search.period),
        "author": search.author,
        "count": search.count,
        "offset": search.offset,
    }
    try:
        return DocumentFilters.model_validate(wanted)
    except ValidationError as error:
        raise _unfit(error, 400) from None


def _statuses(search: DocumentSearch) -> frozenset[str]:
    """Archived documents are `current` in FHIR; they are found by whoever asks for them (EX_3.1-1030)."""
    if not search.archived:
        return search.statuses
    if search.statuses == {"superseded"}:
        raise FhirError(400, "business-rule", "no superseded document is archived; ask for one of both", "status")
    return _ARCHIVED


def entry_view(entry: DocumentEntry) -> DocumentView:
    """A document as FHIR shows it."""
    return DocumentView(
        document=entry.document,
        record=entry.record,
        unique_id=entry.unique_id,
        type_code=entry.type_code,
        class_code=entry.class_code,
        status=entry.status,
        confidentiality=entry.confidentiality,
        content_type=entry.content_type,
        size=entry.size,
        sha1=bytes.fromhex(entry.sha1),
        deposited=entry.deposited,
        created=entry.created,
        title=entry.title,
        version=entry.version,
        format_code=entry.format_code,
        language=entry.language,
        professionals=entry.professionals,
        structures=entry.structures,
        service_start=entry.service_start,
        service_stop=entry.service_stop,
        replaces=entry.replaces,
    )


def published_view(published: Publication, record: UUID, outcome: DepositView) -> DocumentView | None:
    """What was just stored, from what its sender said of it; None while it is not stored."""
    if outcome.document is None:
        return None
    return DocumentView(
        document=outcome.document,
        record=record,
        unique_id=published.unique_id,
        type_code=published.type_code,
        class_code=published.class_code,
        status="current",
        confidentiality=published.confidentiality,
        content_type=published.content_type,
        size=len(published.content),
        sha1=published.sha1,
        deposited=published.created,
        created=published.created,
        title=published.title,
        version=outcome.version,
        format_code=published.format_code,
        language=published.language,
        professionals=_authors(published, AuthorKind.PROFESSIONAL),
        structures=_authors(published, AuthorKind.STRUCTURE),
        service_start=published.service_start,
        service_stop=published.service_stop,
        replaces=published.replaces_document,
    )


def trace_view(trace: Trace, record: UUID, language: str) -> TraceView:
    """A trace as AuditEvent shows it."""
    known = tuple(one for one in map(code, trace.further_reasons) if one is not None) or trace.reasons
    act = act_told(trace.act, language, trace.further_act)
    happened = _SENTENCES.get(trace.kind)
    act = act or (_in(language, *happened) if happened is not None else None)
    told = " ".join(filter(None, (act, *(sentence(one, language) for one in known))))
    actor = trace.actor
    emergency = emergency_reason(trace.emergency_reason) if trace.emergency_reason is not None else None
    return TraceView(
        trace=trace.id,
        record=record,
        recorded=trace.at,
        action=_action(trace),
        permitted=trace.outcome is not Outcome.DENY and trace.kind not in _FAILED,
        actor_kind=actor.kind.value if actor else _NOBODY,
        actor_number=actor.number if actor else None,
        structure=actor.structure if actor else None,
        mode=trace.mode.value,
        reason=known[0].value if known else trace.notice,
        sentence=told or None,
        delegation=actor.delegation if actor else None,
        app=actor.app if actor else None,
        emergency_reason=trace.emergency_reason,
        emergency_label=_in(language, emergency.label_fr, emergency.label_en) if emergency else None,
        about=trace.professional or trace.subject or trace.recipient,
        document=trace.document,
        request=trace.correlation,
    )


def _unfit(error: ValidationError, status: int) -> FhirError:
    """Names the element and what is wrong with it, never the value."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = str(first["loc"][0]) if first["loc"] else "request"
    return FhirError(status, "value", f"{place}: {first['msg']}; correct it or leave it out", place)


def _action(trace: Trace) -> Action:
    """Every kind that is not named is a change."""
    if trace.kind in _ON_DOCUMENTS and trace.further_act == FurtherAct.DELETE:
        return "delete"
    if trace.kind == Consulted.type_name:
        return "read" if trace.document else "search"
    return _ACTIONS.get(trace.kind, "update")


def _in(language: str, french: str, english: str) -> str:
    return french if language.startswith("fr") else english


def _range(searched: SearchRange) -> Range:
    return Range(start=searched.start, end=searched.end)


def _authors(published: Publication, kind: AuthorKind) -> tuple[str, ...]:
    return tuple(author.number for author in published.authors if author.kind is kind and author.number)
