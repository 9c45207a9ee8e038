"""Who asks: the claims of a verified token become the actor that every request names.

Fail closed: claims that fit no kind, or more than one, are refused, and so is a word that no list knows; a profession
or sector that is missing or ambiguous leaves the actor without a role, which no decision permits to read (AR-072).
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from shared import terminology
from shared.contracts.common import Actor, ActorKind, Capacity, Strength
from shared.contracts.http_access_control import DelegateOf
from shared.contracts.reasons import Reason
from shared.terminology import Ins, parse_ins
from shared.terminology.ins import TEST_NIR

LEVELS: Final = frozenset({"eidas1", "eidas2", "eidas3"})
"""Values of `acr` that mean: a person was authenticated."""
_NOMENCLATURES: Final = ("G15", "R95", "R94", "R291")
_TRAINING: Final = "G16"
_RANK: Final = {"ACCEPTED": 0, "PENDING": 1}
"""Of several delegations on one record, the one that a person acts under."""
HIDDEN: Final = "INVISIBLE_REPRESENTANTS_LEGAUX"
"""Value of the claim `confidentiality_code` in a secret connection (connexion secrète): of the whole session."""
_STRENGTHS: Final = {
    "DIRECTE": Strength.DIRECT,
    "INDIRECTE": Strength.CERTIFICATE,
    "INDIRECT_RENFORCEE": Strength.AIR,
    "INDIRECTE_RENFORCEE": Strength.AIR,
}
"""Values of the claim `Authentification_Mode`, as the VIHF has them (domain rules, 3.2)."""
_CAPACITIES: Final = {
    ActorKind.PROFESSIONAL: frozenset(
        {
            Capacity.COORDINATING_DOCTOR,
            Capacity.PMI_DOCTOR,
            Capacity.FIREFIGHTER_DOCTOR,
            Capacity.COURT_EXPERT,
        }
    ),
    ActorKind.INSURER: frozenset({Capacity.COUNSELLOR}),
}
"""In which capacities somebody of a kind may sign in. Heirs and trusted persons have no session (AR-065, AR-069)."""
_STUDENT: Final = "E"
"""codeCategorieProfessionnelle of a student."""
_RPPS = re.compile(r"[0-9]{11}", re.ASCII)
_PROFESSIONAL = re.compile(r"8[0-9]{11}|[013456][A-Za-z0-9/.-]{5,40}", re.ASCII)
"""idNat_PS: `8` and RPPS; the other prefixes are older or internal numbers."""
_STRUCTURE = re.compile(r"[0-4][A-Za-z0-9/.-]{5,40}", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


class UnknownUserError(ValueError):
    """A valid token does not say who asks. The text names claims, never what they hold."""


class UnacceptableInsError(ValueError):
    """An identity of the wrong kind for this installation. The text never holds the number."""


@dataclass(frozen=True, slots=True)
class User:
    """Who asks."""

    actor: Actor
    ins: Ins | None = None
    """A holder's own identity, from the token alone; nothing in a request replaces it."""

    @property
    def is_holder(self) -> bool:
        """True for a patient, be it through an app."""
        return self.actor.kind is ActorKind.PATIENT

    @property
    def in_person(self) -> bool:
        """True for a patient himself: through an app one reads and feeds, as far as is agreed, and no more (AR-067)."""
        return self.is_holder and self.actor.app is None


def identify(claims: Mapping[str, Any], *, local: bool) -> User:
    """The user of a verified token.

    Args:
        claims: The token's claims.
        local: True in environment=local, where only test identities are taken.

    Raises:
        UnknownUserError: No kind of user fits, or more than one, or a number is not of its form.
        UnacceptableInsError: A patient's INS is not one for this installation.
    """
    user = _identified(claims, local=local)
    capacity = _capacity(claims, user.actor.kind)
    return user if capacity is None else replace(user, actor=user.actor.model_copy(update={"capacity": capacity}))


def _identified(claims: Mapping[str, Any], *, local: bool) -> User:
    kinds = [name for name in ("ins", "insurer", "operator", "SubjectNameID") if claims.get(name)]
    if len(kinds) > 1:
        raise UnknownUserError(f"the token is of several kinds at once ({', '.join(kinds)}); sign in as one of them")
    if not kinds and claims.get("SubjectOrganizationID"):
        return User(_structure(claims))
    match kinds:
        case ["ins"]:
            actor = Actor(
                kind=ActorKind.PATIENT,
                authenticated=_authenticated(claims),
                app=_plain(claims, "app") if "app" in claims else None,
                secret=_secret(claims),
            )
            return User(actor, accepted(_own_ins(claims["ins"]), local=local))
        case ["insurer"]:
            number = _plain(claims, "insurer")
            return User(Actor(kind=ActorKind.INSURER, number=number, authenticated=_authenticated(claims)))
        case ["operator"]:
            number = _plain(claims, "operator")
            return User(Actor(kind=ActorKind.OPERATOR, number=number, authenticated=_authenticated(claims)))
        case ["SubjectNameID"]:
            return User(_professional(claims))
        case _:
            raise UnknownUserError(
                "the token does not say who asks: expected SubjectNameID (professional), SubjectOrganizationID "
                "(structure), ins (patient), insurer or operator; sign in with the right client"
            )


