"""Verbs of `carnet` about documents: `document`.

Without the local tools: `python -m services.document.commands`.

Exit codes: 0 done, 1 refused (why, and what is expected), 2 wrong use.
"""

from services.document.commands.documents import document

VERBS = {"document": document}

__all__ = ["VERBS", "document"]
