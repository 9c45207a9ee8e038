"""People of test for the load: holders with valid numbers, professionals, and a canary whose words may show nowhere."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from deploy.proof.made import TEST_OID, SampleAuthor, SamplePatient
from shared.contracts.common import Actor, ActorKind
from shared.contracts.http_access_control import InsView, OpenRecord, Sex, Traits
from shared.terminology import Ins

_SERIES: Final = 10**11
_PEOPLE_PER_SEED: Final = 10**6
_KEY_OF: Final = 97

HOLDER: Final = Actor(kind=ActorKind.PATIENT, authenticated=True)
INSURER: Final = Actor(kind=ActorKind.INSURER, number="amo-test", authenticated=True)
OPERATOR: Final = Actor(kind=ActorKind.OPERATOR, number="operator-1", authenticated=True)
SECOND_OPERATOR: Final = Actor(kind=ActorKind.OPERATOR, number="operator-2", authenticated=True)
STRUCTURE: Final = Actor(kind=ActorKind.STRUCTURE, number="1750803447")


def professional(number: int) -> Actor:
    """A doctor in a practice, who may feed and, with the holder's word, read."""
    return Actor(
        kind=ActorKind.PROFESSIONAL,
        number=f"8{number:011d}",
        role="G15_10",
        sector="SA07",
        structure="1750803447",
        authenticated=True,
    )


def outsiders(number: int) -> tuple[Actor, ...]:
    """Who asks and may not: an insurer, a certificate, an excluded sector, no profession, nobody authenticated."""
    doctor = professional(number)
    return (
        INSURER,
        STRUCTURE,
        doctor.model_copy(update={"sector": "SA66"}),
        doctor.model_copy(update={"role": None}),
        doctor.model_copy(update={"authenticated": False}),
        doctor.model_copy(update={"number": None}),
    )


@dataclass(frozen=True, slots=True)
class Person:
    """The holder of a record."""

    ins: Ins
    family: str
    given: str
    email: str
    title: str = "Ordonnance"

    @property
    def sample(self) -> SamplePatient:
        """As the patient of a document."""
        return SamplePatient(self.ins, family=self.family, given=self.given)

    def opening(self, actor: Actor = HOLDER) -> OpenRecord:
        """What opens the person's record."""
        traits = Traits(
            family_name=self.family, given_names=(self.given,), sex=Sex.FEMALE, birth_date=date(1979, 3, 28)
        )
        return OpenRecord(ins=InsView(matricule=self.ins.number, oid=self.ins.oid), traits=traits, actor=actor)

    @property
    def words(self) -> tuple[str, ...]:
        """What identifies the person or shows a document, and may stand nowhere in the clear."""
        return (self.ins.number, self.ins.number[:13], self.family, self.given, self.email, self.title)


def person(seed: int, number: int) -> Person:
    """The same arguments give the same person; no two numbers give one, up to a million of a seed."""
    body = f"2{(seed * _PEOPLE_PER_SEED + number) % _SERIES + _SERIES:012d}"
    ins = Ins(TEST_OID, f"{body}{_KEY_OF - int(body) % _KEY_OF:02d}")
    return Person(ins, family="LOAD-ESSAI", given=f"N{number}", email=f"load-{seed}-{number}@example.test")


def canary(seed: int) -> Person:
    """A person whose every word is found again wherever it leaked."""
    mark = f"{seed % 10**6:06d}"
    ins = person(seed, _PEOPLE_PER_SEED - 1).ins
    return Person(
        ins, f"KANARIVOGEL{mark}", f"PIEPMATZ{mark}", f"kanari{mark}@example.test", f"Geheimbefund {mark} Kanari"
    )


def author(actor: Actor) -> SampleAuthor:
    """A professional as the author of a document."""
    return SampleAuthor(number=actor.number or "", structure=actor.structure or "1750803447")
