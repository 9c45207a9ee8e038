"""The history of reimbursed care (volet CNAM-HR): 24 months of what the health insurance reimbursed, without amounts.

Owns: who has an open record (a keyed hash of the INS leads to the record id), the lines of care, encrypted under each
record's key, and which versions of which lines came. Takes: `insurance.reimbursements.<insurer>`, `access.decisions`,
and over internal HTTP the index of a new record and permitted reads. Gives: `history.events`,
`insurance.receipts.<insurer>`, `insurance.backfill-requests.<insurer>`. A receipt never tells whether a person has a
record or wants a history: it follows from what the insurer itself sent, and from nothing else. Of who does without the
history nothing that comes is kept; what stood there before stays for the holder alone until it leaves the window or is
corrected or cancelled, and grows again from the moment on at which the holder wants it again. Where a message that may
have ended the feeding can't be handled, nothing comes in until it is replayed. Of a deleted record key, lines and index
are destroyed.
"""
