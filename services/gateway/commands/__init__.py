"""Verbs of `carnet` that ask the gateway as the operator: `identity`, `extract`.

Who does it is told by his access token alone. Without the local tools: `python -m services.gateway.commands`.

Exit codes: 0 done, 1 refused (why, and what to do next, on the standard error), 2 wrong use.
"""

from services.gateway.commands.extracts import extract
from services.gateway.commands.identity import identity

VERBS = {"identity": identity, "extract": extract}

__all__ = ["VERBS", "extract", "identity"]
