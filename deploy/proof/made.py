"""Makes CDA documents in the form of the French examples (CI-SIS), for who has no samples of his own.

The same arguments give the same bytes. Nobody in them exists: identities are of test, numbers and results are invented.
"""

import base64
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Final
from uuid import NAMESPACE_OID, uuid5
from xml.sax.saxutils import escape, quoteattr

from shared.terminology import Ins, document_type

TEST_OID: Final = "1.2.250.1.213.1.4.10"
_PARIS = timezone(timedelta(hours=2))
_START = datetime(2025, 6, 2, 8, 0, tzinfo=_PARIS)


@dataclass(frozen=True, slots=True)
class SamplePatient:
    """A patient of test."""

    ins: Ins
    family: str = field(default="CARNET-ESSAI", repr=False)
    given: str = field(default="CAMILLE", repr=False)
    sex: str = "F"
    birth: str = field(default="19790328", repr=False)
    birthplace: str = field(default="51215", repr=False)
    """INSEE code (COG) of the place of birth."""


@dataclass(frozen=True, slots=True)
class SampleAuthor:
    """A professional of test and the structure in which he works."""

    number: str = "801234567897"
    """National number: `8` and RPPS."""
    role: str = "G15_10/SM26"
    family: str = "AUTEUR-ESSAI"
    given: str = "Dominique"
    structure: str = "1750803447"
    structure_name: str = "Cabinet d'essai"
    setting: str = "AMBULATOIRE"


