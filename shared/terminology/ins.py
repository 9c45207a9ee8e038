"""The national health identity (INS) of a patient: number and the OID that says which kind of number it is."""

import re
from dataclasses import dataclass, field
from typing import Final

NIR: Final = "1.2.250.1.213.1.4.8"
"""INS-NIR: the number of the social security registry (NIR)."""
NIA: Final = "1.2.250.1.213.1.4.9"
"""INS-NIA: a number given while waiting for a NIR."""
TEST_NIR: Final = "1.2.250.1.213.1.4.10"
"""INS-NIR of test: the only one that a local installation takes."""

INS_OIDS: Final[frozenset[str]] = frozenset({NIR, NIA, TEST_NIR})
TEST_INS_OIDS: Final[frozenset[str]] = frozenset({TEST_NIR})

_SHAPE = re.compile(r"[0-9]{5}[0-9][0-9AB][0-9]{8}", re.ASCII)
_CORSICA = {"2A": "19", "2B": "18"}


@dataclass(frozen=True, slots=True)
class Ins:
    """Identity of a patient. Its text form hides the number, so that no log or error shows it."""

    oid: str
    number: str = field(repr=False)
    """13 characters and the key of 2."""

    @property
    def is_test(self) -> bool:
        """True for identities of test people."""
        return self.oid in TEST_INS_OIDS

    def key_is_valid(self) -> bool:
        """True where the last two digits are the key: 97 minus the first thirteen modulo 97 (Corsica 2A=19, 2B=18)."""
        department = self.number[5:7]
        digits = self.number[:5] + _CORSICA.get(department, department) + self.number[7:13]
        return digits.isdecimal() and int(self.number[13:]) == 97 - int(digits) % 97

    def is_refused_by_key(self) -> bool:
        """True where the key is wrong and matters: published examples of test identities break it, real ones never."""
        return not self.is_test and not self.key_is_valid()


def parse_ins(oid: str, number: str) -> Ins:
    """An identity from an OID, with or without `urn:oid:`, and a number of 15 characters.

    The key is not checked here: published examples break it, and the national identity service qualifies an INS.

    Raises:
        ValueError: The OID is no INS's, or the number has not 15 characters of the right kind. The sentence never
            holds the number.
    """
    bare = oid.removeprefix("urn:oid:")
    if bare not in INS_OIDS:
        known = ", ".join(sorted(INS_OIDS))
        raise ValueError(f"the identifier's system is no INS; expected urn:oid: and one of {known}")
    if not _SHAPE.fullmatch(number):
        raise ValueError("the INS has not 15 characters, all digits but A or B at the seventh; look it up again")
    return Ins(bare, number)
