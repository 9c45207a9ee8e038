"""Topic `audit.events`: what the log witnesses of deletions.

A confirmation counts once it is traced: so access_control, which waits for those of all owners, reads this quiet topic
and not every event of everybody.
"""

from typing import ClassVar

from shared.contracts.common import Body, Code


class RecordDestroyed(Body):
    """An owner confirmed that it destroyed what it kept of the record, and the log has the confirmation."""

    type_name: ClassVar[str] = "carnet.audit.record-destroyed.v1"

    owner: Code
    """The service that did; `audit` for the traces themselves, of which the salted leaves remain (AR-055, AR-060)."""


MESSAGES = (RecordDestroyed,)
