"""URIs of code and identifier systems in FHIR, and the OIDs that they stand for."""

import re
from typing import Final

URN_OID: Final = "urn:oid:"
URI: Final = "urn:ietf:rfc:3986"
"""System of an identifier whose value is itself a URI (`urn:oid:…`, `urn:uuid:…`)."""

LOINC: Final = "http://loinc.org"
LOINC_OID: Final = "2.16.840.1.113883.6.1"
TRE_A05_OID: Final = "1.2.250.1.213.1.1.4.12"
TRE_A05: Final = "https://mos.esante.gouv.fr/NOS/TRE_A05-TypeDocComplementaire/FHIR/TRE-A05-TypeDocComplementaire"
CLASSES: Final = "https://mos.esante.gouv.fr/NOS/TRE_A03-ClasseDocument/FHIR/TRE-A03-ClasseDocument"
ACCESS_MODES: Final = "https://mos.esante.gouv.fr/NOS/TRE_R248-ModeAcces/FHIR/TRE-R248-ModeAcces"
FORMATS: Final = "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode"

PROFESSIONALS: Final = "urn:oid:1.2.250.1.71.4.2.1"
"""National numbers of professionals (idNat_PS: `8` + RPPS)."""
STRUCTURES: Final = "urn:oid:1.2.250.1.71.4.2.2"
"""National numbers of structures (idNat_Struct: `1` + FINESS)."""
APPS: Final = "urn:carnet:app"
DELEGATIONS: Final = "urn:carnet:delegation"
EMERGENCY_REASONS: Final = "urn:carnet:emergency-reason"
RPPS: Final = "https://rpps.esante.gouv.fr"
FINESS: Final = "https://finess.esante.gouv.fr"

PDSM: Final = "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition"
IS_ARCHIVED: Final = f"{PDSM}/pdsm-ext-is-archived"
IS_DELETED: Final = f"{PDSM}/pdsm-ext-is-deleted"
"""Of the guide's next version, which no longer marks what is deleted by `entered-in-error`."""

APPROVED: Final = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
"""Statuses as XDS names them (availabilityStatus)."""
DEPRECATED: Final = "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated"
ARCHIVED: Final = "urn:asip:ci-sis:2010:StatusType:Archived"
DELETED: Final = "urn:asip:ci-sis:2010:StatusType:Deleted"

_ROOT = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*))+|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)
_MOS = "https://mos.esante.gouv.fr/NOS/"


def type_system(uri: str) -> str | None:
    """The OID of a typeCode's system, from its URI in FHIR (LOINC, TRE_A04, TRE_A05, `urn:oid:…`); None if unknown."""
    if uri == LOINC or uri.startswith(f"{_MOS}TRE_A04-"):
        return LOINC_OID
    if uri.startswith(f"{_MOS}TRE_A05-"):
        return TRE_A05_OID
    bare = uri.removeprefix(URN_OID)
    return bare if bare in {LOINC_OID, TRE_A05_OID} else None


def type_uri(oid: str) -> str:
    """The URI in FHIR of a typeCode's system."""
    return {LOINC_OID: LOINC, TRE_A05_OID: TRE_A05}.get(oid, f"{URN_OID}{oid}")


def unique_id(system: str | None, value: str) -> str | None:
    """The unique id of a document as XDS writes it (`root` or `root^extension`), from a FHIR identifier.

    `urn:oid:1.2.3` and `urn:uuid:…` under the system of URIs are a root; under a system `urn:oid:1.2.3` the value is
    the extension. None where the identifier is neither.
    """
    if system is None or system == URI:
        bare = value.removeprefix(URN_OID).removeprefix("urn:uuid:")
        root, _, extension = bare.partition("^") if bare != value else ("", "", "")
    else:
        root, extension = system.removeprefix(URN_OID), value
    if not _ROOT.fullmatch(root) or not extension.isprintable():
        return None
    return f"{root.lower()}^{extension}" if extension else root.lower()


def master_identifier(unique: str) -> dict[str, str]:
    """The FHIR identifier of a document's unique id; the reverse of `unique_id`."""
    root, _, extension = unique.partition("^")
    if extension:
        return {"system": f"{URN_OID}{root}", "value": extension}
    return {"system": URI, "value": f"urn:uuid:{root}" if "-" in root else f"{URN_OID}{root}"}
