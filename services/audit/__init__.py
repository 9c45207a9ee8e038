"""audit: the append-only log of every decision, effect and read, and the patient's view of it.

Owns
    the log: one leaf per event, in a Merkle tree after RFC 6962. A leaf is the hash of a salted commitment to the
    event; the event itself stands beside it, encrypted under its record's key. When that key is destroyed the log
    still verifies, and says nothing any more.

Takes in
    access.decisions, document.events, history.events, notification.events: any valid envelope becomes a leaf, read or
    not, known or not. `POST /read` with a permit for audit, from the gateway.

Gives out
    traces, newest first, to whom the permit names; that they were read is itself a leaf. `audit.events`: which owner
    has destroyed what it kept of a deleted record, as the log witnesses it; of the traces themselves the key goes, too.
"""
