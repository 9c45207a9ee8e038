"""access_control: what records exist, in which state, who may do what with them, and why.

Owns
    records and their life, the keyed index from an INS to a record, identity traits (encrypted under the record's key),
    oppositions, authorisations and blocks, care teams, consents at a consultation, administrators, the médecin
    traitant, delegations and who stands behind them, agreements with apps, emergency wishes, the habilitation matrix
    (versioned data; the first version is in `data/`), and the decisions taken on requests.
Takes
    `record.requests` (reads and rights, from the gateway) and `record.deposits` (from document), each in a lane of its
    own; `audit.events` (who has destroyed what it kept of a deleted record); over internal HTTP, from the gateway
    alone, openings, look-ups, oppositions and the holder's view of rights.
Gives
    `access.decisions`: one decision per request, permits signed for 5 s, life and rights of records, in one order.

Where to look: `domain/decide.py` and `domain/branches/` (may it be done), `domain/rights.py` and `domain/commands/`
(what a command changes), `domain/timers.py` (what time brings), `domain/deletion.py` (who has to confirm one),
`domain/record.py` and `domain/oversight.py` (what is known of a record, and beside it), `domain/policy.py` (settings
that rules need), `domain/matrix*.py` (the habilitation matrix and its versions), `handlers.py` (messages to decisions,
and what time does to a record), `repository/` (all SQL), `api/` (HTTP), `commands/` (`carnet matrix`, `app`, `review`,
`case`, `actor`).
"""
