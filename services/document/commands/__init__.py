"""Verbs of `carnet` about documents: `document`, which needs no system, and `content`.

`content` works on the service's database and content store with its own settings (CARNET_DATABASE_URL and its password
file, CARNET_KEYS_DIR, CARNET_CONTENT_DIR); `carnet` takes those of the local system that is up. Without local tools:
`python -m services.document.commands`.

Exit codes: 0 done, 1 refused or a fault was found (which, and what to do, is said), 2 wrong use.
"""

from services.document.commands.contents import content
from services.document.commands.documents import document

VERBS = {"document": document, "content": content}

__all__ = ["VERBS", "content", "document"]
