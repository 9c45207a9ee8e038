"""Asking a process over HTTP whether it is ready, within a second."""

import http.client
from urllib.parse import urlsplit

_TIMEOUT_S = 1.0


def answers(url: str) -> bool:
    """True where the address answers 200."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
