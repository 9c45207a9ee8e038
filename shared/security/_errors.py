"""The errors of `shared.security`.

SecurityError
├── UndecryptableError         a cipher text was altered, or belongs to another place or key
├── KeyFault
│   ├── KeyDestroyedError      the key-encryption key is gone: what it wrapped can never be read again
│   └── KeyUnreadableError     a key's file can't be read or has not the form expected
├── ProviderUnavailableError   the OpenID provider's keys can't be fetched
└── TokenRefusedError          a token was refused; says why by `code` and sentence
    ├── MalformedTokenError, BadSignatureError, WrongTypeError, ExpiredError, NotYetValidError
    ├── WrongIssuerError, WrongAudienceError, UnknownKeyError
    ├── UnknownCallerError, CallerNotAllowedError
    └── PermitRefused
        ├── PermitMalformed, PermitAltered, PermitExpired, PermitForOtherOwner

No message ever holds a token, a key, a plain text or a claim's value beyond the names of services.
"""

from typing import ClassVar

from shared.errors import OperatorError


class SecurityError(Exception):
    """Base of every error of this package."""


class UndecryptableError(SecurityError):
    """A cipher text does not open: altered, moved to another row, or encrypted under another key."""


class KeyFault(SecurityError, OperatorError):  # noqa: N818 - a fault is a family, its members are the errors
    """Something is wrong with a key of the key provider; who runs Carnet mends it."""


class KeyDestroyedError(KeyFault):
    """The key-encryption key does not exist any more, so what it wrapped is unreadable for ever, as intended."""


class KeyUnreadableError(KeyFault):
    """A key file can't be read, or is not what was expected of it."""


class ProviderUnavailableError(SecurityError):
    """The OpenID provider's keys can't be fetched and none are known: nobody can be verified now; try again."""


class TokenRefusedError(SecurityError):
    """A token was refused: `code` for machines, the text for people."""

    code: ClassVar[str] = "token_refused"


class MalformedTokenError(TokenRefusedError):
    """Not a signed token of the form expected."""

    code = "token_malformed"


class BadSignatureError(TokenRefusedError):
    """The signature does not belong to this header and payload."""

    code = "bad_signature"


class WrongTypeError(TokenRefusedError):
    """A token of another kind (header `typ`): a permit is no service token, and so on."""

    code = "wrong_type"


class ExpiredError(TokenRefusedError):
    """The token has run out."""

    code = "expired"


class NotYetValidError(TokenRefusedError):
    """The token begins to hold, or was issued, in the future: a clock is wrong."""

    code = "not_yet_valid"


class WrongIssuerError(TokenRefusedError):
    """Issued by somebody else than the one expected."""

    code = "wrong_issuer"


class WrongAudienceError(TokenRefusedError):
    """Meant for somebody else."""

    code = "wrong_audience"


class UnknownKeyError(TokenRefusedError):
    """Signed with a key that the issuer does not publish."""

    code = "unknown_key"


class UnknownCallerError(TokenRefusedError):
    """The caller is not among the services whose keys are known."""

    code = "unknown_caller"


class CallerNotAllowedError(TokenRefusedError):
    """The caller is who it says, and may not call this."""

    code = "caller_not_allowed"


class PermitRefused(TokenRefusedError):  # noqa: N818 - said as in the rule: no permit, no read
    """An owner does not act on this permit."""

    code = "permit_refused"


class PermitMalformed(PermitRefused):
    """Not a permit at all."""

    code = "permit_malformed"


class PermitAltered(PermitRefused):
    """The signature is not access_control's over this permit."""

    code = "permit_altered"


class PermitExpired(PermitRefused):
    """The permit has run out: permits live 5 s."""

    code = "permit_expired"


class PermitAhead(PermitRefused):
    """The permit is from the future: the clocks of its issuer and of this owner differ."""

    code = "permit_ahead"


class PermitForOtherOwner(PermitRefused):
    """The permit is for another owner."""

    code = "permit_other_owner"
