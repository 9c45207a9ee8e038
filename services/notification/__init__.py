"""notification: tells the holder of a record that something happened to it, without saying what.

Owns
    contacts (encrypted under the record's key), the delivery ledger, the texts in French and English.

Takes in
    access.decisions, document.events, history.events: which of them make notices is a table (`domain/rules.py`).
    `PUT /contacts/{record}` and `PUT /contacts/{record}/{recipient}` from the gateway.

Gives out
    e-mails, each with the Message-ID of its notice, so that a repeat is recognised; notification.events: sent, failed,
    suppressed, record destroyed. Told are the holder, of an emergency the médecin traitant, too, of an invitation the
    invited one. A notice that may not or need not be sent (no contact, a withheld document, a secret connection, an
    access that was told) is recorded and suppressed at once, with the reason. The holder of a deleted record is told
    so; after that last notice contacts and ledger are destroyed.
"""