def acting_by(actor: Actor, record: UUID, delegations: Sequence[DelegateOf], named: UUID | None = None) -> Actor | None:
    """A person as he acts on somebody else's record: under a delegation of his own, or not at all.

    Whether the delegation is valid today, and covers the act, is decided with each request. Nobody acts for another in
    a secret connection, which is kept from representatives (AR-042).

    Args:
        actor: The person, as his token says.
        record: Whose record it is.
        delegations: Those of that person, the most promising first.
        named: The one that a request is about; taken where it is that person's.
    """
    own = [one for one in delegations if one.record == record]
    ranked = sorted(own, key=lambda one: (one.delegation != named, _RANK.get(one.state, len(_RANK))))
    if not ranked or actor.secret:
        return None
    changes = {"kind": ActorKind.REPRESENTATIVE, "delegation": ranked[0].delegation}
    return actor.model_copy(update=changes)


def accepted(ins: Ins, *, local: bool) -> Ins:
    """The identity itself where this installation takes it.

    Raises:
        UnacceptableInsError: A local installation was given something else than a test identity.
    """
    if local and not ins.is_test:
        raise UnacceptableInsError(f"a local installation takes test identities alone: expected the OID {TEST_NIR}")
    return ins


def outsider(actor: Actor) -> Reason | None:
    """Why an actor is told nothing of a record, not even that there is one (CSP L.1111-18, AR-047); None for others."""
    if actor.kind is ActorKind.INSURER:
        return Reason.EXCLUDED_ACTOR
    if actor.sector and terminology.excluded_sector(actor.sector):
        return Reason.EXCLUDED_SECTOR
    return None


def may_be_urgent(actor: Actor) -> bool:
    """True for a person of the health professions who might be permitted an emergency access (AR-033, AR-034)."""
    known = terminology.role(actor.role) if actor.role is not None else None
    person = actor.kind is ActorKind.PROFESSIONAL and actor.authenticated and actor.number is not None
    person = person and actor.strength is not Strength.CERTIFICATE
    return person and known is not None and outsider(actor) is None


def _own_ins(claim: Any) -> Ins:
    if not isinstance(claim, Mapping):
        raise UnknownUserError("the claim ins is not of the form {matricule, oid}; tell the provider")
    try:
        return parse_ins(str(claim.get("oid", "")), str(claim.get("matricule", "")))
    except ValueError as error:
        raise UnknownUserError(f"the claim ins holds no identity: {error}") from None


def _plain(claims: Mapping[str, Any], name: str) -> str:
    value = claims[name]
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise UnknownUserError(f"the claim {name} is no code of letters, digits, points and dashes; tell the provider")
    return value


def _structure(claims: Mapping[str, Any]) -> Actor:
    number = claims["SubjectOrganizationID"]
    if not isinstance(number, str) or not _STRUCTURE.fullmatch(number):
        raise UnknownUserError("the claim SubjectOrganizationID is no national number (`1` and FINESS, `3` and SIRET)")
    sector = _coded(claims.get("Secteur_Activite"))
    secret = _secret(claims)
    return Actor(kind=ActorKind.STRUCTURE, number=number, structure=number, sector=sector, secret=secret)


def _professional(claims: Mapping[str, Any]) -> Actor:
    sector = _coded(claims.get("Secteur_Activite"))
    exercise = _exercise(claims, sector)
    sector = sector or exercise.sector
    structure = claims.get("SubjectOrganizationID")
    return Actor(
        kind=ActorKind.PROFESSIONAL,
        number=_number(claims["SubjectNameID"]),
        # without the sector nobody could tell whether the actor is excluded (AR-047)
        role=exercise.role if sector else None,
        specialty=exercise.specialty,
        sector=sector,
        structure=structure if isinstance(structure, str) and _STRUCTURE.fullmatch(structure) else None,
        authenticated=_authenticated(claims),
        strength=_strength(claims),
        team=_plain(claims, "Equipe_Soins") if "Equipe_Soins" in claims else None,
        regulator=claims.get("Acces_Regulation_Medicale") == "VRAI",
        secret=_secret(claims),
    )


def _strength(claims: Mapping[str, Any]) -> Strength | None:
    """How strongly a professional was authenticated (AR-016, AR-017); None where nothing says that he was.

    Pro Santé Connect, which authenticates persons alone, says so by the level (`acr`) and has no claim of its own for
    the way; whoever vouches for a structure's people has to name it.

    Raises:
        UnknownUserError: a way that no list knows.
    """
    if "Authentification_Mode" not in claims:
        return Strength.DIRECT if _authenticated(claims) else None
    named = claims["Authentification_Mode"]
    if not isinstance(named, str) or named not in _STRENGTHS:
        expected = ", ".join(_STRENGTHS)
        raise UnknownUserError(f"the claim Authentification_Mode is none of {expected}; tell the provider")
    return _STRENGTHS[named]


