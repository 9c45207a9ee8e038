"""Test people and reimbursed lines."""

from datetime import UTC, date, datetime, timedelta
from uuid import NAMESPACE_OID, UUID, uuid5

from shared.contracts.common import Body
from shared.contracts.envelope import Envelope, Message
from shared.contracts.insurance import ReimbursedCare
from shared.terminology.ins import TEST_NIR

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TODAY = date(2026, 11, 22)
INSURER = "amo-test"
TOPIC = f"insurance.reimbursements.{INSURER}"


def nir(number: int) -> str:
    """The number of a test person, with its key."""
    digits = f"1{number:012d}"
    return f"{digits}{97 - int(digits) % 97:02d}"


def care(line: str = "L1", version: int = 1, person: int = 1, **changes: object) -> ReimbursedCare:
    """A plausible line of care of a test person, a month old."""
    body = {
        "line": line,
        "version": version,
        "matricule": nir(person),
        "oid": TEST_NIR,
        "care_date": TODAY - timedelta(days=30),
        "section": "medicines",
        "code_system": "CIP13",
        "code": "3400935673220",
        "label": "DOLIPRANE SECRET-LABEL",
    }
    return ReimbursedCare.model_validate(body | changes)


def message(body: Body, offset: int = 0, key: str = "k", topic: str = TOPIC, partition: int = 0) -> Message[Body]:
    """A message as a handler sees it."""
    identity = uuid5(NAMESPACE_OID, f"{topic}/{partition}/{offset}")
    envelope = Envelope(identity, body.type_name, "insurer-amo-test", NOW, identity)
    return Message(envelope, key, body, topic, partition, offset)


def record_of(person: int) -> UUID:
    """The record id that tests give to a test person."""
    return uuid5(NAMESPACE_OID, f"record {person}")
