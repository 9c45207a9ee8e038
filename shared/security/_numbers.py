"""Dates in tokens: seconds since 1970 (RFC 7519, NumericDate)."""

import math

from shared.security._errors import MalformedTokenError


def numeric_date(value: object) -> float:
    """A finite number of seconds.

    Raises:
        MalformedTokenError: Missing, no number, or not finite (JSON's NaN would pass every comparison the wrong way).
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise MalformedTokenError("a date of the token is missing or no number of seconds; get a new token")
    return float(value)
