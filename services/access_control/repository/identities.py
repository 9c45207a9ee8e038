"""Who a record is about: INS and traits, encrypted under the record's key."""

from uuid import UUID

from services.access_control.repository.majorities import identity_context
from shared.contracts.common import Value
from shared.contracts.http_access_control import InsView, Traits
from shared.database import Transaction
from shared.database.record_keys import RecordKeys
from shared.security import decrypt, encrypt, keyed_hash
from shared.terminology import Ins


class NoRecordError(Exception):
    """There is no such record, or its key is gone."""


class Identity(Value):
    """What is stored, encrypted, of who a record is about."""

    ins: InsView
    traits: Traits


def person_index(hash_key: bytes, ins: Ins) -> bytes:
    """By what the index knows a person: a keyed hash, so that no INS stands in it."""
    return keyed_hash(hash_key, "ins", ins.oid, ins.number)


def delegate_index(hash_key: bytes, ins: Ins) -> bytes:
    """By what the index knows who acts for others; unlike `person_index`, so that nobody links the two."""
    return keyed_hash(hash_key, "delegate", ins.oid, ins.number)


def identity(ins: Ins, traits: Traits) -> Identity:
    """The identity of a person."""
    return Identity(ins=InsView(matricule=ins.number, oid=ins.oid), traits=traits)


async def sealed(tx: Transaction, keys: RecordKeys, record: UUID, person: Identity) -> bytes:
    """An identity as it is stored; the record gets a key where it has none."""
    key = (await keys.ensure(tx, [record]))[record]
    return encrypt(key, person.model_dump_json().encode(), identity_context(record))


def opened(key: bytes, stored: bytes, record: UUID) -> Identity:
    """The identity again.

    Raises:
        UndecryptableError: altered, of another record, or under another key.
    """
    return Identity.model_validate_json(decrypt(key, stored, identity_context(record)))
