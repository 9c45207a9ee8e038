"""The documents of the demonstration: each CDA below the samples folder, or made ones, and what is expected of each."""

import base64
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from deploy.local.identity.cast import DR_ROUX
from deploy.proof import made, samples
from deploy.proof.judgement import Header, judge
from deploy.proof.made import TEST_OID, SamplePatient
from services.gateway.fhir import systems
from shared.terminology import INS_OIDS, Ins

FOLDER: Final = "CARNET_SAMPLES"
"""Setting that names a folder with CDA R2 documents of test patients."""
_MADE_PATIENTS: Final = 3
_REAL_INS: Final = re.compile(
    rf"(?<![0-9.])(?:{'|'.join(re.escape(oid) for oid in sorted(INS_OIDS - {TEST_OID}))})(?![0-9.])"
)


REAL_REFUSED: Final = frozenset({"unacceptable_ins"})
"""A local system takes identities of test alone."""
USED: Final = frozenset({"unique_id_used"})


class NoDocumentError(Exception):
    """The samples folder gives no document; the text says which and what to do."""

    def __init__(self, told: str, passed: Sequence[samples.Passed] = ()) -> None:
        super().__init__(told)
        self.passed = tuple(passed)


@dataclass(frozen=True, slots=True)
class Case:
    """One document, and how the demonstration takes it."""

    name: str
    """Path of the file below the samples folder, or kind and number of a made document."""
    content: bytes = field(repr=False)
    ins: Ins
    """Identity of test under which the record is opened."""
    resource: dict[str, Any] = field(repr=False)
    """The DocumentReference that deposits it (ITI-105)."""
    unique_id: str = ""
    type_code: str = ""
    refusals: frozenset[str] = frozenset()
    """Codes of which the refusal has to name one; empty where the record has to take it."""
    original: dict[str, Any] | None = field(default=None, repr=False)
    """Of a document about an identity that is not of test: the publication as it came, which is to be refused. The
    content above is its copy of test, in which that kind of identity alone is replaced."""

    @property
    def sha256(self) -> bytes:
        """Of the content."""
        return hashlib.sha256(self.content).digest()


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is played, and what of the folder is not."""

    cases: Sequence[Case]
    passed: Sequence[samples.Passed] = ()


def chosen(folder: str | None = None) -> Chosen:
    """The documents to play: those of the folder, or of CARNET_SAMPLES, or made ones.

    Raises:
        NoDocumentError: A folder is named and holds none.
    """
    named = folder or os.environ.get(FOLDER)
    if not named:
        return Chosen(list(_made()))
    path = Path(named).expanduser()
    if not path.is_dir():
        raise NoDocumentError(f"{FOLDER} names {path}, which is no folder: name one with CDA R2 documents, or none.")
    found = samples.look(path)
    if not found.documents:
        told = f"Nothing below {path} is a CDA R2 document: put some there, or unset {FOLDER} for made ones."
        raise NoDocumentError(told, found.passed)
    return Chosen(expecting_echoes([case_of(one.name, one.content) for one in found.documents]), found.passed)


def case_of(name: str, content: bytes) -> Case:
    """How a document is taken: what is expected of it is said by a reading of its own, not by the record's."""
    judged = judge(content)
    if judged.header is None:
        return _broken(name, content, judged.refusals or frozenset({"not_cda"}))
    if judged.header.patient.is_test:
        return _whole(name, content, judged.header, judged.refusals)
    copy = _REAL_INS.sub(TEST_OID, content.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    again = judge(copy)
    if again.header is None:
        return Case(name, content, made.PATIENT.ins, _publication(content), refusals=judged.refusals | REAL_REFUSED)
    return _whole(name, copy, again.header, again.refusals, _publication(content))


def expecting_echoes(cases: Sequence[Case]) -> list[Case]:
    """Two documents of one patient with one unique id: the second is refused, unless it is the same content."""
    first: dict[tuple[Ins, str], Case] = {}
    found: list[Case] = []
    for case in cases:
        known = case if case.refusals else first.setdefault((case.ins, case.unique_id), case)
        echo = known.sha256 != case.sha256
        found.append(replace(case, refusals=USED) if echo else case)
    return found


def _whole(
    name: str, content: bytes, header: Header, refusals: frozenset[str], original: dict[str, Any] | None = None
) -> Case:
    resource = _publication(content)
    return Case(name, content, header.patient, resource, header.unique_id, header.type_code, refusals, original)


def _publication(content: bytes) -> dict[str, Any]:
    """Who deposits is named as the author of what names no professional, as a document of a device or a patient."""
    return samples.publication(content, author=DR_ROUX.number)


def _broken(name: str, content: bytes, refusals: frozenset[str]) -> Case:
    """A file that tells no metadata is sent with those of a made document, and is to be refused for what it is."""
    resource = samples.publication(made.make("biology"))
    unique = systems.master_identifier(f"2.25.{int.from_bytes(hashlib.sha256(content).digest()[:8], 'big')}")
    attachment = resource["content"][0]["attachment"] | {
        "data": base64.b64encode(content).decode(),
        "size": len(content),
        "hash": base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode(),
    }
    resource |= {"masterIdentifier": unique, "content": [{"attachment": attachment}]}
    return Case(name, content, made.PATIENT.ins, resource, refusals=refusals)


def _made() -> Iterator[Case]:
    for number in range(_MADE_PATIENTS):
        patient = made.PATIENT if number == 0 else SamplePatient(person(number))
        for kind in made.KINDS:
            yield case_of(f"made/{kind}-{number + 1}.xml", made.make(kind, patient))


def person(number: int) -> Ins:
    """A test identity with a valid key; no two numbers below ten thousand give one."""
    first = int(f"2{80 + number % 20:02d}{1 + number % 12:02d}99{number // 20 % 1000:03d}{number % 1000:03d}")
    return Ins(TEST_OID, f"{first}{97 - first % 97:02d}")
