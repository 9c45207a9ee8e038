"""AuditEvent of one trace, after the patterns of IHE BALP.

BALP wants client, server and user as agents; the French guide TDE allows two agents. Both can't hold at once: the
answer is BALP's, and `tde=True` leaves the client out, which is the view for readers of TDE. No profile is claimed:
BALP also wants network addresses, which traces do not keep.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from services.gateway.fhir import systems

Action = Literal["create", "read", "search", "update", "delete", "decide"]
"""What was done; `decide` is a decision about an access, permit or deny."""

_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_TYPES: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_INTERACTIONS: Final = "http://hl7.org/fhir/restful-interaction"
_ENTITIES: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLES: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_BALP: Final = "https://profiles.ihe.net/ITI/BALP"
_ACTIONS: Final = {"create": "C", "read": "R", "search": "E", "update": "U", "delete": "D", "decide": "E"}
_REASONS: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_PURPOSES: Final = {
    "bris_de_glace": {"system": _REASONS, "code": "BTG", "display": "break the glass"},
    "centre_15": {"system": _REASONS, "code": "ETREAT", "display": "Emergency Treatment"},
}
"""What HL7 calls the two emergency modes."""
_NUMBERS: Final = {
    "professional": systems.PROFESSIONALS,
    "representative": systems.PROFESSIONALS,
    "insurer": "urn:carnet:insurer",
    "operator": "urn:carnet:operator",
}
"""Whose numbers an actor's number is one of; a representative who has one is a professional who helps the holder."""
_SUCCESS, _FAILURE = "0", "8"


@dataclass(frozen=True, slots=True)
class TraceView:
    """One trace as its owner shows it to one reader."""

    trace: UUID
    record: UUID
    recorded: datetime
    action: Action
    permitted: bool
    actor_kind: str
    """`professional`, `structure`, `patient`, `representative`, `insurer`, `operator`."""
    actor_number: str | None = None
    """National number; None for the holder, who appears as the record's Patient."""
    structure: str | None = None
    mode: str = "normal"
    """Access mode: `normal`, `bris_de_glace` or `centre_15`."""
    reason: str | None = None
    """The decision's reason code."""
    sentence: str | None = None
    """The same for people."""
    delegation: UUID | None = None
    """By which delegation somebody acted for the holder; the holder's list of delegations says who it is."""
    app: str | None = None
    """The app or digital service through which the holder's side acted."""
    emergency_reason: str | None = None
    """Why in an emergency, by the list `emergency_reasons`."""
    emergency_label: str | None = None
    """The same for people; the text beside it is not kept in traces."""
    about: str | None = None
    """Whose rights changed or who was told: a professional, a team, a delegation or an app."""
    document: UUID | None = None
    request: UUID | None = None


def audit_event(view: TraceView, *, tde: bool = False) -> dict[str, Any]:
    """The AuditEvent of one trace.

    Args:
        view: The trace.
        tde: True for the two agents that TDE allows.
    """
    resource: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": str(view.trace),
        "type": _type(view.action),
        "subtype": [_subtype(view.action)],
        "action": _ACTIONS[view.action],
        "period": {"start": view.recorded.isoformat()},
        "recorded": view.recorded.isoformat(),
        "outcome": _SUCCESS if view.permitted else _FAILURE,
        "agent": _agents(view, tde=tde),
        "source": {"site": "carnet", "observer": {"display": "carnet"}},
        "entity": _entities(view),
    }
    if view.sentence or view.reason:
        resource["outcomeDesc"] = view.sentence or view.reason
    return resource


def _coding(system: str, code: str, display: str) -> dict[str, str]:
    return {"system": system, "code": code, "display": display}


def _type(action: Action) -> dict[str, str]:
    if action == "decide":
        return _coding(_DCM, "110113", "Security Alert")
    return _coding(_TYPES, "rest", "Restful Operation")


def _subtype(action: Action) -> dict[str, str]:
    if action == "decide":
        return _coding(f"{_BALP}/CodeSystem/AuthZsubType", "AuthZ-Consent", "Authorization Decision")
    return _coding(_INTERACTIONS, action, action)


def _agents(view: TraceView, *, tde: bool) -> list[dict[str, Any]]:
    reads = view.action == "read"
    destination = _coding(_DCM, "110152", "Destination Role ID")
    source = _coding(_DCM, "110153", "Source Role ID")
    server = {"type": {"coding": [source if reads else destination]}, "who": {"display": "carnet"}, "requestor": False}
    if tde:
        return [_user(view), server]
    client = {"type": {"coding": [destination if reads else source]}, "who": _software(view), "requestor": False}
    return [_user(view), client, server]


def _software(view: TraceView) -> dict[str, Any]:
    if view.app is None:
        return {"display": "the reader's software"}
    return {"identifier": {"system": systems.APPS, "value": view.app}}


def _user(view: TraceView) -> dict[str, Any]:
    recipient = _coding("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP", "information recipient")
    agent: dict[str, Any] = {
        "type": {"coding": [recipient]},
        "who": _who(view),
        "requestor": True,
        "purposeOfUse": _purposes(view),
    }
    if view.delegation:
        agent["policy"] = [f"urn:uuid:{view.delegation}"]
    if view.structure:
        agent["role"] = [{"coding": [{"system": systems.STRUCTURES, "code": view.structure}]}]
    return agent


def _purposes(view: TraceView) -> list[dict[str, Any]]:
    """The access mode, as France and HL7 name it; of an emergency its reason, too."""
    mode = _coding(systems.ACCESS_MODES, view.mode, view.mode)
    emergency = _PURPOSES.get(view.mode)
    purposes: list[dict[str, Any]] = [{"coding": [mode] if emergency is None else [mode, emergency]}]
    if view.emergency_reason:
        told = view.emergency_label or view.emergency_reason
        purposes.append({"coding": [_coding(systems.EMERGENCY_REASONS, view.emergency_reason, told)], "text": told})
    return purposes


def _who(view: TraceView) -> dict[str, Any]:
    """The one who acted; who acts for the holder without a number appears by his delegation."""
    if view.actor_kind == "patient":
        return {"reference": f"Patient/{view.record}"}
    if view.actor_number is not None:
        system = _NUMBERS.get(view.actor_kind, systems.STRUCTURES)
        return {"identifier": {"system": system, "value": view.actor_number}}
    if view.delegation is None:
        return {"display": view.actor_kind}
    identifier = {"system": systems.DELEGATIONS, "value": str(view.delegation)}
    return {"identifier": identifier, "display": view.actor_kind}


def _entities(view: TraceView) -> list[dict[str, Any]]:
    patient = {
        "what": {"reference": f"Patient/{view.record}"},
        "type": _coding(_ENTITIES, "1", "Person"),
        "role": _coding(_ROLES, "1", "Patient"),
    }
    entities: list[dict[str, Any]] = [patient]
    if view.document:
        entities.append(
            {
                "what": {"reference": f"DocumentReference/{view.document}"},
                "type": _coding(_ENTITIES, "2", "System Object"),
                "role": _coding(_ROLES, "3", "Report"),
            }
        )
    if view.about:
        entities.append({"what": {"identifier": {"value": view.about}}, "type": _coding(_ENTITIES, "4", "Other")})
    if view.request:
        kind = {"system": f"{_BALP}/CodeSystem/BasicAuditEntityType", "code": "XrequestId"}
        entities.append({"what": {"identifier": {"value": str(view.request)}}, "type": kind})
    return entities
