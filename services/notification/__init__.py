"""notification: tells the holder of a record that something happened to it, without saying what.

Owns
    contacts (encrypted under the record's key), the delivery ledger, the texts in French and English.

Takes in
    access.decisions, document.events, history.events: which of them make a notice is a table (`domain/notices.py`).
    `PUT /contacts/{record}` from the gateway.

Gives out
    e-mails, each with the Message-ID of its notice, so that a repeat is recognised; notification.events: sent, failed,
    suppressed, record destroyed. A notice for nobody (no contact, a withheld document) is recorded and suppressed at
    once. The holder of a deleted record is told so; after that last notice contact and ledger are destroyed.
"""
