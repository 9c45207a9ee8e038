"""What notification is told over internal HTTP: how a record's holder, and others about it, are reached."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from shared.contracts.common import Actor, Value

Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=6,
        max_length=254,
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$",
    ),
]
"""An address in ASCII (RFC 5321, Mailbox without quotes); a domain with accents is given in its `xn--` form."""


class Language(StrEnum):
    """In which language a person reads."""

    FRENCH = "fr"
    ENGLISH = "en"


class Contact(Value):
    """`PUT /contacts/{record}`: the holder's address. Repeating it changes nothing."""

    email: Annotated[Email, Field(repr=False)]
    language: Language = Language.FRENCH


class OtherContact(Contact):
    """`PUT /contacts/{record}/{recipient}`: the address of somebody else who is told of this record.

    The médecin traitant by directory number, who was invited to act for the holder by delegation. It goes with the
    record. That it changed is traced, with who said it and without the address; repeating it changes nothing.
    """

    actor: Actor
    """Who gave it; whether he may is for the gateway to have asked."""
