"""From the body of a request to the act and the command it stands for."""

from typing import Any, Final

from services.access_control.domain.cases import ActOnDocument, Reading
from services.access_control.domain.commands.rule import AnyAct, Command
from services.access_control.domain.extracts import Applied
from services.access_control.domain.rights import NEVER_RESTRICTING
from shared.contracts import record_documents as documents
from shared.contracts import record_requests as bodies
from shared.contracts.common import Act, Actor, Body, FurtherAct
from shared.contracts.record_deposits import Deposit
from shared.contracts.record_extracts import AnswerExtract, OpposeHeirs, RequestExtract
from shared.contracts.record_oversight import ConfirmEmergency, Contest

COMMANDS: Final[dict[type[Body], AnyAct]] = {
    bodies.Authorise: Act.AUTHORISE,
    bodies.Revoke: Act.REVOKE,
    bodies.Block: Act.BLOCK,
    bodies.Unblock: Act.UNBLOCK,
    bodies.Close: Act.CLOSE,
    bodies.Reopen: Act.REOPEN,
    bodies.DeclareTreatingDoctor: Act.DECLARE,
    bodies.Release: Act.RELEASE,
    bodies.AuthoriseFor: FurtherAct.AUTHORISE_FOR,
    bodies.ConsentSession: FurtherAct.CONSENT_SESSION,
    bodies.ConsentTeam: FurtherAct.CONSENT_TEAM,
    bodies.EndTeam: FurtherAct.END_TEAM,
    bodies.NameAdministrator: FurtherAct.NAME_ADMINISTRATOR,
    bodies.RemoveAdministrator: FurtherAct.REMOVE_ADMINISTRATOR,
    bodies.Wish: FurtherAct.WISH,
    bodies.OptOut: FurtherAct.OPT_OUT,
    bodies.Invite: FurtherAct.INVITE,
    bodies.Answer: FurtherAct.ANSWER,
    bodies.EndDelegation: FurtherAct.END_DELEGATION,
    bodies.AgreeApp: FurtherAct.AGREE_APP,
    bodies.WithdrawApp: FurtherAct.WITHDRAW_APP,
    bodies.Activate: FurtherAct.ACTIVATE,
    bodies.Suspend: FurtherAct.SUSPEND,
    bodies.Object: FurtherAct.OBJECT,
    bodies.Lift: FurtherAct.LIFT,
    bodies.CloseUncontested: FurtherAct.CLOSE_UNCONTESTED,
    bodies.Decease: FurtherAct.DECEASE,
    bodies.RequestDeletion: FurtherAct.REQUEST_DELETION,
    ConfirmEmergency: FurtherAct.CONFIRM_EMERGENCY,
    Contest: FurtherAct.CONTEST,
    OpposeHeirs: FurtherAct.OPPOSE_HEIRS,
    RequestExtract: FurtherAct.REQUEST_EXTRACT,
    AnswerExtract: FurtherAct.ANSWER_EXTRACT,
    documents.MaskByDefault: FurtherAct.MASK_BY_DEFAULT,
}
ON_DOCUMENTS: Final[dict[type[Body], FurtherAct]] = {body: act for act, body in documents.BY_ACT.items()}
ACTS: Final[dict[type[Body], AnyAct]] = {
    bodies.Consult: Act.CONSULT,
    Deposit: Act.DEPOSIT,
    **COMMANDS,
    **ON_DOCUMENTS,
}
ACTS_BY_NAME: Final = {body.type_name: act for body, act in ACTS.items()}
_SAME: Final = (
    *("actor", "professional", "until", "structure", "team", "role", "wishes", "functions", "delegation"),
    *("accepted", "app", "undone", "reason_code", "opinion", "case", "request", "opposed", "taken", "masked"),
)
"""Fields that a body and a command name alike."""
_TOLD: Final = {body: tuple(name for name in _SAME if name in body.model_fields) for body in COMMANDS}
"""Of these those that each body has: looked up once."""


def reading_of(body: bodies.Consult, *, text_kept: bool) -> Reading:
    """A consultation as the rules take it.

    Args:
        body: The request.
        text_kept: This service keeps a text of that request; that there is one is not taken on trust (AR-039).
    """
    return Reading(
        actor=body.actor,
        owner=body.owner,
        mode=body.mode,
        deadline=body.deadline,
        reason_code=body.reason_code,
        reason_told=body.reason_told and text_kept,
        purpose=body.purpose,
        consent=body.consent,
        case=body.case,
    )


def act_of(body: documents.DocumentCommand) -> ActOnDocument:
    """An act on a document as the rules take it."""
    return ActOnDocument(
        act=ON_DOCUMENTS[type(body)],
        actor=body.actor,
        document=body.document,
        at_request=body.at_request,
        case=body.case if isinstance(body, documents.Delete) else None,
        opinion=body.opinion,
    )


def command_of(body: Any) -> Command:
    """A command as the rules take it."""
    told: dict[str, Any] = {name: getattr(body, name) for name in _TOLD[type(body)]}
    match body:
        case bodies.ConsentTeam():
            told["team_kind"] = body.kind
        case bodies.Invite():
            told |= {"kind": body.kind, "scopes": body.scopes}
        case bodies.AgreeApp():
            told["app_scopes"] = body.scopes
        case RequestExtract():
            told["applied"] = Applied(body.kind, body.purpose, body.types, body.since, body.until)
            told["until"] = None  # of the period, not of the case
        case _:
            pass
    return Command(act=COMMANDS[type(body)], version=getattr(body, "rights_version", None), **told)


def named(body: Any) -> list[str]:
    """The directory numbers whose rights on the record a decision on this looks at: who asks, and whom it is about.

    No rule looks at another's; a test holds every rule against it, since a block that is not loaded would not hold.
    """
    fields = type(body).model_fields  # asked before: an attribute that a model lacks costs ten times as much
    actor: Actor | None = body.actor if "actor" in fields else None
    about: str | None = body.professional if "professional" in fields else None
    return [number for number in (actor.number if actor is not None else None, about) if number is not None]


def may_restrict(body: Any) -> bool:
    """True where a decision on this may take access from somebody, whatever the record is.

    Told from the body alone, before the record is loaded; that no rule restricts where this says no is a test's. An
    authorisation without an end, which is the usual one, ends none earlier.
    """
    act = COMMANDS.get(type(body))
    if act is Act.AUTHORISE:
        return body.until is not None
    return act is not None and act not in NEVER_RESTRICTING