PATIENT: Final = SamplePatient(Ins(TEST_OID, "279035121518989"))
AUTHOR: Final = SampleAuthor()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document: its type, its CI-SIS template, and what makes its body."""

    type_code: str
    template: str
    body: Callable[[random.Random, str], str]


def make(kind: str, patient: SamplePatient = PATIENT, author: SampleAuthor = AUTHOR, seed: int = 0) -> bytes:
    """One CDA R2 document in UTF-8.

    Args:
        kind: A name of `KINDS`.
        patient: Whom it is about.
        author: Who wrote it.
        seed: Another seed gives another document with another unique id.

    Raises:
        KeyError: There is no such kind.
    """
    chosen = KINDS[kind]
    chance = random.Random(f"{kind} {seed} {patient.ins.number} {author.number}")
    known = document_type(chosen.type_code)
    assert known is not None  # noqa: S101 - the kinds name types of the list
    moment = _START + timedelta(minutes=chance.randrange(250_000))
    unique = uuid5(NAMESPACE_OID, f"{kind} {seed} {patient.ins.oid} {patient.ins.number} {author.number}")
    return _DOCUMENT.format(
        template=chosen.template,
        root=f"2.25.{unique.int}",
        set_root=f"2.25.{uuid5(unique, 'set').int}",
        code=quoteattr(chosen.type_code),
        system=quoteattr(known.system),
        title=escape(known.label),
        label=quoteattr(known.label),
        time=moment.strftime("%Y%m%d%H%M%S%z"),
        low=(moment - timedelta(hours=1)).strftime("%Y%m%d%H%M%S%z"),
        patient=_patient(patient),
        author=_author(author),
        structure=quoteattr(author.structure),
        structure_name=escape(author.structure_name),
        body=chosen.body(chance, known.label),
    ).encode()


def pdf(line: str) -> bytes:
    """A PDF of one page that shows one line."""
    shown = line.encode("latin-1", "replace").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    stream = b"BT /F1 14 Tf 60 780 Td (" + shown + b") Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 6 0 R >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Font << /F1 5 0 R >> >>",
    ]
    content, offsets = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        offsets.append(len(content))
        content += b"%d 0 obj\n%b\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(content))
    return content + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + trailer


def _rows(*names: str) -> Callable[[random.Random, str], str]:
    """A structured body (level 3) with one section and a table of values."""

    def body(chance: random.Random, label: str) -> str:
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{chance.uniform(0.1, 20):.2f}</td></tr>"
            for name in names
            for _ in range(chance.randint(1, 4))
        )
        table = f"<table><tbody>{rows}</tbody></table>"
        section = f"<section><title>{escape(label)}</title><text>{table}</text></section>"
        return f'<structuredBody><component typeCode="COMP">{section}</component></structuredBody>'

    return body


def _unstructured(chance: random.Random, label: str) -> str:
    """An unstructured body (level 1): a PDF in base64."""
    text = base64.b64encode(pdf(f"{label}, essai {chance.randrange(10**6)}")).decode()
    return f'<nonXMLBody><text mediaType="application/pdf" representation="B64">{text}</text></nonXMLBody>'


KINDS: Final[Mapping[str, Kind]] = {
    "biology": Kind("11502-2", "1.2.250.1.213.1.1.1.55", _rows("Glycémie", "Créatinine", "TSH", "Hémoglobine")),
    "synthesis": Kind(
        "60591-5", "1.2.250.1.213.1.1.1.13", _rows("Antécédents", "Allergies", "Traitements au long cours")
    ),
    "prescription": Kind("57833-6", "1.2.250.1.213.1.1.1.39", _rows("Paracétamol 1 g", "Amoxicilline 500 mg")),
    "imaging": Kind("18748-4", "1.2.250.1.213.1.1.1.45", _unstructured),
    "discharge": Kind("11490-0", "1.2.250.1.213.1.1.1.29", _rows("Motif", "Évolution", "Traitements à la sortie")),
    "consultation": Kind("11488-4", "1.2.250.1.213.1.1.1.1", _unstructured),
    "vaccination": Kind("87273-9", "1.2.250.1.213.1.1.1.46", _rows("Dose")),
    "certificate": Kind("CERT_DECL", "1.2.250.1.213.1.1.1.5", _rows("Poids", "Taille")),
}
"""Kinds of documents that can be made, by name."""


def _patient(one: SamplePatient) -> str:
    return f"""<id root={quoteattr(one.ins.oid)} extension={quoteattr(one.ins.number)}/>
      <patient classCode="PSN">
        <name><family qualifier="BR">{escape(one.family)}</family><given>{escape(one.given)}</given></name>
        <administrativeGenderCode code={quoteattr(one.sex)} codeSystem="2.16.840.1.113883.5.1"/>
        <birthTime value={quoteattr(one.birth)}/>
        <birthplace><place><addr><county>{escape(one.birthplace)}</county></addr></place></birthplace>
      </patient>"""


def _author(one: SampleAuthor) -> str:
    return f"""<id root="1.2.250.1.71.4.2.1" extension={quoteattr(one.number)}/>
      <code code={quoteattr(one.role)} codeSystem="1.2.250.1.213.1.1.4.5"/>
      <assignedPerson><name><family>{escape(one.family)}</family><given>{escape(one.given)}</given></name></assignedPerson>
      <representedOrganization>
        <id root="1.2.250.1.71.4.2.2" extension={quoteattr(one.structure)}/><name>{escape(one.structure_name)}</name>
        <standardIndustryClassCode code={quoteattr(one.setting)} codeSystem="1.2.250.1.213.1.1.4.9"/>
      </representedOrganization>"""


_DOCUMENT: Final = """<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
  <realmCode code="FR"/>
  <typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
  <templateId root="2.16.840.1.113883.2.8.2.1"/>
  <templateId root="1.2.250.1.213.1.1.1.1"/>
  <templateId root="{template}"/>
  <id root="{root}"/>
  <code code={code} codeSystem={system} displayName={label}/>
  <title>{title}</title>
  <effectiveTime value="{time}"/>
  <confidentialityCode code="N" displayName="Normal" codeSystem="2.16.840.1.113883.5.25"/>
  <languageCode code="fr-FR"/>
  <setId root="{set_root}"/>
  <versionNumber value="1"/>
  <recordTarget>
    <patientRole>
      {patient}
    </patientRole>
  </recordTarget>
  <author>
    <time value="{time}"/>
    <assignedAuthor>
      {author}
    </assignedAuthor>
  </author>
  <custodian>
    <assignedCustodian>
      <representedCustodianOrganization>
        <id root="1.2.250.1.71.4.2.2" extension={structure}/><name>{structure_name}</name>
      </representedCustodianOrganization>
    </assignedCustodian>
  </custodian>
  <documentationOf><serviceEvent><effectiveTime><low value="{low}"/></effectiveTime></serviceEvent></documentationOf>
  <component>{body}</component>
</ClinicalDocument>
"""