def _capacity(claims: Mapping[str, Any], kind: ActorKind) -> Capacity | None:
    """The special capacity of the session (AR-001, AR-050, AR-064); None where it has none.

    Raises:
        UnknownUserError: no such capacity, or not one of such a person: nobody acts in another than he believes.
    """
    if "capacity" not in claims:
        return None
    expected = {capacity.value: capacity for capacity in _CAPACITIES.get(kind, ())}
    named = claims["capacity"]
    if not isinstance(named, str) or named not in expected:
        known = ", ".join(sorted(expected)) or "none"
        raise UnknownUserError(f"the claim capacity names none of this kind of user ({known}); sign in again")
    return expected[named]


def _secret(claims: Mapping[str, Any]) -> bool:
    """True in a secret connection (AR-042); whether the record is a minor's is decided with each request.

    Raises:
        UnknownUserError: the session carries something else, so that somebody may believe in a secret that is none.
    """
    if "confidentiality_code" not in claims:
        return False
    if claims["confidentiality_code"] != HIDDEN:
        raise UnknownUserError(f"the claim confidentiality_code is not {HIDDEN}; sign in again, with it or without")
    return True


def _authenticated(claims: Mapping[str, Any]) -> bool:
    level = claims.get("acr")
    return isinstance(level, str) and level in LEVELS


def directory_number(told: str) -> str:
    """The national number of a professional (idNat_PS) in the one form in which everybody compares it.

    The 11 digits of RPPS, as directories print them, are meant with their `8`: a block of anything else would be told
    and hold nobody.

    Raises:
        ValueError: It is no such number.
    """
    number = f"8{told}" if _RPPS.fullmatch(told) else told
    if not _PROFESSIONAL.fullmatch(number):
        raise ValueError("no national number of a professional: expected `8` and the 11 digits of RPPS, or these alone")
    return number


def _number(claim: Any) -> str:
    if isinstance(claim, str):
        with suppress(ValueError):
            return directory_number(claim)
    raise UnknownUserError("the claim SubjectNameID is no national number (`8` and the 11 digits of RPPS)")


@dataclass(frozen=True, slots=True)
class _Exercise:
    """The one exercise in which a professional acts; empty where it is missing or ambiguous."""

    role: str | None = None
    specialty: str | None = None
    sector: str | None = None


def _exercise(claims: Mapping[str, Any], sector: str | None) -> _Exercise:
    """The active exercise: the one whose profession the token names, among those that it lists (AR-072)."""
    named = _named_profession(claims.get("SubjectRole"))
    listed = _listed(claims.get("SubjectRefPro"))
    if named is None and claims.get("SubjectRole"):
        return _Exercise()
    if not listed:
        return _Exercise(role=_role(named, student=False)) if named else _Exercise()
    fitting = [one for one in listed if named is None or named == one.get("codeProfession")]
    if sector:
        fitting = [one for one in fitting if sector in _sectors(one) or not _sectors(one)]
    if len(fitting) != 1:
        return _Exercise()
    one = fitting[0]
    sectors = _sectors(one)
    return _Exercise(
        role=_role(one.get("codeProfession"), student=one.get("codeCategorieProfessionnelle") == _STUDENT),
        specialty=_code(one.get("codeSavoirFaire")),
        sector=next(iter(sectors)) if len(sectors) == 1 else None,
    )


def _named_profession(claim: Any) -> str | None:
    """The profession of SubjectRole where it names exactly one: `10^1.2.250.1.213.1.1.5.5`."""
    named = [claim] if isinstance(claim, str) else claim
    if not isinstance(named, Sequence) or len(named) != 1:
        return None
    return _coded(named[0])


def _listed(claim: Any) -> list[Mapping[str, Any]]:
    exercises = claim.get("exercices") if isinstance(claim, Mapping) else None
    return [one for one in exercises if isinstance(one, Mapping)] if isinstance(exercises, list) else []


def _sectors(exercise: Mapping[str, Any]) -> set[str]:
    activities = exercise.get("activities")
    found = activities if isinstance(activities, list) else []
    codes = (_code(one.get("codeSecteurDactivite")) for one in found if isinstance(one, Mapping))
    return {code for code in codes if code}


def _role(profession: Any, *, student: bool) -> str | None:
    """The role as the matrix writes it; None where no nomenclature knows the profession."""
    code = _code(profession)
    written = [f"{_TRAINING}_{code}"] if student else [f"{name}_{code}" for name in _NOMENCLATURES]
    known = [one for one in written if code and terminology.role(one)]
    return known[0] if len(known) == 1 else None


def _coded(claim: Any) -> str | None:
    """The code of `code^OID`."""
    return _code(claim.partition("^")[0]) if isinstance(claim, str) else None


def _code(value: Any) -> str | None:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None
