"""Keys, encryption, service tokens, permits and users' tokens: everything that proves or hides something.

The error tree stands in `_errors.py`. Nothing here reads a setting or a database.
"""

from shared.security._encryption import (
    KEY_BYTES,
    context,
    decrypt,
    encrypt,
    keyed_hash,
    new_key,
    unwrap_with,
    wrap_with,
)
from shared.security._errors import (
    BadSignatureError,
    CallerNotAllowedError,
    ExpiredError,
    KeyDestroyedError,
    KeyFault,
    KeyUnreadableError,
    MalformedTokenError,
    NotYetValidError,
    PermitAltered,
    PermitExpired,
    PermitForOtherOwner,
    PermitMalformed,
    PermitRefused,
    ProviderUnavailableError,
    SecurityError,
    TokenRefusedError,
    UndecryptableError,
    UnknownCallerError,
    UnknownKeyError,
    WrongAudienceError,
    WrongIssuerError,
    WrongTypeError,
)
from shared.security._jws import new_private_jwk, public_jwks, read_jwk
from shared.security._keys import FileKeyProvider, KeyProvider, Wrapped, read_hex_key
from shared.security._oidc import TokenVerifier
from shared.security._permits import PERMIT_LIFETIME, Permit, PermitSigner, PermitVerifier
from shared.security._provider_keys import JwksSource, ProviderKeys
from shared.security._service_tokens import ServiceIdentity, ServiceVerifier

__all__ = [
    "KEY_BYTES",
    "PERMIT_LIFETIME",
    "BadSignatureError",
    "CallerNotAllowedError",
    "ExpiredError",
    "FileKeyProvider",
    "JwksSource",
    "KeyDestroyedError",
    "KeyFault",
    "KeyProvider",
    "KeyUnreadableError",
    "MalformedTokenError",
    "NotYetValidError",
    "Permit",
    "PermitAltered",
    "PermitExpired",
    "PermitForOtherOwner",
    "PermitMalformed",
    "PermitRefused",
    "PermitSigner",
    "PermitVerifier",
    "ProviderKeys",
    "ProviderUnavailableError",
    "SecurityError",
    "ServiceIdentity",
    "ServiceVerifier",
    "TokenRefusedError",
    "TokenVerifier",
    "UndecryptableError",
    "UnknownCallerError",
    "UnknownKeyError",
    "Wrapped",
    "WrongAudienceError",
    "WrongIssuerError",
    "WrongTypeError",
    "context",
    "decrypt",
    "encrypt",
    "keyed_hash",
    "new_key",
    "new_private_jwk",
    "public_jwks",
    "read_hex_key",
    "read_jwk",
    "unwrap_with",
    "wrap_with",
]
