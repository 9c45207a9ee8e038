"""The history of reimbursed care (volet CNAM-HR): 24 months of what the health insurance reimbursed, without amounts.

Owns: who has an open record (a keyed hash of the INS leads to the record id), the lines of care, encrypted under each
record's key, and which versions of which lines came. Takes: `insurance.reimbursements.<insurer>`, `access.decisions`,
and over internal HTTP the index of a new record and permitted reads. Gives: `history.events`,
`insurance.receipts.<insurer>`, `insurance.backfill-requests.<insurer>`. A receipt never tells whether a person has a
record: it follows from what the insurer itself sent, and from nothing else. Of a deleted record key, lines and index
are destroyed.
"""
