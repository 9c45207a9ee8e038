"""An e-mail as it goes over the wire.

What e-mails of one kind, language and minute have in common, which is nearly all of it, is put together once by the
library; each then gets the three headers of its own: to whom, when, and under which Message-ID.
"""

import re
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache

from services.notification.domain.deliveries import Due, message_id
from services.notification.domain.letters import Letters, Matter

KEPT = 512
"""Common parts in memory, of a few kilobytes each."""

_WIRE = SMTP.clone(cte_type="7bit")  # a relay without 8BITMIME takes it too
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")
"""What the contract of contacts lets through: it stands in a header as it is, and brings no header of its own."""


class Mails:
    """Puts e-mails together."""

    def __init__(self, letters: Letters, sender: str) -> None:
        """Name what stands in every e-mail: the texts, and the address it comes from."""
        self._letters = letters
        self._sender = sender
        self._domain = sender.rpartition("@")[2]
        self._common = lru_cache(maxsize=KEPT)(self._write)  # it names nobody, so it may be kept

    def compose(self, due: Due) -> bytes:
        """The e-mail of a notice in ASCII; the same bytes at every attempt but for MIME boundaries.

        Raises:
            KeyError: the event has no text in this variant.
            ValueError: the address is none that a contact may have.
        """
        if not _ADDRESS.fullmatch(due.address or ""):
            raise ValueError("this is no address to which an e-mail could go: the contact has to be given anew")
        own = (
            f"To: {due.address}\r\n"
            f"Date: {format_datetime(due.not_before)}\r\n"
            f"Message-ID: {message_id(due.notice, self._domain)}\r\n"
        )
        return own.encode("ascii") + self._common(due.matter)

    def _write(self, matter: Matter) -> bytes:
        letter = self._letters.write(matter)
        mail = EmailMessage(policy=_WIRE)
        mail["From"] = self._sender
        mail["Subject"] = letter.subject
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(letter.text)
        mail.add_alternative(letter.html, subtype="html")
        mail["Content-Language"] = matter.language.value  # set last: what is set before moves into the first part
        return mail.as_bytes()
