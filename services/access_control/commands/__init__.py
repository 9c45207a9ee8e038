"""Verbs of `carnet` about access control: `matrix`, `app`, `review`, `case`, `actor`.

They work on the service's database with its own settings (CARNET_DATABASE_URL and its password file); `carnet` takes
those of the local system that is up. Without the local tools: `python -m services.access_control.commands`.

Exit codes: 0 done, 1 refused (why, and what is expected, on the standard error), 2 wrong use.
"""

from services.access_control.commands.apps import app
from services.access_control.commands.cases import actor, case
from services.access_control.commands.matrices import matrix
from services.access_control.commands.reviews import review

VERBS = {"matrix": matrix, "app": app, "review": review, "case": case, "actor": actor}

__all__ = ["VERBS", "actor", "app", "case", "matrix", "review"]
