"""Internal HTTP routes of the document service; the gateway alone calls them."""

from services.document.api.deposits import deposits
from services.document.api.extracts import extracts
from services.document.api.reads import reads

__all__ = ["deposits", "extracts", "reads"]
