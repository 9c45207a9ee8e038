"""HTTP between services and towards the world: the frame of applications, the server, the probes; calls in `client`."""

from shared.http._application import application
from shared.http._callers import bearer, callers
from shared.http._guard import CORRELATION_HEADER, CORRELATION_KEY, HttpLimits
from shared.http._permits import reading_permit
from shared.http._probes import Report, probes
from shared.http._problems import Problem
from shared.http._remote import RemoteError, RemoteUnavailable, Reply, StreamedReply
from shared.http._server import AddressInUseError, Server, serve

__all__ = [
    "CORRELATION_HEADER",
    "CORRELATION_KEY",
    "AddressInUseError",
    "HttpLimits",
    "Problem",
    "RemoteError",
    "RemoteUnavailable",
    "Reply",
    "Report",
    "Server",
    "StreamedReply",
    "application",
    "bearer",
    "callers",
    "probes",
    "reading_permit",
    "serve",
]
